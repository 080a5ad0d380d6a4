
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static void refuse(unsigned i) {
  fl_outside_connected(&out, fl_outside_connect(&out, i), FL_CONNECT_REFUSED);
  fl_outside_turn(&out);
}

static void attempts_at_a_refusing_server_back_off(void **state) {
  (void)state;
  static const fl_time waits[] = {1, 2, 4, 8, 16, 30, 30};
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  for (unsigned i = 0; i < sizeof waits / sizeof *waits; i++) {
    refuse(i);
    fl_outside_pass(&out, waits[i] * FL_SECOND - 1000);
    assert_null(fl_outside_connect(&out, i + 1));
    fl_outside_pass(&out, 1000);
    assert_non_null(fl_outside_connect(&out, i + 1));
  }
  assert_int_equal(metrics()->connects_failed[FL_CONNECT_REFUSED], 7);
}

static void a_server_that_is_back_is_used_at_once(void **state) {
  (void)state;
  fl_outside_start(&out);
  ask("a\n");
  ask("b\n");
  refuse(0);
  refuse(1);
  fl_outside_pass(&out, 1 * FL_SECOND);
  struct fl_sock *first = fl_outside_connect(&out, 2);
  assert_null(fl_outside_connect(&out, 3)); /* one attempt at a time */
  fl_outside_connected(&out, first, FL_OK);
  assert_string_equal(fl_outside_sent(first), "a\n");
  assert_non_null(fl_outside_connect(&out, 3));
}

static void an_outage_is_told_once(void **state) {
  (void)state;
  fl_outside_start(&out);
  ask("a\n");
  refuse(0);
  fl_outside_pass(&out, 1 * FL_SECOND);
  refuse(1);
  fl_outside_pass(&out, 2 * FL_SECOND);
  fl_outside_connected(&out, fl_outside_connect(&out, 2), FL_OK);
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_SERVER_DOWN, FL_CONNECT_REFUSED), 1);
  assert_int_equal(fl_outside_events(&out, FL_EVENT_SERVER_UP, FL_OK), 1);
}

static void accepting_and_closing_is_failing(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  for (unsigned i = 0; i < 5; i++) {
    struct fl_sock *server = fl_outside_connect(&out, i);
    fl_outside_connected(&out, server, FL_OK);
    fl_outside_finish(&out, server, FL_PEER_CLOSED);
    fl_outside_turn(&out);
    assert_null(fl_outside_connect(&out, i + 1));
    fl_outside_pass(&out, (FL_SECOND << i) - 1000);
    assert_null(fl_outside_connect(&out, i + 1));
    fl_outside_pass(&out, 1000);
  }
}

static void closing_what_was_idle_is_no_failure(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  for (unsigned i = 0; i < 8; i++) {
    struct fl_sock *server = fl_outside_connect(&out, i);
    assert_non_null(server); /* without a wait */
    fl_outside_connected(&out, server, FL_OK);
    fl_outside_pass(&out, 1 * FL_SECOND); /* as long as backoff.initial */
    fl_outside_finish(&out, server, FL_PEER_CLOSED);
    fl_outside_turn(&out);
  }
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_SERVER_DOWN, FL_PEER_CLOSED), 0);
}

static void a_client_that_makes_servers_hang_up_is_no_failure(void **state) {
  (void)state;
  fl_outside_start(&out);
  for (unsigned i = 0; i < 6; i++) {
    ask("quit\n");
    struct fl_sock *server = fl_outside_connect(&out, i);
    assert_non_null(server);
    fl_outside_connected(&out, server, FL_OK);
    fl_outside_finish(&out, server, FL_PEER_CLOSED);
  }
}

static void greeting_is_failing(void **state) {
  (void)state;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  struct fl_sock *server = fl_outside_connect(&out, 0);
  fl_outside_connected(&out, server, FL_OK);
  fl_outside_pass(&out, 2 * FL_SECOND);
  fl_outside_data(&out, server, "220 hello\n");
  fl_outside_turn(&out);
  assert_null(fl_outside_connect(&out, 1));
}

