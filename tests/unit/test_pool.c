
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static void min_size_is_opened_at_start(void **state) {
  (void)state;
  out.upstream.pool.min_size = 2;
  fl_outside_start(&out);
  assert_int_equal(fl_outside_open(&out), 2);
}

static void what_min_size_keeps_is_looked_at_at_a_measured_pace(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  out.upstream.pool.idle_timeout = FL_MILLISECOND;
  fl_outside_start(&out);
  stand(0);
  fl_outside_pass(&out, FL_MILLISECOND);
  assert_int_equal(fl_outside_open(&out), 1);
  assert_int_equal(out.due, out.now + 100 * FL_MILLISECOND);
}

static void the_pool_grows_to_max_size_and_no_further(void **state) {
  (void)state;
  fl_outside_start(&out);
  for (unsigned i = 0; i < 5; i++)
    ask("read\n");
  assert_int_equal(fl_outside_open(&out), 2);
}

static void a_request_waits_for_a_connection_and_gets_its_reply(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("read 1\r\n");
  struct fl_sock *server = stand(0);
  assert_string_equal(fl_outside_sent(server), "read 1\r\n");
  fl_outside_data(&out, server, "va");
  fl_outside_data(&out, server, "lue\r\n");
  assert_string_equal(fl_outside_sent(client), "value\r\n");
  assert_int_equal(metrics()->replies, 1);
}

static void closing_connections_count(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_conn_data(server->conn, (struct fl_slice){(const uint8_t *)"x\ny\n", 4},
               out.now);
  fl_conn_data(client->conn, (struct fl_slice){(const uint8_t *)"b\n", 2},
               out.now);
  fl_gateway_turn(out.gateway, out.now); /* no closed event yet */
  assert_true(server->closing);
  assert_null(fl_outside_connect(&out, 1));
  fl_outside_turn(&out);
  assert_non_null(fl_outside_connect(&out, 1));
}

static void an_extra_reply_in_the_same_read_retires(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *first = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "re:a\nre:a\n");
  assert_string_equal(fl_outside_sent(first), "re:a\n");
  assert_true(server->closing && server->reset);
  assert_int_equal(metrics()->upstream_closed[FL_UNEXPECTED_DATA], 1);
}

static void an_extra_reply_never_answers_the_next_request(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *first = ask("a\n");
  struct fl_sock *second = ask("b\n");
  struct fl_sock *server = stand(0);
  /* b is next in turn, but its bytes have not left when the extra comes */
  fl_conn_data(server->conn, (struct fl_slice){(const uint8_t *)"re:a\n", 5},
               out.now);
  fl_conn_data(server->conn, (struct fl_slice){(const uint8_t *)"re:a\n", 5},
               out.now);
  fl_outside_turn(&out);
  assert_string_equal(fl_outside_sent(first), "re:a\n");
  assert_string_equal(fl_outside_sent(second), "");
  assert_true(server->closing);
  fl_outside_pass(&out, 2 * FL_SECOND);
  struct fl_sock *other = stand(1);
  assert_string_equal(fl_outside_sent(other), "b\n");
  fl_outside_data(&out, other, "re:b\n");
  assert_string_equal(fl_outside_sent(second), "re:b\n");
}

static void early_bytes_retire_and_cost_no_request(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "hel");
  assert_true(server->closing && server->reset);
  assert_int_equal(metrics()->upstream_closed[FL_UNEXPECTED_DATA], 1);
}

static void a_late_reply_is_nobodys(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 5 * FL_SECOND);
  assert_string_equal(fl_outside_sent(client), "ERROR request_timeout\n");
  assert_true(server->closing && server->reset);
  assert_int_equal(metrics()->requests_failed[FL_REQUEST_TIMEOUT], 1);
}

static void a_reply_too_long_retires(void **state) {
  (void)state;
  char line[1100];
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  memset(line, 'x', sizeof line - 1);
  line[sizeof line - 1] = '\0';
  fl_outside_data(&out, server, line);
  assert_string_equal(fl_outside_sent(client), "ERROR reply_too_long\n");
  assert_true(server->closing);
}

static void a_server_that_closes_costs_one_error_each(void **state) {
  (void)state;
  out.upstream.in_flight = 4;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *one = ask("a\nb\n");
  struct fl_sock *two = ask("c\n");
  struct fl_sock *server = stand(0);
  assert_string_equal(fl_outside_sent(server), "a\nc\nb\n");
  fl_outside_data(&out, server, "re:a\nre");
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  assert_string_equal(fl_outside_sent(one), "re:a\nERROR upstream_closed\n");
  assert_string_equal(fl_outside_sent(two), "ERROR upstream_closed\n");
  assert_int_equal(metrics()->requests_failed[FL_UPSTREAM_CLOSED], 2);
}

