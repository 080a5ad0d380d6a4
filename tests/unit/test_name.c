#include "core/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static const struct fl_resolve_config config = {.ttl = 30 * FL_SECOND,
                                                .stale = 3600 * FL_SECOND};

static struct fl_addr ip4(unsigned i) {
  return (struct fl_addr){.family = FL_ADDR_IP4,
                          .port = 7000,
                          .ip = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
}

static struct fl_addr ip6(unsigned i) {
  return (struct fl_addr){
      .family = FL_ADDR_IP6, .port = 7000, .ip = {0xfd, [15] = (uint8_t)i}};
}

/* An answer alone. */

static void the_families_take_turns(void **state) {
  (void)state;
  struct fl_name name = {0};
  struct fl_addr addrs[] = {ip6(1), ip6(2), ip6(3), ip4(1), ip4(2), ip6(4)};
  struct fl_addr order[] = {ip6(1), ip4(1), ip6(2), ip4(2), ip6(3), ip6(4)};
  assert_false(fl_name_found(&name, &config, addrs, 6, 0));
  assert_int_equal(name.count, 6);
  for (int i = 0; i < 6; i++)
    assert_true(fl_addr_equal(&name.addrs[i], &order[i]));
}

static void the_resolvers_first_stays_first(void **state) {
  (void)state;
  struct fl_name name = {0};
  struct fl_addr addrs[] = {ip4(1), ip4(2), ip6(1)};
  fl_name_found(&name, &config, addrs, 3, 0);
  assert_true(fl_addr_equal(&name.addrs[0], &addrs[0]));
  assert_true(fl_addr_equal(&name.addrs[1], &addrs[2]));
  assert_true(fl_addr_equal(&name.addrs[2], &addrs[1]));
}

static void of_hundreds_sixteen_are_used(void **state) {
  (void)state;
  struct fl_name name = {0};
  struct fl_addr addrs[300];
  for (unsigned i = 0; i < 299; i++)
    addrs[i] = ip4(i);
  addrs[299] = ip6(1); /* the other family is not lost */
  fl_name_found(&name, &config, addrs, 300, 0);
  assert_int_equal(name.count, FL_NAME_ADDRS);
  assert_true(fl_addr_equal(&name.addrs[1], &addrs[299]));
  assert_false(fl_name_found(&name, &config, addrs, 300, 0));
}

static void another_order_is_no_change(void **state) {
  (void)state;
  struct fl_name name = {0};
  struct fl_addr addrs[] = {ip4(1), ip4(2)}, turned[] = {ip4(2), ip4(1)};
  struct fl_addr other[] = {ip4(1), ip4(3)};
  assert_false(fl_name_found(&name, &config, addrs, 2, 0));
  assert_false(fl_name_found(&name, &config, turned, 2, 0));
  assert_true(fl_name_found(&name, &config, other, 2, 0));
  assert_true(fl_name_found(&name, &config, other, 1, 0));
}

static void an_answer_has_its_time(void **state) {
  (void)state;
  struct fl_name name = {0};
  struct fl_addr addr = ip4(1);
  assert_false(fl_name_fresh(&name, 0));
  assert_false(fl_name_kept(&name, &config, 0));
  fl_name_found(&name, &config, &addr, 1, 5);
  assert_true(fl_name_fresh(&name, 5 + config.ttl - 1));
  assert_false(fl_name_fresh(&name, 5 + config.ttl));
  assert_true(fl_name_kept(&name, &config, 5 + config.stale - 1));
  assert_false(fl_name_kept(&name, &config, 5 + config.stale));
  fl_name_doubt(&name);
  assert_false(fl_name_fresh(&name, 5));
  assert_true(fl_name_kept(&name, &config, 5));
}

static void a_failure_keeps_the_old_answer(void **state) {
  (void)state;
  struct fl_name name = {0};
  struct fl_addr addr = ip4(1);
  struct fl_resolve_config day = {.ttl = 86400 * FL_SECOND,
                                  .stale = 86400 * FL_SECOND};
  fl_name_found(&name, &day, &addr, 1, 0);
  fl_name_failed(&name, &day, FL_RESOLVE_FAILED, 1);
  assert_int_equal(name.count, 1);
  assert_true(fl_name_fresh(&name, FL_NAME_RECHECK));
  assert_false(fl_name_fresh(&name, FL_NAME_RECHECK + 1)); /* not a day */
  fl_name_failed(&name, &day, FL_RESOLVE_FAILED, day.stale);
  assert_int_equal(name.count, 0);
}

static void that_there_is_none_is_an_answer(void **state) {
  (void)state;
  static const enum fl_reason reasons[] = {FL_NAME_UNKNOWN, FL_NO_ADDRESS};
  for (int i = 0; i < 2; i++) {
    struct fl_name name = {0};
    struct fl_addr addr = ip4(1);
    fl_name_found(&name, &config, &addr, 1, 0);
    fl_name_failed(&name, &config, reasons[i], 1);
    assert_int_equal(name.count, 0);
  }
}

/* In a gateway. */

static int setup(void **state) {
  static char host[] = "plc.example";
  (void)state;
  fl_outside_init(&out);
  out.servers[0].host = host;
  out.servers[0].addr.family = FL_ADDR_NONE;
  out.upstream.resolve = config;
  return 0;
}

static unsigned told(enum fl_event_kind kind, enum fl_reason reason) {
  return fl_outside_events(&out, kind, reason);
}

static void answer(unsigned first, unsigned count, enum fl_reason reason) {
  struct fl_addr addrs[300];
  for (unsigned i = 0; i < count; i++)
    addrs[i] = ip4(first + i);
  fl_gateway_resolved(out.gateway, out.token, addrs, count, reason, out.now);
  fl_outside_turn(&out);
}

static void connected(unsigned i, enum fl_reason reason) {
  fl_outside_connected(&out, fl_outside_connect(&out, i), reason);
  fl_outside_turn(&out);
}

/* A connection to 10.0.0.1 that has answered. */
static void serve(void) {
  fl_outside_start(&out);
  ask("a\n");
  answer(1, 1, FL_OK);
  connected(0, FL_OK);
  fl_outside_data(&out, fl_outside_connect(&out, 0), "A\n");
}

/* The next connect finds the answer too old. */
static void age(void) {
  fl_outside_pass(&out, config.ttl);
  ask("b\n");
  ask("c\n"); /* one goes to the idle connection, one needs another */
}

static void an_answer_is_used_until_it_is_old(void **state) {
  (void)state;
  serve();
  ask("b\n");
  ask("c\n");
  assert_non_null(fl_outside_connect(&out, 1));
  assert_int_equal(out.lookups, 1);
  connected(1, FL_CONNECT_REFUSED);
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_int_equal(out.lookups, 2); /* it may have moved */
  assert_int_equal(metrics()->lookups, 2);
}

static void the_old_answer_serves_while_the_resolver_fails(void **state) {
  (void)state;
  serve();
  age();
  assert_int_equal(out.lookups, 2);
  assert_null(fl_outside_connect(&out, 1));
  answer(0, 0, FL_RESOLVE_FAILED);
  assert_int_equal(fl_outside_connect(&out, 1)->addr.ip[3], 1);
  connected(1, FL_CONNECT_REFUSED);
  fl_outside_pass(&out, 1 * FL_SECOND);
  answer(0, 0, FL_RESOLVE_FAILED);
  assert_int_equal(told(FL_EVENT_NAME_STALE, FL_RESOLVE_FAILED), 1);
  assert_int_equal(metrics()->lookups_stale, 2);
  assert_int_equal(metrics()->lookups_failed[FL_RESOLVE_FAILED], 2);
  connected(2, FL_CONNECT_REFUSED);
  fl_outside_pass(&out, 2 * FL_SECOND);
  answer(1, 1, FL_OK);
  assert_int_equal(told(FL_EVENT_NAME_FRESH, FL_OK), 1);
  assert_int_equal(told(FL_EVENT_NAME_CHANGED, FL_OK), 0);
}

static void the_old_answer_serves_when_the_resolver_is_slow(void **state) {
  (void)state;
  serve();
  out.upstream.pool.max_size = 3;
  age();
  fl_outside_pass(&out, FL_NAME_PATIENCE - 1);
  assert_null(fl_outside_connect(&out, 1));
  fl_outside_pass(&out, 1);
  assert_non_null(fl_outside_connect(&out, 1));
  assert_int_equal(told(FL_EVENT_NAME_STALE, FL_RESOLVE_TIMEOUT), 1);
  connected(1, FL_CONNECT_REFUSED);
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_non_null(fl_outside_connect(&out, 2)); /* nobody waits for it again */
  assert_int_equal(out.lookups, 2);
  answer(1, 1, FL_OK); /* late, and welcome */
  assert_int_equal(told(FL_EVENT_NAME_FRESH, FL_OK), 1);
}

static void no_such_name_ends_the_old_answer(void **state) {
  (void)state;
  serve();
  age();
  answer(0, 0, FL_NAME_UNKNOWN);
  assert_null(fl_outside_connect(&out, 1));
  assert_int_equal(metrics()->connects_failed[FL_NAME_UNKNOWN], 1);
  assert_int_equal(fl_outside_open(&out), 1); /* what stands is not touched */
}

static void connections_to_gone_addresses_end_after_use(void **state) {
  (void)state;
  serve();
  age();
  answer(2, 2, FL_OK);
  assert_int_equal(told(FL_EVENT_NAME_CHANGED, FL_OK), 1);
  assert_int_equal(fl_outside_open(&out), 2); /* it is busy */
  fl_outside_data(&out, fl_outside_connect(&out, 0), "B\n");
  fl_outside_turn(&out);
  assert_int_equal(metrics()->upstream_closed[FL_ADDRESS_GONE], 1);
  assert_int_equal(metrics()->replies, 2);
  assert_int_equal(fl_outside_open(&out), 1);
  assert_int_equal(fl_outside_connect(&out, 1)->addr.ip[3], 2);
}

static void idle_connections_to_gone_addresses_end_at_once(void **state) {
  (void)state;
  serve();
  ask("b\n");
  ask("c\n");
  connected(1, FL_OK);
  fl_outside_data(&out, fl_outside_connect(&out, 0), "B\n");
  fl_outside_finish(&out, fl_outside_connect(&out, 1), FL_PEER_RESET);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 1);
  age();
  fl_outside_data(&out, fl_outside_connect(&out, 0), "B\n");
  fl_outside_data(&out, fl_outside_connect(&out, 0), "C\n");
  fl_outside_turn(&out); /* idle again */
  answer(2, 1, FL_OK);
  fl_outside_turn(&out);
  assert_int_equal(metrics()->upstream_closed[FL_ADDRESS_GONE], 1);
}

