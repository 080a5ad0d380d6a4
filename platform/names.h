/* Lookups of names: io->resolve of core/io.h, on libuv's thread pool. Numeric
   addresses never come here. */
#ifndef FL_PLATFORM_NAMES_H
#define FL_PLATFORM_NAMES_H

#include "core/io.h"
#include "core/list.h"

#include <uv.h>

struct fl_gateway;

struct fl_names {
  uv_loop_t *loop;
  struct fl_gateway *gateway;
  struct fl_list lookups; /* under way */
};

void fl_names_init(struct fl_names *names, uv_loop_t *loop,
                   struct fl_gateway *gateway);

/* io->resolve of core/io.h. */
enum fl_reason fl_names_resolve(struct fl_names *names, fl_token token,
                                const char *host, uint16_t port);

/* Gives up all lookups; none is answered any more. One that a thread has
   begun cannot be stopped: it keeps the loop alive until the system is done
   with it, which can take the resolver's whole timeout. */
void fl_names_cancel(struct fl_names *names);

#endif
