/* A named group of servers on its home worker: who waits for a connection,
   and whose turn it is. */
#ifndef FL_CORE_UPSTREAM_H
#define FL_CORE_UPSTREAM_H

#include "core/budget.h"
#include "core/client.h"
#include "core/config.h"
#include "core/generation.h"
#include "core/keys.h"
#include "core/pool.h"
#include "core/rule.h"
#include "core/server.h"

struct fl_upstream {
  struct fl_gateway *gateway;
  struct fl_list link;              /* on the gateway's */
  struct fl_generation *generation; /* that config is of; held */
  uint32_t index;                   /* in it */
  const struct fl_upstream_config *config;
  struct fl_server **servers; /* as config has them */
  uint32_t server_count;
  uint32_t servers_gone; /* others that a reload took out */
  uint32_t next_request; /* round robin over servers, for requests */
  uint32_t next_connect; /* and for new connections */
  uint32_t min_size;     /* this shard's parts of the configured sizes */
  uint32_t max_waiters;
  uint32_t size;    /* connections not closed yet, in whatever state */
  uint32_t closing; /* of them, in FL_POOLED_LEAVING or _CLOSING */
  uint32_t lent;    /* of them, those that a relay or a session has */
  uint32_t racing;  /* of them, rivals of one that is made: core/rival.h */
  struct fl_budget *budget;
  struct fl_list sharing;     /* on the budget's */
  struct fl_list all_servers; /* those that a reload took out, too */
  uint32_t listeners;         /* that have it */
  uint32_t most_in_flight;    /* the most that config has said so far */
  uint32_t most_frame;        /* likewise, of max_frame */
  bool leaving; /* a reload took it out; it goes when its listeners have */
  bool drained; /* leaving, and no client can send requests any more */
  bool changed; /* in the reload under way */
  /* Clients whose request waits, by ticket. One with requests outstanding on
     a full connection waits for that one (pooled->followers), for its
     requests must run in order; all others wait here. */
  struct fl_list waiters;  /* of relays and sessions: relays */
  uint32_t waiting;        /* on `waiters` */
  uint32_t following;      /* on followers of its connections */
  struct fl_list followed; /* connections with followers */
  struct fl_keys keys;     /* paired by key: of requests on connections */
  uint32_t parked;         /* clients that wait for one of them to be free */
  struct fl_list retries;  /* core/retry.h */
  uint64_t next_ticket;
  struct fl_list dispatch;     /* on the gateway's list */
  struct fl_deadline deadline; /* the next connect that backoff allows */
  bool probes;                 /* its servers are checked from here */
  bool probe_waits;            /* for room; looked at in each dispatch */
  fl_time probe_at;            /* the next check */
  struct fl_deadline probe;
  struct fl_metrics metrics;   /* of its connections */
  struct fl_histogram acquire; /* of requests, and of clients of relays: until
                                  there was a connection */
  struct fl_histogram serve;   /* of requests with a reply: from the first byte
                                  that left to the reply's last */
};

/* Whether clients have the connections of this upstream to themselves, one
   each. Those that nobody has are the pool's. */
static inline bool fl_pool_lends(const struct fl_upstream *upstream) {
  return upstream->config->mode == FL_MODE_RELAY ||
         upstream->config->mode == FL_MODE_SESSION;
}

enum fl_submit { FL_SUBMIT_ASSIGNED, FL_SUBMIT_WAITS, FL_SUBMIT_REFUSED };

/* This worker's shard of upstream `index` of a generation's configuration. It
   is on no list of the gateway's yet. Requires: placement says that it has one.
   Returns NULL when memory is out. */
struct fl_upstream *fl_upstream_new(struct fl_gateway *gateway,
                                    struct fl_generation *generation,
                                    uint32_t index);

/* Points it at upstream `index` of another generation, and holds that: sizes
   and all that is looked up in `config` take effect. */
void fl_upstream_configure(struct fl_upstream *upstream,
                           struct fl_generation *generation, uint32_t index);

/* Requires: no connection is left, and no listener that has it. */
void fl_upstream_free(struct fl_upstream *upstream);

/* A client has decoded a request. ASSIGNED: it was queued on a connection
   (client->outstanding counts it). WAITS: the client now waits; it has to
   keep the frame at the start of conn.in. REFUSED: *reason says why. */
enum fl_submit fl_upstream_submit(struct fl_upstream *upstream,
                                  struct fl_client *client,
                                  struct fl_slice frame, fl_time decoded,
                                  enum fl_reason *reason, fl_time now);

/* Whether a connection to it stands, and has been greeted. */
bool fl_upstream_stands(const struct fl_upstream *upstream);

/* What config.json says about a request. */
static inline const struct fl_rule *
fl_upstream_rule(const struct fl_upstream *upstream, struct fl_slice frame) {
  const struct fl_upstream_config *config = upstream->config;
  if (config->rule_count == 0)
    return &fl_rule_ordinary;
  return fl_rule_find(config->rules, config->rule_count, &config->framing,
                      frame);
}

/* Puts a client whose request came back among those that wait, in the turn
   that client->ticket says. */
void fl_upstream_wait(struct fl_upstream *upstream, struct fl_client *client);

/* Takes a client off the lists of those that wait, if it is on one. */
void fl_upstream_unwait(struct fl_upstream *upstream, struct fl_client *client);

/* The client has nothing outstanding any more: if it waits for its old
   connection, it may now use any. */
void fl_upstream_unbound(struct fl_upstream *upstream,
                         struct fl_client *client);

/* A place or a server may have become free: look at the end of the turn. */
void fl_upstream_wake(struct fl_upstream *upstream);

/* Gives connections to those that wait, in turn; opens more as needed. */
void fl_upstream_dispatch(struct fl_upstream *upstream, fl_time now);

/* Closes every connection for this reason: requests that were begun get
   errors, the others go back to wait. Those that say on_close end within
   FL_POOL_LINGER. */
void fl_upstream_shut(struct fl_upstream *upstream, enum fl_reason reason,
                      fl_time now);

/* Asserts its invariants. */
void fl_upstream_check(const struct fl_upstream *upstream);

#endif
