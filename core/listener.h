/* A listener as one worker sees it: its configuration and its clients here.
   (The listening socket belongs to the platform.) */
#ifndef FL_CORE_LISTENER_H
#define FL_CORE_LISTENER_H

#include "core/config.h"
#include "core/generation.h"
#include "core/histogram.h"
#include "core/list.h"
#include "core/metrics.h"
#include "core/occupancy.h"
#include "core/span.h"

struct fl_gateway;
struct fl_upstream;

/* Clients that were refused for one reason. */
struct fl_refusals {
  uint64_t untold;     /* since an event told how many */
  fl_time quiet_until; /* when the next one may */
};

struct fl_listener {
  struct fl_gateway *gateway;
  struct fl_list link;              /* on the gateway's */
  struct fl_generation *generation; /* that config is of; held */
  const struct fl_listener_config *config;
  struct fl_upstream *upstream;   /* NULL in command mode */
  struct fl_occupancy *occupancy; /* open clients over all workers */
  struct fl_list clients;         /* not closed yet */
  uint32_t slot;
  struct fl_refusals refusals[3]; /* from FL_DENIED_ADDRESS on */
  struct fl_metrics metrics;      /* of its clients */
  struct fl_span held; /* clients that are not read, or not served on, because
                          what was sent has not been taken yet */
  struct fl_histogram total; /* of requests with a reply: frame to reply */
};

/* Listener `index` of a generation's configuration, on the gateway's list.
   Returns NULL when memory is out. */
struct fl_listener *fl_listener_new(struct fl_gateway *gateway,
                                    struct fl_generation *generation,
                                    uint32_t index,
                                    struct fl_upstream *upstream);

/* Requires: no client is left. */
void fl_listener_free(struct fl_listener *listener);

#endif
