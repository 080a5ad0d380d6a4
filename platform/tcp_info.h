/* What TCP has measured on one connection: round trip times, what was sent and
   sent again. A file per system:
   Linux    told with the states of all sockets (tcp_states.h), so nothing here.
   Windows  SIO_TCP_INFO, which is asked of the socket itself: on the thread
            that has it, between two turns. */
#ifndef FL_PLATFORM_TCP_INFO_H
#define FL_PLATFORM_TCP_INFO_H

#include "core/tcp_sample.h"

#include <uv.h>

/* The call that each connection has to be asked with; NULL: none. */
const char *fl_tcp_info_call(void);

enum fl_tcp_told {
  FL_TCP_TOLD,
  FL_TCP_NOT_NOW, /* this connection has nothing to tell */
  FL_TCP_NEVER    /* nor has any: the system lacks it */
};

/* Fills in the row's state and what was measured, but for its cookie. *error
   (of libuv) is set with FL_TCP_NEVER. Requires: fl_tcp_info_call. */
enum fl_tcp_told fl_tcp_info(uv_os_sock_t socket, struct fl_tcp_row *row,
                             int *error);

#endif
