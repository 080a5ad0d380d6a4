/* One address of an upstream: its name's numeric addresses and its backoff. */
#ifndef FL_CORE_SERVER_H
#define FL_CORE_SERVER_H

#include "core/config.h"
#include "core/generation.h"
#include "core/io.h"
#include "core/list.h"
#include "core/name.h"
#include "core/pool.h"

struct fl_upstream;

struct fl_server {
  struct fl_upstream *upstream;
  struct fl_list link;          /* on the upstream's list of all */
  uint32_t index;               /* among those of its configuration */
  struct fl_standing *standing; /* shared with other shards */
  enum fl_admin_state admin;    /* the operator's word, as it is in effect on
                                   this worker */
  unsigned words;               /* of its standing, when it came into effect */
  fl_time heard;                /* the last reply or, without one to wait for,
                                   connect; with health only */
  fl_time probed;               /* the last check began */
  bool hurry; /* it is ejected and has answered: the next check is due now */
  const struct fl_endpoint *endpoint;
  struct fl_list conns[FL_POOLED_STATES]; /* a list per state */
  struct fl_list rivals;                  /* attempts: core/rival.h */
  uint32_t size;                          /* connections not closed yet */
  uint32_t kept;                          /* relays that still name it */
  uint32_t connecting;                    /* CONNECTING or SIGNING_ON */
  uint32_t quiet;                         /* QUIET or CHECKING */
  uint32_t in_flight;                     /* requests on all of them */
  struct fl_list relays;                  /* that have a connection to it */
  uint32_t relayed;                       /* of them, established */
  uint32_t failures;                      /* in a row */
  uint64_t seed;                          /* of its weights; core/hashing.h */
  uint32_t wanted;            /* with hash_client: clients that wait for it */
  uint32_t promised;          /* and connections to open for them */
  bool down;                  /* SERVER_DOWN was told, SERVER_UP not yet */
  struct fl_generation *gone; /* a reload took it out: the last generation it
                                 is of, held; else NULL */
  fl_time left_at; /* an operator drained it, or a reload took it out, first;
                      FL_NEVER: neither */
  fl_time down_since;
  fl_time failed_at;        /* the last failure */
  enum fl_reason failure;   /* and what it was */
  fl_time rests_until;      /* reconnect_delay */
  fl_time retry_at;         /* no connect before that */
  struct fl_name name;      /* what its name means */
  struct fl_list looking;   /* on the gateway's list during a lookup */
  struct fl_list resolving; /* connectors that wait for a lookup */
};

/* Server `index` of an upstream of a generation's configuration. Returns NULL
   when memory is out. */
struct fl_server *fl_server_new(struct fl_upstream *upstream,
                                const struct fl_generation *generation,
                                uint32_t upstream_index, uint32_t index);

/* Requires: no connection of it is left. NULL is fine. */
void fl_server_free(struct fl_server *server);

/* Whether neither an operator nor its health has taken it out. */
bool fl_server_is_in(const struct fl_server *server);

/* Whether it may get new requests and connections: the one place that decides.
   One that an operator has taken out may not. An ejected server may not, unless
   every server of the upstream is ejected or taken out: then those that are
   not taken out are used as if none were ejected, for a check that is wrong
   must not keep anybody from servers that work. */
bool fl_server_may_use(const struct fl_server *server);

/* The operator's last word comes into effect here. DRAINED: nothing new goes to
   it; its connections close once they have no request, spare ones at once, and
   relays go on until they end. EJECTED: all of them close at once; what had not
   left goes elsewhere. IN: it is used at once, whatever was found out before.
 */
void fl_server_take_word(struct fl_server *server, fl_time now);

/* A reload took it out: its connections that are idle close, the others once
   they are, and relays go on until they end. `generation` is the last that has
   it. */
void fl_server_leave(struct fl_server *server, struct fl_generation *generation,
                     fl_time now);

/* A relay names it no longer. NULL is fine. */
void fl_server_drop(struct fl_server *server);

/* Whether a connect may be started now. After a failure one attempt at a time
   is made until a connection stands. */
bool fl_server_may_connect(const struct fl_server *server, fl_time now);

/* A connect failed, or a connection ended early without a reply. Returns false
   when it is of the same outage as one that counted: connects made side by side
   count once. */
bool fl_server_failed(struct fl_server *server, enum fl_reason reason,
                      fl_time now);

/* Of the servers of an upstream that have failed since they worked last, the
   one that did so last; NULL: none has. */
const struct fl_server *fl_server_failing(const struct fl_upstream *upstream);

/* A connection stands; more may be opened at once. */
void fl_server_connected(struct fl_server *server, fl_time now);

/* The first reply came on a connection that was opened then: failures before
   are forgotten. (Later ones are not: a server that is full refuses more
   connections while those it has work.) */
void fl_server_worked(struct fl_server *server, fl_time opened);

/* A connection that had worked is gone: there may be a place again. */
static inline void fl_server_left(struct fl_server *server, fl_time now) {
  server->retry_at = fl_time_min(server->retry_at, now);
}

/* Takes what a lookup found. Pooled connections to addresses that are not
   among them are closed once they are idle. */
void fl_server_resolved(struct fl_server *server, const struct fl_addr *addrs,
                        uint32_t count, enum fl_reason reason, fl_time now);

/* An old answer is used, for this reason. */
void fl_server_stale(struct fl_server *server, enum fl_reason reason,
                     fl_time now);

#endif
