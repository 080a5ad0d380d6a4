/* Sockets of Windows: what is asked of the system, and what it is understood
   to say. */
#include "platform/listening.h"
#include "platform/socket.h"
#include "platform/sockopt.h"
#include "platform/tcp_states.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <winsock2.h>

#include <ws2tcpip.h>

#include <cmocka.h>

static const struct fl_sockopts options = {.keepalive = true,
                                           .keepalive_idle = 61,
                                           .keepalive_interval = 32,
                                           .keepalive_count = 5,
                                           .user_timeout =
                                               7500 * FL_MILLISECOND};

/* Wine refuses some. */
static void on_log(int level, enum fl_log_area area, const char *format, ...) {
  (void)level;
  (void)area;
  (void)format;
}

static const struct fl_hooks hooks = {.log = on_log};

static int start(void **state) {
  WSADATA data;
  (void)state;
  return WSAStartup(MAKEWORD(2, 2), &data);
}

/* Numbers of ws2ipdef.h (Windows SDK), which older headers lack. */
static void keepalive_has_its_options(void **state) {
  static const struct {
    int option;
    int value;
  } expected[] = {{3, 61}, {17, 32}, {16, 5}, {5, 8}};
  struct fl_sockopt list[FL_SOCKOPT_COUNT];
  (void)state;
  assert_int_equal(fl_sockopt_keepalive(&options, list), 4);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(list[i].level, IPPROTO_TCP);
    assert_int_equal(list[i].option, expected[i].option);
    assert_int_equal(list[i].value, expected[i].value);
  }
}

static SOCKET listen_somewhere(struct fl_addr *addr) {
  uv_os_sock_t socket;
  assert_true(fl_addr_parse("127.0.0.1", 0, addr));
  assert_int_equal(fl_listening_bind(addr, &options, &hooks, &socket), 0);
  assert_int_equal(fl_listening_start(socket, 16, addr), 0);
  return socket;
}

static void an_address_is_held_alone(void **state) {
  struct fl_addr addr;
  BOOL alone = FALSE;
  int size = sizeof alone;
  (void)state;
  SOCKET socket = listen_somewhere(&addr);
  assert_int_equal(getsockopt(socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE,
                              (char *)&alone, &size),
                   0);
  assert_true(alone);
  fl_socket_close(socket);
}

static void a_port_that_is_kept_is_explained(void **state) {
  char text[FL_LISTENING_TEXT];
  struct fl_addr addr;
  (void)state;
  assert_true(fl_addr_parse("127.0.0.1", 1, &addr));
  assert_true(fl_listening_explain(&addr, UV_EACCES, text));
  assert_non_null(strstr(text, "netsh interface ipv4 show excludedport"));
  assert_true(fl_addr_parse("::1", 1, &addr));
  assert_true(fl_listening_explain(&addr, UV_EACCES, text));
  assert_non_null(strstr(text, "netsh interface ipv6 show excludedport"));
  assert_true(fl_listening_explain(&addr, UV_EADDRINUSE, text));
  assert_non_null(strstr(text, "is in use by another program"));
  assert_false(fl_listening_explain(&addr, UV_ENOBUFS, text));
}

static void sample_of(struct fl_tcp_sample *sample,
                      const struct fl_addr *addr) {
  *sample = (struct fl_tcp_sample){0};
  fl_tcp_sample_listener(sample, "l", addr);
  assert_true(fl_tcp_sample_ready(sample));
  assert_int_equal(fl_tcp_states_take(sample), 0);
}

static SOCKET connect_to(const struct fl_addr *addr) {
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons(addr->port)};
  memcpy(&to.sin_addr, addr->ip, 4);
  SOCKET socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
  assert_int_equal(connect(socket, (struct sockaddr *)&to, sizeof to), 0);
  return socket;
}

static void states_are_those_of_sockets(void **state) {
  struct fl_tcp_sample sample;
  struct fl_addr addr;
  char end;
  (void)state;
  SOCKET listening = listen_somewhere(&addr);
  SOCKET stays = connect_to(&addr);
  SOCKET leaves = connect_to(&addr);
  SOCKET first = accept(listening, NULL, NULL);
  SOCKET second = accept(listening, NULL, NULL);
  (void)shutdown(leaves, SD_SEND);
  assert_int_equal(recv(second, &end, 1, 0), 0);
  sample_of(&sample, &addr);
  const struct fl_tcp_listener *found = &sample.listeners[0];
  assert_int_equal(found->found, 1);
  assert_int_equal(found->sockets[FL_TCP_ESTABLISHED], 1);
  assert_int_equal(found->sockets[FL_TCP_CLOSE_WAIT], 1);
  assert_int_equal(found->sockets[FL_TCP_LAST_ACK], 0);
  fl_tcp_sample_free(&sample);
  fl_socket_close(first);
  fl_socket_close(second);
  fl_socket_close(stays);
  fl_socket_close(leaves);
  fl_socket_close(listening);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keepalive_has_its_options),
      cmocka_unit_test(an_address_is_held_alone),
      cmocka_unit_test(a_port_that_is_kept_is_explained),
      cmocka_unit_test(states_are_those_of_sockets),
  };
  return cmocka_run_group_tests(tests, start, NULL);
}
