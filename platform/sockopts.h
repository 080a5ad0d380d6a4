/* Socket options of the configuration, put into effect. */
#ifndef FL_PLATFORM_SOCKOPTS_H
#define FL_PLATFORM_SOCKOPTS_H

#include "core/config.h"
#include "platform/hooks.h"

#include <uv.h>

/* What a socket is for. */
struct fl_socket_use {
  uint8_t family; /* FL_ADDR_IP4 or FL_ADDR_IP6 */
  bool listens;   /* else it will connect to a server */
};

/* Sets them on a socket that does not listen or connect yet: buffer sizes
   only then shape the window offered (tcp(7)). An accepted socket inherits
   those of its listening socket. No option is essential: one that the system
   refuses is logged once per process, by its name, and left as it was. */
void fl_sockopts_apply(uv_os_sock_t socket, const struct fl_sockopts *options,
                       struct fl_socket_use use, const struct fl_hooks *hooks);

#endif
