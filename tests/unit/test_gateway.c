#include "outside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"

static struct fl_outside out;

static struct fl_slice text(const char *bytes) {
  return (struct fl_slice){(const uint8_t *)bytes, strlen(bytes)};
}

static void new_fails_cleanly_without_memory(void **state) {
  (void)state;
  struct fl_gateway_setup setup = {.io = &out.io, .occupancy = out.occupancy};
  struct fl_gateway *gateway = NULL;
  long allowed;
  fl_outside_init(&out);
  setup.generation = fl_generation_first(&out.config, NULL, 1);
  assert_non_null(setup.generation);
  for (allowed = 0; gateway == NULL; allowed++) {
    long before = fl_test_alloc_live();
    fl_test_alloc_fail_after(allowed);
    gateway = fl_gateway_new(&setup);
    fl_test_alloc_fail_after(-1);
    if (gateway == NULL)
      assert_int_equal(fl_test_alloc_live(), before);
  }
  assert_true(allowed > 4); /* it does allocate, so failures were seen */
  fl_gateway_free(gateway);
  fl_generation_release(setup.generation);
}

/* Every kind of traffic once, memory running out after `allowed` allocations.
   Nothing may crash or leak, and each request has at most one outcome.
   Returns how many allocations there were. */
static long traffic(long allowed) {
  fl_outside_init(&out);
  out.upstream.pool.min_size = 1;
  out.upstream.in_flight = 2;
  fl_outside_start(&out);
  struct fl_sock *command = fl_outside_accept(&out, 0);
  struct fl_sock *one = fl_outside_accept(&out, 1);
  struct fl_sock *two = fl_outside_accept(&out, 1);
  struct fl_sock *server = fl_outside_connect(&out, 0);
  fl_outside_connected(&out, server, FL_OK);
  server->window = 2;
  fl_test_alloc_fail_after(allowed);
  fl_conn_data(command->conn, text("PING\nhel"), out.now);
  fl_conn_data(one->conn, text("a\nb\nc\n"), out.now);
  fl_conn_data(two->conn, text("x\n"), out.now);
  fl_outside_turn(&out);
  fl_conn_data(server->conn, text("re:"), out.now);
  fl_outside_turn(&out);
  if (server->conn != NULL)
    fl_conn_data(server->conn, text("a\n"), out.now);
  fl_outside_turn(&out);
  if (server->conn != NULL)
    fl_conn_end(server->conn, FL_PEER_RESET, out.now);
  fl_outside_pass(&out, 20 * FL_SECOND);
  long count = fl_test_alloc_count();
  fl_test_alloc_fail_after(-1);
  const struct fl_metrics *m = fl_gateway_metrics(out.gateway);
  uint64_t failed = 0;
  for (int reason = 0; reason < FL_REASON_COUNT; reason++)
    failed += m->requests_failed[reason];
  assert_true(m->replies + failed + m->requests_abandoned <= m->requests);
  fl_outside_end(&out);
  return count;
}

static void traffic_survives_without_memory(void **state) {
  (void)state;
  long live = fl_test_alloc_live();
  long count = traffic(1000000);
  assert_true(count > 5);
  for (long allowed = 0; allowed <= count; allowed++) {
    traffic(allowed);
    assert_int_equal(fl_test_alloc_live(), live);
  }
}

static void a_stopping_gateway_takes_nobody(void **state) {
  (void)state;
  fl_outside_init(&out);
  fl_outside_start(&out);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  assert_null(fl_outside_accept(&out, 0));
  assert_null(fl_outside_accept(&out, 1));
  fl_outside_end(&out);
}

static void a_stop_closes_the_pool_when_requests_are_done(void **state) {
  (void)state;
  fl_outside_init(&out);
  out.upstream.pool.min_size = 2;
  fl_outside_start(&out);
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_OK);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  assert_int_equal(fl_outside_open(&out), 2);
  fl_outside_stop(&out, FL_STOP_COMMANDS);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 0);
  fl_outside_pass(&out, 60 * FL_SECOND); /* and it is not filled again */
  assert_int_equal(fl_outside_open(&out), 0);
  fl_outside_end(&out);
}

static void tick_says_when_it_is_needed_next(void **state) {
  (void)state;
  fl_outside_init(&out);
  fl_outside_start(&out);
  assert_int_equal(fl_gateway_turn(out.gateway, out.now), FL_NEVER);
  fl_outside_accept(&out, 0);
  assert_int_equal(fl_gateway_turn(out.gateway, out.now),
                   out.now + 300 * FL_SECOND);
  fl_outside_end(&out);
}

/* Each counts; the log gets the first, and later one with the number since. */
static void refused_clients_are_told_of_now_and_then(void **state) {
  (void)state;
  const struct fl_addr peer = {.family = FL_ADDR_IP4, .port = 7};
  fl_outside_init(&out);
  fl_outside_start(&out);
  for (int i = 0; i < 5; i++)
    fl_gateway_refused(out.gateway, 1, &peer, FL_DENIED_ADDRESS, out.now);
  fl_gateway_refused(out.gateway, 1, &peer, FL_ADDRESS_RATE, out.now);
  fl_gateway_refused(out.gateway, 0, &peer, FL_DENIED_ADDRESS, out.now);
  fl_gateway_refused(out.gateway, 1, &peer, FL_DENIED_ADDRESS,
                     out.now + FL_REFUSED_INTERVAL - 1);
  fl_gateway_refused(out.gateway, 1, &peer, FL_DENIED_ADDRESS,
                     out.now + FL_REFUSED_INTERVAL);
  static const uint64_t expected[] = {1, 0, 0, 0, 0, 1, 1, 0, 6};
  assert_int_equal(out.event_count, 9);
  for (unsigned i = 0; i < out.event_count; i++) {
    assert_int_equal(out.events[i].kind, FL_EVENT_CLIENT_REFUSED);
    assert_int_equal(out.events[i].refused, expected[i]);
  }
  const struct fl_metrics *metrics = fl_gateway_metrics(out.gateway);
  assert_int_equal(metrics->clients_refused[FL_DENIED_ADDRESS], 8);
  assert_int_equal(metrics->clients_refused[FL_ADDRESS_RATE], 1);
  fl_outside_end(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(new_fails_cleanly_without_memory),
      cmocka_unit_test(traffic_survives_without_memory),
      cmocka_unit_test(a_stopping_gateway_takes_nobody),
      cmocka_unit_test(a_stop_closes_the_pool_when_requests_are_done),
      cmocka_unit_test(refused_clients_are_told_of_now_and_then),
      cmocka_unit_test(tick_says_when_it_is_needed_next)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
