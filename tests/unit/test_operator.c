/* What an operator does: connections that are closed by their numbers, servers
   that are taken out and restored. */
#include "core/operator.h"

#include "core/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static bool cut(const struct fl_sock *sock) {
  bool found =
      fl_operator_close(out.gateway, fl_transport_id(sock->conn), out.now);
  fl_outside_turn(&out);
  return found;
}

static void a_client_is_closed(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *command = fl_outside_accept(&out, 0);
  struct fl_sock *other = fl_outside_accept(&out, 0);
  uint64_t id = fl_transport_id(command->conn);
  assert_true(cut(command));
  assert_true(command->closing && !command->reset);
  assert_false(other->closing);
  assert_int_equal(metrics()->clients_closed[FL_CLOSED_BY_OPERATOR], 1);
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_CLIENT_CLOSED, FL_CLOSED_BY_OPERATOR),
      1);
  assert_false(fl_operator_close(out.gateway, id, out.now));
}

static void its_requests_are_given_up(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *one = ask("a\n");
  struct fl_sock *server = stand(0);
  struct fl_sock *two = ask("b\n"); /* waits */
  assert_true(cut(two));
  assert_true(cut(one));
  assert_int_equal(metrics()->requests_abandoned, 2);
  fl_outside_data(&out, server, "A\n");
  assert_int_equal(metrics()->replies_dropped, 1);
  assert_false(server->closing);
}

static void a_pool_s_connection_is_closed(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  assert_true(cut(server));
  assert_true(server->closing);
  assert_non_null(strstr(fl_outside_sent(client), "closed_by_operator"));
  assert_int_equal(metrics()->upstream_closed[FL_CLOSED_BY_OPERATOR], 1);
  /* It is no fault of the server's. */
  fl_outside_data(&out, client, "b\n");
  server = stand(1);
  assert_string_equal(fl_outside_sent(server), "b\n");
}

static void closing_is_no_failure(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  assert_true(cut(stand(0)));
  fl_outside_turn(&out);
  assert_non_null(fl_outside_connect(&out, 1)); /* without backoff */
}

static void one_on_its_way_is_replaced(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  assert_true(cut(fl_outside_connect(&out, 0)));
  assert_string_equal(fl_outside_sent(stand(1)), "a\n");
  assert_false(client->closing);
}

/* Servers. */

static void say(unsigned server, enum fl_admin_state admin) {
  fl_standing_say(out.generation->upstreams[0].standings[server], admin);
  fl_operator_apply(out.gateway, out.now);
  fl_outside_turn(&out);
}

static struct fl_operator_load load(unsigned server) {
  return fl_operator_load(out.gateway,
                          out.generation->upstreams[0].standings[server]);
}

static void use_two_servers(void) {
  out.servers[1] = out.servers[0];
  out.servers[1].addr.port++;
  out.upstream.server_count = 2;
}

static bool is_of(const struct fl_sock *sock, unsigned server) {
  return sock->addr.port == out.servers[server].addr.port;
}

static void a_drained_server_finishes_what_it_has(void **state) {
  (void)state;
  use_two_servers();
  out.upstream.pool.min_size = 2;
  fl_outside_start(&out);
  struct fl_sock *busy = stand(0);
  struct fl_sock *spare = stand(1);
  assert_true(is_of(busy, 0) && is_of(spare, 1));
  struct fl_sock *client = ask("a\n");
  struct fl_sock *drained = fl_outside_sent(busy)[0] == 'a' ? busy : spare;
  unsigned which = is_of(drained, 1);
  say(which, FL_ADMIN_DRAINED);
  assert_false(drained->closing);
  assert_int_equal(load(which).requests, 1);
  assert_int_equal(load(!which).requests, 0);
  fl_outside_data(&out, client, "b\n"); /* in order: behind the first */
  fl_outside_data(&out, drained, "A\n");
  assert_string_equal(fl_outside_sent(client), "A\n");
  assert_true(drained->closing && !drained->reset);
  struct fl_sock *other = drained == busy ? spare : busy;
  assert_string_equal(fl_outside_sent(other), "b\n");
  fl_outside_data(&out, other, "B\n");
  assert_int_equal(metrics()->upstream_closed[FL_DRAINED], 1);
  /* min_size is filled with the other. */
  fl_outside_turn(&out);
  struct fl_sock *filled = fl_outside_connect(&out, 2);
  assert_true(filled != NULL && is_of(filled, !which));
  assert_int_equal(fl_outside_events(&out, FL_EVENT_SERVER_EJECTED, FL_DRAINED),
                   1);
}