static void one_that_is_just_checked_ends_after_its_answer(void **state) {
  (void)state;
  out.upstream.keepalive.send = (struct fl_payload){true, 1, "k"};
  out.upstream.keepalive.expect = (struct fl_payload){true, 1, "K"};
  out.upstream.keepalive.interval = config.ttl;
  serve();
  fl_outside_pass(&out, config.ttl);
  assert_int_equal(metrics()->own_requests, 1);
  ask("b\n");
  ask("c\n"); /* more than it will have room for */
  answer(2, 1, FL_OK);
  assert_int_equal(metrics()->upstream_closed[FL_ADDRESS_GONE], 0);
  fl_outside_data(&out, fl_outside_connect(&out, 0), "K\n");
  fl_outside_turn(&out);
  assert_int_equal(metrics()->upstream_closed[FL_ADDRESS_GONE], 1);
}

static void a_session_does_not_give_it_back(void **state) {
  (void)state;
  out.listeners[1].mode = out.upstream.mode = FL_MODE_SESSION;
  out.upstream.framing.type = FL_FRAMING_RAW;
  out.upstream.reply_framing.type = FL_FRAMING_RAW;
  out.upstream.reset.send = (struct fl_bytes){2, "R\n"};
  out.upstream.reset.expect = (struct fl_bytes){3, "OK\n"};
  fl_outside_start(&out);
  struct fl_sock *first = ask("a");
  answer(1, 1, FL_OK);
  connected(0, FL_OK);
  fl_outside_pass(&out, config.ttl);
  ask("b");
  answer(2, 1, FL_OK);
  struct fl_sock *server = fl_outside_connect(&out, 0);
  fl_outside_data(&out, server, "A");
  assert_string_equal(fl_outside_sent(first), "A"); /* it goes on */
  fl_outside_finish(&out, first, FL_PEER_RESET);
  assert_string_equal(fl_outside_sent(server), "a");
  fl_outside_turn(&out);
  assert_null(server->conn);
}

