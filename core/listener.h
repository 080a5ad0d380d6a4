/* A listener as one worker sees it: its configuration and its clients here.
   (The listening socket belongs to the platform.) */
#ifndef FL_CORE_LISTENER_H
#define FL_CORE_LISTENER_H

#include "core/config.h"
#include "core/deadline.h"
#include "core/generation.h"
#include "core/histogram.h"
#include "core/list.h"
#include "core/metrics.h"
#include "core/occupancy.h"
#include "core/reason.h"
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
  struct fl_list gate;            /* on the gateway's, if it may be shut */
  struct fl_deadline deadline;    /* of the clients of one that drains */
  uint32_t slot;
  uint32_t most_frame; /* the most that max_frame has been so far */
  int stopping;        /* enum fl_stop: how far it drains; 0: it does not */
  bool left;    /* a reload took it out: no client comes any more, and it goes
                   when the last has left */
  bool drains;  /* its clients are to leave */
  bool changed; /* in the reload under way */
  bool shut;    /* its sockets do not listen; see core/gate.h */
  uint32_t unbound; /* of its addresses, those that cannot be bound again */
  fl_time shut_since;
  struct fl_refusals refusals[3]; /* from FL_DENIED_ADDRESS on */
  struct fl_metrics metrics;      /* of its clients */
  struct fl_span held; /* clients that are not read, or not served on, because
                          what was sent has not been taken yet */
  struct fl_histogram total; /* of requests with a reply: frame to reply */
};

/* Listener `index` of a generation's configuration. It is on no list of the
   gateway's yet. Returns NULL when memory is out. */
struct fl_listener *fl_listener_new(struct fl_gateway *gateway,
                                    struct fl_generation *generation,
                                    uint32_t index,
                                    struct fl_upstream *upstream);

/* Requires: no client is left. */
void fl_listener_free(struct fl_listener *listener);

/* Points it at listener `index` of another generation, and holds that. */
void fl_listener_configure(struct fl_listener *listener,
                           struct fl_generation *generation, uint32_t index);

/* The timeouts or limits of its clients have changed. */
void fl_listener_adjust(struct fl_listener *listener, fl_time now);

/* Its clients are answered what had arrived, then closed; at `until` at the
   latest. Requires: it has left. */
void fl_listener_drain(struct fl_listener *listener, fl_time until,
                       fl_time now);

/* A client may be gone. Frees a listener that has left, by its last. */
void fl_listener_client_gone(struct fl_listener *listener);

/* How far it stops, or the whole gateway does; and why. */
int fl_listener_stopping(const struct fl_listener *listener);
enum fl_reason fl_listener_end_reason(const struct fl_listener *listener);

/* Whether a client may still send requests to the upstream. */
bool fl_listener_may_submit(const struct fl_listener *listener);

#endif
