
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static int setup(void **state) {
  (void)state;
  fl_outside_init(&out);
  fl_outside_start(&out);
  return 0;
}

static void commands_are_answered_in_one_write(void **state) {
  (void)state;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  fl_outside_data(&out, client, "PING\r\nhello\n\nSTATUS\n");
  assert_string_equal(fl_outside_sent(client),
                      "PONG\nEcho: hello\nEcho: \nConnected clients: 1\n");
  assert_int_equal(client->writes, 1);
  assert_int_equal(metrics()->requests, 4);
  assert_int_equal(metrics()->replies, 4);
}

static void a_frame_may_come_in_pieces(void **state) {
  (void)state;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  fl_outside_data(&out, client, "PI");
  assert_string_equal(fl_outside_sent(client), "");
  fl_outside_data(&out, client, "NG\nPIN");
  fl_outside_data(&out, client, "G\n");
  assert_string_equal(fl_outside_sent(client), "PONG\nPONG\n");
}

static void control_bytes_get_an_error_and_no_more(void **state) {
  (void)state;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  fl_outside_data(&out, client, "a\x01z\nPING\n");
  assert_string_equal(fl_outside_sent(client), "ERROR not_text\nPONG\n");
  assert_int_equal(metrics()->requests_failed[FL_NOT_TEXT], 1);
}

static void a_long_frame_gets_an_error_and_a_lingering_close(void **state) {
  (void)state;
  char line[1200];
  struct fl_sock *client = fl_outside_accept(&out, 0);
  memset(line, 'x', sizeof line - 1);
  line[sizeof line - 1] = '\0';
  fl_outside_data(&out, client, "PING\n");
  fl_outside_data(&out, client, line);
  assert_string_equal(fl_outside_sent(client), "PONG\nERROR frame_too_long\n");
  assert_true(client->shut && !client->closing);
  fl_outside_data(&out, client, "PING\n"); /* discarded */
  assert_string_equal(fl_outside_sent(client), "");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_true(client->closing && !client->reset);
  assert_int_equal(metrics()->clients_closed[FL_FRAME_TOO_LONG], 1);
}

static void a_client_that_never_answers_a_fin_is_closed(void **state) {
  (void)state;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  fl_outside_pass(&out, 300 * FL_SECOND);
  assert_true(client->shut && !client->closing);
  fl_outside_pass(&out, 5 * FL_SECOND);
  assert_true(client->closing);
  assert_int_equal(metrics()->clients_closed[FL_IDLE_TIMEOUT], 1);
}

static void a_half_close_gets_what_is_owed(void **state) {
  (void)state;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  fl_conn_data(client->conn,
               (struct fl_slice){(const uint8_t *)"PING\nPING\nPI", 12},
               out.now);
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_string_equal(fl_outside_sent(client), "PONG\nPONG\n");
  assert_true(client->closing && !client->reset);
  assert_int_equal(metrics()->clients_closed[FL_PEER_CLOSED], 1);
}

static void idle_runs_from_the_last_frame(void **state) {
  (void)state;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  fl_outside_pass(&out, 200 * FL_SECOND);
  fl_outside_data(&out, client, "PING\n");
  fl_outside_pass(&out, 299 * FL_SECOND);
  assert_false(client->shut);
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_true(client->shut);
}

static void idle_begins_when_the_last_reply_is_gone(void **state) {
  (void)state;
  out.listeners[0].write_timeout = 1000 * FL_SECOND;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  client->window = 0;
  fl_outside_data(&out, client, "PING\n");
  for (int i = 0; i < 4; i++) {
    fl_outside_pass(&out, 25 * FL_SECOND * 4);
    fl_outside_take(&out, client, 1);
    assert_false(client->shut || client->closing);
  }
  fl_outside_pass(&out, 100 * FL_SECOND);
  fl_outside_take(&out, client, 1);
  fl_outside_pass(&out, 299 * FL_SECOND);
  assert_false(client->shut);
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_true(client->shut);
}

static void a_frame_has_to_end_in_time(void **state) {
  (void)state;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  fl_outside_data(&out, client, "PI");
  fl_outside_pass(&out, 40 * FL_SECOND);
  fl_outside_data(&out, client, "N");
  fl_outside_pass(&out, 19 * FL_SECOND);
  assert_false(client->shut);
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_true(client->shut);
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_int_equal(metrics()->clients_closed[FL_FRAME_TIMEOUT], 1);
}

static void who_takes_nothing_is_closed(void **state) {
  (void)state;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  client->window = 2;
  fl_outside_data(&out, client, "PING\n");
  fl_outside_pass(&out, 20 * FL_SECOND);
  fl_outside_take(&out, client, 1); /* progress, if not much */
  fl_outside_pass(&out, 10 * FL_SECOND);
  assert_false(client->closing);
  fl_outside_pass(&out, 30 * FL_SECOND);
  assert_true(client->closing && client->reset);
  assert_int_equal(metrics()->clients_closed[FL_WRITE_TIMEOUT], 1);
}

static void a_slow_reader_behind_a_full_send_buffer_is_kept(void **state) {
  (void)state;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  client->window = 100;
  client->unacked = 100;
  for (int i = 0; i < 30; i++)
    fl_outside_data(&out, client, "PING\n");
  for (int i = 0; i < 9; i++) {
    client->unacked -= 10; /* the kernel takes no more, but the peer does */
    fl_outside_pass(&out, 30 * FL_SECOND);
    assert_false(client->closing);
  }
  fl_outside_pass(&out, 30 * FL_SECOND);
  assert_true(client->closing);
  assert_int_equal(metrics()->clients_closed[FL_WRITE_TIMEOUT], 1);
}