static void a_request_of_which_nothing_left_is_sent_again(void **state) {
  (void)state;
  out.upstream.in_flight = 4;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "re:a\n");
  server->window = 3; /* of the next: one and a half requests */
  fl_outside_sent(server);
  fl_outside_data(&out, client, "b\nc\nd\n");
  assert_string_equal(fl_outside_sent(server), "b\nc");
  fl_outside_finish(&out, server, FL_PEER_RESET);
  assert_string_equal(fl_outside_sent(client),
                      "re:a\nERROR upstream_reset\nERROR upstream_reset\n");
  struct fl_sock *other = stand(1);
  assert_string_equal(fl_outside_sent(other), "d\n");
  fl_outside_data(&out, other, "re:d\n");
  assert_string_equal(fl_outside_sent(client), "re:d\n");
  assert_int_equal(metrics()->requests, 4);
  assert_int_equal(metrics()->requests_resent, 1);
}

static void resent_requests_keep_their_order_and_deadline(void **state) {
  (void)state;
  out.upstream.in_flight = 8;
  out.upstream.pool.max_size = 1;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  out.send_reason = FL_PEER_RESET; /* the connection has died unnoticed */
  fl_outside_data(&out, client, "a\nb\nc\n");
  out.send_reason = FL_OK;
  assert_true(server->closing);
  assert_string_equal(fl_outside_sent(client), "");
  fl_outside_pass(&out, 9 * FL_SECOND);
  assert_string_equal(fl_outside_sent(client), "");
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_string_equal(fl_outside_sent(client), "ERROR acquire_timeout\n"
                                               "ERROR acquire_timeout\n"
                                               "ERROR acquire_timeout\n");
  assert_int_equal(metrics()->requests, 3);
  assert_int_equal(metrics()->requests_failed[FL_ACQUIRE_TIMEOUT], 3);
}

static void resent_requests_keep_their_turn(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  struct fl_sock *one = fl_outside_accept(&out, 1);
  struct fl_sock *two = fl_outside_accept(&out, 1);
  server->window = 0;
  fl_outside_data(&out, one, "a\nb\n");
  fl_outside_data(&out, two, "x\n");
  fl_outside_finish(&out, server, FL_PEER_RESET);
  fl_outside_pass(&out, 1 * FL_SECOND);
  struct fl_sock *other = stand(1);
  const char *const turns[] = {"a\n", "x\n", "b\n"};
  for (int i = 0; i < 3; i++) {
    assert_string_equal(fl_outside_sent(other), turns[i]);
    fl_outside_data(&out, other, "ok\n");
  }
}

static void resent_requests_and_data_in_one_turn(void **state) {
  (void)state;
  char line[1001];
  out.upstream.in_flight = 200;
  out.upstream.pool.max_size = 1;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  memset(line, 'x', 999);
  line[999] = '\n';
  line[1000] = '\0';
  server->window = 0;
  for (int i = 0; i < 150; i++)
    fl_outside_data(&out, client, line);
  fl_conn_end(server->conn, FL_PEER_RESET, out.now);
  fl_conn_data(client->conn, (struct fl_slice){(const uint8_t *)"p\n", 2},
               out.now);
  fl_outside_turn(&out);
  assert_false(client->closing);
  assert_false(client->reading);
  assert_int_equal(metrics()->requests, 150);
  fl_outside_pass(&out, 1 * FL_SECOND);
  stand(1);
  assert_int_equal(metrics()->requests, 151);
  assert_true(client->reading);
}

static void a_resent_request_outlives_its_clients_timeouts(void **state) {
  (void)state;
  out.listeners[1].frame_timeout = 10 * FL_SECOND;
  out.upstream.pool.acquire_timeout = 100 * FL_SECOND;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  client->window = 2;
  fl_outside_data(&out, server, "a-long-reply\n");
  server->window = 0;
  fl_outside_data(&out, client, "b\n"); /* the kernel takes nothing of it */
  fl_outside_pass(&out, 10 * FL_SECOND);
  fl_outside_take(&out, client, 1);
  fl_outside_pass(&out, 25 * FL_SECOND); /* a late turn: all is due */
  assert_true(server->closing);
  fl_outside_take(&out, client, client->rest.size - client->rest_taken);
  assert_false(client->shut || client->closing);
  fl_outside_pass(&out, 1 * FL_SECOND);
  struct fl_sock *other = stand(1);
  assert_string_equal(fl_outside_sent(other), "b\n");
}

