#include "core/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static int setup(void **state) {
  (void)state;
  fl_outside_init(&out);
  out.listeners[1].mode = FL_MODE_SESSION;
  out.listeners[1].idle_timeout = FL_NEVER;
  out.listeners[1].half_close_timeout = 60 * FL_SECOND;
  out.upstream.mode = FL_MODE_SESSION;
  out.upstream.framing.type = FL_FRAMING_RAW;
  out.upstream.reply_framing.type = FL_FRAMING_RAW;
  out.upstream.pool.max_size = 1;
  return 0;
}

static void use_lines(void) {
  out.upstream.framing.type = FL_FRAMING_LINE;
  out.upstream.reply_framing.type = FL_FRAMING_LINE;
  out.listeners[1].framing.type = FL_FRAMING_LINE;
}

static void use_reset(void) {
  out.upstream.reset.send = (struct fl_bytes){2, "R\n"};
  out.upstream.reset.expect = (struct fl_bytes){3, "OK\n"};
}

static uint32_t sessions(void) {
  return fl_gateway_clients(out.gateway, FL_MODE_SESSION);
}

static void say(struct fl_sock *from, const char *text) {
  fl_outside_data(&out, from, text);
}

#define assert_hears(sock, text)                                               \
  assert_string_equal(fl_outside_sent(sock), text)

static struct fl_sock *client, *server;

/* A session that has said "hello\n" and was answered "hi\n". */
static void open_session(void) {
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  say(client, "hello\n");
  server = stand(0);
  assert_hears(server, "hello\n");
  say(server, "hi\n");
  assert_hears(client, "hi\n");
}

static void the_first_byte_takes_a_connection(void **state) {
  (void)state;
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  assert_true(client->reading);
  assert_int_equal(fl_outside_open(&out), 0);
  say(client, "h");
  assert_int_equal(fl_outside_open(&out), 1);
  say(client, "ello");
  server = stand(0);
  assert_hears(server, "hello");
  say(client, "1");
  say(client, "2");
  assert_hears(server, "12");
  say(server, "\1\2");
  assert_hears(client, "\1\2");
}

static void clients_wait_in_turn(void **state) {
  (void)state;
  open_session();
  struct fl_sock *second = fl_outside_accept(&out, 1);
  struct fl_sock *third = fl_outside_accept(&out, 1);
  say(third, "3");
  say(second, "2");
  assert_int_equal(fl_outside_open(&out), 1);
  fl_outside_finish(&out, client, FL_PEER_RESET);
  assert_true(server->closing);
  fl_outside_turn(&out);
  server = stand(1);
  assert_hears(server, "3");
  assert_int_equal(metrics()->upstream_closed[FL_CLIENT_LEFT], 1);
  fl_outside_finish(&out, third, FL_PEER_RESET);
  fl_outside_turn(&out);
  server = stand(2);
  assert_hears(server, "2");
}

static void who_waits_too_long_is_closed(void **state) {
  (void)state;
  open_session();
  struct fl_sock *second = fl_outside_accept(&out, 1);
  fl_outside_pass(&out, 3600 * FL_SECOND); /* it says nothing, wants nothing */
  say(second, "2");
  fl_outside_pass(&out, 10 * FL_SECOND - 1);
  assert_false(second->closing);
  fl_outside_pass(&out, 1);
  assert_true(second->closing);
  assert_int_equal(metrics()->clients_closed[FL_ACQUIRE_TIMEOUT], 1);
}

static void too_many_waiters_are_refused(void **state) {
  (void)state;
  out.upstream.pool.max_waiters = 1;
  open_session();
  struct fl_sock *second = fl_outside_accept(&out, 1);
  struct fl_sock *third = fl_outside_accept(&out, 1);
  say(second, "2");
  say(third, "3");
  assert_false(second->closing);
  assert_true(third->closing);
  assert_int_equal(metrics()->clients_closed[FL_TOO_MANY_WAITERS], 1);
}