/* Held between the watermarks with whole frames undecoded, it is neither idle
   nor slow with a frame. */
static void a_held_client_is_not_timed_out(void **state) {
  (void)state;
  char lines[60 * 1000 + 1];
  struct fl_sock *client = fl_outside_accept(&out, 0);
  for (int i = 0; i < 60; i++) {
    memset(lines + i * 1000, 'x', 999);
    lines[i * 1000 + 999] = '\n';
  }
  lines[60 * 1000] = '\0';
  client->window = 0;
  fl_outside_data(&out, client, lines);
  fl_outside_data(&out, client, lines);
  assert_true(client->rest.size > 0);
  size_t first = client->rest.size;
  fl_outside_take(&out, client, first / 2);
  for (int i = 0; i < 20; i++) {
    fl_outside_pass(&out, 20 * FL_SECOND);
    fl_outside_take(&out, client, 1);
    assert_false(client->shut || client->closing);
  }
  client->window = FL_OUTSIDE_BYTES;
  fl_outside_take(&out, client, client->rest.size - client->rest_taken);
  assert_int_equal(metrics()->replies, 120);
}

/* Sends so many pings that their answers exceed the high watermark. */
static void ping(struct fl_sock *client, unsigned times) {
  char line[] = "PING\n";
  for (unsigned i = 0; i < times; i++)
    fl_conn_data(client->conn, (struct fl_slice){(uint8_t *)line, 5}, out.now);
  fl_outside_turn(&out);
}

static void a_stopped_reader_is_not_read_on(void **state) {
  (void)state;
  enum { PINGS = 60000 };
  struct fl_sock *client = fl_outside_accept(&out, 0);
  client->window = 0;
  for (unsigned sent = 0; sent < PINGS && client->reading; sent += 100)
    ping(client, 100);
  assert_false(client->reading);
  uint64_t answered = metrics()->replies;
  assert_true(answered * 5 < 70000);
  client->window = FL_OUTSIDE_BYTES;
  fl_outside_take(&out, client, client->rest.size);
  assert_true(client->reading);
  assert_true(metrics()->replies > answered);
  assert_int_equal(metrics()->replies, metrics()->requests);
  assert_int_equal(strlen(fl_outside_sent(client)), 5 * metrics()->replies);
}

static void a_broken_send_closes(void **state) {
  (void)state;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  out.send_reason = FL_PEER_RESET;
  fl_outside_data(&out, client, "PING\n");
  out.send_reason = FL_OK;
  assert_true(client->closing && client->reset);
  assert_int_equal(metrics()->clients_closed[FL_PEER_RESET], 1);
}

static void every_client_is_told_of_once(void **state) {
  (void)state;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  fl_outside_data(&out, client, "PING\n");
  out.now += 7 * FL_SECOND;
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_int_equal(fl_outside_events(&out, FL_EVENT_CLIENT_OPENED, FL_OK), 1);
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_CLIENT_CLOSED, FL_PEER_CLOSED), 1);
  const struct fl_event *event = &out.events[out.event_count - 1];
  assert_string_equal(event->listener, "commands");
  assert_int_equal(event->bytes_in, 5);
  assert_int_equal(event->bytes_out, 5);
  assert_int_equal(event->frames, 1);
  assert_int_equal(event->duration, 7 * FL_SECOND);
}

static void who_lingers_does_not_hold_up_a_stop(void **state) {
  (void)state;
  struct fl_sock *client = fl_outside_accept(&out, 0);
  fl_outside_pass(&out, 300 * FL_SECOND);
  assert_true(client->shut);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  fl_outside_stop(&out, FL_STOP_COMMANDS);
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_true(client->closing);
}

static void a_stop_answers_what_was_complete(void **state) {
  (void)state;
  struct fl_sock *idle = fl_outside_accept(&out, 0);
  struct fl_sock *busy = fl_outside_accept(&out, 0);
  fl_outside_data(&out, busy, "PI");
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  fl_outside_data(&out, busy, "NG\nPI"); /* commands are served on */
  assert_string_equal(fl_outside_sent(busy), "PONG\n");
  fl_outside_stop(&out, FL_STOP_COMMANDS);
  assert_true(idle->shut && busy->shut);
  assert_null(fl_outside_accept(&out, 0));
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_true(idle->closing && busy->closing);
  assert_int_equal(metrics()->clients_closed[FL_SHUTDOWN], 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_scene)
  const struct CMUnitTest tests[] = {
      TEST(commands_are_answered_in_one_write),
      TEST(a_frame_may_come_in_pieces),
      TEST(control_bytes_get_an_error_and_no_more),
      TEST(a_long_frame_gets_an_error_and_a_lingering_close),
      TEST(a_client_that_never_answers_a_fin_is_closed),
      TEST(a_half_close_gets_what_is_owed),
      TEST(idle_runs_from_the_last_frame),
      TEST(idle_begins_when_the_last_reply_is_gone),
      TEST(a_frame_has_to_end_in_time),
      TEST(who_takes_nothing_is_closed),
      TEST(a_slow_reader_behind_a_full_send_buffer_is_kept),
      TEST(a_held_client_is_not_timed_out),
      TEST(a_stopped_reader_is_not_read_on),
      TEST(a_broken_send_closes),
      TEST(every_client_is_told_of_once),
      TEST(who_lingers_does_not_hold_up_a_stop),
      TEST(a_stop_answers_what_was_complete)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
