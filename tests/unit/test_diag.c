#include "platform/linux/diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "random.h"

enum { BOTH = FL_TCP_OF_LISTENERS | FL_TCP_OF_SERVERS };

static struct fl_tcp_sample sample;

/* A datagram as the kernel makes it. */
static _Alignas(8) uint8_t bytes[4096];
static size_t size;

static int setup(void **state) {
  struct fl_addr addr;
  (void)state;
  size = 0;
  assert_true(fl_addr_parse("127.0.0.1", 8080, &addr));
  fl_tcp_sample_listener(&sample, "gateway", &addr);
  assert_true(fl_addr_parse("192.0.2.1", 502, &addr));
  fl_tcp_sample_server(&sample, "plc", "192.0.2.1:502", &addr, 1);
  assert_true(fl_tcp_sample_ready(&sample));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  fl_tcp_sample_free(&sample);
  return 0;
}

static void put(const void *from, size_t count) {
  memcpy(bytes + size, from, count);
  size = (size + count + 3) & ~(size_t)3;
}

static void put_head(uint16_t type, size_t payload) {
  struct nlmsghdr head = {
      .nlmsg_len = (uint32_t)(sizeof head + payload),
      .nlmsg_type = type,
  };
  put(&head, sizeof head);
}

static struct inet_diag_msg to_server(unsigned state) {
  struct inet_diag_msg message = {.idiag_family = AF_INET,
                                  .idiag_state = (uint8_t)state};
  message.id.idiag_sport = htons(40000);
  message.id.idiag_dport = htons(502);
  message.id.idiag_src[0] = htonl(0x0a000001);
  message.id.idiag_dst[0] = htonl(0xc0000201);
  message.id.idiag_cookie[0] = 7;
  return message;
}

static void put_socket(const struct inet_diag_msg *message, uint16_t type,
                       const void *payload, size_t count) {
  struct nlattr attribute = {.nla_len = (uint16_t)(sizeof attribute + count),
                             .nla_type = type};
  put_head(SOCK_DIAG_BY_FAMILY,
           sizeof *message + (payload == NULL ? 0 : sizeof attribute + count));
  put(message, sizeof *message);
  if (payload == NULL)
    return;
  put(&attribute, sizeof attribute);
  put(payload, count);
}

static enum fl_diag_answer read_all(int *error) {
  *error = 0;
  return fl_diag_read(&sample, BOTH, bytes, size, error);
}

static void states_are_read(void **state) {
  static const enum fl_tcp_state expected[] = {
      [1] = FL_TCP_ESTABLISHED,  [2] = FL_TCP_SYN_SENT,
      [3] = FL_TCP_SYN_RECEIVED, [4] = FL_TCP_FIN_WAIT_1,
      [5] = FL_TCP_FIN_WAIT_2,   [6] = FL_TCP_TIME_WAIT,
      [8] = FL_TCP_CLOSE_WAIT,   [9] = FL_TCP_LAST_ACK,
      [11] = FL_TCP_CLOSING,     [12] = FL_TCP_SYN_RECEIVED};
  uint64_t count[FL_TCP_STATES] = {0};
  int error;
  (void)state;
  for (unsigned i = 0; i < 256; i++) {
    struct inet_diag_msg message = to_server(i);
    size = 0;
    put_socket(&message, 0, NULL, 0);
    assert_int_equal(read_all(&error), FL_DIAG_MORE);
    if (i == 1 || (i > 1 && i <= 12 && i != 7 && i != 10))
      count[expected[i]]++;
  }
  assert_memory_equal(count, sample.servers[0].sockets, sizeof count);
}

static void what_tcp_knows_is_read(void **state) {
  struct inet_diag_msg message = to_server(1);
  struct tcp_info info = {.tcpi_rtt = 1500,
                          .tcpi_min_rtt = 900,
                          .tcpi_data_segs_out = 70,
                          .tcpi_total_retrans = 3};
  int error;
  (void)state;
  put_socket(&message, INET_DIAG_INFO, &info, sizeof info);
  assert_int_equal(read_all(&error), FL_DIAG_MORE);
  assert_int_equal(sample.seen_count, 1);
  assert_int_equal(sample.seen[0].cookie, 7);
  assert_int_equal(sample.seen[0].rtt, 1500);
  assert_int_equal(sample.seen[0].sent, 70);
  assert_int_equal(sample.seen[0].retransmitted, 3);
  assert_int_equal(sample.servers[0].rtt_min, 900);
}