static void spare_connections_close_at_once(void **state) {
  (void)state;
  out.upstream.pool.min_size = 2;
  fl_outside_start(&out);
  struct fl_sock *idle = stand(0);
  struct fl_sock *connecting = fl_outside_connect(&out, 1);
  say(0, FL_ADMIN_DRAINED);
  assert_true(idle->closing && connecting->closing);
  fl_outside_pass(&out, 60 * FL_SECOND);
  assert_null(fl_outside_connect(&out, 2)); /* not refilled */
}

static void an_ejected_server_loses_all(void **state) {
  (void)state;
  use_two_servers();
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  say(is_of(server, 1), FL_ADMIN_EJECTED);
  assert_true(server->closing);
  assert_non_null(strstr(fl_outside_sent(client), "ejected_by_operator"));
  fl_outside_data(&out, client, "b\n");
  struct fl_sock *other = stand(1);
  assert_true(is_of(other, !is_of(server, 1)));
  assert_string_equal(fl_outside_sent(other), "b\n");
  assert_int_equal(metrics()->servers_ejected[FL_EJECTED_BY_OPERATOR], 1);
}

static void what_had_not_left_goes_elsewhere(void **state) {
  (void)state;
  use_two_servers();
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = fl_outside_connect(&out, 0);
  server->window = 0;
  fl_outside_connected(&out, server, FL_OK);
  say(is_of(server, 1), FL_ADMIN_EJECTED);
  fl_outside_turn(&out);
  struct fl_sock *other = stand(1);
  assert_string_equal(fl_outside_sent(other), "a\n");
  assert_string_equal(fl_outside_sent(client), "");
}

/* A word of an operator's is stronger than the rule by which all are used when
   none is left. */
static void without_a_server_requests_wait(void **state) {
  (void)state;
  fl_outside_start(&out);
  say(0, FL_ADMIN_DRAINED);
  struct fl_sock *client = ask("a\n");
  assert_null(fl_outside_connect(&out, 0));
  assert_string_equal(fl_outside_sent(client), "");
  say(0, FL_ADMIN_IN);
  assert_string_equal(fl_outside_sent(stand(0)), "a\n");
  assert_int_equal(metrics()->servers_returned, 1);
  say(0, FL_ADMIN_EJECTED);
  fl_outside_data(&out, client, "b\n");
  fl_outside_pass(&out, out.upstream.pool.acquire_timeout);
  assert_non_null(strstr(fl_outside_sent(client), "acquire_timeout"));
}

static void backoff_ends_with_restore(void **state) {
  (void)state;
  fl_outside_start(&out);
  ask("a\n");
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  fl_outside_turn(&out);
  assert_null(fl_outside_connect(&out, 1));
  say(0, FL_ADMIN_IN);
  assert_non_null(fl_outside_connect(&out, 1));
  assert_int_equal(metrics()->servers_returned, 0); /* it was not out */
}

