/* Another configuration on one worker that serves. */
#include "core/reload.h"

#include "core/operator.h"
#include "core/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

#include "alloc.h"

/* A copy of what is in effect, to be changed. */
static struct next {
  struct fl_config config;
  struct fl_listener_config listeners[3];
  struct fl_upstream_config upstreams[2];
  struct fl_endpoint servers[4];
} nexts[4];

static struct next *draft(unsigned i) {
  struct next *next = &nexts[i];
  next->config = out.config;
  memcpy(next->listeners, out.config.listeners,
         out.config.listener_count * sizeof next->listeners[0]);
  memcpy(next->servers, out.servers, sizeof out.servers);
  next->upstreams[0] = out.config.upstreams[0];
  next->upstreams[0].servers = next->servers;
  next->config.listeners = next->listeners;
  next->config.upstreams = next->upstreams;
  next->config.shutdown_timeout = 7 * FL_SECOND;
  return next;
}

static struct fl_generation *generation_of(struct next *next) {
  static const bool taken[FL_LISTENER_SLOTS] = {true, true};
  struct fl_generation_error error;
  struct fl_generation *made =
      fl_generation_next(out.generation, &next->config, NULL, taken, &error);
  assert_non_null(made);
  return made;
}

static void take(struct fl_generation *made) {
  fl_reload_commit(out.gateway, out.now);
  fl_generation_release(out.generation);
  out.generation = made;
  out.config = *(struct fl_config *)(uintptr_t)made->config;
  fl_outside_turn(&out);
}

static void reload(struct next *next) {
  struct fl_generation *made = generation_of(next);
  assert_true(fl_reload_prepare(out.gateway, made));
  fl_gateway_check(out.gateway);
  take(made);
}

/* A connection that has served `client` and is idle. */
static struct fl_sock *idle_connection(struct fl_sock **client) {
  *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "A\n");
  assert_string_equal(fl_outside_sent(*client), "A\n");
  (void)fl_outside_sent(server);
  return server;
}

static void what_is_the_same_notices_nothing(void **state) {
  (void)state;
  struct fl_sock *client;
  fl_outside_start(&out);
  struct fl_sock *server = idle_connection(&client);
  struct fl_sock *command = fl_outside_accept(&out, 0);
  reload(draft(0));
  reload(draft(1));
  fl_outside_data(&out, client, "b\n");
  assert_string_equal(fl_outside_sent(server), "b\n");
  fl_outside_data(&out, command, "PING\n");
  assert_string_equal(fl_outside_sent(command), "PONG\n");
  assert_int_equal(metrics()->clients_closed[FL_RELOAD], 0);
  assert_int_equal(metrics()->upstream_closed[FL_RELOAD], 0);
}

static void limits_change_for_those_who_are_there(void **state) {
  (void)state;
  struct next *next = draft(0);
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 0);
  fl_outside_pass(&out, 10 * FL_SECOND);
  next->listeners[0].idle_timeout = 20 * FL_SECOND;
  reload(next);
  fl_outside_pass(&out, 9 * FL_SECOND);
  assert_false(client->shut);
  fl_outside_pass(&out, 2 * FL_SECOND);
  assert_true(client->shut);
}

static void request_timeout_is_for_requests_that_leave(void **state) {
  (void)state;
  struct next *next = draft(0);
  struct fl_sock *client;
  fl_outside_start(&out);
  (void)idle_connection(&client);
  next->upstreams[0].request_timeout = 2 * FL_SECOND;
  reload(next);
  fl_outside_data(&out, client, "b\n");
  fl_outside_pass(&out, 3 * FL_SECOND);
  assert_string_equal(fl_outside_sent(client), "ERROR request_timeout\n");
}

static void a_smaller_max_frame_ends_a_longer_frame_begun(void **state) {
  (void)state;
  char part[512];
  struct next *next = draft(0);
  fl_outside_start(&out);
  memset(part, 'x', sizeof part - 1);
  part[sizeof part - 1] = '\0';
  struct fl_sock *client = fl_outside_accept(&out, 0);
  fl_outside_data(&out, client, part);
  next->listeners[0].max_frame = 64;
  reload(next);
  assert_string_equal(fl_outside_sent(client), "ERROR frame_too_long\n");
}

