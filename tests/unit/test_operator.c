/* What an operator does: connections that are closed by their numbers. */
#include "core/operator.h"
#include "outside.h"

#include "core/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fl_outside out;

static int setup(void **state) {
  (void)state;
  fl_outside_init(&out);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  fl_outside_end(&out);
  return 0;
}

static const struct fl_metrics *metrics(void) {
  return fl_gateway_metrics(out.gateway);
}

static bool cut(const struct fl_sock *sock) {
  bool found =
      fl_operator_close(out.gateway, fl_transport_id(sock->conn), out.now);
  fl_outside_turn(&out);
  return found;
}

static struct fl_sock *ask(const char *text) {
  struct fl_sock *client = fl_outside_accept(&out, 1);
  fl_outside_data(&out, client, text);
  return client;
}

static struct fl_sock *stand(unsigned i) {
  struct fl_sock *server = fl_outside_connect(&out, i);
  assert_non_null(server);
  fl_outside_connected(&out, server, FL_OK);
  return server;
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

static void one_on_its_way_is_replaced(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  assert_true(cut(fl_outside_connect(&out, 0)));
  assert_string_equal(fl_outside_sent(stand(1)), "a\n");
  assert_false(client->closing);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(a_client_is_closed),
      TEST(its_requests_are_given_up),
      TEST(a_pool_s_connection_is_closed),
      TEST(one_on_its_way_is_replaced),
  };
  return cmocka_run_group_tests_name("operator", tests, NULL, NULL);
}
