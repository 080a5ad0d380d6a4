/* Asks the system for the sockets of a sample's listeners and servers. A file
   per system:
   Linux    netlink, sock_diag(7), and /proc. The kernel picks the sockets, so
            that others cost no copy. Everything is known; what the network
            namespace of this process has.
   Windows  GetTcpTable, GetTcp6Table. Only states, and whether something
            listens; what was measured each connection is asked (tcp_info.h). */
#ifndef FL_PLATFORM_TCP_STATES_H
#define FL_PLATFORM_TCP_STATES_H

#include "core/tcp_sample.h"

/* Passes in the rows and fills in sample->system. Returns 0, or an error of
   libuv when the system does not tell; the numbers mean nothing then. Takes
   milliseconds: not for a thread that serves. Requires: ready, no rows yet. */
int fl_tcp_states_take(struct fl_tcp_sample *sample);

#endif
