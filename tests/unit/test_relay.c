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
  out.listeners[1].mode = FL_MODE_RELAY;
  out.listeners[1].idle_timeout = FL_NEVER;
  out.listeners[1].half_close_timeout = 60 * FL_SECOND;
  out.upstream.mode = FL_MODE_RELAY;
  out.upstream.pool.max_size = 0;
  return 0;
}

static uint32_t relays(void) {
  return fl_gateway_clients(out.gateway, FL_MODE_RELAY);
}

/* A relay whose two sides stand. */
static struct fl_sock *client, *server;

static void open_relay(void) {
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  server = stand(0);
}

/* Size bytes come from a side. */
static void pour(struct fl_sock *from, size_t size) {
  char *bytes = malloc(size + 1);
  assert_non_null(bytes);
  memset(bytes, 'x', size);
  bytes[size] = '\0';
  while (size > 0) {
    size_t part = size < 40000 ? size : 40000;
    fl_conn_data(from->conn, (struct fl_slice){(const uint8_t *)bytes, part},
                 out.now);
    size -= part;
  }
  free(bytes);
  fl_outside_turn(&out);
}

static void bytes_go_both_ways_as_they_are(void **state) {
  (void)state;
  open_relay();
  fl_outside_data(&out, client, "no line end");
  assert_string_equal(fl_outside_sent(server), "no line end");
  fl_outside_data(&out, server, "\1\2");
  assert_string_equal(fl_outside_sent(client), "\1\2");
  assert_int_equal(server->writes, 1);
  assert_int_equal(client->writes, 1);
}

static void the_server_is_connected_before_the_client_speaks(void **state) {
  (void)state;
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  assert_false(client->reading);
  server = stand(0);
  assert_true(client->reading);
  fl_outside_data(&out, server, "220 ready");
  assert_string_equal(fl_outside_sent(client), "220 ready");
}

static void each_client_has_a_connection_of_its_own(void **state) {
  (void)state;
  open_relay();
  struct fl_sock *client2 = fl_outside_accept(&out, 1);
  struct fl_sock *server2 = stand(1);
  fl_outside_data(&out, client, "a");
  fl_outside_data(&out, client2, "b");
  assert_string_equal(fl_outside_sent(server), "a");
  assert_string_equal(fl_outside_sent(server2), "b");
}

static void fin_of_the_client_is_passed_on(void **state) {
  (void)state;
  open_relay();
  fl_outside_data(&out, client, "question");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_true(server->shut);
  assert_false(client->closing);
  fl_outside_data(&out, server, "answer");
  assert_string_equal(fl_outside_sent(client), "answer");
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  assert_int_equal(relays(), 0);
  assert_false(client->reset);
  assert_false(server->reset);
  assert_int_equal(metrics()->clients_closed[FL_PEER_CLOSED], 1);
  assert_int_equal(metrics()->upstream_closed[FL_PEER_CLOSED], 1);
  assert_int_equal(metrics()->client_bytes_in, 8);
  assert_int_equal(metrics()->client_bytes_out, 6);
  assert_int_equal(metrics()->upstream_bytes_in, 6);
  assert_int_equal(metrics()->upstream_bytes_out, 8);
}

static void fin_of_the_server_is_passed_on(void **state) {
  (void)state;
  open_relay();
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  assert_true(client->shut);
  fl_outside_data(&out, client, "still");
  assert_string_equal(fl_outside_sent(server), "still");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_int_equal(relays(), 0);
}

static void fin_waits_for_what_comes_before_it(void **state) {
  (void)state;
  open_relay();
  server->window = 2;
  fl_outside_data(&out, client, "abcdef");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_false(server->shut);
  fl_outside_take(&out, server, 3);
  assert_false(server->shut);
  fl_outside_take(&out, server, 1);
  assert_true(server->shut);
  assert_string_equal(fl_outside_sent(server), "abcdef");
}

static void both_ends_wait_for_what_is_left(void **state) {
  (void)state;
  open_relay();
  client->window = 0;
  fl_outside_data(&out, server, "reply");
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_int_equal(relays(), 1);
  fl_outside_pass(&out, 29 * FL_SECOND); /* write_timeout governs */
  assert_int_equal(relays(), 1);
  fl_outside_take(&out, client, 5);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_string_equal(fl_outside_sent(client), "reply");
  assert_false(client->reset);
}