/* Kernels before 4.6 know nothing of data_segs_out. */
static void an_older_kernel_knows_less(void **state) {
  struct inet_diag_msg message = to_server(1);
  struct tcp_info info = {.tcpi_rtt = 1500, .tcpi_data_segs_out = 70};
  int error;
  (void)state;
  put_socket(&message, INET_DIAG_INFO, &info,
             offsetof(struct tcp_info, tcpi_pacing_rate));
  assert_int_equal(read_all(&error), FL_DIAG_MORE);
  assert_int_equal(sample.seen[0].rtt, 1500);
  assert_int_equal(sample.seen[0].sent, 0);
}

static void a_listening_socket_is_read(void **state) {
  struct inet_diag_msg message = {.idiag_family = AF_INET,
                                  .idiag_state = 10,
                                  .idiag_rqueue = 2,
                                  .idiag_wqueue = 128};
  uint32_t memory[SK_MEMINFO_VARS] = {[SK_MEMINFO_DROPS] = 5};
  int error;
  (void)state;
  message.id.idiag_sport = htons(8080);
  message.id.idiag_src[0] = htonl(0x7f000001);
  put_socket(&message, INET_DIAG_SKMEMINFO, memory, sizeof memory);
  assert_int_equal(read_all(&error), FL_DIAG_MORE);
  assert_int_equal(sample.listeners[0].queue, 2);
  assert_int_equal(sample.listeners[0].queue_limit, 128);
  assert_true(sample.listeners[0].drops_known);
  assert_int_equal(sample.listeners[0].drops, 5);
}

static void an_ipv4_peer_of_an_ipv6_socket_is_known(void **state) {
  struct inet_diag_msg message = to_server(1);
  int error;
  (void)state;
  message.idiag_family = AF_INET6;
  for (int i = 0; i < 2; i++) {
    uint32_t *ip = i == 0 ? message.id.idiag_src : message.id.idiag_dst;
    ip[3] = ip[0];
    ip[2] = htonl(0xffff);
    ip[0] = 0;
  }
  put_socket(&message, 0, NULL, 0);
  assert_int_equal(read_all(&error), FL_DIAG_MORE);
  assert_int_equal(sample.servers[0].sockets[FL_TCP_ESTABLISHED], 1);
}

static void the_end_is_seen(void **state) {
  struct inet_diag_msg message = to_server(1);
  int code = 0;
  int error;
  (void)state;
  put_socket(&message, 0, NULL, 0);
  put_head(NLMSG_DONE, sizeof code);
  put(&code, sizeof code);
  assert_int_equal(read_all(&error), FL_DIAG_DONE);
  assert_int_equal(sample.servers[0].sockets[FL_TCP_ESTABLISHED], 1);
  size = 0;
  put_head(NLMSG_ERROR, sizeof code);
  code = -EPERM;
  put(&code, sizeof code);
  assert_int_equal(read_all(&error), FL_DIAG_FAILED);
  assert_int_equal(error, EPERM);
}

/* One that says it goes on into the next message is not read. */
static void an_attribute_ends_with_its_message(void **state) {
  struct inet_diag_msg message = to_server(1);
  struct tcp_info info = {.tcpi_rtt = 1};
  uint16_t longer = (uint16_t)(sizeof(struct nlattr) + sizeof info + 4);
  int error;
  (void)state;
  put_socket(&message, INET_DIAG_INFO, &info, sizeof info);
  memcpy(bytes + sizeof(struct nlmsghdr) + sizeof message, &longer,
         sizeof longer);
  put_socket(&message, 0, NULL, 0);
  assert_int_equal(read_all(&error), FL_DIAG_MORE);
  assert_int_equal(sample.servers[0].sockets[FL_TCP_ESTABLISHED], 2);
  assert_int_equal(sample.seen_count, 0);
}

/* Each place where a length stands is given every length around its own, in a
   block of memory that ends where the datagram does. */
static void lengths_may_be_anything(void **state) {
  struct inet_diag_msg message = to_server(1);
  struct tcp_info info = {.tcpi_rtt = 1};
  struct fl_test_random random = {1};
  (void)state;
  put_socket(&message, INET_DIAG_INFO, &info, sizeof info);
  put_socket(&message, INET_DIAG_INFO, &info, sizeof info);
  size_t attribute = sizeof(struct nlmsghdr) + sizeof message;
  for (uint32_t length = 0; length < 2 * size; length++)
    for (size_t cut = 0; cut <= size; cut += 1 + fl_test_below(&random, 40)) {
      uint8_t *copy = malloc(size - cut + 1);
      int error = 0;
      assert_non_null(copy);
      memcpy(copy, bytes, size - cut);
      if (size - cut >= sizeof length && length % 2 == 0)
        memcpy(copy, &length, sizeof length);
      uint16_t shorter = (uint16_t)length;
      if (size - cut >= attribute + sizeof shorter)
        memcpy(copy + attribute, &shorter, sizeof shorter);
      (void)fl_diag_read(&sample, BOTH, copy, size - cut, &error);
      free(copy);
    }
}

