
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

/* Requests reach the server in the order of `expected`, each answered at
   once. */
static void expect_requests(struct fl_sock *server, const char *expected) {
  char line[16];
  for (; *expected != '\0'; expected++) {
    snprintf(line, sizeof line, "%c\n", *expected);
    assert_string_equal(fl_outside_sent(server), line);
    fl_outside_data(&out, server, "ok\n");
  }
  assert_string_equal(fl_outside_sent(server), "");
}

static void clients_take_turns(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  ask("a\nb\nc\nd\n");
  ask("1\n2\n");
  ask("x\n");
  expect_requests(stand(0), "a1xb2cd");
}

static void who_comes_later_waits_longer(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *pipeliner = ask("a\nb\n");
  struct fl_sock *server = stand(0);
  assert_string_equal(fl_outside_sent(server), "a\n");
  ask("x\n"); /* after b was decoded */
  fl_outside_data(&out, pipeliner, "c\n");
  fl_outside_data(&out, server, "ok\n");
  expect_requests(server, "bxc");
}

static void requests_of_one_client_stay_on_one_connection(void **state) {
  (void)state;
  out.upstream.in_flight = 2;
  out.upstream.pool.min_size = 2;
  fl_outside_start(&out);
  struct fl_sock *one = stand(0);
  struct fl_sock *two = stand(1);
  ask("a\nb\nc\n");
  struct fl_sock *used = one->sent_size > 0 ? one : two;
  struct fl_sock *other = used == one ? two : one;
  assert_string_equal(fl_outside_sent(used), "a\nb\n");
  assert_string_equal(fl_outside_sent(other), ""); /* c waits for `used` */
  fl_outside_data(&out, used, "ok\n");
  assert_string_equal(fl_outside_sent(used), "c\n");
}

static void a_follower_and_a_waiter_go_by_their_tickets(void **state) {
  (void)state;
  out.upstream.in_flight = 2;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *first = ask("a\nb\nc\n"); /* c follows, before x waits */
  struct fl_sock *second = ask("x\n");
  struct fl_sock *server = stand(0);
  /* a took its turn, then x, for b was decoded after x */
  assert_string_equal(fl_outside_sent(server), "a\nx\n");
  fl_outside_data(&out, server, "ok\n");
  assert_string_equal(fl_outside_sent(server), "b\n");
  fl_outside_data(&out, second, "y\n");
  fl_outside_data(&out, server, "ok\n");
  assert_string_equal(fl_outside_sent(server), "c\n");
  fl_outside_data(&out, server, "ok\n");
  assert_string_equal(fl_outside_sent(server), "y\n");
  fl_outside_data(&out, server, "ok\nok\n");
  assert_string_equal(fl_outside_sent(first), "ok\nok\nok\n");
  assert_string_equal(fl_outside_sent(second), "ok\nok\n");
}

static void nobody_waits_beside_an_idle_connection(void **state) {
  (void)state;
  fl_outside_start(&out);
  ask("a\n");
  ask("b\n");
  ask("c\n");
  struct fl_sock *one = stand(0);
  struct fl_sock *two = stand(1);
  assert_string_equal(fl_outside_sent(one), "a\n");
  assert_string_equal(fl_outside_sent(two), "b\n");
  fl_outside_data(&out, two, "ok\n");
  assert_string_equal(fl_outside_sent(two), "c\n");
}

static void nobody_overtakes_within_a_turn(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  ask("a\n");
  ask("b\n");
  struct fl_sock *late = fl_outside_accept(&out, 1);
  struct fl_sock *server = stand(0);
  assert_string_equal(fl_outside_sent(server), "a\n");
  /* a's place becomes free and c comes before the turn's end gives it to b */
  fl_conn_data(server->conn, (struct fl_slice){(const uint8_t *)"ok\n", 3},
               out.now);
  fl_conn_data(late->conn, (struct fl_slice){(const uint8_t *)"c\n", 2},
               out.now);
  fl_outside_turn(&out);
  expect_requests(server, "bc");
}

static void busy_connections_take_turns(void **state) {
  (void)state;
  out.upstream.in_flight = 3;
  out.upstream.pool.min_size = 2;
  fl_outside_start(&out);
  struct fl_sock *one = stand(0);
  struct fl_sock *two = stand(1);
  for (int i = 0; i < 4; i++)
    ask("a\n");
  assert_string_equal(fl_outside_sent(one), "a\na\n");
  assert_string_equal(fl_outside_sent(two), "a\na\n");
}