static void a_listener_that_goes_answers_what_had_arrived(void **state) {
  (void)state;
  struct next *next = draft(0);
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\nb\n");
  struct fl_sock *idle = fl_outside_accept(&out, 1);
  struct fl_sock *command = fl_outside_accept(&out, 0);
  struct fl_sock *server = stand(0);
  next->config.listener_count = 1; /* the command listener */
  reload(next);
  assert_true(idle->shut);
  assert_false(client->shut);
  fl_outside_data(&out, client, "c\n"); /* too late */
  fl_outside_data(&out, server, "A\n");
  fl_outside_data(&out, server, "B\n");
  assert_string_equal(fl_outside_sent(client), "A\nB\n");
  assert_string_equal(fl_outside_sent(server), "a\nb\n");
  assert_true(client->shut);
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  fl_outside_finish(&out, idle, FL_PEER_CLOSED);
  assert_int_equal(metrics()->clients_closed[FL_RELOAD], 2);
  assert_false(command->closing || command->shut);
  assert_false(server->closing); /* its upstream stays */
}

static void a_listener_that_goes_does_not_wait_for_ever(void **state) {
  (void)state;
  struct next *next = draft(0);
  out.upstream.request_timeout = 1000 * FL_SECOND;
  next->upstreams[0].request_timeout = 1000 * FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  (void)stand(0);
  next->config.listener_count = 1;
  reload(next);
  fl_outside_pass(&out, 6 * FL_SECOND);
  assert_false(client->closing);
  fl_outside_pass(&out, 2 * FL_SECOND); /* shutdown_timeout */
  assert_true(client->closing);
}

static void a_new_upstream_is_for_new_clients(void **state) {
  (void)state;
  static char name[] = "other";
  struct next *next = draft(0);
  struct fl_sock *old;
  fl_outside_start(&out);
  struct fl_sock *server = idle_connection(&old);
  next->upstreams[1] = next->upstreams[0];
  next->upstreams[1].name = name;
  next->upstreams[1].servers = &next->servers[2];
  next->config.upstream_count = 2;
  next->listeners[1].upstream = 1;
  reload(next);
  fl_outside_data(&out, old, "b\n");
  assert_string_equal(fl_outside_sent(server), "b\n");
  struct fl_sock *client = ask("c\n");
  assert_int_equal(fl_outside_connect(&out, 1)->addr.port, 7002);
  fl_outside_data(&out, stand(1), "C\n");
  assert_string_equal(fl_outside_sent(client), "C\n");
  fl_outside_data(&out, server, "B\n");
  assert_string_equal(fl_outside_sent(old), "B\n");
  fl_outside_finish(&out, old, FL_PEER_CLOSED);
}

static void an_upstream_that_goes_drains_its_clients(void **state) {
  (void)state;
  static char name[] = "other";
  struct next *next = draft(0);
  struct fl_sock *client;
  fl_outside_start(&out);
  struct fl_sock *server = idle_connection(&client);
  next->upstreams[0].name = name; /* another one on the same server */
  reload(next);
  assert_true(client->shut);
  assert_true(server->closing);
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_int_equal(metrics()->upstream_closed[FL_RELOAD], 1);
}

static void servers_that_stay_keep_their_connections(void **state) {
  (void)state;
  struct next *next = draft(0);
  out.upstream.server_count = 2;
  out.upstream.pool.min_size = 2;
  fl_outside_start(&out);
  struct fl_sock *first = stand(0);
  struct fl_sock *second = stand(1);
  assert_int_equal(first->addr.port, 7000);
  struct fl_sock *client = ask("a\n");
  bool is_first = first->sent_size > 0;
  struct fl_sock *busy = is_first ? first : second;
  struct fl_sock *idle = is_first ? second : first;
  /* Only the idle one's server stays; a new one comes. */
  next->upstreams[0].pool.min_size = 2;
  next->upstreams[0].server_count = 2;
  next->servers[0] = out.servers[is_first ? 1 : 0];
  next->servers[1] = out.servers[2];
  reload(next);
  assert_false(busy->closing || idle->closing);
  assert_int_equal(fl_outside_open(&out), 2); /* max_size, with both */
  fl_outside_data(&out, busy, "A\n");
  assert_string_equal(fl_outside_sent(client), "A\n");
  assert_true(busy->closing);
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_connect(&out, 2)->addr.port, 7002);
  assert_false(idle->closing);
}

