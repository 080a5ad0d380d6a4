/* What fairlead itself says on a pool connection: on_connect. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static struct fl_step_config steps[4];

static int setup(void **state) {
  (void)state;
  memset(steps, 0, sizeof steps);
  fl_outside_init(&out);
  out.upstream.on_connect = steps;
  out.upstream.pool.max_size = 1;
  return 0;
}

static int teardown(void **state) {
  (void)state;
  out.upstream.on_connect_count = 0;
  fl_outside_end(&out);
  return 0;
}

static struct fl_payload payload(const char *bytes, size_t size) {
  struct fl_payload made = {.given = true, .size = (uint16_t)size};
  memcpy(made.bytes, bytes, size);
  return made;
}

/* Adds a step; NULL: not given. */
static void add_step(const char *send, const char *expect) {
  struct fl_step_config *step = &steps[out.upstream.on_connect_count++];
  if (send != NULL)
    step->send = payload(send, strlen(send));
  if (expect != NULL)
    step->expect = payload(expect, strlen(expect));
}

/* The connection was retired for what the server said, and that counts as a
   failed connect: the next waits, and the client's request is not lost. */
static void assert_bad_greeting(struct fl_sock *server,
                                struct fl_sock *client) {
  assert_true(server->closing && server->reset);
  assert_int_equal(metrics()->upstream_closed[FL_BAD_GREETING], 1);
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_SERVER_DOWN, FL_BAD_GREETING), 1);
  assert_int_equal(fl_outside_events(&out, FL_EVENT_SERVER_UP, FL_OK), 0);
  assert_string_equal(fl_outside_sent(client), "");
  assert_int_equal(metrics()->requests_failed[FL_BAD_GREETING], 0);
}

static void a_greeting_comes_before_the_first_request(void **state) {
  (void)state;
  add_step(NULL, "220 ");
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  assert_string_equal(fl_outside_sent(server), "");
  fl_outside_data(&out, server, "22");
  assert_string_equal(fl_outside_sent(server), "");
  fl_outside_data(&out, server, "0 ready\r\n");
  assert_string_equal(fl_outside_sent(server), "a\n");
  fl_outside_data(&out, server, "re:a\n");
  assert_string_equal(fl_outside_sent(client), "re:a\n");
}

static void a_sign_on_and_its_answer(void **state) {
  (void)state;
  add_step(NULL, "");
  add_step("USER me", "331");
  add_step("PASS secret\r\n", "230");
  add_step("BINARY", NULL);
  fl_outside_start(&out);
  ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "any greeting\n");
  assert_string_equal(fl_outside_sent(server), "USER me\n");
  fl_outside_data(&out, server, "331 password\n");
  assert_string_equal(fl_outside_sent(server), "PASS secret\r\n");
  fl_outside_data(&out, server, "230 welcome\n");
  assert_string_equal(fl_outside_sent(server), "BINARY\na\n");
}

static void greetings_may_come_together(void **state) {
  (void)state;
  add_step(NULL, "one");
  add_step(NULL, "two");
  fl_outside_start(&out);
  ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "one\ntwo\n");
  assert_string_equal(fl_outside_sent(server), "a\n");
}

static void a_wrong_greeting_retires(void **state) {
  (void)state;
  add_step(NULL, "220");
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "421 busy\n");
  assert_bad_greeting(server, client);
  /* it is tried again, by one connection, and then works */
  fl_outside_pass(&out, 2 * FL_SECOND);
  server = stand(1);
  fl_outside_data(&out, server, "220 now\n");
  assert_string_equal(fl_outside_sent(server), "a\n");
  fl_outside_data(&out, server, "b\n");
  assert_string_equal(fl_outside_sent(client), "b\n");
  assert_int_equal(fl_outside_events(&out, FL_EVENT_SERVER_UP, FL_OK), 1);
}

static void a_greeting_too_short_to_tell_retires(void **state) {
  (void)state;
  add_step(NULL, "220");
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "2\n");
  assert_bad_greeting(server, client);
}

static void a_greeting_that_never_comes_retires(void **state) {
  (void)state;
  add_step(NULL, "220");
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, out.upstream.connect_timeout - 1);
  assert_false(server->closing);
  fl_outside_pass(&out, 1);
  assert_bad_greeting(server, client);
}

static void a_greeting_too_long_retires(void **state) {
  (void)state;
  char line[1100];
  add_step(NULL, "");
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  memset(line, 'x', sizeof line - 1);
  line[sizeof line - 1] = '\0';
  fl_outside_data(&out, server, line);
  assert_bad_greeting(server, client);
}

