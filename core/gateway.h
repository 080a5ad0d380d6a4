/* One worker's half of Fairlead: the listeners served on it and the upstreams
   that live on it. Sans-I/O: bytes in, bytes out, time in. */
#ifndef FL_CORE_GATEWAY_H
#define FL_CORE_GATEWAY_H

#include "core/config.h"
#include "core/generation.h"
#include "core/io.h"
#include "core/memory.h"
#include "core/metrics.h"
#include "core/occupancy.h"

struct fl_gateway;

struct fl_gateway_setup {
  struct fl_generation *generation; /* what it begins with; it holds it */
  const struct fl_io *io;           /* outlives the gateway */
  struct fl_occupancy *occupancy;   /* by slot, shared by all workers; outlives
                                       the gateway. Core only reads it
                                       (STATUS); who accepts sockets enters
                                       and leaves. */
  struct fl_memory *memory;         /* shared by all workers; NULL: no limit.
                                       Outlives the gateway. */
  uint32_t worker;                  /* 0.. */
};

/* Returns NULL when memory is out. Opens nothing yet. */
struct fl_gateway *fl_gateway_new(const struct fl_gateway_setup *setup);

/* Starts filling the pools. Call once; then fl_gateway_turn. */
void fl_gateway_start(struct fl_gateway *gateway, fl_time now);

/* A client of the listener with this slot was accepted. Requires: placement
   says that this worker serves it. Returns its connection, or NULL when it
   cannot be taken (memory is out, or fl_gateway_stop was called): the caller
   then closes sock. */
struct fl_conn *fl_gateway_accept(struct fl_gateway *gateway, uint32_t slot,
                                  struct fl_sock *sock,
                                  const struct fl_addr *peer, fl_time now);

/* A client was refused (core/guard.h says why) and its socket closed. Counts
   it and tells the outside: the first, and of more of them for the same
   reason one in FL_REFUSED_INTERVAL with the number since, so that a scan
   cannot fill the log. */
enum { FL_REFUSED_INTERVAL = 10 * 1000 * 1000 }; /* microseconds */
void fl_gateway_refused(struct fl_gateway *gateway, uint32_t slot,
                        const struct fl_addr *peer, enum fl_reason reason,
                        fl_time now);

/* Whether the listener with this slot is to listen; one that is not here is.
   The last two tell how io->listening fares: an address could not be opened
   again (`first`: since it was closed), and then it could, or need not be any
   more. Requires: the listener is here. */
bool fl_gateway_listens(const struct fl_gateway *gateway, uint32_t slot);
void fl_gateway_rebind_failed(struct fl_gateway *gateway, uint32_t slot,
                              bool first);
void fl_gateway_rebound(struct fl_gateway *gateway, uint32_t slot);

/* Answers io->resolve: count addresses, all of them different (0 with the
   reason why none: FL_NAME_UNKNOWN and FL_NO_ADDRESS are answers, all others
   failures of the resolver). */
void fl_gateway_resolved(struct fl_gateway *gateway, fl_token token,
                         const struct fl_addr *addrs, uint32_t count,
                         enum fl_reason reason, fl_time now);

/* The end of a loop turn: runs what is due, hands waiting requests to
   connections, writes what has gathered (one write per peer), until nothing
   is left to do. Returns the moment at which it wants to be called again;
   any other call may move it, so ask again in each turn. Requires: what all
   peers had sent when the turn began was read, for it may show that a
   connection must not be given its next request. */
fl_time fl_gateway_turn(struct fl_gateway *gateway, fl_time now);

/* Within a long turn: writes what has gathered for clients, and nothing to
   upstreams. */
void fl_gateway_relieve(struct fl_gateway *gateway, fl_time now);

/* The stages of a stop. Each may be called only after the one before.
   STOP_REQUESTS: clients of request listeners are answered what was complete
   and closed; those of relay and session listeners, of whom nobody here knows
   when they have done, go on until they end, but for sessions without a byte;
   command clients are served on (pools of this process may be among them).
   STOP_COMMANDS: those too. STOP_NOW: all that is left is closed with the
   reason "shutdown"; upstream connections that have said on_close take up to
   a second more. Call each after a loop turn without accepts, so that what
   had arrived was read. */
enum fl_stop { FL_STOP_REQUESTS = 1, FL_STOP_COMMANDS, FL_STOP_NOW };
void fl_gateway_stop(struct fl_gateway *gateway, enum fl_stop stage,
                     fl_time now);

/* How many connections are not closed yet: clients of listeners in `mode` (a
   relay counts until its upstream connection is closed, too); upstream
   connections. */
uint32_t fl_gateway_clients(const struct fl_gateway *gateway,
                            enum fl_mode mode);
uint32_t fl_gateway_upstream_connections(const struct fl_gateway *gateway);

/* The counters of all listeners and upstreams together, as they are now;
   valid until the next call. */
const struct fl_metrics *fl_gateway_metrics(struct fl_gateway *gateway);

/* Asserts every invariant of pools, lists and counts; for tests. */
void fl_gateway_check(const struct fl_gateway *gateway);

/* Requires: every connection is closed (fl_conn_closed was called). NULL is
   fine. */
void fl_gateway_free(struct fl_gateway *gateway);

#endif