static void a_silent_half_ends_after_half_close_timeout(void **state) {
  (void)state;
  open_relay();
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  fl_outside_pass(&out, 50 * FL_SECOND);
  fl_outside_data(&out, server, "x");
  fl_outside_pass(&out, 59 * FL_SECOND);
  assert_int_equal(relays(), 1);
  fl_outside_pass(&out, FL_SECOND);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_int_equal(metrics()->clients_closed[FL_HALF_CLOSE_TIMEOUT], 1);
}

static void a_client_that_finished_may_be_resumed_by_its_server(void **state) {
  (void)state;
  open_relay();
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  fl_outside_pass(&out, 59 * FL_SECOND);
  fl_outside_data(&out, client, "x");
  fl_outside_pass(&out, 59 * FL_SECOND);
  assert_int_equal(relays(), 1);
  fl_outside_pass(&out, FL_SECOND);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
}

static void a_reset_of_the_client_resets_the_server(void **state) {
  (void)state;
  open_relay();
  fl_outside_finish(&out, client, FL_PEER_RESET);
  assert_true(server->closing && server->reset);
  assert_true(client->closing && client->reset);
  assert_int_equal(metrics()->clients_closed[FL_PEER_RESET], 1);
  assert_int_equal(metrics()->upstream_closed[FL_CLIENT_LEFT], 1);
}

static void a_reset_of_the_server_resets_the_client(void **state) {
  (void)state;
  open_relay();
  fl_outside_finish(&out, server, FL_PEER_RESET);
  assert_true(server->closing && server->reset);
  assert_true(client->closing && client->reset);
  assert_int_equal(metrics()->clients_closed[FL_UPSTREAM_RESET], 1);
  assert_int_equal(metrics()->upstream_closed[FL_PEER_RESET], 1);
}

static void a_failed_write_is_a_reset(void **state) {
  (void)state;
  open_relay();
  out.send_reason = FL_PEER_RESET;
  fl_outside_data(&out, client, "x");
  assert_true(client->closing && client->reset);
  assert_int_equal(metrics()->clients_closed[FL_UPSTREAM_RESET], 1);
}

static void what_came_before_fin_outlives_a_reset(void **state) {
  (void)state;
  open_relay();
  server->window = 1;
  fl_outside_data(&out, client, "last words");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  fl_outside_finish(&out, client, FL_PEER_RESET);
  assert_true(client->closing);
  assert_false(server->closing);
  assert_false(server->reading);
  fl_outside_take(&out, server, 9);
  assert_string_equal(fl_outside_sent(server), "last words");
  assert_true(server->closing);
  assert_false(server->reset);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_int_equal(metrics()->clients_closed[FL_PEER_RESET], 1);
  assert_int_equal(metrics()->upstream_closed[FL_CLIENT_LEFT], 1);
}

static void what_the_server_said_before_fin_outlives_it(void **state) {
  (void)state;
  open_relay();
  client->window = 1;
  fl_outside_data(&out, server, "bye");
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  fl_outside_finish(&out, server, FL_PEER_RESET);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 0);
  assert_false(client->closing);
  fl_outside_take(&out, client, 2);
  assert_string_equal(fl_outside_sent(client), "bye");
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_false(client->reset);
}

static void nobody_waits_for_ever_to_be_delivered_to(void **state) {
  (void)state;
  open_relay();
  server->window = 1;
  fl_outside_data(&out, client, "last words");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  fl_outside_finish(&out, client, FL_PEER_RESET);
  fl_outside_pass(&out, 20 * FL_SECOND);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 0);
  assert_int_equal(relays(), 0);
  assert_int_equal(metrics()->upstream_closed[FL_WRITE_TIMEOUT], 1);
}