static void frame_timeout_counts_from_the_frame(void **state) {
  (void)state;
  out.listeners[1].frame_timeout = 6 * FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n"); /* waits: nothing is connected yet */
  fl_outside_pass(&out, 3 * FL_SECOND);
  fl_outside_data(&out, client, "b");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 4 * FL_SECOND);
  fl_outside_data(&out, server, "ok\n");
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_false(client->shut);
}

static void waiting_has_an_end(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  out.upstream.request_timeout = 60 * FL_SECOND;
  fl_outside_start(&out);
  ask("a\n");
  struct fl_sock *late = ask("b\nc\n");
  stand(0);
  fl_outside_pass(&out, 9 * FL_SECOND);
  assert_string_equal(fl_outside_sent(late), "");
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_string_equal(fl_outside_sent(late), "ERROR acquire_timeout\n");
  fl_outside_pass(&out, 10 * FL_SECOND); /* c was decoded then */
  assert_string_equal(fl_outside_sent(late), "ERROR acquire_timeout\n");
  assert_int_equal(metrics()->requests_failed[FL_ACQUIRE_TIMEOUT], 2);
}

static void an_error_waits_for_the_replies_before_it(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  out.upstream.request_timeout = 60 * FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\nb\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 10 * FL_SECOND); /* b has waited long enough */
  assert_string_equal(fl_outside_sent(client), "");
  fl_outside_data(&out, server, "ok\n");
  assert_string_equal(fl_outside_sent(client), "ok\nERROR acquire_timeout\n");
}

static void a_bad_frame_waits_for_the_replies_before_it(void **state) {
  (void)state;
  char text[1300] = "a\n";
  fl_outside_start(&out);
  memset(text + 2, 'x', sizeof text - 3);
  struct fl_sock *client = ask(text);
  struct fl_sock *server = stand(0);
  assert_string_equal(fl_outside_sent(client), "");
  fl_outside_data(&out, server, "ok\n");
  assert_string_equal(fl_outside_sent(client), "ok\nERROR frame_too_long\n");
  assert_true(client->shut);
}

static void too_many_waiters_are_refused(void **state) {
  (void)state;
  out.upstream.pool.max_waiters = 2;
  fl_outside_start(&out);
  ask("a\n");
  ask("b\n");
  struct fl_sock *third = ask("c\n");
  assert_string_equal(fl_outside_sent(third), "ERROR too_many_waiters\n");
  assert_false(third->shut);
}

static void servers_get_requests_in_turn(void **state) {
  (void)state;
  out.upstream.server_count = 3;
  out.upstream.balance = FL_BALANCE_ROUND_ROBIN;
  out.upstream.pool.min_size = out.upstream.pool.max_size = 3;
  fl_outside_start(&out);
  struct fl_sock *servers[3] = {stand(0), stand(1), stand(2)};
  for (int i = 0; i < 3; i++)
    assert_int_equal(servers[i]->addr.port, 7000 + i);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  for (unsigned i = 0; i < 6; i++) {
    fl_outside_data(&out, client, "a\n");
    assert_string_equal(fl_outside_sent(servers[i % 3]), "a\n");
    fl_outside_data(&out, servers[i % 3], "ok\n");
  }
}

static void the_least_busy_server_gets_the_request(void **state) {
  (void)state;
  out.upstream.server_count = 2;
  out.upstream.in_flight = 4;
  out.upstream.pool.min_size = 2;
  fl_outside_start(&out);
  struct fl_sock *one = stand(0);
  struct fl_sock *two = stand(1);
  ask("a\nb\nc\n"); /* three on the one, as one client's stay together */
  struct fl_sock *busy = one->sent_size > 0 ? one : two;
  struct fl_sock *other = busy == one ? two : one;
  fl_outside_sent(busy);
  ask("x\n");
  ask("y\n");
  assert_string_equal(fl_outside_sent(other), "x\ny\n");
  assert_string_equal(fl_outside_sent(busy), "");
}

static void a_half_closed_client_gets_all_its_replies(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\nb\n");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  struct fl_sock *server = stand(0);
  expect_requests(server, "ab");
  assert_string_equal(fl_outside_sent(client), "ok\nok\n");
  assert_true(client->closing && !client->reset);
}

