/* Which servers are fit for use: checks, ejections, returns. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static struct fl_endpoint second;

static void give(struct fl_payload *payload, const char *text) {
  payload->given = true;
  payload->size = (uint16_t)strlen(text);
  memcpy(payload->bytes, text, payload->size);
}

/* Checks every 10 s by a request; a second ejects, one brings back. */
static int setup(void **state) {
  (void)state;
  fl_outside_init(&out);
  out.upstream.health.interval = 10 * FL_SECOND;
  out.upstream.health.timeout = FL_SECOND;
  out.upstream.health.rise = 1;
  out.upstream.health.fall = 2;
  give(&out.upstream.health.send, "PING");
  give(&out.upstream.health.expect, "PONG");
  return 0;
}

static unsigned told(enum fl_event_kind kind) {
  unsigned count = 0;
  for (unsigned i = 0; i < out.event_count; i++)
    count += out.events[i].kind == kind;
  return count;
}

static void use_two_servers(void) {
  second = out.servers[0];
  second.text = (char *)(uintptr_t) "second";
  second.addr.port++;
  out.servers[1] = second;
  out.upstream.server_count = 2;
}

static void by_connects(void) {
  out.upstream.health.send.size = 0;
  out.upstream.health.expect.size = 0;
}

static void a_check_opens_a_connection_and_asks(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  assert_string_equal(fl_outside_sent(server), "PING\n");
  fl_outside_data(&out, server, "PONG\n");
  fl_outside_pass(&out, 10 * FL_SECOND - 1);
  assert_string_equal(fl_outside_sent(server), "");
  fl_outside_pass(&out, 1);
  assert_string_equal(fl_outside_sent(server), "PING\n");
  assert_int_equal(metrics()->probes, 2);
}

static void replies_count_as_checks(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "PONG\n");
  struct fl_sock *client = fl_outside_accept(&out, 1);
  for (int i = 0; i < 5; i++) {
    fl_outside_pass(&out, 7 * FL_SECOND);
    fl_outside_data(&out, client, "a\n");
    fl_outside_data(&out, server, "re:a\n");
  }
  assert_int_equal(metrics()->probes, 1);
  fl_outside_pass(&out, 10 * FL_SECOND);
  assert_int_equal(metrics()->probes, 2);
}

/* Two failed checks eject; what is left is tried by all, for there is no other
   server. */
static void failed_checks_eject(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "NO\n");
  assert_int_equal(told(FL_EVENT_SERVER_EJECTED), 0);
  fl_outside_pass(&out, 10 * FL_SECOND);
  server = stand(1);
  fl_outside_pass(&out, FL_SECOND); /* health.timeout */
  assert_true(server->closing);
  assert_int_equal(told(FL_EVENT_SERVER_EJECTED), 1);
  assert_int_equal(metrics()->servers_ejected[FL_REQUEST_TIMEOUT], 1);
  fl_outside_turn(&out);
  struct fl_sock *client = ask("a\n");
  server = stand(2);
  assert_string_equal(fl_outside_sent(server), "a\n");
  fl_outside_data(&out, server, "re:a\n");
  assert_string_equal(fl_outside_sent(client), "re:a\n");
  assert_int_equal(told(FL_EVENT_SERVER_RETURNED), 1); /* rise is 1 */
}

static void refused_connects_eject(void **state) {
  (void)state;
  fl_outside_start(&out);
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  fl_outside_pass(&out, 10 * FL_SECOND);
  fl_outside_connected(&out, fl_outside_connect(&out, 1), FL_CONNECT_REFUSED);
  assert_int_equal(metrics()->servers_ejected[FL_CONNECT_REFUSED], 1);
  fl_outside_pass(&out, 10 * FL_SECOND);
  fl_outside_data(&out, stand(2), "PONG\n");
  assert_int_equal(told(FL_EVENT_SERVER_RETURNED), 1);
  assert_int_equal(metrics()->servers_returned, 1);
}

static void an_ejected_server_gets_no_requests(void **state) {
  (void)state;
  use_two_servers();
  out.upstream.pool.max_size = 4;
  fl_outside_start(&out);
  struct fl_sock *bad = stand(0);
  struct fl_sock *good = stand(1);
  fl_outside_data(&out, bad, "NO\n");
  fl_outside_data(&out, good, "PONG\n");
  fl_outside_sent(good);
  fl_outside_pass(&out, 10 * FL_SECOND);
  bad = stand(2);
  fl_outside_sent(good);
  fl_outside_data(&out, good, "PONG\n");
  fl_outside_data(&out, bad, "NO\n");
  assert_int_equal(told(FL_EVENT_SERVER_EJECTED), 1);
  for (int i = 0; i < 8; i++) {
    struct fl_sock *client = ask("a\n");
    assert_string_equal(fl_outside_sent(good), "a\n");
    fl_outside_data(&out, good, "re:a\n");
    assert_string_equal(fl_outside_sent(client), "re:a\n");
  }
  assert_int_equal(fl_outside_open(&out), 1);
  /* it is checked again, and works: it gets its share */
  fl_outside_pass(&out, 10 * FL_SECOND);
  bad = stand(3);
  fl_outside_data(&out, bad, "PONG\n");
  assert_int_equal(told(FL_EVENT_SERVER_RETURNED), 1);
  fl_outside_sent(bad);
  fl_outside_data(&out, good, "PONG\n");
  fl_outside_sent(good);
  ask("b\n");
  ask("c\n");
  assert_string_equal(fl_outside_sent(bad), "b\n");
  assert_string_equal(fl_outside_sent(good), "c\n");
}