/* What answers half a request is no answer, and nothing must queue behind
   the other half. */
static void a_reply_before_its_request_has_left_retires(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("abcdef\n");
  struct fl_sock *server = fl_outside_connect(&out, 0);
  server->window = 2;
  fl_outside_connected(&out, server, FL_OK);
  fl_outside_data(&out, server, "early\n");
  assert_string_equal(fl_outside_sent(client), "ERROR unexpected_data\n");
  assert_true(server->closing && server->reset);
}

static void an_idle_connection_beyond_min_size_is_closed(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  struct fl_sock *one = stand(0);
  ask("a\n");
  ask("b\n");
  struct fl_sock *two = stand(1);
  fl_outside_data(&out, one, "re\n");
  fl_outside_data(&out, two, "re\n");
  fl_outside_pass(&out, 240 * FL_SECOND);
  assert_int_equal(one->closing + two->closing, 1);
  assert_false(one->reset || two->reset);
  assert_int_equal(metrics()->upstream_closed[FL_POOL_IDLE], 1);
}

static void a_dead_connection_is_replaced_up_to_min_size(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 60 * FL_SECOND);
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  fl_outside_turn(&out);
  assert_non_null(fl_outside_connect(&out, 1));
}

static void a_new_connection_settles_first(void **state) {
  (void)state;
  out.upstream.connect_settle = 2 * FL_SECOND;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  ask("a\n");
  struct fl_sock *server = stand(0);
  assert_string_equal(fl_outside_sent(server), "");
  fl_outside_pass(&out, 2 * FL_SECOND);
  assert_string_equal(fl_outside_sent(server), "a\n");
}

static void what_comes_while_it_settles_retires(void **state) {
  (void)state;
  out.upstream.connect_settle = 2 * FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "hello\n");
  assert_true(server->closing);
  assert_string_equal(fl_outside_sent(client), "");
}

static void nobody_grows_the_pool_for_a_quiet_time(void **state) {
  (void)state;
  out.upstream.connect_settle = 2 * FL_SECOND;
  fl_outside_start(&out);
  ask("a\n");
  stand(0);
  assert_int_equal(fl_outside_open(&out), 1);
}

static void a_repeat_within_the_gap_answers_nobody(void **state) {
  (void)state;
  out.upstream.request_gap = 1 * FL_SECOND;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *first = ask("a\n");
  struct fl_sock *second = ask("b\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "re:a\n");
  assert_string_equal(fl_outside_sent(first), "re:a\n");
  assert_string_equal(fl_outside_sent(server), "a\n");
  fl_outside_pass(&out, FL_SECOND / 2);
  fl_outside_data(&out, server, "re:a\n");
  assert_true(server->closing);
  assert_string_equal(fl_outside_sent(second), "");
}

static void the_next_request_leaves_after_the_gap(void **state) {
  (void)state;
  out.upstream.request_gap = 1 * FL_SECOND;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  ask("a\nb\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "re:a\n");
  fl_outside_sent(server);
  fl_outside_pass(&out, FL_SECOND - 1);
  assert_string_equal(fl_outside_sent(server), "");
  fl_outside_pass(&out, 1);
  assert_string_equal(fl_outside_sent(server), "b\n");
}

static void a_server_is_left_alone_after_a_close(void **state) {
  (void)state;
  out.upstream.reconnect_delay = 3 * FL_SECOND;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "re:a\n");
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  fl_outside_data(&out, client, "b\n");
  fl_outside_pass(&out, 3 * FL_SECOND - 1);
  assert_null(fl_outside_connect(&out, 1));
  fl_outside_pass(&out, 1);
  assert_non_null(fl_outside_connect(&out, 1));
}

static void an_idle_connection_has_a_life(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  out.upstream.pool.max_size = 1;
  out.upstream.pool.max_lifetime = 100 * FL_SECOND;
  out.random = 5 * FL_SECOND; /* less than this connection's jitter may be */
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  out.random = 0; /* drawn again, it would live on */
  fl_outside_pass(&out, 95 * FL_SECOND - 1);
  assert_false(server->closing);
  fl_outside_pass(&out, 1);
  assert_true(server->closing && !server->reset);
  assert_null(fl_outside_connect(&out, 1)); /* closed before opened */
  fl_outside_turn(&out);
  assert_non_null(fl_outside_connect(&out, 1));
  assert_int_equal(metrics()->upstream_closed[FL_MAX_LIFETIME], 1);
}

static void a_busy_connection_answers_first(void **state) {
  (void)state;
  out.upstream.in_flight = 2;
  out.upstream.pool.max_size = 1;
  out.upstream.pool.max_lifetime = 3 * FL_SECOND;
  out.random = 0;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 3 * FL_SECOND);
  assert_false(server->closing);
  struct fl_sock *other = ask("b\n"); /* there would be room */
  assert_string_equal(fl_outside_sent(server), "a\n");
  fl_outside_data(&out, server, "re:a\n");
  assert_string_equal(fl_outside_sent(client), "re:a\n");
  assert_true(server->closing);
  fl_outside_turn(&out);
  struct fl_sock *next = stand(1);
  fl_outside_data(&out, next, "re:b\n");
  assert_string_equal(fl_outside_sent(other), "re:b\n");
}