static void an_idle_connection_to_a_server_that_goes_closes(void **state) {
  (void)state;
  struct next *next = draft(0);
  struct fl_sock *client;
  fl_outside_start(&out);
  struct fl_sock *server = idle_connection(&client);
  next->servers[0] = out.servers[3];
  reload(next);
  assert_true(server->closing);
  fl_outside_turn(&out);
  fl_outside_data(&out, client, "b\n");
  assert_int_equal(fl_outside_connect(&out, 1)->addr.port, 7003);
}

static void other_framing_waits_for_the_old_pool(void **state) {
  (void)state;
  struct next *next = draft(0);
  out.upstream.pool.max_size = 1;
  next->upstreams[0].pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *old = ask("a\nb\n");
  struct fl_sock *server = stand(0);
  next->upstreams[0].framing.type = FL_FRAMING_FIXED;
  next->upstreams[0].framing.fixed.size = 2;
  next->upstreams[0].reply_framing = next->upstreams[0].framing;
  next->listeners[1].framing = next->upstreams[0].framing;
  reload(next);
  struct fl_sock *client = ask("xy");
  assert_int_equal(fl_outside_open(&out), 1);
  fl_outside_data(&out, server, "A\n");
  fl_outside_data(&out, server, "B\n");
  assert_string_equal(fl_outside_sent(old), "A\nB\n");
  assert_true(old->shut);
  assert_true(server->closing);
  assert_null(fl_outside_connect(&out, 1)); /* not before it is closed */
  fl_outside_turn(&out);
  struct fl_sock *second = stand(1);
  assert_string_equal(fl_outside_sent(second), "xy");
  fl_outside_data(&out, second, "XY");
  assert_string_equal(fl_outside_sent(client), "XY");
  fl_outside_finish(&out, old, FL_PEER_CLOSED);
}

static void the_old_pool_can_reconnect_for_its_last_requests(void **state) {
  (void)state;
  struct next *next = draft(0);
  out.upstream.pool.max_size = 1;
  next->upstreams[0].pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *old = ask("a\nb\n");
  struct fl_sock *server = stand(0);
  next->upstreams[0].pair.by = FL_PAIR_ID; /* never used here */
  reload(next);
  (void)fl_outside_accept(&out, 1);
  fl_outside_data(&out, server, "A\n");
  fl_outside_finish(&out, server, FL_PEER_CLOSED); /* b is lost */
  fl_outside_turn(&out);
  assert_string_equal(fl_outside_sent(old), "A\nERROR upstream_closed\n");
  fl_outside_finish(&out, old, FL_PEER_CLOSED);
}

static void a_smaller_pool_closes_what_is_idle(void **state) {
  (void)state;
  struct next *next = draft(0);
  out.upstream.pool.min_size = out.upstream.pool.max_size = 2;
  next->upstreams[0].pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *first = stand(0);
  struct fl_sock *second = stand(1);
  (void)ask("a\n");
  reload(next);
  assert_true(first->closing != second->closing);
  struct fl_sock *busy = first->closing ? second : first;
  assert_string_equal(fl_outside_sent(busy), "a\n");
  fl_outside_data(&out, busy, "A\n");
  assert_false(busy->closing);
}

/* Two addresses of a name are tried beside each other; then this. */
static void reload_in_a_race(struct next *next) {
  static char host[] = "plc.example";
  struct fl_addr addrs[2] = {
      {.family = FL_ADDR_IP4, .port = 7000, .ip = {198, 51, 100, 1}},
      {.family = FL_ADDR_IP4, .port = 7000, .ip = {198, 51, 100, 2}}};
  out.servers[0].host = next->servers[0].host = host;
  out.servers[0].addr = next->servers[0].addr = (struct fl_addr){0};
  out.upstream.resolve.head_start = 250 * FL_MILLISECOND;
  fl_outside_start(&out);
  (void)ask("a\n");
  fl_gateway_resolved(out.gateway, out.token, addrs, 2, FL_OK, out.now);
  fl_outside_pass(&out, 250 * FL_MILLISECOND);
  assert_int_equal(fl_outside_open(&out), 2);
  reload(next);
}

