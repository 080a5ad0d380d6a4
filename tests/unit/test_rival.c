/* Attempts at several addresses of a name beside each other. */
#include "alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scene.h"

static int setup(void **state) {
  static char host[] = "plc.example";
  (void)state;
  fl_outside_init(&out);
  out.servers[0].host = host;
  out.servers[0].addr.family = FL_ADDR_NONE;
  out.upstream.resolve.head_start = 250 * FL_MILLISECOND;
  out.upstream.resolve.ttl = 3600 * FL_SECOND;
  return 0;
}

static void answer(unsigned count) {
  struct fl_addr addrs[20] = {{0}};
  for (unsigned i = 0; i < count; i++)
    addrs[i] = (struct fl_addr){
        .family = FL_ADDR_IP4, .port = 7000, .ip = {198, 51, 100, (uint8_t)i}};
  fl_gateway_resolved(out.gateway, out.token, addrs, count, FL_OK, out.now);
  fl_outside_turn(&out);
}

/* A client asks, and the name turns out to have so many addresses. */
static struct fl_sock *ask_among(unsigned addresses) {
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  if (out.listeners[1].mode == FL_MODE_REQUEST)
    fl_outside_data(&out, client, "a\n");
  answer(addresses);
  return client;
}

static void pass(unsigned milliseconds) {
  fl_outside_pass(&out, milliseconds * FL_MILLISECOND);
}

/* The i-th connect, which went to this address. */
static struct fl_sock *to(unsigned i, uint8_t address) {
  struct fl_sock *sock = fl_outside_connect(&out, i);
  assert_non_null(sock);
  assert_int_equal(sock->addr.ip[3], address);
  return sock;
}

static void answers(unsigned i, uint8_t address, enum fl_reason reason) {
  fl_outside_connected(&out, to(i, address), reason);
}

static void the_next_address_is_tried_beside_a_slow_one(void **state) {
  (void)state;
  struct fl_sock *client = ask_among(2);
  pass(249);
  assert_int_equal(fl_outside_open(&out), 1);
  pass(1);
  assert_int_equal(fl_outside_open(&out), 2);
  answers(1, 1, FL_OK);
  assert_string_equal(fl_outside_sent(to(1, 1)), "a\n");
  assert_true(to(0, 0)->closing && to(0, 0)->reset);
  assert_int_equal(fl_outside_open(&out), 1);
  assert_int_equal(metrics()->connects_overtaken, 1);
  assert_int_equal(metrics()->upstream_connects, 1);
  assert_int_equal(metrics()->connects_failed[FL_CONNECT_TIMEOUT], 0);
  assert_int_equal(fl_outside_events(&out, FL_EVENT_CONNECT_OVERTAKEN, FL_OK),
                   1);
  fl_outside_data(&out, to(1, 1), "b\n");
  assert_string_equal(fl_outside_sent(client), "b\n");
}

static void the_first_may_still_win(void **state) {
  (void)state;
  ask_among(2);
  pass(250);
  answers(0, 0, FL_OK);
  assert_string_equal(fl_outside_sent(to(0, 0)), "a\n");
  assert_true(to(1, 1)->closing);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 1);
  assert_int_equal(metrics()->connects_overtaken, 1);
}

static void each_has_its_head_start(void **state) {
  (void)state;
  out.upstream.pool.max_size = 10;
  ask_among(4);
  for (unsigned i = 1; i <= 4; i++) {
    assert_int_equal(fl_outside_open(&out), i);
    pass(250);
  }
  assert_int_equal(fl_outside_open(&out), 4);
  answers(2, 2, FL_OK);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 1);
  assert_int_equal(metrics()->connects_overtaken, 3);
}

static void none_is_above_max_size(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  ask_among(2);
  pass(1000);
  assert_int_equal(fl_outside_open(&out), 1);
  pass(3000); /* connect_timeout */
  assert_int_equal(fl_outside_open(&out), 1);
  fl_outside_turn(&out);
  answers(1, 1, FL_OK);
  assert_int_equal(metrics()->connects_failed[FL_CONNECT_TIMEOUT], 1);
  assert_int_equal(metrics()->connects_overtaken, 0);
}

