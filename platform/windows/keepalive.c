/* Windows' options to notice a peer that is gone ("IPPROTO_TCP socket options",
   Winsock documentation). */
#include "platform/sockopt.h"

#include <winsock2.h>

#include <mstcpip.h>

/* Since Windows 10 1709; not in every version of the headers. */
#ifndef TCP_KEEPIDLE
#define TCP_KEEPIDLE 3
#endif
#ifndef TCP_MAXRT
#define TCP_MAXRT 5
#endif
#ifndef TCP_KEEPCNT
#define TCP_KEEPCNT 16
#endif
#ifndef TCP_KEEPINTVL
#define TCP_KEEPINTVL 17
#endif

/* The user timeout is the time for which what was sent may stay
   unacknowledged, in seconds, rounded up. */
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
  if (options->user_timeout != 0) {
    fl_time timeout = (options->user_timeout - 1) / FL_SECOND + 1;
    list[n++] =
        (struct fl_sockopt){FL_SOCKOPT_USER_TIMEOUT, IPPROTO_TCP, TCP_MAXRT,
                            fl_sockopt_value(timeout), "TCP_MAXRT"};
  }
  return n;
}

static ULONG milliseconds(uint64_t seconds) {
  return seconds > UINT32_MAX / 1000 ? UINT32_MAX : (ULONG)(seconds * 1000);
}

/* Older systems take the time to the first probe and between probes in one
   call; the number of probes is theirs (10). */
bool fl_sockopt_keepalive_older(uv_os_sock_t socket, enum fl_sockopt_id id,
                                const struct fl_sockopts *options) {
  struct tcp_keepalive values = {
      .onoff = 1,
      .keepalivetime = milliseconds(options->keepalive_idle),
      .keepaliveinterval = milliseconds(options->keepalive_interval)};
  DWORD size;
  if (id != FL_SOCKOPT_KEEPALIVE_IDLE && id != FL_SOCKOPT_KEEPALIVE_INTERVAL)
    return false;
  return WSAIoctl(socket, SIO_KEEPALIVE_VALS, &values, sizeof values, NULL, 0,
                  &size, NULL, NULL) == 0;
}