static void a_silent_client_may_end_or_idle(void **state) {
  (void)state;
  out.listeners[1].idle_timeout = 9 * FL_SECOND;
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_int_equal(sessions(), 0);
  client = fl_outside_accept(&out, 1);
  fl_outside_pass(&out, 9 * FL_SECOND);
  assert_int_equal(metrics()->clients_closed[FL_IDLE_TIMEOUT], 1);
  assert_int_equal(fl_outside_open(&out), 0);
}

static void input_before_the_connection_is_bounded(void **state) {
  (void)state;
  static char bytes[40001];
  memset(bytes, 'x', 40000);
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  say(client, bytes);
  assert_true(client->reading);
  say(client, bytes);
  assert_false(client->reading);
  server = stand(0);
  assert_int_equal(strlen(fl_outside_sent(server)), 80000);
  assert_true(client->reading);
}

static void fin_is_passed_on_without_reset(void **state) {
  (void)state;
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  say(client, "ask");
  fl_outside_finish(&out, client, FL_PEER_CLOSED); /* it waits on */
  server = stand(0);
  assert_hears(server, "ask");
  assert_true(server->shut);
  say(server, "answer");
  assert_hears(client, "answer");
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  assert_int_equal(sessions(), 0);
  assert_int_equal(metrics()->clients_closed[FL_PEER_CLOSED], 1);
}

static void settling_comes_first(void **state) {
  (void)state;
  out.upstream.connect_settle = FL_SECOND;
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  say(client, "hello");
  server = stand(0);
  say(server, "220 ready"); /* of a server that speaks first */
  assert_hears(server, "");
  fl_outside_pass(&out, FL_SECOND);
  assert_hears(server, "hello");
  assert_hears(client, "220 ready");
}

/* Frames. */

static void whole_frames_are_passed(void **state) {
  (void)state;
  use_lines();
  open_session();
  say(client, "a\nb\nc");
  assert_hears(server, "a\nb\n");
  say(client, "d");
  assert_hears(server, "");
  say(client, "\n");
  assert_hears(server, "cd\n");
  say(server, "1\n2");
  assert_hears(client, "1\n");
  say(server, "3\n");
  assert_hears(client, "23\n");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  const struct fl_event *event = &out.events[out.event_count - 1];
  assert_int_equal(event->kind, FL_EVENT_CLIENT_CLOSED);
  assert_int_equal(event->frames, 4);
  assert_false(event->raw);
}

static void a_bad_frame_ends_the_session(void **state) {
  (void)state;
  use_lines();
  out.listeners[1].max_frame = 64;
  open_session();
  char line[66];
  memset(line, 'x', 65);
  line[65] = '\0';
  say(client, "good\n");
  say(client, line);
  assert_hears(server, "good\n");
  assert_true(client->closing);
  assert_false(client->reset); /* it may still read what it was sent */
  assert_true(server->closing);
  assert_int_equal(metrics()->clients_closed[FL_FRAME_TOO_LONG], 1);
}

static void a_bad_reply_ends_the_session(void **state) {
  (void)state;
  use_lines();
  out.upstream.max_frame = 64;
  open_session();
  char line[73] = "first\n";
  memset(line + 6, 'x', 66);
  client->window = 2;
  say(server, line);
  assert_true(server->closing);
  assert_false(client->closing); /* what came before is delivered */
  fl_outside_take(&out, client, 4);
  fl_outside_turn(&out);
  assert_hears(client, "first\n");
  assert_int_equal(sessions(), 0);
  assert_int_equal(metrics()->upstream_closed[FL_REPLY_TOO_LONG], 1);
  assert_int_equal(metrics()->clients_closed[FL_REPLY_TOO_LONG], 1);
}

/* Reset. */

static void a_reset_connection_serves_the_next(void **state) {
  (void)state;
  use_reset();
  open_session();
  struct fl_sock *second = fl_outside_accept(&out, 1);
  say(second, "2");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_false(server->shut);
  assert_hears(server, "R\n");
  say(server, "O");
  assert_hears(server, "");
  say(server, "K\n");
  assert_hears(server, "2");
  assert_hears(client, "");
  say(server, "two");
  assert_hears(second, "two");
  assert_int_equal(fl_outside_open(&out), 1);
  assert_int_equal(metrics()->upstream_connects, 1);
}

