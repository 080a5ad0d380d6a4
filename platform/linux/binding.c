/* Linux's options of bind and connect: ip(7), ipv6(7), socket(7), tcp(7). */
#include "platform/sockopt.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* In linux/in6.h since 4.15, which cannot be included beside netinet/in.h. */
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

/* A connection's port is then chosen when it connects, so that it need not
   differ from those of connections to other servers. */
static size_t of_connection(const struct fl_sockopts *options,
                            struct fl_sockopt *list) {
  size_t n = 0;
  if (options->syn_retries != 0)
    list[n++] = (struct fl_sockopt){
        FL_SOCKOPT_SYN_RETRIES, IPPROTO_TCP, TCP_SYNCNT,
        fl_sockopt_value(options->syn_retries), "TCP_SYNCNT"};
  if (options->bind.family != FL_ADDR_NONE)
    list[n++] = (struct fl_sockopt){FL_SOCKOPT_BIND_NO_PORT, IPPROTO_IP,
                                    IP_BIND_ADDRESS_NO_PORT, 1,
                                    "IP_BIND_ADDRESS_NO_PORT"};
  return n;
}

/* TCP_SYNCNT on a listening socket would mean its SYN-ACKs. */
size_t fl_sockopt_binding(const struct fl_sockopts *options,
                          struct fl_socket_use use, struct fl_sockopt *list) {
  size_t n = use.listens ? 0 : of_connection(options, list);
  if (use.listens && options->reuse_port)
    list[n++] = (struct fl_sockopt){FL_SOCKOPT_REUSE_PORT, SOL_SOCKET,
                                    SO_REUSEPORT, 1, "SO_REUSEPORT"};
  if (options->free_bind && use.family == FL_ADDR_IP4)
    list[n++] = (struct fl_sockopt){FL_SOCKOPT_FREE_BIND, IPPROTO_IP,
                                    IP_FREEBIND, 1, "IP_FREEBIND"};
  else if (options->free_bind)
    list[n++] = (struct fl_sockopt){FL_SOCKOPT_FREE_BIND, IPPROTO_IPV6,
                                    IPV6_FREEBIND, 1, "IPV6_FREEBIND"};
  return n;
}
