#include "core/operator.h"
#include "core/snapshot.h"
#include "core/transport.h"

#include "outside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"

enum { EVERYTHING = FL_SNAPSHOT_STATE | FL_SNAPSHOT_CONNECTIONS };

static struct fl_outside out;
static struct fl_snapshot snapshot;

/* One request in flight, one that waits; a command client. */
static struct fl_sock *traffic(void) {
  fl_outside_init(&out);
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  struct fl_sock *command = fl_outside_accept(&out, 0);
  fl_outside_data(&out, command, "PING\nhalf");
  fl_outside_data(&out, fl_outside_accept(&out, 1), "one\n");
  fl_outside_data(&out, fl_outside_accept(&out, 1), "two\n");
  struct fl_sock *server = fl_outside_connect(&out, 0);
  fl_outside_connected(&out, server, FL_OK);
  fl_outside_pass(&out, FL_SECOND);
  return server;
}

static int teardown(void **state) {
  (void)state;
  fl_snapshot_free(&snapshot);
  fl_outside_end(&out);
  return 0;
}

static const struct fl_snapshot_conn *find(const char *state) {
  const struct fl_snapshot_conn *found = NULL;
  for (uint32_t i = 0; i < snapshot.conn_count; i++)
    if (strcmp(snapshot.conns[i].state, state) == 0) {
      assert_null(found);
      found = &snapshot.conns[i];
    }
  assert_non_null(found);
  return found;
}

static void it_shows_what_is_there(void **state) {
  (void)state;
  traffic();
  fl_snapshot_take(&snapshot, out.gateway, EVERYTHING, out.now);
  assert_false(snapshot.failed);
  assert_int_equal(snapshot.listener_count, 2);
  assert_int_equal(snapshot.listeners[0].clients, 1);
  assert_int_equal(snapshot.listeners[1].clients, 2);
  assert_null(snapshot.listeners[0].upstream);
  assert_string_equal(snapshot.listeners[1].upstream,
                      snapshot.upstreams[0].name);
  assert_int_equal(snapshot.upstream_count, 1);
  assert_int_equal(snapshot.upstreams[0].size, 1);
  assert_int_equal(snapshot.upstreams[0].max_size, 1);
  assert_int_equal(snapshot.upstreams[0].waiting, 1);
  const struct fl_snapshot_server *server = &snapshot.upstreams[0].servers[0];
  assert_int_equal(server->state, FL_SERVER_UP);
  assert_int_equal(server->conns[FL_POOLED_FULL], 1);
  assert_int_equal(server->in_flight, 1);
  assert_int_equal(snapshot.conn_count, 4);
  assert_int_equal(find("idle")->bytes_in, strlen("PING\nhalf"));
  assert_int_equal(find("idle")->bytes_out, strlen("PONG\n"));
  assert_int_equal(find("idle")->frames, 1);
  assert_int_equal(find("idle")->age, FL_SECOND);
  assert_int_equal(find("in_flight")->in_flight, 1);
  assert_true(find("waiting")->of_client);
  assert_false(find("full")->of_client);
  assert_string_equal(find("full")->server, server->address);
}

/* Bytes count while a connection is open, and not again when it closes. */
static void bytes_count_once(void **state) {
  (void)state;
  traffic();
  const struct fl_metrics *of_clients = NULL;
  const struct fl_metrics *of_servers = NULL;
  for (int round = 0; round < 3; round++) {
    fl_snapshot_free(&snapshot);
    fl_snapshot_take(&snapshot, out.gateway, FL_SNAPSHOT_STATE, out.now);
    of_clients = &snapshot.listeners[0].metrics;
    of_servers = &snapshot.upstreams[0].metrics;
    assert_int_equal(of_clients->client_bytes_in, strlen("PING\nhalf"));
    assert_int_equal(of_clients->client_bytes_out, strlen("PONG\n"));
    assert_int_equal(of_servers->upstream_bytes_out, strlen("one\n"));
    if (round == 0)
      fl_outside_finish(&out, out.socks[0], FL_PEER_RESET);
    fl_outside_stop(&out, (enum fl_stop)(round + 1));
  }
  assert_int_equal(snapshot.conn_count, 0); /* they were not asked for */
}

static void numbers_are_never_given_twice(void **state) {
  (void)state;
  uint64_t before = 0;
  fl_outside_init(&out);
  fl_outside_start(&out);
  for (int i = 0; i < 100; i++) {
    struct fl_sock *sock = fl_outside_accept(&out, 0);
    uint64_t id = fl_transport_id(sock->conn);
    assert_true(id > before);
    assert_int_equal(fl_transport_id_worker(id), 0);
    before = id;
    fl_outside_finish(&out, sock, FL_PEER_RESET);
  }
}

static void a_server_that_fails_is_down(void **state) {
  (void)state;
  fl_outside_init(&out);
  fl_outside_start(&out);
  fl_outside_data(&out, fl_outside_accept(&out, 1), "one\n");
  fl_snapshot_take(&snapshot, out.gateway, FL_SNAPSHOT_STATE, out.now);
  const struct fl_snapshot_server *server = &snapshot.upstreams[0].servers[0];
  assert_int_equal(server->state, FL_SERVER_UNUSED);
  assert_int_equal(server->conns[FL_POOLED_CONNECTING], 1);
  out.random = UINT64_MAX / 2;
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  fl_snapshot_free(&snapshot);
  fl_snapshot_take(&snapshot, out.gateway, FL_SNAPSHOT_STATE, out.now);
  server = &snapshot.upstreams[0].servers[0];
  assert_int_equal(server->state, FL_SERVER_DOWN);
  assert_int_equal(server->failures, 1);
  assert_int_equal(server->reason, FL_CONNECT_REFUSED);
  assert_int_equal(server->out_for, 0);
}

