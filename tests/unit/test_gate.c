/* Listeners that close while no server of their upstream is in. */

#include "core/reload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

/* A check is a connect, every 10 s; one failure ejects, one success brings
   back. */
static int setup(void **state) {
  (void)state;
  fl_outside_init(&out);
  out.upstream.health.interval = 10 * FL_SECOND;
  out.upstream.health.timeout = FL_SECOND;
  out.upstream.health.rise = 1;
  out.upstream.health.fall = 1;
  out.listeners[1].on_upstream_down = FL_UPSTREAM_DOWN_CLOSE;
  return 0;
}

static unsigned told(enum fl_event_kind kind) {
  return fl_outside_events(&out, kind, FL_OK);
}

static void check_ends(unsigned i, enum fl_reason reason) {
  struct fl_sock *server = fl_outside_connect(&out, i);
  assert_non_null(server);
  fl_outside_connected(&out, server, reason);
  fl_outside_turn(&out);
}

static void it_opens_with_the_first_success(void **state) {
  (void)state;
  fl_outside_start(&out);
  assert_int_equal(out.listening, false);
  assert_false(fl_gateway_listens(out.gateway, 1));
  assert_true(fl_gateway_listens(out.gateway, 0));
  assert_int_equal(told(FL_EVENT_LISTENER_CLOSED), 1);
  assert_false(out.events[0].none_left);
  check_ends(0, FL_OK);
  assert_int_equal(out.listening, true);
  assert_true(fl_gateway_listens(out.gateway, 1));
  assert_int_equal(told(FL_EVENT_LISTENER_OPENED), 1);
}

static void it_closes_and_opens_with_the_servers(void **state) {
  (void)state;
  out.upstream.server_count = 2;
  fl_outside_start(&out);
  check_ends(0, FL_OK);
  check_ends(1, FL_OK);
  fl_outside_pass(&out, 10 * FL_SECOND);
  check_ends(2, FL_CONNECT_REFUSED);
  assert_int_equal(out.listening, true); /* one is in */
  check_ends(3, FL_CONNECT_REFUSED);
  assert_int_equal(out.listening, false);
  assert_int_equal(metrics()->listener_closed, 2);
  assert_true(out.events[out.event_count - 1].none_left);
  fl_outside_pass(&out, 10 * FL_SECOND);
  check_ends(4, FL_OK);
  assert_int_equal(out.listening, true);
  assert_int_equal(metrics()->listener_opened, 2);
  assert_int_equal(out.events[out.event_count - 1].kind,
                   FL_EVENT_LISTENER_OPENED);
  assert_true(out.events[out.event_count - 1].duration == 10 * FL_SECOND);
}

static void keep_keeps_it_open(void **state) {
  (void)state;
  out.listeners[1].on_upstream_down = FL_UPSTREAM_DOWN_KEEP;
  fl_outside_start(&out);
  check_ends(0, FL_CONNECT_REFUSED);
  assert_int_equal(out.listening, -1);
  assert_true(fl_gateway_listens(out.gateway, 1));
}

/* Clients that are here are served on, as if nothing were ejected. */
static void its_clients_stay(void **state) {
  (void)state;
  fl_outside_start(&out);
  check_ends(0, FL_OK);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  fl_outside_pass(&out, 10 * FL_SECOND);
  check_ends(1, FL_CONNECT_REFUSED);
  assert_int_equal(out.listening, false);
  fl_outside_data(&out, client, "a\n");
  struct fl_sock *late = fl_outside_accept(&out, 1); /* it was queued */
  fl_outside_pass(&out, FL_SECOND);
  struct fl_sock *server = fl_outside_connect(&out, 2);
  assert_non_null(server);
  fl_outside_connected(&out, server, FL_OK);
  assert_string_equal(fl_outside_sent(server), "a\n");
  fl_outside_data(&out, server, "re:a\n");
  assert_string_equal(fl_outside_sent(client), "re:a\n");
  assert_int_equal(out.listening, true); /* a reply is a success */
  assert_false(client->closing || late->closing);
}