static void restore_ends_an_ejection_by_health(void **state) {
  (void)state;
  use_two_servers();
  out.upstream.health.interval = 3600 * FL_SECOND;
  out.upstream.health.fall = 1;
  fl_outside_start(&out);
  struct fl_standing *standing = out.generation->upstreams[0].standings[0];
  atomic_store(&standing->ejected, true);
  say(0, FL_ADMIN_IN);
  assert_false(fl_standing_ejected(standing));
  assert_int_equal(fl_outside_events(&out, FL_EVENT_SERVER_RETURNED, FL_OK), 1);
}

static void one_taken_out_is_not_checked(void **state) {
  (void)state;
  out.upstream.health.interval = 10 * FL_SECOND;
  out.upstream.health.timeout = FL_SECOND;
  out.upstream.health.rise = out.upstream.health.fall = 1;
  fl_outside_start(&out);
  assert_non_null(fl_outside_connect(&out, 0));
  say(0, FL_ADMIN_EJECTED);
  fl_outside_pass(&out, 60 * FL_SECOND);
  assert_null(fl_outside_connect(&out, 1));
  say(0, FL_ADMIN_IN);
  assert_non_null(fl_outside_connect(&out, 1)); /* checked at once */
}

static void a_word_is_told_once(void **state) {
  (void)state;
  fl_outside_start(&out);
  say(0, FL_ADMIN_DRAINED);
  say(0, FL_ADMIN_DRAINED);
  assert_int_equal(metrics()->servers_ejected[FL_DRAINED], 1);
  say(0, FL_ADMIN_EJECTED);
  assert_int_equal(metrics()->servers_ejected[FL_EJECTED_BY_OPERATOR], 1);
  say(0, FL_ADMIN_IN);
  say(0, FL_ADMIN_IN);
  assert_int_equal(metrics()->servers_returned, 1);
}

static void use_relays(void) {
  out.listeners[1].mode = FL_MODE_RELAY;
  out.listeners[1].idle_timeout = FL_NEVER;
  out.listeners[1].half_close_timeout = 60 * FL_SECOND;
  out.upstream.mode = FL_MODE_RELAY;
  use_two_servers();
}

static void relays_go_on_while_their_server_drains(void **state) {
  (void)state;
  use_relays();
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  struct fl_sock *server = stand(0);
  say(is_of(server, 1), FL_ADMIN_DRAINED);
  fl_outside_data(&out, client, "x");
  assert_string_equal(fl_outside_sent(server), "x");
  fl_outside_accept(&out, 1);
  assert_true(is_of(stand(1), !is_of(server, 1)));
  say(is_of(server, 1), FL_ADMIN_EJECTED);
  assert_true(server->reset && client->reset);
  assert_int_equal(metrics()->clients_closed[FL_EJECTED_BY_OPERATOR], 1);
  assert_int_equal(metrics()->upstream_closed[FL_EJECTED_BY_OPERATOR], 1);
}

/* The time runs from the first word on, and not for who is on another. */
static void relays_have_drain_timeout(void **state) {
  (void)state;
  use_relays();
  out.upstream.drain_timeout = 10 * FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  struct fl_sock *server = stand(0);
  struct fl_sock *other = fl_outside_accept(&out, 1);
  assert_false(is_of(stand(1), is_of(server, 1)));
  fl_outside_pass(&out, 60 * FL_SECOND);
  say(is_of(server, 1), FL_ADMIN_DRAINED);
  fl_outside_pass(&out, 9 * FL_SECOND);
  say(is_of(server, 1), FL_ADMIN_DRAINED);
  assert_false(client->closing);
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_true(client->reset && server->reset);
  assert_false(other->closing);
  assert_int_equal(metrics()->clients_closed[FL_DRAIN_TIMEOUT], 1);
  assert_int_equal(metrics()->upstream_closed[FL_DRAIN_TIMEOUT], 1);
}