static void too_many_addresses_are_told_once(void **state) {
  (void)state;
  serve();
  age();
  answer(1, 300, FL_OK);
  for (unsigned i = 1; i <= FL_NAME_ADDRS; i++)
    connected(i, FL_CONNECT_REFUSED);
  assert_null(fl_outside_connect(&out, FL_NAME_ADDRS + 1));
  fl_outside_pass(&out, 1 * FL_SECOND);
  answer(0, 290, FL_OK); /* in another order, as resolvers do */
  assert_int_equal(told(FL_EVENT_NAME_CUT, FL_OK), 1);
  assert_int_equal(told(FL_EVENT_NAME_CHANGED, FL_OK), 1);
  assert_int_equal(metrics()->addresses_ignored, 284 + 274);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_scene)
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_families_take_turns),
      cmocka_unit_test(the_resolvers_first_stays_first),
      cmocka_unit_test(of_hundreds_sixteen_are_used),
      cmocka_unit_test(another_order_is_no_change),
      cmocka_unit_test(an_answer_has_its_time),
      cmocka_unit_test(a_failure_keeps_the_old_answer),
      cmocka_unit_test(that_there_is_none_is_an_answer),
      TEST(an_answer_is_used_until_it_is_old),
      TEST(the_old_answer_serves_while_the_resolver_fails),
      TEST(the_old_answer_serves_when_the_resolver_is_slow),
      TEST(no_such_name_ends_the_old_answer),
      TEST(connections_to_gone_addresses_end_after_use),
      TEST(idle_connections_to_gone_addresses_end_at_once),
      TEST(one_that_is_just_checked_ends_after_its_answer),
      TEST(a_session_does_not_give_it_back),
      TEST(too_many_addresses_are_told_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
