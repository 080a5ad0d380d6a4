/* One socket option as setsockopt takes it, on POSIX and Windows alike. */
#ifndef FL_PLATFORM_SOCKOPT_H
#define FL_PLATFORM_SOCKOPT_H

#include "core/config.h"
#include "platform/sockopts.h"

#include <stddef.h>

enum fl_sockopt_id {
  FL_SOCKOPT_NODELAY,
  FL_SOCKOPT_KEEPALIVE,
  FL_SOCKOPT_RECEIVE_BUFFER,
  FL_SOCKOPT_SEND_BUFFER,
  FL_SOCKOPT_KEEPALIVE_IDLE,
  FL_SOCKOPT_KEEPALIVE_INTERVAL,
  FL_SOCKOPT_KEEPALIVE_COUNT,
  FL_SOCKOPT_USER_TIMEOUT,
  FL_SOCKOPT_TOS,
  FL_SOCKOPT_TCLASS,
  FL_SOCKOPT_REUSE_PORT,
  FL_SOCKOPT_FREE_BIND,
  FL_SOCKOPT_SYN_RETRIES,
  FL_SOCKOPT_BIND_NO_PORT,
  FL_SOCKOPT_COUNT
};

/* An option that this system does not have. */
#define FL_SOCKOPT_NONE (-1)

struct fl_sockopt {
  enum fl_sockopt_id id;
  int level;
  int option; /* or FL_SOCKOPT_NONE */
  int value;
  const char *name;
};

/* Fills `list` with what this system has beyond SO_KEEPALIVE to notice a peer
   that is gone, and returns how many. There is room for one of
   each id that concerns it. A file per system. */
size_t fl_sockopt_keepalive(const struct fl_sockopts *options,
                            struct fl_sockopt *list);

/* The same for what this system has to say how a socket is bound and
   connected. */
size_t fl_sockopt_binding(const struct fl_sockopts *options,
                          struct fl_socket_use use, struct fl_sockopt *list);

/* Sets it. Returns 0 or an error of libuv. */
int fl_sockopt_set(uv_os_sock_t socket, const struct fl_sockopt *option);

/* The system has refused the options of fl_sockopt_keepalive that this id is
   one of. Returns whether another of its calls did as well. */
bool fl_sockopt_keepalive_older(uv_os_sock_t socket, enum fl_sockopt_id id,
                                const struct fl_sockopts *options);

/* A value of the configuration as setsockopt takes it. */
static inline int fl_sockopt_value(uint64_t value) {
  return value > INT32_MAX ? INT32_MAX : (int)value;
}

#endif