static void a_reply_forgives(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  refuse(0);
  fl_outside_pass(&out, 1 * FL_SECOND);
  struct fl_sock *server = fl_outside_connect(&out, 1);
  fl_outside_connected(&out, server, FL_OK);
  fl_outside_data(&out, server, "ok\n");
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  fl_outside_data(&out, client, "b\n");
  ask("c\n");
  fl_outside_turn(&out);
  assert_non_null(fl_outside_connect(&out, 2)); /* without a wait */
  assert_non_null(fl_outside_connect(&out, 3)); /* side by side again */
}

static void attempts_at_a_failing_server_are_no_help(void **state) {
  (void)state;
  out.upstream.server_count = 2;
  out.upstream.pool.max_size = 3;
  fl_outside_start(&out);
  ask("a\n");
  refuse(0);
  fl_outside_connected(&out, fl_outside_connect(&out, 1), FL_OK);
  fl_outside_pass(&out, 1 * FL_SECOND);
  ask("b\n");
  assert_int_equal(fl_outside_connect(&out, 2)->addr.port, 7000);
  assert_int_equal(fl_outside_connect(&out, 3)->addr.port, 7001);
}

static void a_full_server_is_left_alone_while_it_works(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = fl_outside_connect(&out, 0);
  fl_outside_connected(&out, server, FL_OK);
  ask("b\n");
  refuse(1);
  fl_outside_data(&out, server, "ok\n");
  for (int i = 0; i < 5; i++) {
    fl_outside_data(&out, client, "c\n");
    fl_outside_data(&out, server, "ok\n");
  }
  ask("d\n");
  ask("e\n");
  assert_null(fl_outside_connect(&out, 2)); /* not one per reply */
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_SERVER_DOWN, FL_CONNECT_REFUSED), 0);
  /* its one connection gone, there is a place again */
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  fl_outside_turn(&out);
  assert_non_null(fl_outside_connect(&out, 2));
}

static void a_failing_server_does_not_hold_up_the_other(void **state) {
  (void)state;
  out.upstream.server_count = 2;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  ask("a\n");
  refuse(0);
  struct fl_sock *other = fl_outside_connect(&out, 1);
  assert_non_null(other);
  assert_int_equal(other->addr.port, 7001);
  fl_outside_connected(&out, other, FL_OK);
  assert_string_equal(fl_outside_sent(other), "a\n");
}

static void a_connect_that_cannot_start_backs_off(void **state) {
  (void)state;
  out.connect_reason = FL_NO_DESCRIPTORS;
  fl_outside_start(&out);
  ask("a\n");
  assert_int_equal(metrics()->connects_failed[FL_NO_DESCRIPTORS], 1);
  out.connect_reason = FL_OK;
  fl_outside_turn(&out);
  assert_null(fl_outside_connect(&out, 0));
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_non_null(fl_outside_connect(&out, 0));
}

/* Names. */

static void name_the_server(void) {
  static char host[] = "plc.example";
  out.servers[0].host = host;
  out.servers[0].addr.family = FL_ADDR_NONE;
}

static void answer(unsigned count) {
  struct fl_addr addrs[20] = {{0}};
  for (unsigned i = 0; i < count; i++)
    addrs[i] = (struct fl_addr){
        .family = FL_ADDR_IP4, .port = 7000, .ip = {198, 51, 100, (uint8_t)i}};
  fl_gateway_resolved(out.gateway, out.token, addrs, count,
                      count > 0 ? FL_OK : FL_RESOLVE_FAILED, out.now);
  fl_outside_turn(&out);
}

