/* One configuration in effect, and what follows from it for all workers alike:
   which worker serves what, and under which number sockets of a listener are
   known. Whoever points into a generation's configuration holds it; the last
   who lets go disposes of it, on whatever thread that is. */
#ifndef FL_CORE_GENERATION_H
#define FL_CORE_GENERATION_H

#include "core/config.h"
#include "core/placement.h"
#include "core/standing.h"

#include <stdatomic.h>

/* Numbers for listeners, those that drain after a reload among them. */
enum { FL_LISTENER_SLOTS = 2048 };

struct fl_listener_plan {
  uint32_t slot; /* 0..FL_LISTENER_SLOTS-1; its own as long as the listener or
                    a client of it is there */
  struct fl_placement placement;
};

struct fl_upstream_plan {
  struct fl_placement placement;
  struct fl_standing *standings; /* one per server */
};

struct fl_generation {
  const struct fl_config *config;
  uint32_t number;                    /* 1.. */
  uint32_t workers;                   /* how many there are */
  struct fl_listener_plan *listeners; /* one per listener of config */
  struct fl_upstream_plan *upstreams; /* one per upstream of config */
  void (*dispose)(struct fl_config *config);
  atomic_uint holders;
};

/* The generation to start with, held once. Listener i of config has slot i.
   config is disposed of with it; dispose may be NULL. Returns NULL when memory
   is out, config left alone. */
struct fl_generation *fl_generation_first(struct fl_config *config,
                                          void (*dispose)(struct fl_config *),
                                          uint32_t workers);

/* From any thread. */
struct fl_generation *fl_generation_hold(struct fl_generation *generation);
void fl_generation_release(struct fl_generation *generation); /* NULL is fine */

#endif
