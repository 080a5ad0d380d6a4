/* What one worker's objects share. Only core's own files include this. */
#ifndef FL_CORE_GATEWAY_STATE_H
#define FL_CORE_GATEWAY_STATE_H

#include "core/buffer.h"
#include "core/deadline.h"
#include "core/gateway.h"
#include "core/list.h"

struct fl_listener;
struct fl_reload;
struct fl_server;
struct fl_upstream;

struct fl_gateway {
  struct fl_generation *generation; /* in effect; held */
  const struct fl_config *config;   /* of it */
  const struct fl_io *io;
  struct fl_occupancy *occupancy; /* by slot */
  uint32_t worker;
  struct fl_list listeners;       /* those served here */
  struct fl_list upstreams;       /* those that live here */
  struct fl_list gates;           /* listeners that may be shut */
  struct fl_listener **slots;     /* a listener by its slot, or NULL */
  struct fl_upstream **by_config; /* one per upstream of config; NULL where it
                                     lives on other workers */
  struct fl_reload *reload;       /* what is prepared, or NULL */
  struct fl_list looking;         /* servers whose name is looked up */
  struct fl_deadlines deadlines;
  struct fl_spare spare;
  uint64_t conns;           /* made so far */
  struct fl_metrics gone;   /* of listeners and upstreams that are */
  struct fl_metrics totals; /* what fl_gateway_metrics added up */
  /* Work left for the end of the turn, so that no call recurses into another
     connection's and each peer gets one write. */
  struct fl_list runnable;    /* clients whose situation changed */
  struct fl_list dispatch;    /* upstreams with a place or a waiter more */
  struct fl_list dirty;       /* clients with output to write */
  struct fl_list late;        /* pooled connections with output to write; only
                                 at the end of a turn */
  uint32_t clients[FL_MODES]; /* not closed yet, by enum fl_mode */
  uint32_t upstream_conns;    /* not closed yet */
  fl_token lookups;           /* asked for so far */
  int stopping;               /* enum fl_stop, 0 before the first stage */
};

/* Tells the outside. `event` lacks nothing. */
static inline void fl_gateway_event(const struct fl_gateway *gateway,
                                    const struct fl_event *event) {
  gateway->io->event(gateway->io->ctx, event);
}

/* Looks whether pressure began or ended (core/memory.h); those whom it
   concerns act on it. */
void fl_gateway_look_at_memory(struct fl_gateway *gateway, fl_time now);

#endif