static void bytes_behind_the_greeting_retire(void **state) {
  (void)state;
  add_step(NULL, "220");
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "220 hello\nm");
  assert_bad_greeting(server, client);
}

static void an_answer_before_its_question_retires(void **state) {
  (void)state;
  add_step(NULL, "220");
  add_step("USER me", "331");
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "220 hello\n331 early\n");
  assert_bad_greeting(server, client);
}

static void an_answer_to_half_a_question_retires(void **state) {
  (void)state;
  add_step("USER me", "331");
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = fl_outside_connect(&out, 0);
  server->window = 3;
  fl_outside_connected(&out, server, FL_OK);
  assert_string_equal(fl_outside_sent(server), "USE");
  fl_outside_data(&out, server, "331 early\n");
  assert_bad_greeting(server, client);
}

static void a_server_that_leaves_has_failed(void **state) {
  (void)state;
  add_step(NULL, "220");
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, FL_SECOND); /* later than backoff.initial */
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  assert_true(server->closing);
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_SERVER_DOWN, FL_PEER_CLOSED), 1);
  assert_string_equal(fl_outside_sent(client), "");
}

static void a_sign_on_waits_for_connect_settle(void **state) {
  (void)state;
  out.upstream.connect_settle = FL_SECOND / 10;
  add_step(NULL, "220");
  add_step("USER me", "331");
  fl_outside_start(&out);
  ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "220 at once\n");
  assert_string_equal(fl_outside_sent(server), "");
  fl_outside_pass(&out, FL_SECOND / 10);
  assert_string_equal(fl_outside_sent(server), "USER me\n");
  fl_outside_data(&out, server, "331 go on\n");
  assert_string_equal(fl_outside_sent(server), "a\n");
}

static void it_counts_and_opens_no_second_connection(void **state) {
  (void)state;
  add_step(NULL, "220");
  out.upstream.pool.max_size = 2;
  fl_outside_start(&out);
  ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 1); /* the one that comes is enough */
  ask("b\n");
  ask("c\n");
  assert_int_equal(fl_outside_open(&out), 2); /* max_size */
  fl_outside_data(&out, server, "220\n");
  assert_string_equal(fl_outside_sent(server), "a\n");
}

static void a_sign_on_has_an_id_of_its_own(void **state) {
  (void)state;
  out.upstream.pair =
      (struct fl_pair){.by = FL_PAIR_ID, .offset = 0, .width = 1};
  out.listeners[1].framing = out.upstream.framing = out.upstream.reply_framing =
      (struct fl_framing){.type = FL_FRAMING_FIXED, .fixed = {.size = 4}};
  add_step("7one", "7yes");
  add_step("8two", "8yes");
  fl_outside_start(&out);
  struct fl_sock *client = ask("\x41"
                               "abc");
  struct fl_sock *server = stand(0);
  assert_memory_equal(server->sent, "\0one", 4);
  fl_conn_data(server->conn, (struct fl_slice){(const uint8_t *)"\0yes", 4},
               out.now);
  fl_outside_turn(&out);
  assert_memory_equal(server->sent, "\0one\1two", 8);
  fl_outside_data(&out, server, "\1yes");
  assert_memory_equal(server->sent, "\0one\1two\2abc", 12);
  fl_outside_data(&out, server, "\2def");
  assert_string_equal(fl_outside_sent(client), "\x41"
                                               "def");
}

static void an_answer_with_another_id_retires(void **state) {
  (void)state;
  out.upstream.pair =
      (struct fl_pair){.by = FL_PAIR_ID, .offset = 0, .width = 1};
  out.listeners[1].framing = out.upstream.framing = out.upstream.reply_framing =
      (struct fl_framing){.type = FL_FRAMING_FIXED, .fixed = {.size = 4}};
  add_step("7one", "");
  fl_outside_start(&out);
  struct fl_sock *client = ask("\x41"
                               "abc");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "7yes");
  assert_bad_greeting(server, client);
}

static void delimited_frames_are_made(void **state) {
  (void)state;
  struct fl_framing framing = {.type = FL_FRAMING_DELIMITED};
  framing.delimited.start = (struct fl_bytes){1, "<"};
  framing.delimited.end = (struct fl_bytes){1, ">"};
  out.listeners[1].framing = out.upstream.framing = out.upstream.reply_framing =
      framing;
  add_step("one", "yes");
  add_step("<two>", "yes>");
  fl_outside_start(&out);
  ask("<a>");
  struct fl_sock *server = stand(0);
  assert_string_equal(fl_outside_sent(server), "<one>");
  fl_outside_data(&out, server, "<yes, and more>");
  assert_string_equal(fl_outside_sent(server), "<two>");
  fl_outside_data(&out, server, "<yes>");
  assert_string_equal(fl_outside_sent(server), "<a>");
}