static void a_stop_answers_every_complete_request(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *one = ask("a\nb\nc");
  struct fl_sock *two = ask("x\n");
  struct fl_sock *server = stand(0);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  assert_false(one->shut || two->shut);
  expect_requests(server, "axb");
  assert_string_equal(fl_outside_sent(one), "ok\nok\n");
  assert_string_equal(fl_outside_sent(two), "ok\n");
  assert_true(one->shut && two->shut);
}

static void what_had_not_left_gets_an_error_too(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\nb\nc\nd");
  struct fl_sock *server = fl_outside_connect(&out, 0);
  server->window = 0;
  fl_outside_connected(&out, server, FL_OK);
  fl_outside_stop(&out, FL_STOP_NOW);
  assert_string_equal(fl_outside_sent(client),
                      "ERROR shutdown\nERROR shutdown\nERROR shutdown\n");
  assert_int_equal(metrics()->requests_failed[FL_SHUTDOWN], 3);
}

/* Whose end can only be seen if it is read: what it sends is discarded. */
static void a_stop_does_not_wait_for_who_has_gone(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *half = ask("b\n");
  struct fl_sock *server = stand(0);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  assert_true(client->reading && half->reading);
  fl_outside_data(&out, client, "c\n");
  assert_true(client->reading);
  fl_outside_finish(&out, client, FL_PEER_RESET);
  assert_true(client->closing);
  assert_int_equal(metrics()->requests_abandoned, 1);
  fl_outside_finish(&out, half, FL_PEER_CLOSED); /* it may still listen */
  assert_false(half->reading);
  fl_outside_data(&out, server, "ok\n");
  fl_outside_data(&out, server, "ok\n");
  assert_string_equal(fl_outside_sent(half), "ok\n");
  assert_int_equal(metrics()->requests, 2);
}

/* What a client that was not read for a while had sent is answered, too. */
static void a_stop_reads_who_was_not_read(void **state) {
  (void)state;
  static char lines[65536 + 1];
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  for (int i = 0; i < 65536; i++)
    lines[i] = i % 64 == 63 ? '\n' : 'x';
  struct fl_sock *client = ask(lines);
  fl_outside_data(&out, client, "x\n");
  assert_false(client->reading);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  struct fl_sock *server = stand(0);
  uint64_t answered = 0;
  int late = 5; /* requests that had not been read when the stop began */
  for (; answered < 10000 && server->sent_size > 0; answered++) {
    fl_outside_sent(server);
    if (client->reading && late-- > 0)
      fl_outside_data(&out, client, "y\n");
    fl_outside_data(&out, server, "ok\n");
  }
  assert_int_equal(answered, 1024 + 1 + 5);
  assert_false(client->shut);
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_true(client->shut);
  assert_int_equal(metrics()->replies, metrics()->requests);
}

static void what_is_left_at_the_end_of_a_stop_gets_an_error(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *one = ask("a\n");
  struct fl_sock *two = ask("x\n");
  struct fl_sock *server = stand(0);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  fl_outside_stop(&out, FL_STOP_NOW);
  assert_string_equal(fl_outside_sent(one), "ERROR shutdown\n");
  assert_string_equal(fl_outside_sent(two), "ERROR shutdown\n");
  assert_true(one->closing && two->closing && server->closing);
  assert_int_equal(metrics()->requests_failed[FL_SHUTDOWN], 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_scene, end_scene)
  const struct CMUnitTest tests[] = {
      TEST(clients_take_turns),
      TEST(who_comes_later_waits_longer),
      TEST(requests_of_one_client_stay_on_one_connection),
      TEST(a_follower_and_a_waiter_go_by_their_tickets),
      TEST(nobody_waits_beside_an_idle_connection),
      TEST(nobody_overtakes_within_a_turn),
      TEST(busy_connections_take_turns),
      TEST(frame_timeout_counts_from_the_frame),
      TEST(waiting_has_an_end),
      TEST(an_error_waits_for_the_replies_before_it),
      TEST(a_bad_frame_waits_for_the_replies_before_it),
      TEST(too_many_waiters_are_refused),
      TEST(servers_get_requests_in_turn),
      TEST(the_least_busy_server_gets_the_request),
      TEST(a_half_closed_client_gets_all_its_replies),
      TEST(a_stop_answers_every_complete_request),
      TEST(what_had_not_left_gets_an_error_too),
      TEST(a_stop_does_not_wait_for_who_has_gone),
      TEST(a_stop_reads_who_was_not_read),
      TEST(what_is_left_at_the_end_of_a_stop_gets_an_error)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
