/* Why no connection was there for a request in time, as an operator is told. */
#include "core/operator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static int setup(void **state) {
  (void)state;
  fl_outside_init(&out);
  out.upstream.pool.max_size = 1;
  out.upstream.pool.acquire_timeout = 10 * FL_SECOND;
  out.upstream.request_timeout = 60 * FL_SECOND;
  return 0;
}

static void use_two_servers(void) {
  out.servers[1] = out.servers[0];
  out.servers[1].addr.port++;
  out.servers[1].text = (char *)"192.0.2.1:2";
  out.upstream.server_count = 2;
}

/* The last event of a request that waited in vain. */
static const struct fl_event *told(void) {
  static const struct fl_event none;
  const struct fl_event *last = &none;
  for (unsigned i = 0; i < out.event_count; i++)
    if (out.events[i].kind == FL_EVENT_REQUEST_FAILED)
      last = &out.events[i];
  assert_int_equal(last->kind, FL_EVENT_REQUEST_FAILED);
  assert_int_equal(last->reason, FL_ACQUIRE_TIMEOUT);
  assert_non_null(last->upstream);
  return last;
}

static void all_are_in_use(void **state) {
  (void)state;
  fl_outside_start(&out);
  ask("a\n");
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_OK);
  ask("b\n");
  fl_outside_pass(&out, 10 * FL_SECOND);
  assert_true(told()->stands);
  assert_false(told()->none_left);
  assert_int_equal(told()->failure, FL_OK);
  assert_null(told()->server);
}

static void one_is_still_on_its_way(void **state) {
  (void)state;
  out.upstream.connect_timeout = 60 * FL_SECOND;
  fl_outside_start(&out);
  ask("a\n");
  fl_outside_pass(&out, 10 * FL_SECOND);
  assert_false(told()->stands);
  assert_int_equal(told()->failure, FL_OK);
}

/* Of two servers that have failed the one that did last. */
static void the_last_failure_is_named(void **state) {
  (void)state;
  use_two_servers();
  out.upstream.backoff.initial = out.upstream.backoff.max = 60 * FL_SECOND;
  out.upstream.connect_timeout = 60 * FL_SECOND;
  out.random = UINT64_MAX; /* the longest of waits */
  fl_outside_start(&out);
  ask("a\n");
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  fl_outside_pass(&out, 7 * FL_SECOND);
  struct fl_sock *other = fl_outside_connect(&out, 1);
  unsigned which = other->addr.port == out.servers[1].addr.port;
  fl_outside_connected(&out, other, FL_UNREACHABLE);
  fl_outside_pass(&out, 3 * FL_SECOND);
  assert_false(told()->stands);
  assert_int_equal(told()->failure, FL_UNREACHABLE);
  assert_int_equal(told()->failed_ago, 3 * FL_SECOND);
  assert_string_equal(told()->server, out.servers[which].text);
}

/* What was long ago, and is over, explains nothing. */
static void a_server_that_has_worked_since(void **state) {
  (void)state;
  fl_outside_start(&out);
  ask("a\n");
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  fl_outside_pass(&out, FL_SECOND);
  struct fl_sock *server = fl_outside_connect(&out, 1);
  fl_outside_connected(&out, server, FL_OK);
  fl_outside_data(&out, server, "A\n");
  ask("b\n");
  ask("c\n");
  fl_outside_pass(&out, 10 * FL_SECOND);
  assert_true(told()->stands);
  assert_int_equal(told()->failure, FL_OK);
}

static void an_operator_has_taken_out_all(void **state) {
  (void)state;
  fl_outside_start(&out);
  fl_standing_say(out.generation->upstreams[0].standings[0], FL_ADMIN_DRAINED);
  fl_operator_apply(out.gateway, out.now);
  ask("a\n");
  fl_outside_pass(&out, 10 * FL_SECOND);
  assert_true(told()->none_left);
  assert_false(told()->stands);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_scene)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(all_are_in_use),
      TEST(one_is_still_on_its_way),
      TEST(the_last_failure_is_named),
      TEST(a_server_that_has_worked_since),
      TEST(an_operator_has_taken_out_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
