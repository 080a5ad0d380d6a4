/* Linux's options to notice a peer that is gone, tcp(7). */
#include "platform/sockopt.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

size_t fl_sockopt_keepalive(const struct fl_sockopts *options,
                            struct fl_sockopt *list) {
  size_t n = 0;
  if (options->keepalive) {
    list[n++] = (struct fl_sockopt){
        FL_SOCKOPT_KEEPALIVE_IDLE, IPPROTO_TCP, TCP_KEEPIDLE,
        fl_sockopt_value(options->keepalive_idle), "TCP_KEEPIDLE"};
    list[n++] = (struct fl_sockopt){
        FL_SOCKOPT_KEEPALIVE_INTERVAL, IPPROTO_TCP, TCP_KEEPINTVL,
        fl_sockopt_value(options->keepalive_interval), "TCP_KEEPINTVL"};
    list[n++] = (struct fl_sockopt){
        FL_SOCKOPT_KEEPALIVE_COUNT, IPPROTO_TCP, TCP_KEEPCNT,
        fl_sockopt_value(options->keepalive_count), "TCP_KEEPCNT"};
  }
  if (options->user_timeout != 0) { /* in milliseconds, rounded up */
    fl_time timeout = (options->user_timeout - 1) / FL_MILLISECOND + 1;
    list[n++] = (struct fl_sockopt){FL_SOCKOPT_USER_TIMEOUT, IPPROTO_TCP,
                                    TCP_USER_TIMEOUT, fl_sockopt_value(timeout),
                                    "TCP_USER_TIMEOUT"};
  }
  return n;
}

/* They have been there since 2.4, the user timeout since 2.6.37. */
bool fl_sockopt_keepalive_older(uv_os_sock_t socket, enum fl_sockopt_id id,
                                const struct fl_sockopts *options) {
  (void)socket;
  (void)id;
  (void)options;
  return false;
}