static void a_smaller_pool_ends_a_race(void **state) {
  (void)state;
  struct next *next = draft(0);
  next->upstreams[0].pool.max_size = 1;
  reload_in_a_race(next);
  assert_true(fl_outside_connect(&out, 1)->closing);
  fl_outside_turn(&out);
  assert_string_equal(fl_outside_sent(stand(0)), "a\n");
}

static void a_server_that_goes_ends_a_race(void **state) {
  (void)state;
  static char text[] = "192.0.2.9:7000";
  struct next *next = draft(0);
  next->upstreams[0].servers = &next->servers[1];
  next->servers[1].text = text;
  reload_in_a_race(next);
  assert_true(fl_outside_connect(&out, 0)->closing);
  assert_true(fl_outside_connect(&out, 1)->closing);
  fl_outside_turn(&out);
  assert_string_equal(fl_outside_sent(stand(2)), "a\n");
}

static void a_smaller_pool_waits_for_what_is_busy(void **state) {
  (void)state;
  struct next *next = draft(0);
  next->upstreams[0].pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *clients[] = {ask("a\n"), ask("b\n")};
  struct fl_sock *servers[] = {stand(0), stand(1)};
  reload(next);
  assert_int_equal(fl_outside_open(&out), 2);
  fl_outside_data(&out, servers[0], "A\n");
  fl_outside_data(&out, servers[1], "B\n");
  fl_outside_turn(&out);
  assert_int_equal(fl_outside_open(&out), 1);
  assert_true(clients[0]->sent_size == 2 && clients[1]->sent_size == 2);
}

static void other_in_flight_renews_connections(void **state) {
  (void)state;
  struct next *next = draft(0);
  out.upstream.pool.max_size = next->upstreams[0].pool.max_size = 1;
  next->upstreams[0].in_flight = 2;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\nb\n");
  struct fl_sock *server = stand(0);
  assert_string_equal(fl_outside_sent(server), "a\n");
  reload(next);
  fl_outside_data(&out, server, "A\n");
  assert_true(server->closing);
  fl_outside_turn(&out);
  fl_outside_data(&out, client, "c\n");
  struct fl_sock *second = stand(1);
  assert_string_equal(fl_outside_sent(second), "b\nc\n");
  assert_string_equal(fl_outside_sent(client), "A\n");
}

static void relays_to_a_server_that_goes_go_on(void **state) {
  (void)state;
  struct next *next = draft(0);
  out.listeners[1].mode = FL_MODE_RELAY;
  out.listeners[1].half_close_timeout = 9 * FL_SECOND;
  out.upstream.mode = FL_MODE_RELAY;
  next = draft(0);
  next->servers[0] = out.servers[1];
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  struct fl_sock *server = stand(0);
  reload(next);
  fl_outside_data(&out, client, "hello");
  assert_string_equal(fl_outside_sent(server), "hello");
  (void)fl_outside_accept(&out, 1);
  assert_int_equal(stand(1)->addr.port, 7001);
  fl_outside_finish(&out, server, FL_PEER_RESET);
  assert_true(client->closing && client->reset);
}

/* That of the configuration in effect; it is shown, and can be ended. */
static void relays_to_a_server_that_goes_have_drain_timeout(void **state) {
  (void)state;
  static char text[] = "192.0.2.2:7001";
  struct fl_snapshot snapshot;
  out.servers[1].text = text;
  out.listeners[1].mode = FL_MODE_RELAY;
  out.listeners[1].idle_timeout = FL_NEVER;
  out.upstream.mode = FL_MODE_RELAY;
  struct next *next = draft(0);
  next->servers[0] = out.servers[1];
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  struct fl_sock *server = stand(0);
  reload(next);
  fl_outside_pass(&out, 60 * FL_SECOND);
  assert_false(client->closing);
  fl_snapshot_take(&snapshot, out.gateway, FL_SNAPSHOT_STATE, out.now);
  assert_int_equal(snapshot.upstreams[0].server_count, 2);
  assert_int_equal(snapshot.upstreams[0].servers[0].state, FL_SERVER_UNUSED);
  assert_int_equal(snapshot.upstreams[0].servers[1].state, FL_SERVER_REMOVED);
  assert_int_equal(snapshot.upstreams[0].servers[1].conns[FL_POOLED_FULL], 1);
  fl_snapshot_free(&snapshot);
  struct next *then = draft(1);
  then->servers[0] = out.servers[1];
  then->upstreams[0].drain_timeout = 61 * FL_SECOND;
  reload(then);
  assert_false(client->closing);
  fl_outside_pass(&out, 1 * FL_SECOND);
  assert_true(client->reset && server->reset);
  fl_outside_turn(&out);
  assert_int_equal(metrics()->clients_closed[FL_DRAIN_TIMEOUT], 1);
}