static void a_question_has_all_addresses(void **state) {
  struct fl_diag_request request;
  uint32_t from = 0;
  (void)state;
  for (int dump = 0; dump <= FL_DIAG_CONNECTED; dump++) {
    assert_true(fl_diag_ask(&request, &sample, (enum fl_diag_dump)dump,
                            FL_ADDR_IP4, &from));
    assert_non_null(request.bytes);
    assert_int_equal(from, 0);
    free(request.bytes);
    assert_true(fl_diag_ask(&request, &sample, (enum fl_diag_dump)dump,
                            FL_ADDR_IP6, &from));
    assert_null(request.bytes);
  }
}

/* More than one filter takes are asked for in turn. */
static void many_addresses_take_many_questions(void **state) {
  struct fl_tcp_sample many = {0};
  struct fl_addr addr;
  uint32_t from = 0;
  unsigned questions = 0;
  (void)state;
  assert_true(fl_addr_parse("2001:db8::1", 1, &addr));
  for (uint16_t i = 0; i < 2500; i++, addr.port++)
    fl_tcp_sample_server(&many, "u", "s", &addr, 1);
  do {
    struct fl_diag_request request;
    assert_true(
        fl_diag_ask(&request, &many, FL_DIAG_CONNECTED, FL_ADDR_IP6, &from));
    assert_true(request.size < UINT16_MAX);
    free(request.bytes);
    questions++;
  } while (from != 0);
  assert_int_equal(questions, 3);
  fl_tcp_sample_free(&many);
}

static void memory_may_be_out(void **state) {
  struct fl_diag_request request;
  uint32_t from = 0;
  (void)state;
  fl_test_alloc_fail_after(0);
  bool made =
      fl_diag_ask(&request, &sample, FL_DIAG_CONNECTED, FL_ADDR_IP4, &from);
  fl_test_alloc_fail_after(-1);
  assert_false(made);
}

static void ports_are_read(void **state) {
  struct fl_tcp_system system = {0};
  (void)state;
  fl_diag_ports(&system, "1000\t1099\n", "\n");
  assert_true(system.ports_known);
  assert_int_equal(system.port_first, 1000);
  assert_int_equal(system.port_last, 1099);
  assert_int_equal(system.ports, 100);
  fl_diag_ports(&system, "1000\t1099\n", "5,990-1004,1050,1098-2000\n");
  assert_int_equal(system.ports, 100 - 5 - 1 - 2);
  fl_diag_ports(&system, "1000\t1099\n", "1001,x,1002");
  assert_int_equal(system.ports, 99);
  static const char *const bad[] = {"", "x", "1000", "1000 999", "1 70000"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct fl_tcp_system none = {0};
    fl_diag_ports(&none, bad[i], NULL);
    assert_false(none.ports_known);
  }
}

static void netstat_is_read(void **state) {
  struct fl_tcp_system system = {0};
  (void)state;
  fl_diag_netstat(&system, "TcpExt: A ListenOverflows B ListenDrops C\n"
                           "TcpExt: 1 22 3 44 5\n"
                           "IpExt: ListenDrops\nIpExt: 9\n");
  assert_true(system.listen_known);
  assert_int_equal(system.listen_overflows, 22);
  assert_int_equal(system.listen_drops, 44);
  static const char *const bad[] = {
      "",
      "\n",
      "TcpExt:",
      "TcpExt: ListenOverflows ListenDrops\n",
      "TcpExt: ListenOverflows ListenDrops\nTcpExt: 1\n",
      "IpExt: ListenOverflows ListenDrops\nIpExt: 1 2\n"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    fl_diag_netstat(&system, bad[i]);
    assert_false(system.listen_known);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(states_are_read),
      TEST(what_tcp_knows_is_read),
      TEST(an_older_kernel_knows_less),
      TEST(a_listening_socket_is_read),
      TEST(an_ipv4_peer_of_an_ipv6_socket_is_known),
      TEST(the_end_is_seen),
      TEST(an_attribute_ends_with_its_message),
      TEST(lengths_may_be_anything),
      TEST(a_question_has_all_addresses),
      TEST(many_addresses_take_many_questions),
      TEST(memory_may_be_out),
      TEST(ports_are_read),
      TEST(netstat_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