static void a_stop_ends_a_sign_on(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  add_step(NULL, "220");
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  fl_outside_stop(&out, FL_STOP_COMMANDS);
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_SHUTDOWN], 1);
  assert_int_equal(out.event_count, 2);
}

/* Requests of our own, and on_close. */

static void give_keepalive(void) {
  out.upstream.pool.min_size = 1;
  out.upstream.keepalive.send = payload("PING", 4);
  out.upstream.keepalive.expect = payload("PONG", 4);
  out.upstream.keepalive.interval = FL_SECOND;
}

static void an_idle_connection_is_asked(void **state) {
  (void)state;
  give_keepalive();
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  for (int i = 0; i < 3; i++) {
    fl_outside_pass(&out, FL_SECOND - 1);
    assert_string_equal(fl_outside_sent(server), "");
    fl_outside_pass(&out, 1);
    assert_string_equal(fl_outside_sent(server), "PING\n");
    fl_outside_data(&out, server, "PONG\n");
  }
  assert_int_equal(metrics()->own_requests, 3);
  assert_int_equal(metrics()->requests, 0);
  assert_int_equal(metrics()->replies_dropped, 0);
  assert_false(server->closing);
}

static void a_busy_connection_is_not_asked(void **state) {
  (void)state;
  give_keepalive();
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, FL_SECOND / 2);
  ask("a\n");
  fl_outside_pass(&out, FL_SECOND);
  fl_outside_data(&out, server, "re:a\n");
  fl_outside_pass(&out, FL_SECOND - 1);
  assert_string_equal(fl_outside_sent(server), "a\n");
  fl_outside_pass(&out, 1);
  assert_string_equal(fl_outside_sent(server), "PING\n");
}

static void a_request_waits_for_the_answer_to_ours(void **state) {
  (void)state;
  give_keepalive();
  out.upstream.in_flight = 4;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, FL_SECOND);
  struct fl_sock *client = ask("a\n");
  assert_string_equal(fl_outside_sent(server), "PING\n");
  fl_outside_data(&out, server, "PO");
  fl_outside_data(&out, server, "NG\n");
  assert_string_equal(fl_outside_sent(server), "a\n");
  assert_string_equal(fl_outside_sent(client), "");
  fl_outside_data(&out, server, "re:a\n");
  assert_string_equal(fl_outside_sent(client), "re:a\n");
}

/* Our request fails: the client that waits gets its reply elsewhere. */
static void lose_ours(void (*happen)(struct fl_sock *server),
                      enum fl_reason reason) {
  give_keepalive();
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, FL_SECOND);
  struct fl_sock *client = ask("a\n");
  happen(server);
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[reason], 1);
  fl_outside_pass(&out, 2 * FL_SECOND);
  struct fl_sock *other = stand(1);
  assert_string_equal(fl_outside_sent(other), "a\n");
  fl_outside_data(&out, other, "re:a\n");
  assert_string_equal(fl_outside_sent(client), "re:a\n");
}

static void answer_wrongly(struct fl_sock *server) {
  fl_outside_data(&out, server, "POND\n");
}

static void answer_too_much(struct fl_sock *server) {
  fl_outside_data(&out, server, "PONG\nPONG\n");
}

static void answer_nothing(struct fl_sock *server) {
  (void)server;
  fl_outside_pass(&out, out.upstream.request_timeout);
}

static void leave(struct fl_sock *server) {
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
}

static void a_wrong_answer_retires(void **state) {
  (void)state;
  lose_ours(answer_wrongly, FL_BAD_ANSWER);
}

static void more_than_the_answer_retires(void **state) {
  (void)state;
  lose_ours(answer_too_much, FL_UNEXPECTED_DATA);
}

static void no_answer_retires(void **state) {
  (void)state;
  lose_ours(answer_nothing, FL_REQUEST_TIMEOUT);
}

static void a_server_that_leaves_instead_of_answering(void **state) {
  (void)state;
  lose_ours(leave, FL_PEER_CLOSED);
}

