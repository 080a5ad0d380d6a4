/* Pairing by key, on a whole gateway. Frames are lines; the key is what stands
   before the first space. */
#include "core/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static int setup(void **state) {
  const struct fl_extract word = {.type = FL_EXTRACT_FIELD,
                                  .separator = {1, " "},
                                  .segment_end = {1, "\n"}};
  (void)state;
  fl_outside_init(&out);
  out.upstream.pool.max_size = 1;
  out.upstream.in_flight = 4;
  out.upstream.pair =
      (struct fl_pair){.by = FL_PAIR_KEY, .request = word, .reply = word};
  return 0;
}

static void expect(struct fl_sock *sock, const char *text) {
  assert_string_equal(fl_outside_sent(sock), text);
}

static void replies_find_their_requests(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *first = ask("A one\n");
  struct fl_sock *second = ask("B two\n");
  struct fl_sock *server = stand(0);
  expect(server, "A one\nB two\n");
  fl_outside_data(&out, server, "B 2\n");
  expect(second, "B 2\n");
  expect(first, "");
  fl_outside_data(&out, server, "A 1\n");
  expect(first, "A 1\n");
  assert_int_equal(metrics()->replies, 2);
}

static void a_client_gets_them_in_its_order(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("A\nB\nC\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "C 3\nB 2\n");
  expect(client, "");
  fl_outside_data(&out, server, "A 1\n");
  expect(client, "A 1\nB 2\nC 3\n");
}

static void equal_keys_wait_and_hold_up_nobody(void **state) {
  (void)state;
  out.upstream.pool.max_size = 2;
  fl_outside_start(&out);
  struct fl_sock *first = ask("A first\n");
  struct fl_sock *server = stand(0);
  expect(server, "A first\n");
  struct fl_sock *second = ask("A second\n");
  struct fl_sock *third = ask("A third\n");
  struct fl_sock *other = ask("B other\n");
  expect(server, "B other\n");
  assert_int_equal(fl_outside_open(&out), 1); /* no connection would help */
  fl_outside_data(&out, server, "B\n");
  expect(other, "B\n");
  fl_outside_data(&out, server, "A 1\n");
  expect(first, "A 1\n");
  expect(server, "A second\n");
  fl_outside_data(&out, server, "A 2\n");
  expect(second, "A 2\n");
  expect(server, "A third\n");
  fl_outside_data(&out, server, "A 3\n");
  expect(third, "A 3\n");
  expect(first, "");
}

static void a_client_may_repeat_its_own_key(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("A 1\nA 2\nB 3\n");
  struct fl_sock *server = stand(0);
  expect(server, "A 1\n");
  fl_outside_data(&out, server, "A re1\n");
  expect(server, "A 2\nB 3\n");
  fl_outside_data(&out, server, "B re3\nA re2\n");
  expect(client, "A re1\nA re2\nB re3\n");
}

static void who_waits_for_a_key_may_leave(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *first = ask("A first\n");
  struct fl_sock *server = stand(0);
  struct fl_sock *leaver = ask("A second\n");
  struct fl_sock *third = ask("A third\n");
  fl_outside_finish(&out, leaver, FL_PEER_RESET);
  fl_outside_data(&out, server, "A 1\n");
  expect(first, "A 1\n");
  expect(server, "A first\nA third\n");
  fl_outside_data(&out, server, "A 3\n");
  expect(third, "A 3\n");
}

static void who_waits_for_a_key_does_not_wait_for_ever(void **state) {
  (void)state;
  out.upstream.request_timeout = 60 * FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *first = ask("A first\n");
  struct fl_sock *server = stand(0);
  struct fl_sock *second = ask("A second\n");
  fl_outside_pass(&out, 10 * FL_SECOND);
  expect(second, "ERROR acquire_timeout\n");
  fl_outside_data(&out, server, "A 1\n");
  expect(first, "A 1\n");
  expect(server, "A first\n");
}

static void those_that_wait_for_keys_count_as_waiters(void **state) {
  (void)state;
  out.upstream.pool.max_waiters = 1;
  fl_outside_start(&out);
  (void)ask("A first\n");
  (void)stand(0);
  struct fl_sock *second = ask("A second\n");
  struct fl_sock *third = ask("A third\n");
  expect(second, "");
  expect(third, "ERROR too_many_waiters\n");
}

static void equal_keys_may_be_refused(void **state) {
  (void)state;
  out.upstream.pair.on_collision = FL_COLLISION_REFUSE;
  fl_outside_start(&out);
  struct fl_sock *first = ask("A first\n");
  struct fl_sock *server = stand(0);
  struct fl_sock *second = ask("A second\nB\n");
  expect(second, "ERROR key_in_use\n");
  expect(server, "A first\nB\n");
  fl_outside_data(&out, server, "A 1\n");
  expect(first, "A 1\n");
  fl_outside_data(&out, first, "A again\n");
  expect(server, "A again\n");
  assert_int_equal(metrics()->requests_failed[FL_KEY_IN_USE], 1);
}

static void equal_keys_that_waited_for_a_connection_are_refused(void **state) {
  (void)state;
  out.upstream.pair.on_collision = FL_COLLISION_REFUSE;
  fl_outside_start(&out);
  struct fl_sock *first = ask("A first\n");
  struct fl_sock *second = ask("A second\n");
  struct fl_sock *server = stand(0);
  expect(server, "A first\n");
  expect(second, "ERROR key_in_use\n");
  expect(first, "");
}

static void a_late_reply_is_dropped(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *first = ask("A first\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 5 * FL_SECOND);
  expect(first, "ERROR request_timeout\n");
  struct fl_sock *other = ask("B other\n");
  fl_outside_data(&out, server, "A late\nB 2\n");
  expect(other, "B 2\n");
  expect(first, "");
  assert_int_equal(metrics()->replies_dropped, 1);
  fl_outside_data(&out, first, "A again\n"); /* it is free again */
  fl_outside_data(&out, server, "A 3\n");
  expect(first, "A 3\n");
  assert_false(server->closing);
}

/* With one connection: nothing else is on it. */
static void a_key_that_timed_out_gets_a_new_connection(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("A first\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 5 * FL_SECOND);
  expect(client, "ERROR request_timeout\n");
  expect(server, "A first\n");
  fl_outside_data(&out, client, "A again\n");
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_KEY_REUSED], 1);
  expect(server, "");
  fl_outside_turn(&out);
  server = stand(1);
  expect(server, "A again\n");
  fl_outside_data(&out, server, "A 2\n");
  expect(client, "A 2\n");
}

/* With requests on it: it is closed behind their replies, and takes no more. */
static void a_busy_connection_is_replaced_when_it_is_done(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("A first\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 3 * FL_SECOND);
  struct fl_sock *other = ask("B other\n");
  fl_outside_pass(&out, 2 * FL_SECOND);
  expect(client, "ERROR request_timeout\n");
  expect(server, "A first\nB other\n");
  fl_outside_data(&out, client, "A again\n");
  struct fl_sock *third = ask("C third\n");
  expect(server, "");
  assert_false(server->closing);
  fl_outside_data(&out, server, "B 2\n");
  expect(other, "B 2\n");
  assert_true(server->closing);
  fl_outside_turn(&out);
  server = stand(1);
  expect(server, "A again\nC third\n");
  fl_outside_data(&out, server, "C 3\nA 1\n");
  expect(client, "A 1\n");
  expect(third, "C 3\n");
}

/* Its late reply comes first: nothing is in the way any more. */
static void a_late_reply_lets_those_go_that_wait_for_it(void **state) {
  (void)state;
  out.upstream.in_flight = 2;
  fl_outside_start(&out);
  struct fl_sock *client = ask("A first\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 3 * FL_SECOND);
  struct fl_sock *other = ask("B other\n");
  fl_outside_pass(&out, 2 * FL_SECOND);
  expect(client, "ERROR request_timeout\n");
  expect(server, "A first\nB other\n");
  fl_outside_data(&out, client, "A again\n");
  fl_outside_data(&out, server, "A late\n");
  expect(client, "");
  fl_outside_data(&out, server, "B 2\n");
  expect(other, "B 2\n");
  assert_true(server->closing); /* that was settled before */
  fl_outside_turn(&out);
  server = stand(1);
  expect(server, "A again\n");
}

static void another_connection_takes_a_key_that_timed_out(void **state) {
  (void)state;
  out.upstream.pool.max_size = 2;
  out.upstream.in_flight = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("A first\n");
  struct fl_sock *other = ask("B other\n");
  struct fl_sock *one = stand(0);
  struct fl_sock *two = stand(1);
  expect(one, "A first\n");
  expect(two, "B other\n");
  fl_outside_data(&out, two, "B 2\n");
  expect(other, "B 2\n");
  fl_outside_pass(&out, 5 * FL_SECOND);
  expect(client, "ERROR request_timeout\n");
  fl_outside_data(&out, client, "A again\n");
  expect(two, "A again\n");
  fl_outside_data(&out, one, "A late\n");
  expect(client, "");
  fl_outside_data(&out, two, "A 2\n");
  expect(client, "A 2\n");
  assert_false(one->closing || two->closing);
  assert_int_equal(metrics()->replies_dropped, 1);
}

static void but_not_one_to_a_server_that_is_ejected(void **state) {
  (void)state;
  out.upstream.server_count = 2;
  out.servers[1] = out.servers[0];
  out.upstream.pool.max_size = 2;
  out.upstream.in_flight = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("A first\n");
  struct fl_sock *other = ask("B other\n");
  struct fl_sock *one = stand(0);
  struct fl_sock *two = stand(1);
  fl_outside_data(&out, two, "B 2\n");
  expect(other, "B 2\n");
  expect(one, "A first\n");
  expect(two, "B other\n");
  fl_outside_pass(&out, 5 * FL_SECOND);
  expect(client, "ERROR request_timeout\n");
  atomic_store(&out.generation->upstreams[0].standings[1]->ejected, true);
  fl_outside_data(&out, client, "A again\n");
  expect(two, "");
}

static void those_that_wait_go_on_when_the_first_times_out(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *first = ask("A first\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 4 * FL_SECOND);
  struct fl_sock *second = ask("A second\n");
  fl_outside_pass(&out, 1 * FL_SECOND);
  expect(first, "ERROR request_timeout\n");
  assert_true(server->closing);
  fl_outside_turn(&out);
  server = stand(1);
  expect(server, "A second\n");
  fl_outside_data(&out, server, "A 2\n");
  expect(second, "A 2\n");
}

static void an_unknown_key_retires(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("A first\n");
  struct fl_sock *waits = ask("A second\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "X 1\n");
  assert_true(server->closing && server->reset);
  expect(client, "ERROR unknown_key\n");
  fl_outside_turn(&out);
  server = stand(1);
  expect(server, "A second\n");
  fl_outside_data(&out, server, "A 2\n");
  expect(waits, "A 2\n");
}

static void a_repeated_reply_retires(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *first = ask("A first\n");
  struct fl_sock *second = ask("B second\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "A 1\nA 1\nB 2\n");
  expect(first, "A 1\n");
  expect(second, "ERROR unknown_key\n");
  assert_true(server->closing);
}

static void a_reply_without_a_key_retires(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("A first\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, " A\n");
  assert_true(server->closing);
  expect(client, "ERROR no_key\n");
}

static void a_request_without_a_key_is_refused(void **state) {
  (void)state;
  char line[128];
  fl_outside_start(&out);
  struct fl_sock *client = ask("A first\n");
  struct fl_sock *server = stand(0);
  expect(server, "A first\n");
  fl_outside_data(&out, client, " none\n");
  memset(line, 'k', sizeof line);
  memcpy(line + FL_KEY_MAX + 1, "\n", 2);
  fl_outside_data(&out, client, line);
  fl_outside_data(&out, client, line + 1);
  fl_outside_data(&out, server, "A 1\n");
  expect(client, "A 1\nERROR no_key\nERROR key_too_long\n");
  expect(server, line + 1);
  fl_outside_data(&out, server, line + 1);
  expect(client, line + 1);
  assert_false(server->closing);
}

static void requests_that_come_back_have_their_keys_again(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *first = ask("A first\n");
  struct fl_sock *second = ask("B second\n");
  struct fl_sock *third = ask("B third\n");
  struct fl_sock *server = fl_outside_connect(&out, 0);
  server->window = 3;
  fl_outside_connected(&out, server, FL_OK);
  fl_outside_finish(&out, server, FL_PEER_RESET);
  expect(first, "ERROR upstream_reset\n");
  fl_outside_pass(&out, 2 * FL_SECOND);
  server = stand(1);
  expect(server, "B second\n");
  fl_outside_data(&out, server, "B 2\n");
  expect(second, "B 2\n");
  expect(server, "B third\n");
  fl_outside_data(&out, server, "B 3\n");
  expect(third, "B 3\n");
}

static void a_stop_gives_everyone_an_outcome(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *first = ask("A first\n");
  (void)stand(0);
  struct fl_sock *second = ask("A second\n");
  fl_outside_stop(&out, FL_STOP_NOW);
  expect(first, "ERROR shutdown\n");
  expect(second, "ERROR shutdown\n");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_scene)
  const struct CMUnitTest tests[] = {
      TEST(replies_find_their_requests),
      TEST(a_client_gets_them_in_its_order),
      TEST(equal_keys_wait_and_hold_up_nobody),
      TEST(a_client_may_repeat_its_own_key),
      TEST(who_waits_for_a_key_may_leave),
      TEST(who_waits_for_a_key_does_not_wait_for_ever),
      TEST(those_that_wait_for_keys_count_as_waiters),
      TEST(equal_keys_may_be_refused),
      TEST(equal_keys_that_waited_for_a_connection_are_refused),
      TEST(a_late_reply_is_dropped),
      TEST(a_key_that_timed_out_gets_a_new_connection),
      TEST(a_busy_connection_is_replaced_when_it_is_done),
      TEST(a_late_reply_lets_those_go_that_wait_for_it),
      TEST(another_connection_takes_a_key_that_timed_out),
      TEST(but_not_one_to_a_server_that_is_ejected),
      TEST(those_that_wait_go_on_when_the_first_times_out),
      TEST(an_unknown_key_retires),
      TEST(a_repeated_reply_retires),
      TEST(a_reply_without_a_key_retires),
      TEST(a_request_without_a_key_is_refused),
      TEST(requests_that_come_back_have_their_keys_again),
      TEST(a_stop_gives_everyone_an_outcome)};
#undef TEST
  return cmocka_run_group_tests(tests, NULL, NULL);
}
