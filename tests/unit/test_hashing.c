#include "core/hashing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

/* Weights alone. */

static const char *const names[5] = {"plc-1.example:502", "plc-2.example:502",
                                     "192.0.2.7:502", "[2001:db8::7]:502",
                                     "192.0.2.7:503"};

static struct fl_addr address(uint32_t i) {
  return (struct fl_addr){
      .family = FL_ADDR_IP4,
      .port = (uint16_t)(i * 7),
      .ip = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
}

/* The heaviest of the servers that are not `gone`. */
static int heaviest(const struct fl_addr *client, int gone) {
  int best = -1;
  uint64_t most = 0;
  for (int i = 0; i < 5; i++) {
    uint64_t weight = fl_hashing_weight(fl_hashing_seed(names[i]), client);
    if (i != gone && (best < 0 || weight > most)) {
      best = i;
      most = weight;
    }
  }
  return best;
}

static void each_server_has_its_part(void **state) {
  (void)state;
  unsigned parts[5] = {0};
  for (uint32_t i = 0; i < 10000; i++) {
    struct fl_addr client = address(i);
    parts[heaviest(&client, -1)]++;
  }
  for (int i = 0; i < 5; i++) /* 2000 ± 5 standard deviations */
    assert_in_range(parts[i], 1800, 2200);
}

static void who_goes_moves_only_its_own_clients(void **state) {
  (void)state;
  for (int gone = 0; gone < 5; gone++) {
    unsigned moved[5] = {0};
    for (uint32_t i = 0; i < 10000; i++) {
      struct fl_addr client = address(i);
      int before = heaviest(&client, -1), after = heaviest(&client, gone);
      if (before != gone)
        assert_int_equal(before, after);
      else
        moved[after]++;
    }
    for (int i = 0; i < 5; i++) /* 500 each ± 5 standard deviations */
      if (i != gone)
        assert_in_range(moved[i], 390, 610);
  }
}

static void the_port_is_no_part_of_it(void **state) {
  (void)state;
  struct fl_addr one = address(1), other = address(1);
  uint64_t seed = fl_hashing_seed(names[0]);
  other.port++;
  assert_true(fl_hashing_weight(seed, &one) == fl_hashing_weight(seed, &other));
  other.ip[3]++;
  assert_false(fl_hashing_weight(seed, &one) ==
               fl_hashing_weight(seed, &other));
}

static void all_of_an_ipv6_address_counts(void **state) {
  (void)state;
  uint64_t seed = fl_hashing_seed(names[0]);
  struct fl_addr one = {.family = FL_ADDR_IP6, .ip = {0x20, 0x01}}, other = one;
  other.ip[15]++;
  assert_false(fl_hashing_weight(seed, &one) ==
               fl_hashing_weight(seed, &other));
}

/* Other releases, workers and machines agree. */
static void weights_do_not_change(void **state) {
  (void)state;
  struct fl_addr client = address(1);
  assert_true(fl_hashing_weight(fl_hashing_seed("192.0.2.7:502"), &client) ==
              0x5fdbfc8b1e787b18);
}

/* In a gateway: 192.0.2.1 to .4, one server each. */

static char texts[4][16];

static int setup(void **state) {
  (void)state;
  fl_outside_init(&out);
  for (int i = 0; i < 4; i++) {
    snprintf(texts[i], sizeof texts[i], "192.0.2.%d:7000", i + 1);
    out.servers[i].text = texts[i];
  }
  out.upstream.balance = FL_BALANCE_HASH_CLIENT;
  out.upstream.server_count = 2;
  out.upstream.pool.max_size = 4;
  return 0;
}

/* Whether this server is the client's, when all can be used. */
static bool is_of_server(const struct fl_addr *client, int server) {
  uint64_t weight = fl_hashing_weight(fl_hashing_seed(texts[server]), client);
  for (uint32_t i = 0; i < out.upstream.server_count; i++)
    if (fl_hashing_weight(fl_hashing_seed(texts[i]), client) > weight)
      return false;
  return true;
}

/* An address of a client whose server this is. */
static struct fl_addr of_server(int server) {
  uint32_t i = 0;
  struct fl_addr client = address(i);
  while (!is_of_server(&client, server))
    client = address(++i);
  return client;
}

/* A client of this server that says this. */
static struct fl_sock *ask_for(int server, const char *text) {
  struct fl_addr peer = of_server(server);
  struct fl_sock *client = fl_outside_accept_from(&out, 1, &peer);
  fl_outside_data(&out, client, text);
  return client;
}

/* The i-th connect is to this server and succeeds. */
static struct fl_sock *stand_at(unsigned i, int server) {
  struct fl_sock *sock = fl_outside_connect(&out, i);
  assert_non_null(sock);
  assert_int_equal(sock->addr.ip[3], server + 1);
  fl_outside_connected(&out, sock, FL_OK);
  return sock;
}

static void answer(struct fl_sock *server, const char *request) {
  assert_string_equal(fl_outside_sent(server), request);
  fl_outside_data(&out, server, "ok\n");
}

static void requests_go_to_the_clients_server(void **state) {
  (void)state;
  fl_outside_start(&out);
  ask_for(1, "a\n");
  ask_for(0, "b\n");
  struct fl_sock *one = stand_at(0, 1);
  answer(one, "a\n");
  struct fl_sock *zero = stand_at(1, 0);
  answer(zero, "b\n");
  struct fl_sock *client = ask_for(1, "c\n");
  answer(one, "c\n");
  assert_string_equal(fl_outside_sent(client), "ok\n");
  ask_for(0, "d\n");
  answer(zero, "d\n");
  ask_for(1, "e\n");
  answer(one, "e\n");
}

/* Though the other one has a connection that nobody uses. */
static void more_connections_are_the_clients_servers(void **state) {
  (void)state;
  fl_outside_start(&out);
  ask_for(0, "z\n");
  answer(stand_at(0, 0), "z\n");
  ask_for(1, "a\n");
  ask_for(1, "b\n");
  stand_at(1, 1);
  stand_at(2, 1);
  assert_int_equal(fl_outside_open(&out), 3);
}

static void a_server_that_fails_is_passed_over(void **state) {
  (void)state;
  fl_outside_start(&out);
  ask_for(0, "z\n");
  struct fl_sock *zero = stand_at(0, 0);
  answer(zero, "z\n");
  ask_for(1, "a\n");
  fl_outside_connected(&out, fl_outside_connect(&out, 1), FL_CONNECT_REFUSED);
  fl_outside_turn(&out);
  answer(zero, "a\n");
  ask_for(1, "b\n");
  answer(zero, "b\n");
  fl_outside_pass(&out, FL_SECOND); /* backoff: it is tried, none waits */
  ask_for(1, "c\n");
  answer(zero, "c\n");
  struct fl_sock *one = stand_at(2, 1);
  ask_for(1, "d\n"); /* it is back, and so are its clients */
  answer(one, "d\n");
}

static void who_has_no_server_waits_for_one(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_for(0, "a\n");
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  fl_outside_turn(&out);
  fl_outside_connected(&out, fl_outside_connect(&out, 1), FL_CONNECT_REFUSED);
  fl_outside_turn(&out);
  assert_null(fl_outside_connect(&out, 2));
  fl_outside_pass(&out, FL_SECOND);
  assert_non_null(fl_outside_connect(&out, 2));
  fl_outside_connected(&out, fl_outside_connect(&out, 2), FL_OK);
  answer(fl_outside_connect(&out, 2), "a\n");
  assert_string_equal(fl_outside_sent(client), "ok\n");
}

static void an_idle_connection_of_another_makes_room(void **state) {
  (void)state;
  out.upstream.pool.max_size = 1;
  fl_outside_start(&out);
  ask_for(0, "a\n");
  struct fl_sock *zero = stand_at(0, 0);
  ask_for(1, "b\n");
  ask_for(0, "c\n"); /* after b, though its server has a connection */
  assert_false(zero->closing);
  answer(zero, "a\n");
  assert_true(zero->conn == NULL || zero->closing);
  assert_null(fl_outside_connect(&out, 1)); /* not before it is closed */
  fl_outside_turn(&out);
  fl_outside_turn(&out);
  assert_int_equal(metrics()->upstream_closed[FL_DISPLACED], 1);
  answer(stand_at(1, 1), "b\n");
  fl_outside_turn(&out);
  fl_outside_turn(&out);
  answer(stand_at(2, 0), "c\n");
  assert_int_equal(fl_outside_open(&out), 1);
}

/* Closed by now, or about to be. */
static bool is_leaving(const struct fl_sock *sock) {
  return sock->conn == NULL || sock->closing;
}

/* A server that has a connection, and clients for more, gets the places of
   idle ones of others when all who wait were looked at: as many as it needs,
   those first that nobody has used for longest. */
static void idle_connections_are_shared(void **state) {
  (void)state;
  out.upstream.pool.max_size = 4;
  fl_outside_start(&out);
  ask_for(1, "a\n");
  ask_for(1, "b\n");
  ask_for(1, "c\n");
  struct fl_sock *idle[3] = {stand_at(0, 1), stand_at(1, 1), stand_at(2, 1)};
  answer(idle[1], "b\n");
  fl_outside_pass(&out, FL_SECOND);
  answer(idle[0], "a\n");
  answer(idle[2], "c\n");
  ask_for(0, "d\n");
  struct fl_sock *zero = stand_at(3, 0);
  assert_int_equal(metrics()->upstream_closed[FL_DISPLACED], 0);
  ask_for(0, "e\n"); /* one more than it has connections for */
  assert_true(is_leaving(idle[1]));
  assert_false(is_leaving(idle[0]) || is_leaving(idle[2]));
  fl_outside_turn(&out);
  fl_outside_turn(&out);
  answer(stand_at(4, 0), "e\n");
  ask_for(0, "f\n");
  ask_for(0, "g\n"); /* one has an idle connection, and one displaces another */
  fl_outside_turn(&out);
  fl_outside_turn(&out);
  assert_int_equal(metrics()->upstream_closed[FL_DISPLACED], 2);
  stand_at(5, 0);
  assert_int_equal(fl_outside_open(&out), 4);
  answer(zero, "d\n");
}

/* Of all other servers the one that is unused for longest goes. */
static void the_longest_idle_of_all_servers_goes(void **state) {
  (void)state;
  for (int longest = 1; longest <= 2; longest++) {
    if (longest > 1) {
      fl_outside_end(&out);
      setup(NULL);
    }
    out.upstream.server_count = 3;
    out.upstream.pool.max_size = 3;
    fl_outside_start(&out);
    ask_for(1, "a\n");
    ask_for(2, "b\n");
    struct fl_sock *idle[3] = {NULL, stand_at(0, 1), stand_at(1, 2)};
    answer(idle[longest], longest == 1 ? "a\n" : "b\n");
    fl_outside_pass(&out, FL_SECOND);
    answer(idle[3 - longest], longest == 1 ? "b\n" : "a\n");
    ask_for(0, "c\n");
    stand_at(2, 0);
    ask_for(0, "d\n");
    assert_true(is_leaving(idle[longest]));
    assert_false(is_leaving(idle[3 - longest]));
  }
}

/* Nothing is taken for a server that may not be connected to now, and nothing
   from clients that use it. */
static void what_is_of_no_use_is_not_displaced(void **state) {
  (void)state;
  out.upstream.pool.max_size = 3;
  fl_outside_start(&out);
  ask_for(0, "a\n");
  struct fl_sock *zero = stand_at(0, 0);
  ask_for(0, "b\n"); /* waits for zero, for no other can be opened: backoff */
  fl_outside_connected(&out, fl_outside_connect(&out, 1), FL_CONNECT_REFUSED);
  ask_for(1, "c\n");
  ask_for(1, "d\n");
  struct fl_sock *busy = stand_at(2, 1);
  struct fl_sock *idle = stand_at(3, 1);
  answer(idle, "d\n");
  fl_outside_turn(&out);
  assert_false(is_leaving(busy) || is_leaving(idle));
  fl_outside_pass(&out, FL_SECOND);
  assert_true(is_leaving(idle));
  assert_false(is_leaving(busy) || is_leaving(zero));
  assert_int_equal(metrics()->upstream_closed[FL_DISPLACED], 1);
}

static void who_waits_does_not_hold_up_others(void **state) {
  (void)state;
  out.upstream.pool.max_size = 2;
  fl_outside_start(&out);
  ask_for(0, "a\n");
  ask_for(1, "b\n");
  struct fl_sock *zero = stand_at(0, 0);
  struct fl_sock *one = stand_at(1, 1);
  ask_for(0, "c\n"); /* first, but its server is busy */
  ask_for(1, "d\n");
  answer(one, "b\n");
  answer(one, "d\n");
  answer(zero, "a\n");
  answer(zero, "c\n");
}

static void relays_and_sessions_too(void **state) {
  static const enum fl_mode modes[] = {FL_MODE_RELAY, FL_MODE_SESSION};
  (void)state;
  for (int i = 0; i < 2; i++) {
    if (i > 0) {
      fl_outside_end(&out);
      setup(NULL);
    }
    out.listeners[1].mode = out.upstream.mode = modes[i];
    out.listeners[1].half_close_timeout = 60 * FL_SECOND;
    out.upstream.framing.type = FL_FRAMING_RAW;
    out.upstream.reply_framing.type = FL_FRAMING_RAW;
    fl_outside_start(&out);
    ask_for(1, "");
    ask_for(1, "a");
    ask_for(0, "b");
    for (unsigned at = 0; fl_outside_connect(&out, at) != NULL; at++)
      fl_outside_connected(&out, fl_outside_connect(&out, at), FL_OK);
    unsigned parts[2] = {0};
    for (unsigned at = 0; fl_outside_connect(&out, at) != NULL; at++)
      parts[fl_outside_connect(&out, at)->addr.ip[3] - 1]++;
    assert_int_equal(parts[0], 1);
    assert_int_equal(parts[1], modes[i] == FL_MODE_RELAY ? 2 : 1);
  }
}

static void a_relay_falls_to_the_next_server(void **state) {
  (void)state;
  out.listeners[1].mode = out.upstream.mode = FL_MODE_RELAY;
  out.listeners[1].half_close_timeout = 60 * FL_SECOND;
  fl_outside_start(&out);
  ask_for(1, "");
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  fl_outside_turn(&out);
  fl_outside_turn(&out);
  stand_at(1, 0);
  ask_for(1, "");
  stand_at(2, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_scene)
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_server_has_its_part),
      cmocka_unit_test(who_goes_moves_only_its_own_clients),
      cmocka_unit_test(the_port_is_no_part_of_it),
      cmocka_unit_test(all_of_an_ipv6_address_counts),
      cmocka_unit_test(weights_do_not_change),
      TEST(requests_go_to_the_clients_server),
      TEST(more_connections_are_the_clients_servers),
      TEST(a_server_that_fails_is_passed_over),
      TEST(who_has_no_server_waits_for_one),
      TEST(an_idle_connection_of_another_makes_room),
      TEST(idle_connections_are_shared),
      TEST(the_longest_idle_of_all_servers_goes),
      TEST(what_is_of_no_use_is_not_displaced),
      TEST(who_waits_does_not_hold_up_others),
      TEST(relays_and_sessions_too),
      TEST(a_relay_falls_to_the_next_server)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
