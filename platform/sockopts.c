#include "platform/sockopts.h"

#include "platform/error.h"
#include "platform/sockopt.h"

#include <stdatomic.h>

/* Those every system has. Buffers stay untouched unless asked for:
   setting SO_RCVBUF ends the system's own tuning of it. */
static size_t common(const struct fl_sockopts *options,
                     struct fl_sockopt *list) {
  size_t n = 0;
  list[n++] = (struct fl_sockopt){FL_SOCKOPT_NODELAY, IPPROTO_TCP, TCP_NODELAY,
                                  options->nodelay, "TCP_NODELAY"};
  list[n++] =
      (struct fl_sockopt){FL_SOCKOPT_KEEPALIVE, SOL_SOCKET, SO_KEEPALIVE,
                          options->keepalive, "SO_KEEPALIVE"};
  if (options->receive_buffer != 0)
    list[n++] = (struct fl_sockopt){
        FL_SOCKOPT_RECEIVE_BUFFER, SOL_SOCKET, SO_RCVBUF,
        fl_sockopt_value(options->receive_buffer), "SO_RCVBUF"};
  if (options->send_buffer != 0)
    list[n++] = (struct fl_sockopt){
        FL_SOCKOPT_SEND_BUFFER, SOL_SOCKET, SO_SNDBUF,
        fl_sockopt_value(options->send_buffer), "SO_SNDBUF"};
  return n;
}

/* The code point is the upper six bits of the octet (RFC 2474 section 3). An
   IPv6 socket that also has IPv4 peers needs both. */
static size_t services(const struct fl_sockopts *options,
                       struct fl_socket_use use, struct fl_sockopt *list) {
  bool ip6 = use.family == FL_ADDR_IP6;
  int octet = (int)((options->dscp & 63) << 2);
  size_t n = 0;
  if (options->dscp == 0)
    return n;
  if (!ip6 || (use.listens && !options->ipv6_only))
    list[n++] = (struct fl_sockopt){FL_SOCKOPT_TOS, IPPROTO_IP, IP_TOS, octet,
                                    "IP_TOS"};
  if (ip6)
    list[n++] = (struct fl_sockopt){FL_SOCKOPT_TCLASS, IPPROTO_IPV6,
                                    IPV6_TCLASS, octet, "IPV6_TCLASS"};
  return n;
}

/* Logs a refused option the first time only: what is refused for one
   connection is refused for all. */
static void refused(const struct fl_sockopt *option, int error,
                    const struct fl_hooks *hooks) {
  static atomic_uint logged; /* a bit per id */
  unsigned bit = 1u << option->id;
  char text[FL_ERROR_TEXT];
  if ((atomic_fetch_or(&logged, bit) & bit) != 0)
    return;
  hooks->log(FL_LOG_WARNING, FL_LOG_SOCKET,
             "the system refuses %s = %d (%s); going on without it",
             option->name, option->value, fl_error_text(error, text));
}

void fl_sockopts_apply(uv_os_sock_t socket, const struct fl_sockopts *options,
                       struct fl_socket_use use, const struct fl_hooks *hooks) {
  struct fl_sockopt list[FL_SOCKOPT_COUNT];
  size_t count = common(options, list);
  count += fl_sockopt_keepalive(options, list + count);
  count += services(options, use, list + count);
  count += fl_sockopt_binding(options, use, list + count);
  for (size_t i = 0; i < count; i++) {
    int error = list[i].option == FL_SOCKOPT_NONE
                    ? UV_ENOTSUP
                    : fl_sockopt_set(socket, &list[i]);
    if (error != 0 && !fl_sockopt_keepalive_older(socket, list[i].id, options))
      refused(&list[i], error, hooks);
  }
}