/* The pool's reads have the ordinary bound. */
static void reads_are_large_in_raw_sessions_only(void **state) {
  (void)state;
  use_reset();
  open_session();
  assert_true(client->bulk);
  assert_true(server->bulk);
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_hears(server, "R\n");
  assert_false(server->bulk);
}

static void frames_are_read_in_the_ordinary_way(void **state) {
  (void)state;
  use_lines();
  open_session();
  assert_false(client->bulk);
  assert_false(server->bulk);
}

static void a_client_that_resets_leaves_a_clean_connection(void **state) {
  (void)state;
  use_reset();
  open_session();
  fl_outside_finish(&out, client, FL_PEER_RESET);
  assert_hears(server, "R\n");
  say(server, "OK\n");
  assert_false(server->closing);
}

/* Leaves after open_session, and the server says this. */
static void answer_reset(const char *text) {
  use_reset();
  open_session();
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_hears(server, "R\n");
  if (text != NULL)
    say(server, text);
}

static void a_wrong_answer_closes(void **state) {
  (void)state;
  answer_reset("NO\n");
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_RESET_FAILED], 1);
}

static void an_answer_with_more_behind_it_closes(void **state) {
  (void)state;
  answer_reset("OK\nmore");
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_RESET_FAILED], 1);
}

static void no_answer_closes(void **state) {
  (void)state;
  answer_reset(NULL);
  fl_outside_pass(&out, 5 * FL_SECOND - 1);
  assert_false(server->closing);
  fl_outside_pass(&out, 1);
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_RESET_FAILED], 1);
}

static void what_comes_after_the_answer_closes(void **state) {
  (void)state;
  answer_reset("OK\n");
  say(server, "late");
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_UNEXPECTED_DATA], 1);
}

static void the_pool_keeps_it_as_long_as_others(void **state) {
  (void)state;
  answer_reset("OK\n");
  fl_outside_pass(&out, 240 * FL_SECOND);
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_POOL_IDLE], 1);
}

static void a_life_that_is_over_is_not_prolonged(void **state) {
  (void)state;
  out.upstream.pool.max_lifetime = 100 * FL_SECOND;
  use_reset();
  open_session();
  fl_outside_pass(&out, 100 * FL_SECOND);
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_hears(server, "");
  assert_true(server->closing);
}

/* The answer that is due would be taken for that of the reset. */
static void an_answer_that_is_due_forbids_reset(void **state) {
  (void)state;
  use_reset();
  open_session();
  say(client, "again");
  assert_hears(server, "again");
  fl_outside_finish(&out, client, FL_PEER_RESET);
  assert_hears(server, "");
  assert_true(server->closing);
}

static void frames_that_are_due_are_awaited(void **state) {
  (void)state;
  use_lines();
  use_reset();
  open_session();
  say(client, "a\nb\n");
  assert_hears(server, "a\nb\n");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  say(server, "1\n");
  assert_hears(client, "1\n");
  assert_false(client->closing);
  assert_hears(server, "");
  say(server, "2\n");
  assert_hears(client, "2\n");
  assert_true(client->closing);
  assert_hears(server, "R\n");
}

static void frames_that_never_come_close(void **state) {
  (void)state;
  use_lines();
  use_reset();
  open_session();
  say(client, "a\n");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  fl_outside_pass(&out, 60 * FL_SECOND);
  assert_hears(server, "a\n");
  assert_true(server->closing);
  assert_int_equal(metrics()->clients_closed[FL_HALF_CLOSE_TIMEOUT], 1);
}

static void half_a_reply_forbids_reset(void **state) {
  (void)state;
  use_lines();
  use_reset();
  open_session();
  say(server, "half");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_hears(server, "");
  assert_true(server->closing);
}

/* Frames of an earlier session are not counted again. */
static void each_session_counts_its_own_frames(void **state) {
  (void)state;
  use_lines();
  answer_reset("OK\n");
  struct fl_sock *second = fl_outside_accept(&out, 1);
  say(second, "2\n");
  assert_hears(server, "2\n");
  fl_outside_finish(&out, second, FL_PEER_RESET);
  assert_true(server->closing);
}

/* Holding. */