static void a_place_is_looked_for_at_a_measured_pace(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  out.upstream.resolve.head_start = FL_MILLISECOND;
  ask_among(2);
  pass(1);
  assert_int_equal(fl_outside_open(&out), 1);
  assert_int_equal(out.due, out.now + 100 * FL_MILLISECOND);
}

static void a_place_that_comes_free_is_used(void **state) {
  (void)state;
  out.upstream.pool.max_size = 2;
  ask_among(3);
  pass(250);
  pass(250);
  assert_null(fl_outside_connect(&out, 2));
  answers(1, 1, FL_CONNECT_REFUSED);
  assert_int_equal(metrics()->connects_failed[FL_CONNECT_REFUSED], 1);
  assert_int_equal(fl_outside_open(&out), 2);
  answers(2, 2, FL_OK); /* it did not wait for its head start */
  assert_string_equal(fl_outside_sent(to(2, 2)), "a\n");
}

static void without_a_head_start_they_take_turns(void **state) {
  (void)state;
  out.upstream.resolve.head_start = 0;
  ask_among(2);
  pass(3999);
  assert_int_equal(fl_outside_open(&out), 1);
  pass(1);
  assert_int_equal(fl_outside_open(&out), 1);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 1);
  to(1, 1);
}

static void a_failure_starts_the_next_at_once(void **state) {
  (void)state;
  ask_among(3);
  pass(100);
  answers(0, 0, FL_CONNECT_REFUSED);
  to(1, 1);
  pass(250);
  to(2, 2);
  /* The attempt that fails leaves the others alone. */
  answers(1, 1, FL_UNREACHABLE);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 1);
  answers(2, 2, FL_OK);
  assert_string_equal(fl_outside_sent(to(2, 2)), "a\n");
  assert_int_equal(metrics()->connects_overtaken, 0);
}

static void when_all_fail_the_server_has(void **state) {
  (void)state;
  ask_among(3);
  pass(250);
  answers(0, 0, FL_CONNECT_REFUSED);
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_SERVER_DOWN, FL_CONNECT_REFUSED), 0);
  answers(1, 1, FL_CONNECT_REFUSED);
  answers(2, 2, FL_CONNECT_REFUSED);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 0);
  assert_int_equal(metrics()->connects_failed[FL_CONNECT_REFUSED], 3);
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_SERVER_DOWN, FL_CONNECT_REFUSED), 1);
}

static void each_has_its_own_time(void **state) {
  (void)state;
  ask_among(2);
  pass(250);
  pass(3749);
  assert_false(to(0, 0)->closing);
  pass(1);
  assert_true(to(0, 0)->closing && !to(1, 1)->closing);
  pass(249);
  assert_false(to(1, 1)->closing);
  pass(1);
  assert_true(to(1, 1)->closing);
  assert_int_equal(metrics()->connects_failed[FL_CONNECT_TIMEOUT], 2);
}

static void who_needs_the_place_gets_it(void **state) {
  (void)state;
  ask_among(2);
  pass(250);
  struct fl_sock *other = fl_outside_accept(&out, 1);
  fl_outside_data(&out, other, "o\n");
  assert_true(to(1, 1)->closing && !to(0, 0)->closing);
  fl_outside_turn(&out);
  answers(2, 0, FL_OK);                                  /* the other's own */
  assert_string_equal(fl_outside_sent(to(2, 0)), "a\n"); /* in turn */
  answers(0, 0, FL_CONNECT_REFUSED);
  fl_outside_turn(&out);
  answers(3, 1, FL_OK); /* the address that gave way */
  assert_string_equal(fl_outside_sent(to(3, 1)), "o\n");
  assert_int_equal(metrics()->connects_overtaken, 0);
}