static void asking_is_no_use(void **state) {
  (void)state;
  give_keepalive();
  out.upstream.pool.min_size = 0;
  out.upstream.pool.idle_timeout = 5 * FL_SECOND;
  fl_outside_start(&out);
  ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "re:a\n");
  for (int i = 1; i < 5; i++) {
    fl_outside_pass(&out, FL_SECOND);
    fl_outside_data(&out, server, "PONG\n");
  }
  assert_false(server->closing);
  fl_outside_pass(&out, FL_SECOND);
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_POOL_IDLE], 1);
}

static void a_late_reply_by_id_is_no_answer(void **state) {
  (void)state;
  give_keepalive();
  out.upstream.pair =
      (struct fl_pair){.by = FL_PAIR_ID, .offset = 0, .width = 1};
  out.listeners[1].framing = out.upstream.framing = out.upstream.reply_framing =
      (struct fl_framing){.type = FL_FRAMING_FIXED, .fixed = {.size = 4}};
  out.upstream.keepalive.interval = 7 * FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  ask("7abc");
  fl_outside_pass(&out, out.upstream.request_timeout);
  assert_false(server->closing);
  fl_outside_pass(&out, 7 * FL_SECOND);
  assert_memory_equal(server->sent, "\0abc\1ING", 8);
  fl_conn_data(server->conn, (struct fl_slice){(const uint8_t *)"\0PON", 4},
               out.now);
  fl_outside_turn(&out);
  assert_false(server->closing);
  assert_int_equal(metrics()->replies_dropped, 1);
  fl_outside_data(&out, server, "\1ONG");
  assert_false(server->closing);
  struct fl_sock *client = ask("7def");
  fl_outside_data(&out, server, "\2ghi");
  assert_string_equal(fl_outside_sent(client), "7ghi");
}

static void give_validation(void) {
  give_keepalive();
  out.upstream.keepalive.interval = 100 * FL_SECOND;
  out.upstream.pool.validate_after = FL_SECOND;
}

static void a_stale_connection_is_checked_first(void **state) {
  (void)state;
  give_validation();
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, FL_SECOND - 1);
  struct fl_sock *client = ask("a\n");
  assert_string_equal(fl_outside_sent(server), "a\n");
  fl_outside_data(&out, server, "re:a\n");
  fl_outside_pass(&out, FL_SECOND);
  fl_outside_data(&out, client, "b\n");
  assert_string_equal(fl_outside_sent(server), "PING\n");
  fl_outside_data(&out, server, "PONG\n");
  assert_string_equal(fl_outside_sent(server), "b\n");
  fl_outside_data(&out, server, "re:b\n");
  assert_string_equal(fl_outside_sent(client), "re:a\nre:b\n");
}

static void a_dead_connection_costs_the_client_nothing(void **state) {
  (void)state;
  give_validation();
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, FL_SECOND);
  struct fl_sock *client = ask("a\n");
  assert_string_equal(fl_outside_sent(server), "PING\n");
  fl_outside_finish(&out, server, FL_PEER_RESET);
  fl_outside_pass(&out, 2 * FL_SECOND);
  struct fl_sock *other = stand(1);
  assert_string_equal(fl_outside_sent(other), "a\n");
  fl_outside_data(&out, other, "re:a\n");
  assert_string_equal(fl_outside_sent(client), "re:a\n");
}

static void no_more_are_checked_than_are_needed(void **state) {
  (void)state;
  give_validation();
  out.upstream.pool.min_size = out.upstream.pool.max_size = 3;
  fl_outside_start(&out);
  for (unsigned i = 0; i < 3; i++)
    stand(i);
  fl_outside_pass(&out, FL_SECOND);
  ask("a\n");
  assert_int_equal(metrics()->own_requests, 1);
  ask("b\n");
  assert_int_equal(metrics()->own_requests, 2);
}

static void on_close_is_said_before_an_orderly_close(void **state) {
  (void)state;
  out.upstream.on_close = payload("QUIT", 4);
  out.upstream.pool.idle_timeout = FL_SECOND;
  fl_outside_start(&out);
  ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "re:a\n");
  fl_outside_sent(server);
  fl_outside_pass(&out, FL_SECOND);
  assert_string_equal(fl_outside_sent(server), "QUIT\n");
  assert_true(server->shut && !server->closing);
  ask("b\n"); /* it counts still */
  assert_null(fl_outside_connect(&out, 1));
  fl_outside_data(&out, server, "bye\n");
  assert_int_equal(metrics()->upstream_closed[FL_POOL_IDLE], 0);
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  assert_true(server->closing && !server->reset);
  assert_int_equal(metrics()->upstream_closed[FL_POOL_IDLE], 1);
  fl_outside_turn(&out);
  server = stand(1);
  assert_string_equal(fl_outside_sent(server), "b\n");
}