static void who_holds_in_silence_loses_it_to_others(void **state) {
  (void)state;
  out.upstream.pool.hold_timeout = 3 * FL_SECOND;
  use_reset();
  open_session();
  fl_outside_pass(&out, 100 * FL_SECOND); /* nobody waits */
  assert_false(client->closing);
  struct fl_sock *second = fl_outside_accept(&out, 1);
  fl_outside_pass(&out, 100 * FL_SECOND); /* it wants nothing yet */
  assert_false(client->closing);
  say(second, "2");
  assert_true(client->closing);
  assert_false(client->reset);
  assert_int_equal(metrics()->clients_closed[FL_HOLD_TIMEOUT], 1);
  say(server, "OK\n");
  assert_hears(server, "R\n2");
}

static void the_hold_begins_anew_with_each_byte(void **state) {
  (void)state;
  out.upstream.pool.hold_timeout = 3 * FL_SECOND;
  open_session();
  struct fl_sock *second = fl_outside_accept(&out, 1);
  say(second, "2");
  fl_outside_pass(&out, 2 * FL_SECOND);
  say(client, "still");
  fl_outside_pass(&out, 2 * FL_SECOND);
  say(server, "here");
  fl_outside_pass(&out, 3 * FL_SECOND - 1);
  assert_false(client->closing);
  fl_outside_pass(&out, 1);
  assert_true(client->closing);
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_HOLD_TIMEOUT], 1);
}

static void the_longest_silent_loses_and_no_more_than_wanted(void **state) {
  (void)state;
  out.upstream.pool.max_size = 2;
  out.upstream.pool.hold_timeout = 3 * FL_SECOND;
  open_session();
  struct fl_sock *second = fl_outside_accept(&out, 1);
  say(second, "2");
  (void)stand(1);
  fl_outside_pass(&out, FL_SECOND);
  say(client, "x");
  fl_outside_pass(&out, 10 * FL_SECOND);
  struct fl_sock *third = fl_outside_accept(&out, 1);
  say(third, "3");
  assert_true(second->closing);
  assert_false(client->closing);
}

/* A stop. */

static void a_stop_ends_the_silent_and_waits_for_others(void **state) {
  (void)state;
  open_session();
  struct fl_sock *silent = fl_outside_accept(&out, 1);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  assert_true(silent->closing);
  assert_false(client->closing);
  say(client, "more");
  assert_hears(server, "more");
  fl_outside_finish(&out, client, FL_PEER_RESET);
  assert_int_equal(sessions(), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_scene)
  const struct CMUnitTest tests[] = {
      TEST(the_first_byte_takes_a_connection),
      TEST(clients_wait_in_turn),
      TEST(who_waits_too_long_is_closed),
      TEST(too_many_waiters_are_refused),
      TEST(a_silent_client_may_end_or_idle),
      TEST(input_before_the_connection_is_bounded),
      TEST(fin_is_passed_on_without_reset),
      TEST(settling_comes_first),
      TEST(whole_frames_are_passed),
      TEST(a_bad_frame_ends_the_session),
      TEST(a_bad_reply_ends_the_session),
      TEST(a_reset_connection_serves_the_next),
      TEST(reads_are_large_in_raw_sessions_only),
      TEST(frames_are_read_in_the_ordinary_way),
      TEST(a_client_that_resets_leaves_a_clean_connection),
      TEST(a_wrong_answer_closes),
      TEST(an_answer_with_more_behind_it_closes),
      TEST(no_answer_closes),
      TEST(what_comes_after_the_answer_closes),
      TEST(the_pool_keeps_it_as_long_as_others),
      TEST(a_life_that_is_over_is_not_prolonged),
      TEST(an_answer_that_is_due_forbids_reset),
      TEST(frames_that_are_due_are_awaited),
      TEST(frames_that_never_come_close),
      TEST(half_a_reply_forbids_reset),
      TEST(each_session_counts_its_own_frames),
      TEST(who_holds_in_silence_loses_it_to_others),
      TEST(the_hold_begins_anew_with_each_byte),
      TEST(the_longest_silent_loses_and_no_more_than_wanted),
      TEST(a_stop_ends_the_silent_and_waits_for_others),
  };
#undef TEST
  return cmocka_run_group_tests(tests, NULL, NULL);
}