static void they_are_no_spare_connections(void **state) {
  (void)state;
  out.upstream.pool.max_size = 4;
  out.upstream.pool.min_size = 2;
  fl_outside_start(&out);
  answer(2);
  assert_int_equal(fl_outside_open(&out), 2);
  pass(250);
  assert_int_equal(fl_outside_open(&out), 4);
  answers(2, 1, FL_OK);
  answers(3, 1, FL_OK);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 2);
  assert_int_equal(metrics()->upstream_connects, 2);
}

static void memory_that_is_out_costs_only_the_race(void **state) {
  (void)state;
  ask_among(2);
  fl_test_alloc_fail_after(0);
  pass(250);
  fl_test_alloc_fail_after(-1);
  assert_int_equal(fl_outside_open(&out), 1);
  pass(250);
  assert_int_equal(fl_outside_open(&out), 2);
}

static void an_address_that_cannot_be_tried_gives_its_place_back(void **state) {
  (void)state;
  ask_among(2);
  out.connect_reason = FL_UNREACHABLE;
  pass(250);
  assert_int_equal(fl_gateway_upstream_connections(out.gateway), 1);
  pass(250);
  answers(0, 0, FL_OK);
  assert_string_equal(fl_outside_sent(to(0, 0)), "a\n");
}

static void a_stop_ends_all(void **state) {
  (void)state;
  ask_among(2);
  pass(250);
  fl_outside_stop(&out, FL_STOP_NOW);
  assert_true(to(0, 0)->closing && to(1, 1)->closing);
}

static void relays_race_too(void **state) {
  (void)state;
  out.listeners[1].mode = FL_MODE_RELAY;
  out.upstream.mode = FL_MODE_RELAY;
  struct fl_sock *client = ask_among(2);
  pass(250);
  answers(1, 1, FL_OK);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 1);
  fl_outside_data(&out, client, "x");
  assert_string_equal(fl_outside_sent(to(1, 1)), "x");
  assert_int_equal(metrics()->connects_overtaken, 1);
}

static void a_relay_that_waits_gets_the_place(void **state) {
  (void)state;
  out.listeners[1].mode = FL_MODE_RELAY;
  out.upstream.mode = FL_MODE_RELAY;
  ask_among(2);
  pass(250);
  struct fl_sock *other = fl_outside_accept(&out, 1);
  fl_outside_turn(&out);
  answers(2, 0, FL_OK);
  fl_outside_data(&out, other, "x");
  assert_string_equal(fl_outside_sent(to(2, 0)), "x");
}

static void a_client_that_leaves_ends_the_race(void **state) {
  (void)state;
  out.listeners[1].mode = FL_MODE_RELAY;
  out.upstream.mode = FL_MODE_RELAY;
  out.listeners[1].idle_timeout = FL_NEVER;
  out.upstream.pool.acquire_timeout = FL_SECOND;
  ask_among(2);
  pass(250);
  pass(750);
  assert_true(to(0, 0)->closing && to(1, 1)->closing);
  fl_outside_turn(&out);
  assert_int_equal(fl_gateway_upstream_connections(out.gateway), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_scene)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_next_address_is_tried_beside_a_slow_one),
      TEST(the_first_may_still_win),
      TEST(each_has_its_head_start),
      TEST(none_is_above_max_size),
      TEST(a_place_is_looked_for_at_a_measured_pace),
      TEST(a_place_that_comes_free_is_used),
      TEST(without_a_head_start_they_take_turns),
      TEST(a_failure_starts_the_next_at_once),
      TEST(when_all_fail_the_server_has),
      TEST(each_has_its_own_time),
      TEST(who_needs_the_place_gets_it),
      TEST(they_are_no_spare_connections),
      TEST(memory_that_is_out_costs_only_the_race),
      TEST(an_address_that_cannot_be_tried_gives_its_place_back),
      TEST(a_stop_ends_all),
      TEST(relays_race_too),
      TEST(a_relay_that_waits_gets_the_place),
      TEST(a_client_that_leaves_ends_the_race)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