/* The server is done; the client does not take its replies. */
static void
a_client_that_stalls_after_its_fin_is_delivered_first(void **state) {
  (void)state;
  open_relay();
  server->window = client->window = 1;
  fl_outside_data(&out, client, "last words");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  fl_outside_pass(&out, 15 * FL_SECOND);
  fl_outside_take(&out, server, 1); /* it is slow, not stuck */
  fl_outside_data(&out, server, "reply");
  fl_outside_pass(&out, 15 * FL_SECOND);
  fl_outside_take(&out, server, 1);
  fl_outside_pass(&out, 15 * FL_SECOND);
  assert_true(client->closing);
  assert_false(server->closing);
  fl_outside_take(&out, server, 7);
  assert_string_equal(fl_outside_sent(server), "last words");
}

static void a_full_output_stops_what_feeds_it(void **state) {
  (void)state;
  open_relay();
  server->window = 0;
  pour(client, FL_HIGH_WATERMARK - 1);
  assert_true(client->reading);
  assert_true(server->reading);
  pour(client, 1);
  assert_false(client->reading);
  assert_true(server->reading);
  /* The first piece was handed over; the others gather behind it. */
  size_t first = server->rest.size;
  fl_outside_take(&out, server, first);
  fl_outside_take(&out, server, server->rest.size);
  assert_true(client->reading);
  assert_int_equal(strlen(fl_outside_sent(server)), FL_HIGH_WATERMARK);
}

static void large_reads_are_bounded_too(void **state) {
  static const uint8_t bytes[FL_BULK_READ_MAX];
  (void)state;
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  server = fl_outside_connect(&out, 0);
  assert_false(client->bulk);
  fl_outside_connected(&out, server, FL_OK);
  assert_true(client->bulk);
  assert_true(server->bulk);
  server->window = 0;
  pour(client, FL_HIGH_WATERMARK - 1);
  fl_conn_data(client->conn, (struct fl_slice){bytes, sizeof bytes}, out.now);
  assert_false(client->reading);
  assert_false(client->closing); /* so much may wait */
  fl_conn_data(client->conn, (struct fl_slice){bytes, 2}, out.now);
  assert_true(client->closing); /* and no more, should it come after all */
}

/* Between the end of one piece and the next write. */
static void bytes_stay_in_order_behind_what_gathers(void **state) {
  (void)state;
  open_relay();
  server->window = 1;
  fl_outside_data(&out, client, "ab");
  fl_outside_data(&out, client, "c");
  server->rest = (struct fl_slice){NULL, 0};
  server->rest_taken = 0;
  server->window = 100;
  fl_conn_sent(server->conn, out.now);
  fl_outside_data(&out, client, "d");
  assert_string_equal(fl_outside_sent(server), "acd"); /* b by the rest */
}

static void the_other_direction_is_bounded_too(void **state) {
  (void)state;
  open_relay();
  client->window = 0;
  pour(server, FL_HIGH_WATERMARK);
  assert_false(server->reading);
  assert_true(client->reading);
}

static void a_server_that_takes_nothing_times_out(void **state) {
  (void)state;
  open_relay();
  server->window = 0;
  fl_outside_data(&out, client, "x");
  fl_outside_pass(&out, 20 * FL_SECOND);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_int_equal(metrics()->upstream_closed[FL_WRITE_TIMEOUT], 1);
  assert_int_equal(metrics()->clients_closed[FL_WRITE_TIMEOUT], 1);
}

static void a_client_that_takes_nothing_times_out(void **state) {
  (void)state;
  open_relay();
  client->window = 0;
  fl_outside_data(&out, server, "x");
  fl_outside_pass(&out, 29 * FL_SECOND);
  assert_int_equal(relays(), 1);
  fl_outside_pass(&out, FL_SECOND);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_int_equal(metrics()->clients_closed[FL_WRITE_TIMEOUT], 1);
  assert_int_equal(metrics()->upstream_closed[FL_CLIENT_LEFT], 1);
}

static void silence_is_no_fault_unless_asked_for(void **state) {
  (void)state;
  open_relay();
  fl_outside_pass(&out, 1000000 * FL_SECOND);
  assert_int_equal(relays(), 1);
}

static void idle_timeout_counts_from_the_last_byte(void **state) {
  (void)state;
  out.listeners[1].idle_timeout = 10 * FL_SECOND;
  open_relay();
  fl_outside_pass(&out, 9 * FL_SECOND);
  fl_outside_data(&out, server, "x");
  fl_outside_pass(&out, 9 * FL_SECOND);
  assert_int_equal(relays(), 1);
  fl_outside_pass(&out, FL_SECOND);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_int_equal(metrics()->clients_closed[FL_IDLE_TIMEOUT], 1);
  assert_false(client->reset);
}