static void a_server_that_has_gone_can_be_ejected(void **state) {
  (void)state;
  out.listeners[1].mode = FL_MODE_RELAY;
  out.listeners[1].idle_timeout = FL_NEVER;
  out.upstream.mode = FL_MODE_RELAY;
  struct next *next = draft(0);
  next->servers[0] = out.servers[1];
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  struct fl_sock *server = stand(0);
  assert_false(
      fl_operator_eject_removed(out.gateway, "192.0.2.1:7000", out.now));
  reload(next);
  assert_false(
      fl_operator_eject_removed(out.gateway, "other/192.0.2.1:7000", out.now));
  assert_false(client->closing);
  assert_true(
      fl_operator_eject_removed(out.gateway, "plc/192.0.2.1:7000", out.now));
  assert_true(client->reset && server->reset);
  fl_outside_turn(&out);
  assert_int_equal(metrics()->clients_closed[FL_EJECTED_BY_OPERATOR], 1);
  assert_false(
      fl_operator_eject_removed(out.gateway, "192.0.2.1:7000", out.now));
}

static void relays_of_a_listener_that_goes_have_their_time(void **state) {
  (void)state;
  out.listeners[1].mode = FL_MODE_RELAY;
  out.listeners[1].idle_timeout = FL_NEVER;
  out.upstream.mode = FL_MODE_RELAY;
  struct next *next = draft(0);
  next->config.listener_count = 1;
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  struct fl_sock *server = stand(0);
  reload(next);
  fl_outside_data(&out, client, "hello");
  assert_string_equal(fl_outside_sent(server), "hello");
  fl_outside_pass(&out, 8 * FL_SECOND);
  assert_true(client->closing && server->closing);
  fl_outside_turn(&out);
  assert_int_equal(metrics()->clients_closed[FL_RELOAD], 1);
}

static void a_stop_during_a_drain(void **state) {
  (void)state;
  struct next *next = draft(0);
  fl_outside_start(&out);
  (void)ask("a\n");
  (void)stand(0);
  next->config.listener_count = 1;
  next->config.upstream_count = 0;
  reload(next);
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  fl_outside_stop(&out, FL_STOP_COMMANDS);
  fl_outside_stop(&out, FL_STOP_NOW);
}

/* Everything that a reload may have to make. */
static struct next *large_change(void) {
  static char name[] = "third", other[] = "other";
  struct next *next = draft(3);
  next->upstreams[0].server_count = 3;
  next->upstreams[1] = next->upstreams[0];
  next->upstreams[1].name = other;
  next->config.upstream_count = 2;
  next->listeners[2] = next->listeners[1];
  next->listeners[2].name = name;
  next->listeners[1].upstream = 1;
  next->config.listener_count = 3;
  return next;
}

static void without_memory_nothing_changes(void **state) {
  (void)state;
  struct fl_sock *client;
  fl_outside_start(&out);
  struct fl_sock *server = idle_connection(&client);
  struct fl_generation *made = generation_of(large_change());
  bool done = false;
  long allowed = 0;
  for (; !done; allowed++) {
    long before = fl_test_alloc_live();
    fl_test_alloc_fail_after(allowed);
    done = fl_reload_prepare(out.gateway, made);
    fl_test_alloc_fail_after(-1);
    if (!done)
      assert_int_equal(fl_test_alloc_live(), before);
    fl_gateway_check(out.gateway);
  }
  assert_true(allowed > 8);
  fl_reload_cancel(out.gateway);
  fl_outside_data(&out, client, "b\n");
  assert_string_equal(fl_outside_sent(server), "b\n");
  assert_true(fl_reload_prepare(out.gateway, made));
  fl_test_alloc_fail_after(0);
  fl_reload_commit(out.gateway, out.now);
  fl_test_alloc_fail_after(-1);
  fl_generation_release(out.generation);
  out.generation = made;
  fl_outside_turn(&out);
  fl_outside_data(&out, server, "B\n");
  assert_string_equal(fl_outside_sent(client), "B\n");
}