/* The one place is taken by an idle connection of the server that is out. */
static void an_ejected_server_makes_room(void **state) {
  (void)state;
  use_two_servers();
  out.upstream.pool.max_size = 1;
  out.upstream.health.fall = 1;
  out.upstream.pool.idle_timeout = 100 * FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *first = stand(0);
  fl_outside_data(&out, first, "PONG\n");
  out.upstream.health.interval = FL_SECOND * 1000;
  struct fl_standing *standing = out.generation->upstreams[0].standings[0];
  atomic_store(&standing[0].ejected, true);
  ask("a\n");
  assert_true(first->closing && !first->reset);
  assert_int_equal(metrics()->upstream_closed[FL_EJECTED], 1);
  fl_outside_turn(&out);
  struct fl_sock *other = stand(1);
  assert_int_equal(other->addr.port, second.addr.port);
  assert_string_equal(fl_outside_sent(other), "a\n");
}

static void failed_requests_eject(void **state) {
  (void)state;
  use_two_servers();
  out.upstream.pool.max_size = 4;
  fl_outside_start(&out);
  struct fl_sock *bad = stand(0);
  struct fl_sock *good = stand(1);
  fl_outside_data(&out, bad, "PONG\n");
  fl_outside_data(&out, good, "PONG\n");
  fl_outside_sent(good);
  fl_outside_sent(bad);
  ask("a\n");
  assert_string_equal(fl_outside_sent(bad), "a\n");
  fl_outside_finish(&out, bad, FL_PEER_CLOSED);
  ask("b\n");
  assert_string_equal(fl_outside_sent(good), "b\n");
  ask("c\n");
  bad = stand(2);
  assert_string_equal(fl_outside_sent(bad), "c\n");
  fl_outside_finish(&out, bad, FL_PEER_RESET);
  assert_int_equal(metrics()->servers_ejected[FL_UPSTREAM_RESET], 1);
  assert_int_equal(told(FL_EVENT_SERVER_EJECTED), 1);
}

static void a_success_between_failures_is_no_row(void **state) {
  (void)state;
  fl_outside_start(&out);
  for (unsigned i = 0; i < 4; i++) {
    struct fl_sock *server = stand(2 * i);
    fl_outside_data(&out, server, "NO\n");
    fl_outside_pass(&out, 10 * FL_SECOND);
    server = stand(2 * i + 1);
    fl_outside_data(&out, server, "PONG\n");
    fl_outside_finish(&out, server, FL_PEER_CLOSED); /* idle: no failure */
    fl_outside_pass(&out, 10 * FL_SECOND);
  }
  assert_int_equal(told(FL_EVENT_SERVER_EJECTED), 0);
}

/* After the first success the others are sought without a wait. */
static void a_return_is_quick(void **state) {
  (void)state;
  out.upstream.health.rise = 3;
  fl_outside_start(&out);
  fl_outside_data(&out, stand(0), "NO\n");
  fl_outside_pass(&out, 10 * FL_SECOND);
  fl_outside_data(&out, stand(1), "NO\n");
  assert_int_equal(told(FL_EVENT_SERVER_EJECTED), 1);
  fl_outside_pass(&out, 10 * FL_SECOND);
  struct fl_sock *server = stand(2);
  for (int i = 0; i < 3; i++) {
    assert_string_equal(fl_outside_sent(server), "PING\n");
    assert_int_equal(told(FL_EVENT_SERVER_RETURNED), 0);
    fl_outside_data(&out, server, "PONG\n");
    fl_outside_pass(&out, 1);
  }
  assert_int_equal(told(FL_EVENT_SERVER_RETURNED), 1);
  assert_string_equal(fl_outside_sent(server), "");
}

static void a_connect_is_a_check(void **state) {
  (void)state;
  by_connects();
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  assert_true(server->closing && !server->reset);
  assert_int_equal(metrics()->upstream_closed[FL_PROBED], 1);
  fl_outside_turn(&out);
  fl_outside_pass(&out, 10 * FL_SECOND);
  fl_outside_connected(&out, fl_outside_connect(&out, 1), FL_CONNECT_REFUSED);
  fl_outside_pass(&out, 10 * FL_SECOND);
  fl_outside_pass(&out, out.upstream.connect_timeout);
  assert_int_equal(told(FL_EVENT_SERVER_EJECTED), 1);
  assert_int_equal(metrics()->servers_ejected[FL_CONNECT_TIMEOUT], 1);
}

static void who_waits_gets_the_connection_of_a_check(void **state) {
  (void)state;
  by_connects();
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  ask("a\n");
  struct fl_sock *server = stand(0);
  assert_string_equal(fl_outside_sent(server), "a\n");
}