static void a_refused_connect_closes_the_client(void **state) {
  (void)state;
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  assert_true(client->closing);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_int_equal(metrics()->clients_closed[FL_CONNECT_REFUSED], 1);
  assert_int_equal(metrics()->connects_failed[FL_CONNECT_REFUSED], 1);
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_SERVER_DOWN, FL_CONNECT_REFUSED), 1);
}

static void a_connect_that_cannot_start_closes_the_client(void **state) {
  (void)state;
  out.connect_reason = FL_NO_PORTS;
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_int_equal(metrics()->clients_closed[FL_NO_PORTS], 1);
}

static void each_server_is_tried(void **state) {
  (void)state;
  out.upstream.server_count = 3;
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  fl_outside_turn(&out);
  fl_outside_connected(&out, fl_outside_connect(&out, 1), FL_UNREACHABLE);
  fl_outside_turn(&out);
  assert_false(client->closing);
  server = stand(2);
  fl_outside_data(&out, client, "x");
  assert_string_equal(fl_outside_sent(server), "x");
}

static void the_last_failure_is_the_reason(void **state) {
  (void)state;
  out.upstream.server_count = 2;
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  fl_outside_turn(&out);
  fl_outside_pass(&out, 4 * FL_SECOND); /* connect_timeout */
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_int_equal(metrics()->clients_closed[FL_CONNECT_TIMEOUT], 1);
}

static void backoff_makes_the_next_client_wait(void **state) {
  (void)state;
  fl_outside_start(&out);
  (void)fl_outside_accept(&out, 1);
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  fl_outside_turn(&out);
  client = fl_outside_accept(&out, 1);
  fl_outside_pass(&out, FL_SECOND - 1);
  assert_null(fl_outside_connect(&out, 1));
  fl_outside_pass(&out, 1);
  fl_outside_turn(&out);
  server = stand(1);
  fl_outside_data(&out, client, "x");
  assert_string_equal(fl_outside_sent(server), "x");
  assert_int_equal(fl_outside_events(&out, FL_EVENT_SERVER_UP, FL_OK), 1);
  /* It is trusted at once: two more connects may run side by side. */
  (void)fl_outside_accept(&out, 1);
  (void)fl_outside_accept(&out, 1);
  assert_int_equal(fl_outside_open(&out), 3);
}

static void max_size_is_hard_and_clients_take_turns(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  open_relay();
  struct fl_sock *second = fl_outside_accept(&out, 1);
  struct fl_sock *third = fl_outside_accept(&out, 1);
  assert_false(second->reading);
  assert_null(fl_outside_connect(&out, 1));
  fl_conn_end(client->conn, FL_PEER_RESET, out.now);
  fl_gateway_turn(out.gateway, out.now); /* it still closes: it counts */
  assert_null(fl_outside_connect(&out, 1));
  fl_outside_turn(&out);
  server = stand(1);
  assert_true(second->reading);
  assert_false(third->reading);
  fl_outside_data(&out, second, "second");
  assert_string_equal(fl_outside_sent(server), "second");
}

static void a_client_waits_no_longer_than_acquire_timeout(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  open_relay();
  (void)fl_outside_accept(&out, 1);
  fl_outside_pass(&out, 10 * FL_SECOND);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 1);
  assert_int_equal(metrics()->clients_closed[FL_ACQUIRE_TIMEOUT], 1);
}

static void beyond_max_waiters_the_newest_goes(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  out.upstream.pool.max_waiters = 1;
  open_relay();
  struct fl_sock *second = fl_outside_accept(&out, 1);
  struct fl_sock *third = fl_outside_accept(&out, 1);
  assert_false(second->closing);
  assert_true(third->closing);
  fl_outside_turn(&out);
  assert_int_equal(metrics()->clients_closed[FL_TOO_MANY_WAITERS], 1);
}

static void use_a_name(void) { out.servers[0].addr = (struct fl_addr){0}; }