static void generations_live_as_long_as_they_are_needed(void **state) {
  (void)state;
  struct next *next = draft(0);
  fl_outside_start(&out);
  struct fl_generation *first = fl_generation_hold(out.generation);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  next->config.listener_count = 1;
  reload(next);
  assert_int_equal(atomic_load(&first->holders), 2); /* the listener and us */
  fl_outside_data(&out, server, "A\n");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  fl_outside_turn(&out);
  assert_int_equal(atomic_load(&first->holders), 1);
  fl_generation_release(first);
}

static struct fl_snapshot_listener *gateway_listener(struct fl_snapshot *sum) {
  struct fl_snapshot part;
  *sum = (struct fl_snapshot){0};
  fl_snapshot_take(&part, out.gateway, FL_SNAPSHOT_STATE, out.now);
  fl_snapshot_add(sum, &part);
  fl_snapshot_sort(sum);
  return &sum->listeners[1];
}

static void a_successor_has_the_counters(void **state) {
  (void)state;
  static char name[] = "other";
  struct next *next = draft(0);
  struct fl_snapshot sum;
  struct fl_sock *old;
  fl_outside_start(&out);
  struct fl_sock *server = idle_connection(&old);
  next->upstreams[1] = next->upstreams[0];
  next->upstreams[1].name = name;
  next->config.upstream_count = 2;
  next->upstreams[0].framing.type = FL_FRAMING_DELIMITED; /* replaced, too */
  next->upstreams[0].framing.delimited.end.bytes[0] = ';';
  next->upstreams[0].framing.delimited.end.size = 1;
  next->upstreams[0].reply_framing = next->upstreams[0].framing;
  next->listeners[1].upstream = 1;
  next->listeners[1].max_connections = 7;
  uint64_t requests = metrics()->requests;
  for (int i = 0; i < 3; i++) {
    struct fl_snapshot_listener *listener = gateway_listener(&sum);
    assert_int_equal(listener->metrics.requests, requests);
    assert_int_equal(listener->metrics.clients_opened, 1);
    assert_int_equal(listener->max_connections, i == 0 ? 100 : 7);
    assert_int_equal(sum.upstreams[0].metrics.upstream_connects, 1);
    fl_snapshot_free(&sum);
    if (i == 0)
      reload(next);
    if (i == 1) {
      fl_outside_finish(&out, old, FL_PEER_CLOSED);
      fl_outside_turn(&out);
    }
  }
  (void)server;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_scene, end_scene)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_is_the_same_notices_nothing),
      TEST(limits_change_for_those_who_are_there),
      TEST(request_timeout_is_for_requests_that_leave),
      TEST(a_smaller_max_frame_ends_a_longer_frame_begun),
      TEST(a_listener_that_goes_answers_what_had_arrived),
      TEST(a_listener_that_goes_does_not_wait_for_ever),
      TEST(a_new_upstream_is_for_new_clients),
      TEST(an_upstream_that_goes_drains_its_clients),
      TEST(servers_that_stay_keep_their_connections),
      TEST(an_idle_connection_to_a_server_that_goes_closes),
      TEST(other_framing_waits_for_the_old_pool),
      TEST(the_old_pool_can_reconnect_for_its_last_requests),
      TEST(a_smaller_pool_closes_what_is_idle),
      TEST(a_smaller_pool_ends_a_race),
      TEST(a_server_that_goes_ends_a_race),
      TEST(a_smaller_pool_waits_for_what_is_busy),
      TEST(other_in_flight_renews_connections),
      TEST(relays_to_a_server_that_goes_go_on),
      TEST(relays_to_a_server_that_goes_have_drain_timeout),
      TEST(a_server_that_has_gone_can_be_ejected),
      TEST(relays_of_a_listener_that_goes_have_their_time),
      TEST(a_stop_during_a_drain),
      TEST(without_memory_nothing_changes),
      TEST(a_successor_has_the_counters),
      TEST(generations_live_as_long_as_they_are_needed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
