/* How an upstream goes from one configuration to the next, and goes itself. */
#ifndef FL_CORE_UPSTREAM_CHANGE_H
#define FL_CORE_UPSTREAM_CHANGE_H

#include "core/upstream.h"

/* A table of servers as upstream `index` of a generation has them: those that
   the upstream has already, and new ones. Returns NULL when memory is out. */
struct fl_server **
fl_upstream_match_servers(struct fl_upstream *upstream,
                          const struct fl_generation *generation,
                          uint32_t index);

/* Gives such a table back, and what is new in it. */
void fl_upstream_unmatch_servers(struct fl_upstream *upstream,
                                 struct fl_server **servers, uint32_t count);

/* Goes on as upstream `index` of this generation says. `servers` is a matched
   table, or NULL where they are the same. */
void fl_upstream_adopt(struct fl_upstream *upstream,
                       struct fl_generation *generation, uint32_t index,
                       struct fl_server **servers, fl_time now);

/* A reload took it out, or put another in its place. It serves the clients that
   its listeners still have, and goes when they have all gone. */
void fl_upstream_leave(struct fl_upstream *upstream);

/* After each dispatch: lets go of servers that were taken out and have no
   connection any more; may free an upstream that leaves. */
void fl_upstream_tidy(struct fl_upstream *upstream, fl_time now);

#endif
