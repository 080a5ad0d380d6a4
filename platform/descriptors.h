/* How many descriptors the process may have, and the reserve of them that is
   kept for upstreams and others. A file per system. */
#ifndef FL_PLATFORM_DESCRIPTORS_H
#define FL_PLATFORM_DESCRIPTORS_H

#include <stdbool.h>
#include <uv.h>

struct fl_descriptors {
  int limit;
  int reserve; /* the first number that lies in the reserve */
};

struct fl_descriptors fl_descriptors(void);

/* Whether the descriptor of this socket lies in the reserve. */
bool fl_descriptors_reserved(const struct fl_descriptors *descriptors,
                             uv_os_sock_t socket);

/* Whether the next descriptor would lie below the reserve; in *any, whether
   there is one at all. `socket`: any of the process's. */
bool fl_descriptors_free(const struct fl_descriptors *descriptors,
                         uv_os_sock_t socket, bool *any);

#endif
