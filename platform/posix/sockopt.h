/* One socket option as setsockopt(2) takes it. */
#ifndef FL_PLATFORM_POSIX_SOCKOPT_H
#define FL_PLATFORM_POSIX_SOCKOPT_H

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

struct fl_sockopt {
  enum fl_sockopt_id id;
  int level;
  int option;
  int value;
  const char *name;
};

/* Fills `list` with what this system has beyond POSIX's SO_KEEPALIVE to
   notice a peer that is gone, and returns how many. There is room for one of
   each id that concerns it. A file per system. */
size_t fl_sockopt_keepalive(const struct fl_sockopts *options,
                            struct fl_sockopt *list);

/* The same for what this system has to say how a socket is bound and
   connected. */
size_t fl_sockopt_binding(const struct fl_sockopts *options,
                          struct fl_socket_use use, struct fl_sockopt *list);

/* A value of the configuration as setsockopt takes it. */
static inline int fl_sockopt_value(uint64_t value) {
  return value > INT32_MAX ? INT32_MAX : (int)value;
}

#endif