static void names_are_looked_up_and_addresses_tried(void **state) {
  (void)state;
  struct fl_addr addrs[2] = {{.family = FL_ADDR_IP4, .port = 1, .ip = {10}},
                             {.family = FL_ADDR_IP4, .port = 2, .ip = {10}}};
  use_a_name();
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  fl_gateway_resolved(out.gateway, out.token, addrs, 2, FL_OK, out.now);
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  fl_outside_turn(&out);
  server = stand(1);
  assert_int_equal(server->addr.port, 2);
  fl_outside_data(&out, client, "x");
  assert_string_equal(fl_outside_sent(server), "x");
}

static void a_name_without_address_is_a_reason(void **state) {
  (void)state;
  use_a_name();
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  fl_gateway_resolved(out.gateway, out.token, NULL, 0, FL_RESOLVE_FAILED,
                      out.now);
  fl_outside_turn(&out);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_int_equal(metrics()->clients_closed[FL_RESOLVE_FAILED], 1);
}

static void a_lookup_may_outlast_its_client(void **state) {
  (void)state;
  out.upstream.connect_timeout = 60 * FL_SECOND;
  use_a_name();
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  fl_outside_pass(&out, 10 * FL_SECOND);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_int_equal(fl_gateway_upstream_connections(out.gateway), 0);
  fl_gateway_resolved(out.gateway, out.token, NULL, 0, FL_RESOLVE_FAILED,
                      out.now);
  fl_outside_turn(&out);
}

static void a_stop_leaves_relays_alone(void **state) {
  (void)state;
  open_relay();
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  assert_null(fl_outside_accept(&out, 1));
  fl_outside_data(&out, client, "x");
  assert_string_equal(fl_outside_sent(server), "x");
  fl_outside_stop(&out, FL_STOP_COMMANDS);
  assert_int_equal(relays(), 1);
  fl_outside_stop(&out, FL_STOP_NOW);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_int_equal(metrics()->clients_closed[FL_SHUTDOWN], 1);
  assert_int_equal(metrics()->upstream_closed[FL_SHUTDOWN], 1);
}

static void a_stop_ends_a_connect(void **state) {
  (void)state;
  fl_outside_start(&out);
  client = fl_outside_accept(&out, 1);
  fl_outside_stop(&out, FL_STOP_NOW);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
  assert_int_equal(fl_outside_open(&out), 0);
}

/* Although its client is gone. */
static void a_stop_ends_what_is_delivered(void **state) {
  (void)state;
  open_relay();
  server->window = 1;
  fl_outside_data(&out, client, "last words");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  fl_outside_finish(&out, client, FL_PEER_RESET);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 1);
  fl_outside_stop(&out, FL_STOP_NOW);
  fl_outside_turn(&out);
  assert_int_equal(relays(), 0);
}

static void round_robin_takes_turns(void **state) {
  (void)state;
  out.upstream.server_count = 2;
  out.upstream.balance = FL_BALANCE_ROUND_ROBIN;
  open_relay(); /* on the first */
  struct fl_sock *second = fl_outside_accept(&out, 1);
  (void)stand(1);
  fl_outside_finish(&out, second, FL_PEER_RESET);
  fl_outside_turn(&out);
  (void)fl_outside_accept(&out, 1);
  assert_int_equal(fl_outside_connect(&out, 2)->addr.port, 7000);
}

static void the_fewest_connections_come_first(void **state) {
  (void)state;
  out.upstream.server_count = 2;
  open_relay(); /* on the first */
  struct fl_sock *second = fl_outside_accept(&out, 1);
  (void)stand(1);
  fl_outside_finish(&out, second, FL_PEER_RESET);
  fl_outside_turn(&out);
  (void)fl_outside_accept(&out, 1);
  assert_int_equal(fl_outside_connect(&out, 2)->addr.port, 7001);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_scene)

/* Spare connections. */

static void a_spare_is_given_at_once(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  server = stand(0);
  client = fl_outside_accept(&out, 1);
  fl_outside_data(&out, client, "hello");
  assert_string_equal(fl_outside_sent(server), "hello");
  assert_int_equal(fl_outside_open(&out), 2); /* and the next one */
  fl_outside_finish(&out, client, FL_PEER_RESET);
  assert_true(server->closing);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 1);
}