/* A device that takes one connection never sees two, whatever is checked. */
static void a_check_waits_for_room(void **state) {
  (void)state;
  by_connects();
  out.upstream.pool.max_size = 1;
  out.upstream.pool.idle_timeout = 100 * FL_SECOND;
  fl_outside_start(&out);
  ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "re:a\n");
  fl_outside_pass(&out, 50 * FL_SECOND);
  assert_int_equal(fl_outside_open(&out), 1);
  assert_int_equal(metrics()->probes, 1);
  fl_conn_end(server->conn, FL_PEER_CLOSED, out.now);
  fl_gateway_turn(out.gateway, out.now); /* it is not closed yet */
  assert_null(fl_outside_connect(&out, 1));
  fl_outside_turn(&out);
  fl_outside_turn(&out);
  assert_true(fl_outside_connect(&out, 1)->closing ||
              fl_outside_connect(&out, 1)->connecting);
  assert_int_equal(metrics()->probes, 2);
}

static void a_check_keeps_to_reconnect_delay(void **state) {
  (void)state;
  by_connects();
  out.upstream.reconnect_delay = 15 * FL_SECOND;
  fl_outside_start(&out);
  stand(0);
  fl_outside_turn(&out);
  fl_outside_pass(&out, 15 * FL_SECOND - 1);
  assert_null(fl_outside_connect(&out, 1));
  fl_outside_pass(&out, 1);
  assert_non_null(fl_outside_connect(&out, 1));
}

static void a_check_signs_on(void **state) {
  (void)state;
  struct fl_step_config step;
  memset(&step, 0, sizeof step);
  give(&step.expect, "220");
  by_connects();
  out.upstream.on_connect = &step;
  out.upstream.on_connect_count = 1;
  fl_outside_start(&out);
  fl_outside_data(&out, stand(0), "421\n");
  fl_outside_pass(&out, 10 * FL_SECOND);
  fl_outside_data(&out, stand(1), "42");
  fl_outside_data(&out, fl_outside_connect(&out, 1), "1\n");
  assert_int_equal(metrics()->servers_ejected[FL_BAD_GREETING], 1);
  fl_outside_pass(&out, 10 * FL_SECOND);
  fl_outside_data(&out, stand(2), "22");
  fl_outside_data(&out, fl_outside_connect(&out, 2), "0\n");
  assert_int_equal(told(FL_EVENT_SERVER_RETURNED), 1);
  assert_int_equal(metrics()->upstream_closed[FL_PROBED], 1);
  out.upstream.on_connect_count = 0;
}

static void relays_are_checked_by_connects(void **state) {
  (void)state;
  by_connects();
  use_two_servers();
  out.listeners[1].mode = FL_MODE_RELAY;
  out.upstream.mode = FL_MODE_RELAY;
  out.upstream.pool.max_size = 10;
  fl_outside_start(&out);
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  assert_true(stand(1)->closing);
  fl_outside_pass(&out, 10 * FL_SECOND);
  fl_outside_connected(&out, fl_outside_connect(&out, 2), FL_CONNECT_REFUSED);
  assert_true(stand(3)->closing);
  assert_int_equal(told(FL_EVENT_SERVER_EJECTED), 1);
  fl_outside_turn(&out);
  for (unsigned i = 4; i < 8; i++) {
    fl_outside_accept(&out, 1);
    fl_outside_turn(&out);
    struct fl_sock *server = stand(i);
    assert_int_equal(server->addr.port, second.addr.port);
  }
}

static void nothing_is_checked_in_a_stop(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "PONG\n");
  fl_outside_sent(server);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  fl_outside_pass(&out, 20 * FL_SECOND);
  assert_string_equal(fl_outside_sent(server), "");
}

static void without_an_interval_nothing_is_ejected(void **state) {
  (void)state;
  out.upstream.health.interval = 0;
  fl_outside_start(&out);
  assert_null(fl_outside_connect(&out, 0));
  ask("a\n");
  for (unsigned i = 0; i < 2; i++) {
    fl_outside_connected(&out, fl_outside_connect(&out, i), FL_CONNECT_REFUSED);
    fl_outside_pass(&out, FL_SECOND);
  }
  assert_int_equal(told(FL_EVENT_SERVER_EJECTED), 0);
}

#define TEST(function)                                                         \
  cmocka_unit_test_setup_teardown(function, setup, end_scene)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_check_opens_a_connection_and_asks),
      TEST(replies_count_as_checks),
      TEST(failed_checks_eject),
      TEST(refused_connects_eject),
      TEST(an_ejected_server_gets_no_requests),
      TEST(an_ejected_server_makes_room),
      TEST(failed_requests_eject),
      TEST(a_success_between_failures_is_no_row),
      TEST(a_return_is_quick),
      TEST(a_connect_is_a_check),
      TEST(who_waits_gets_the_connection_of_a_check),
      TEST(a_check_waits_for_room),
      TEST(a_check_keeps_to_reconnect_delay),
      TEST(a_check_signs_on),
      TEST(relays_are_checked_by_connects),
      TEST(nothing_is_checked_in_a_stop),
      TEST(without_an_interval_nothing_is_ejected),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