/* Taken out by an operator: for how long, on one worker as on the others. */
static void a_server_that_is_taken_out(void **state) {
  struct fl_snapshot part;
  (void)state;
  fl_outside_init(&out);
  fl_outside_start(&out);
  out.now += FL_SECOND;
  fl_standing_say(out.generation->upstreams[0].standings[0], FL_ADMIN_DRAINED);
  fl_operator_apply(out.gateway, out.now);
  fl_snapshot_take(&part, out.gateway, FL_SNAPSHOT_STATE, out.now);
  out.now += 2 * FL_SECOND;
  fl_snapshot_take(&snapshot, out.gateway, FL_SNAPSHOT_STATE, out.now);
  fl_snapshot_add(&part, &snapshot);
  snapshot = part;
  const struct fl_snapshot_server *server = &snapshot.upstreams[0].servers[0];
  assert_int_equal(server->state, FL_SERVER_DRAINED);
  assert_int_equal(server->out_for, 2 * FL_SECOND);
  assert_int_equal(server->reason, FL_OK);
}

/* As if another worker had the same: everything doubles, nothing is listed
   twice, and one that only the other has stands in its place. */
static void several_workers_add_up(void **state) {
  (void)state;
  struct fl_snapshot sum = {0};
  struct fl_snapshot part;
  traffic();
  for (int i = 0; i < 2; i++) {
    fl_snapshot_take(&part, out.gateway, EVERYTHING, out.now);
    if (i == 0) { /* it lacks the first listener */
      free(part.listeners[0].name);
      part.listeners[0] = part.listeners[1];
      part.listener_count = 1;
    }
    fl_snapshot_add(&sum, &part);
    assert_int_equal(part.conn_count, 0);
  }
  fl_snapshot_sort(&sum);
  snapshot = sum;
  assert_int_equal(sum.listener_count, 2);
  assert_int_equal(sum.listeners[0].index, 0);
  assert_int_equal(sum.listeners[0].clients, 1);
  assert_int_equal(sum.listeners[1].clients, 4);
  assert_int_equal(sum.listeners[1].metrics.requests, 4);
  assert_int_equal(sum.upstream_count, 1);
  assert_int_equal(sum.upstreams[0].size, 2);
  assert_int_equal(sum.upstreams[0].max_size, 2);
  assert_int_equal(sum.upstreams[0].server_count, 1);
  assert_int_equal(sum.upstreams[0].servers[0].conns[FL_POOLED_FULL], 2);
  assert_int_equal(sum.conn_count, 8);
}

/* No connection is listed, and shards that know the same say it once. */
static void addresses_stand_alone(void **state) {
  struct fl_snapshot part;
  (void)state;
  traffic();
  fl_snapshot_take(&snapshot, out.gateway, FL_SNAPSHOT_ADDRESSES, out.now);
  fl_snapshot_take(&part, out.gateway, FL_SNAPSHOT_ADDRESSES, out.now);
  part.upstreams[0].servers[0].addrs[1] =
      (struct fl_addr){.family = FL_ADDR_IP4, .port = 1};
  part.upstreams[0].servers[0].addr_count = 2;
  fl_snapshot_add(&snapshot, &part);
  assert_false(snapshot.failed);
  assert_int_equal(snapshot.listener_count, 0);
  assert_int_equal(snapshot.upstream_count, 1);
  assert_int_equal(snapshot.upstreams[0].size, 0);
  const struct fl_snapshot_server *server = &snapshot.upstreams[0].servers[0];
  assert_int_equal(server->state, FL_SERVER_UP);
  assert_int_equal(server->addr_count, 2);
  assert_int_equal(server->addrs[1].port, 1);
}

static void states_have_names(void **state) {
  (void)state;
  fl_outside_init(&out);
  fl_outside_start(&out);
  for (int i = 0; i < FL_POOLED_STATES; i++)
    assert_non_null(fl_pooled_state_name(i));
}

static void memory_may_run_out_anywhere(void **state) {
  (void)state;
  long allowed = 0;
  bool complete = false;
  traffic();
  for (; !complete; allowed++) {
    struct fl_snapshot part;
    long live = fl_test_alloc_live();
    fl_test_alloc_fail_after(allowed);
    fl_snapshot_take(&part, out.gateway, EVERYTHING, out.now);
    fl_snapshot_add(&snapshot, &part);
    fl_test_alloc_fail_after(-1);
    complete = !snapshot.failed;
    fl_snapshot_free(&snapshot);
    assert_int_equal(fl_test_alloc_live(), live);
  }
  assert_true(allowed > 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(it_shows_what_is_there, teardown),
      cmocka_unit_test_teardown(bytes_count_once, teardown),
      cmocka_unit_test_teardown(numbers_are_never_given_twice, teardown),
      cmocka_unit_test_teardown(a_server_that_fails_is_down, teardown),
      cmocka_unit_test_teardown(a_server_that_is_taken_out, teardown),
      cmocka_unit_test_teardown(several_workers_add_up, teardown),
      cmocka_unit_test_teardown(addresses_stand_alone, teardown),
      cmocka_unit_test_teardown(states_have_names, teardown),
      cmocka_unit_test_teardown(memory_may_run_out_anywhere, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