/* What another worker's shard finds is seen when this one's turn ends. */
static void another_shard_may_find_it(void **state) {
  (void)state;
  fl_outside_start(&out);
  check_ends(0, FL_OK);
  struct fl_standing *standing = out.generation->upstreams[0].standings[0];
  atomic_store(&standing->ejected, true);
  fl_outside_turn(&out);
  assert_int_equal(out.listening, false);
  atomic_store(&standing->ejected, false);
  fl_outside_turn(&out);
  assert_int_equal(out.listening, true);
  assert_int_equal(out.stirred, 0); /* this shard decides */
}

static void addresses_that_cannot_be_bound_are_counted(void **state) {
  (void)state;
  fl_outside_start(&out);
  check_ends(0, FL_OK);
  fl_gateway_rebind_failed(out.gateway, 1, true);
  fl_gateway_rebind_failed(out.gateway, 1, false);
  assert_int_equal(metrics()->listener_rebinds_failed, 2);
  fl_gateway_rebound(out.gateway, 1);
}

/* A reload that says "keep" opens it. */
static void a_reload_opens_it(void **state) {
  (void)state;
  static bool taken[FL_LISTENER_SLOTS];
  struct fl_generation_error error;
  struct fl_listener_config listeners[2];
  struct fl_config config;
  fl_outside_start(&out);
  assert_int_equal(out.listening, false);
  memcpy(listeners, out.listeners, sizeof listeners);
  listeners[1].on_upstream_down = FL_UPSTREAM_DOWN_KEEP;
  config = out.config;
  config.listeners = listeners;
  struct fl_generation *next =
      fl_generation_next(out.generation, &config, NULL, taken, &error);
  assert_non_null(next);
  assert_true(fl_reload_prepare(out.gateway, next));
  fl_reload_commit(out.gateway, out.now);
  fl_outside_turn(&out);
  assert_int_equal(out.listening, true);
  assert_true(fl_gateway_listens(out.gateway, 1));
  fl_generation_release(next);
  fl_outside_end(&out); /* while its configuration is there */
  setup(NULL);
  fl_outside_start(&out);
}

static void nothing_is_told_in_a_stop(void **state) {
  (void)state;
  fl_outside_start(&out);
  check_ends(0, FL_OK);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  atomic_store(&out.generation->upstreams[0].standings[0]->ejected, true);
  fl_outside_turn(&out);
  assert_int_equal(out.listening, true);
}

/* The pool's own connection has the only place: it tells as much as a check,
   and gives way to one while the server is out. */
static void it_opens_with_one_place(void **state) {
  (void)state;
  out.upstream.pool.max_size = out.upstream.pool.min_size = 1;
  out.upstream.health.rise = 2;
  fl_outside_start(&out);
  assert_int_equal(out.listening, false);
  struct fl_sock *server = fl_outside_connect(&out, 0);
  fl_outside_connected(&out, server, FL_OK);
  assert_int_equal(out.listening, true);
  struct fl_standing *standing = out.generation->upstreams[0].standings[0];
  atomic_store(&standing->ejected, true);
  fl_outside_turn(&out);
  assert_int_equal(out.listening, false);
  for (unsigned i = 1; i < 20 && !out.listening; i++) {
    fl_outside_pass(&out, 10 * FL_SECOND);
    fl_outside_turn(&out);
    server = fl_outside_connect(&out, i);
    if (server != NULL && server->connecting)
      fl_outside_connected(&out, server, FL_OK);
  }
  assert_int_equal(out.listening, true);
}

#define TEST(function)                                                         \
  cmocka_unit_test_setup_teardown(function, setup, end_scene)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(it_opens_with_the_first_success),
      TEST(it_closes_and_opens_with_the_servers),
      TEST(it_opens_with_one_place),
      TEST(keep_keeps_it_open),
      TEST(its_clients_stay),
      TEST(another_shard_may_find_it),
      TEST(addresses_that_cannot_be_bound_are_counted),
      TEST(a_reload_opens_it),
      TEST(nothing_is_told_in_a_stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