static void restore_ends_drain_timeout(void **state) {
  (void)state;
  use_relays();
  out.upstream.drain_timeout = 10 * FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  unsigned server = is_of(stand(0), 1);
  say(server, FL_ADMIN_DRAINED);
  fl_outside_pass(&out, 9 * FL_SECOND);
  say(server, FL_ADMIN_IN);
  fl_outside_pass(&out, 60 * FL_SECOND);
  assert_false(client->closing);
  say(server, FL_ADMIN_DRAINED); /* it begins anew */
  fl_outside_pass(&out, 9 * FL_SECOND);
  assert_false(client->closing);
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_true(client->closing);
}

static void a_relay_on_its_way_goes_to_another_server(void **state) {
  (void)state;
  use_relays();
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  struct fl_sock *server = fl_outside_connect(&out, 0);
  say(is_of(server, 1), FL_ADMIN_DRAINED);
  assert_true(server->closing);
  fl_outside_turn(&out);
  struct fl_sock *other = stand(1);
  assert_true(is_of(other, !is_of(server, 1)));
  fl_outside_data(&out, client, "x");
  assert_string_equal(fl_outside_sent(other), "x");
}

static void one_that_looks_a_name_up_does_so_too(void **state) {
  (void)state;
  use_relays();
  out.servers[0].addr = (struct fl_addr){0};
  out.servers[1].addr.port++;
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  assert_int_equal(out.lookups, 1);
  say(0, FL_ADMIN_EJECTED);
  fl_outside_turn(&out);
  struct fl_sock *other = stand(0);
  /* The answer comes to nobody. */
  fl_gateway_resolved(out.gateway, out.token, &other->addr, 1, FL_OK, out.now);
  fl_outside_turn(&out);
  assert_null(fl_outside_connect(&out, 1));
  fl_outside_data(&out, client, "x");
  assert_string_equal(fl_outside_sent(other), "x");
}

/* What a session had would go back to the pool. */
static void a_session_gives_nothing_back(enum fl_admin_state admin) {
  use_relays();
  out.upstream.mode = out.listeners[1].mode = FL_MODE_SESSION;
  out.upstream.framing.type = FL_FRAMING_RAW;
  out.upstream.reply_framing.type = FL_FRAMING_RAW;
  out.upstream.reset.send = (struct fl_bytes){2, "R\n"};
  out.upstream.reset.expect = (struct fl_bytes){3, "OK\n"};
  fl_outside_start(&out);
  struct fl_sock *client = ask("q");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "a");
  say(is_of(server, 1), admin);
  if (admin == FL_ADMIN_DRAINED)
    fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_true(server->closing);
}

static void a_session_gives_nothing_back_while_draining(void **state) {
  (void)state;
  a_session_gives_nothing_back(FL_ADMIN_DRAINED);
}

static void nor_when_it_is_ejected(void **state) {
  (void)state;
  a_session_gives_nothing_back(FL_ADMIN_EJECTED);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_scene, end_scene)
  const struct CMUnitTest tests[] = {
      TEST(a_client_is_closed),
      TEST(its_requests_are_given_up),
      TEST(a_pool_s_connection_is_closed),
      TEST(closing_is_no_failure),
      TEST(one_on_its_way_is_replaced),
      TEST(a_drained_server_finishes_what_it_has),
      TEST(spare_connections_close_at_once),
      TEST(an_ejected_server_loses_all),
      TEST(what_had_not_left_goes_elsewhere),
      TEST(without_a_server_requests_wait),
      TEST(backoff_ends_with_restore),
      TEST(restore_ends_an_ejection_by_health),
      TEST(one_taken_out_is_not_checked),
      TEST(a_word_is_told_once),
      TEST(relays_go_on_while_their_server_drains),
      TEST(relays_have_drain_timeout),
      TEST(restore_ends_drain_timeout),
      TEST(a_relay_on_its_way_goes_to_another_server),
      TEST(one_that_looks_a_name_up_does_so_too),
      TEST(a_session_gives_nothing_back_while_draining),
      TEST(nor_when_it_is_ejected),
  };
  return cmocka_run_group_tests_name("operator", tests, NULL, NULL);
}