static void addresses_are_tried_in_turn_one_at_a_time(void **state) {
  (void)state;
  name_the_server();
  fl_outside_start(&out);
  ask("a\n");
  assert_null(fl_outside_connect(&out, 0));
  answer(3);
  assert_int_equal(fl_outside_open(&out), 1);
  refuse(0);
  assert_int_equal(fl_outside_open(&out), 1);
  assert_int_equal(fl_outside_connect(&out, 1)->addr.ip[3], 1);
  refuse(1);
  assert_int_equal(fl_outside_connect(&out, 2)->addr.ip[3], 2);
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_SERVER_DOWN, FL_CONNECT_REFUSED), 0);
  refuse(2);
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_SERVER_DOWN, FL_CONNECT_REFUSED), 1);
}

static void a_name_without_an_address_is_a_failure(void **state) {
  (void)state;
  name_the_server();
  fl_outside_start(&out);
  ask("a\n");
  answer(0);
  assert_int_equal(metrics()->connects_failed[FL_RESOLVE_FAILED], 1);
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_int_equal(out.lookups, 2);
  answer(1);
  assert_non_null(fl_outside_connect(&out, 0));
}

static void a_lookup_that_is_never_answered_is_made_again(void **state) {
  (void)state;
  name_the_server();
  fl_outside_start(&out);
  ask("a\n");
  for (unsigned second = 1; second < 60; second++)
    fl_outside_pass(&out, 1 * FL_SECOND);
  assert_int_equal(out.lookups, 1); /* or they would pile up */
  ask("b\n");
  for (unsigned second = 0; second < 30; second++)
    fl_outside_pass(&out, 1 * FL_SECOND);
  assert_int_equal(out.lookups, 2);
}

static void a_lookup_that_cannot_start_backs_off(void **state) {
  (void)state;
  name_the_server();
  out.resolve_reason = FL_OUT_OF_MEMORY;
  fl_outside_start(&out);
  ask("a\n");
  assert_int_equal(out.lookups, 1);
  assert_int_equal(metrics()->connects_failed[FL_OUT_OF_MEMORY], 1);
  out.resolve_reason = FL_OK;
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_int_equal(out.lookups, 2);
}

static void connects_share_a_lookup(void **state) {
  (void)state;
  name_the_server();
  fl_outside_start(&out);
  ask("a\n");
  ask("b\n");
  assert_int_equal(out.lookups, 1);
  answer(1);
  assert_int_equal(fl_outside_open(&out), 2);
}

static void a_late_answer_is_nobodys(void **state) {
  (void)state;
  name_the_server();
  fl_outside_start(&out);
  ask("a\n");
  fl_token old = out.token;
  fl_outside_pass(&out, 4 * FL_SECOND);
  assert_int_equal(metrics()->connects_failed[FL_RESOLVE_TIMEOUT], 1);
  answer(1);
  assert_null(fl_outside_connect(&out, 0));
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_true(out.token != old);
  fl_gateway_resolved(out.gateway, old, NULL, 0, FL_RESOLVE_FAILED, out.now);
  answer(20); /* more than are kept */
  assert_non_null(fl_outside_connect(&out, 0));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_scene, end_scene)
  const struct CMUnitTest tests[] = {
      TEST(attempts_at_a_refusing_server_back_off),
      TEST(a_server_that_is_back_is_used_at_once),
      TEST(an_outage_is_told_once),
      TEST(accepting_and_closing_is_failing),
      TEST(closing_what_was_idle_is_no_failure),
      TEST(a_client_that_makes_servers_hang_up_is_no_failure),
      TEST(greeting_is_failing),
      TEST(a_reply_forgives),
      TEST(a_full_server_is_left_alone_while_it_works),
      TEST(a_failing_server_does_not_hold_up_the_other),
      TEST(attempts_at_a_failing_server_are_no_help),
      TEST(a_connect_that_cannot_start_backs_off),
      TEST(addresses_are_tried_in_turn_one_at_a_time),
      TEST(a_name_without_an_address_is_a_failure),
      TEST(a_lookup_that_is_never_answered_is_made_again),
      TEST(a_lookup_that_cannot_start_backs_off),
      TEST(connects_share_a_lookup),
      TEST(a_late_answer_is_nobodys)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