static void a_farewell_has_its_limit(void **state) {
  (void)state;
  out.upstream.on_close = payload("QUIT", 4);
  out.upstream.pool.min_size = 1;
  out.upstream.pool.max_lifetime = 10 * FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  server->window = 2;
  fl_outside_pass(&out, 10 * FL_SECOND);
  assert_string_equal(fl_outside_sent(server), "QU");
  assert_false(server->shut);
  fl_outside_pass(&out, FL_SECOND - 1);
  assert_false(server->closing);
  fl_outside_pass(&out, 1);
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_MAX_LIFETIME], 1);
}

static void nothing_is_said_after_a_fault(void **state) {
  (void)state;
  out.upstream.on_close = payload("QUIT", 4);
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "what?\n");
  assert_true(server->closing && server->reset);
  assert_string_equal(fl_outside_sent(server), "");
}

static void a_stop_says_on_close(void **state) {
  (void)state;
  out.upstream.on_close = payload("QUIT", 4);
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  fl_outside_stop(&out, FL_STOP_COMMANDS);
  assert_string_equal(fl_outside_sent(server), "QUIT\n");
  fl_outside_stop(&out, FL_STOP_NOW);
  assert_true(server->shut && !server->closing);
  fl_outside_pass(&out, FL_SECOND);
  assert_true(server->closing);
}

static void what_is_no_frame_is_none(void **state) {
  (void)state;
  uint8_t frame[FL_PAYLOAD_FRAME_MAX];
  struct fl_framing line = {.type = FL_FRAMING_LINE};
  struct fl_framing fixed = {.type = FL_FRAMING_FIXED, .fixed = {.size = 3}};
  struct fl_framing length = {.type = FL_FRAMING_LENGTH,
                              .length = {.width = 1}};
  struct fl_payload two = payload("a\nb\n", 4);
  struct fl_payload open = payload("a\nb", 3);
  struct fl_payload counted = payload("\2ab", 3);
  struct fl_payload short_of_one = payload("\3ab", 3);
  assert_int_equal(fl_payload_frame(&two, &line, frame), 0);
  assert_int_equal(fl_payload_frame(&open, &line, frame), 0);
  assert_int_equal(fl_payload_frame(&open, &fixed, frame), 3);
  assert_int_equal(fl_payload_frame(&two, &fixed, frame), 0);
  assert_int_equal(fl_payload_frame(&counted, &length, frame), 3);
  assert_int_equal(fl_payload_frame(&short_of_one, &length, frame), 0);
}

#define TEST(function)                                                         \
  cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_greeting_comes_before_the_first_request),
      TEST(a_sign_on_and_its_answer),
      TEST(greetings_may_come_together),
      TEST(a_wrong_greeting_retires),
      TEST(a_greeting_too_short_to_tell_retires),
      TEST(a_greeting_that_never_comes_retires),
      TEST(a_greeting_too_long_retires),
      TEST(bytes_behind_the_greeting_retire),
      TEST(an_answer_before_its_question_retires),
      TEST(an_answer_to_half_a_question_retires),
      TEST(a_server_that_leaves_has_failed),
      TEST(a_sign_on_waits_for_connect_settle),
      TEST(it_counts_and_opens_no_second_connection),
      TEST(a_sign_on_has_an_id_of_its_own),
      TEST(an_answer_with_another_id_retires),
      TEST(delimited_frames_are_made),
      TEST(a_stop_ends_a_sign_on),
      TEST(an_idle_connection_is_asked),
      TEST(a_busy_connection_is_not_asked),
      TEST(a_request_waits_for_the_answer_to_ours),
      TEST(a_wrong_answer_retires),
      TEST(more_than_the_answer_retires),
      TEST(no_answer_retires),
      TEST(a_server_that_leaves_instead_of_answering),
      TEST(asking_is_no_use),
      TEST(a_late_reply_by_id_is_no_answer),
      TEST(a_stale_connection_is_checked_first),
      TEST(a_dead_connection_costs_the_client_nothing),
      TEST(no_more_are_checked_than_are_needed),
      TEST(on_close_is_said_before_an_orderly_close),
      TEST(a_farewell_has_its_limit),
      TEST(nothing_is_said_after_a_fault),
      TEST(a_stop_says_on_close),
      cmocka_unit_test(what_is_no_frame_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