static void a_client_that_leaves_costs_nobody_a_reply(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *one = ask("a\n");
  struct fl_sock *two = ask("b\n");
  struct fl_sock *server = stand(0);
  fl_outside_finish(&out, one, FL_PEER_RESET);
  fl_outside_data(&out, server, "re:a\n");
  assert_string_equal(fl_outside_sent(server), "a\nb\n");
  fl_outside_data(&out, server, "re:b\n");
  assert_string_equal(fl_outside_sent(two), "re:b\n");
  assert_int_equal(metrics()->replies_dropped, 1);
  assert_int_equal(metrics()->requests_abandoned, 1);
}

static void a_silent_connect_times_out(void **state) {
  (void)state;
  fl_outside_start(&out);
  ask("a\n");
  fl_outside_pass(&out, 4 * FL_SECOND);
  assert_true(fl_outside_connect(&out, 0)->closing);
  assert_int_equal(metrics()->connects_failed[FL_CONNECT_TIMEOUT], 1);
}

static void a_server_that_takes_nothing_is_retired(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("abcdef\n");
  struct fl_sock *server = fl_outside_connect(&out, 0);
  server->window = 0;
  fl_outside_connected(&out, server, FL_OK);
  fl_outside_pass(&out, 20 * FL_SECOND);
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_WRITE_TIMEOUT], 1);
  /* nothing had left, but its acquire_timeout has passed meanwhile */
  fl_outside_turn(&out);
  assert_string_equal(fl_outside_sent(client), "ERROR acquire_timeout\n");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_scene, end_scene)
  const struct CMUnitTest tests[] = {
      TEST(min_size_is_opened_at_start),
      TEST(what_min_size_keeps_is_looked_at_at_a_measured_pace),
      TEST(the_pool_grows_to_max_size_and_no_further),
      TEST(a_request_waits_for_a_connection_and_gets_its_reply),
      TEST(closing_connections_count),
      TEST(an_extra_reply_in_the_same_read_retires),
      TEST(an_extra_reply_never_answers_the_next_request),
      TEST(early_bytes_retire_and_cost_no_request),
      TEST(a_late_reply_is_nobodys),
      TEST(a_reply_too_long_retires),
      TEST(a_server_that_closes_costs_one_error_each),
      TEST(a_request_of_which_nothing_left_is_sent_again),
      TEST(resent_requests_keep_their_order_and_deadline),
      TEST(resent_requests_keep_their_turn),
      TEST(resent_requests_and_data_in_one_turn),
      TEST(a_resent_request_outlives_its_clients_timeouts),
      TEST(a_reply_before_its_request_has_left_retires),
      TEST(an_idle_connection_beyond_min_size_is_closed),
      TEST(a_dead_connection_is_replaced_up_to_min_size),
      TEST(a_new_connection_settles_first),
      TEST(what_comes_while_it_settles_retires),
      TEST(nobody_grows_the_pool_for_a_quiet_time),
      TEST(a_repeat_within_the_gap_answers_nobody),
      TEST(the_next_request_leaves_after_the_gap),
      TEST(a_server_is_left_alone_after_a_close),
      TEST(an_idle_connection_has_a_life),
      TEST(a_busy_connection_answers_first),
      TEST(a_client_that_leaves_costs_nobody_a_reply),
      TEST(a_silent_connect_times_out),
      TEST(a_server_that_takes_nothing_is_retired)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
