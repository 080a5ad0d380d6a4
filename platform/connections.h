/* What TCP has measured on a worker's connections to servers, where each has
   to be asked (tcp_info.h). */
#ifndef FL_PLATFORM_CONNECTIONS_H
#define FL_PLATFORM_CONNECTIONS_H

#include "core/tcp_sample.h"

struct fl_worker;

/* More of one worker's are not asked at a time, for meanwhile it serves nobody.
   Those that are open for longest are asked, so that they are the same again
   and again. */
enum { FL_CONNECTIONS_MAX = 256 };

/* A zeroed struct is empty. */
struct fl_connections {
  struct fl_tcp_row *rows; /* owned: free */
  uint32_t count;
  int error; /* of libuv: the system tells nothing; 0: none */
};

/* Appends those of this worker, the number'th, on its thread between two turns.
   Where memory is out there are less. */
void fl_connections_take(struct fl_connections *to, struct fl_worker *worker,
                         uint32_t number);

#endif