static void what_a_server_says_first_is_kept(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  server = stand(0);
  fl_outside_data(&out, server, "220 ");
  fl_outside_data(&out, server, "ready");
  assert_false(server->closing);
  pour(server, 65536 - 9);
  assert_false(server->reading);
  client = fl_outside_accept(&out, 1);
  const char *heard = fl_outside_sent(client);
  assert_int_equal(strlen(heard), 65536);
  assert_memory_equal(heard, "220 readyxxx", 12);
  assert_true(server->reading);
}

static void a_spare_that_ends_is_replaced_in_time(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  out.random = UINT64_MAX / 2; /* half of `initial` */
  fl_outside_start(&out);
  server = stand(0);
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 0);
  fl_outside_pass(&out, 499999);
  assert_int_equal(fl_outside_open(&out), 0);
  fl_outside_pass(&out, 1);
  assert_int_equal(fl_outside_open(&out), 1);
  server = stand(1);
  fl_outside_pass(&out, 10 * FL_SECOND); /* it stood: no failure */
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 1);
}

static void spares_count_in_max_size(void **state) {
  (void)state;
  out.upstream.pool.min_size = 2;
  out.upstream.pool.max_size = 2;
  fl_outside_start(&out);
  (void)stand(0);
  (void)stand(1);
  for (int i = 0; i < 3; i++)
    client = fl_outside_accept(&out, 1);
  assert_int_equal(fl_outside_open(&out), 2);
  assert_false(client->reading); /* the third waits */
}

static void a_stop_closes_spares(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  server = stand(0);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  fl_outside_stop(&out, FL_STOP_COMMANDS);
  assert_true(server->closing);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(bytes_go_both_ways_as_they_are),
      TEST(the_server_is_connected_before_the_client_speaks),
      TEST(each_client_has_a_connection_of_its_own),
      TEST(fin_of_the_client_is_passed_on),
      TEST(fin_of_the_server_is_passed_on),
      TEST(fin_waits_for_what_comes_before_it),
      TEST(both_ends_wait_for_what_is_left),
      TEST(a_silent_half_ends_after_half_close_timeout),
      TEST(a_client_that_finished_may_be_resumed_by_its_server),
      TEST(a_reset_of_the_client_resets_the_server),
      TEST(a_reset_of_the_server_resets_the_client),
      TEST(a_failed_write_is_a_reset),
      TEST(what_came_before_fin_outlives_a_reset),
      TEST(what_the_server_said_before_fin_outlives_it),
      TEST(nobody_waits_for_ever_to_be_delivered_to),
      TEST(a_client_that_stalls_after_its_fin_is_delivered_first),
      TEST(a_full_output_stops_what_feeds_it),
      TEST(large_reads_are_bounded_too),
      TEST(bytes_stay_in_order_behind_what_gathers),
      TEST(the_other_direction_is_bounded_too),
      TEST(a_server_that_takes_nothing_times_out),
      TEST(a_client_that_takes_nothing_times_out),
      TEST(silence_is_no_fault_unless_asked_for),
      TEST(idle_timeout_counts_from_the_last_byte),
      TEST(a_refused_connect_closes_the_client),
      TEST(a_connect_that_cannot_start_closes_the_client),
      TEST(each_server_is_tried),
      TEST(the_last_failure_is_the_reason),
      TEST(backoff_makes_the_next_client_wait),
      TEST(max_size_is_hard_and_clients_take_turns),
      TEST(a_client_waits_no_longer_than_acquire_timeout),
      TEST(beyond_max_waiters_the_newest_goes),
      TEST(names_are_looked_up_and_addresses_tried),
      TEST(a_name_without_address_is_a_reason),
      TEST(a_lookup_may_outlast_its_client),
      TEST(a_stop_leaves_relays_alone),
      TEST(a_stop_ends_a_connect),
      TEST(a_stop_ends_what_is_delivered),
      TEST(round_robin_takes_turns),
      TEST(the_fewest_connections_come_first),
      TEST(a_spare_is_given_at_once),
      TEST(what_a_server_says_first_is_kept),
      TEST(a_spare_that_ends_is_replaced_in_time),
      TEST(spares_count_in_max_size),
      TEST(a_stop_closes_spares),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
