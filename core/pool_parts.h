/* What the files of the pool share: pool.c, how many connections there are;
   pool_lend.c, those that clients have to themselves; pooled.c, a connection's
   states, deadlines and requests; pooled_own.c, what fairlead itself says on
   it; pooled_events.c, what it is told; pooled_end.c, its end. Only they
   include this. */
#ifndef FL_CORE_POOL_PARTS_H
#define FL_CORE_POOL_PARTS_H

#include "core/gateway_state.h"
#include "core/pool.h"
#include "core/upstream.h"

static inline struct fl_pooled *fl_pooled_of(struct fl_conn *conn) {
  return FL_CONTAINER(conn, struct fl_pooled, conn);
}

static inline struct fl_upstream *
fl_pooled_upstream(const struct fl_pooled *pooled) {
  return pooled->server->upstream;
}

static inline struct fl_metrics *
fl_pooled_metrics(const struct fl_pooled *pooled) {
  return &fl_pooled_upstream(pooled)->metrics;
}

/* Connections that stand or are on their way, and that are the pool's. */
static inline uint32_t fl_pool_live(const struct fl_upstream *upstream) {
  return upstream->size - upstream->closing - upstream->lent - upstream->racing;
}

/* Its states. */

/* Puts it on its server's list of the state. Requires: it is on none. */
void fl_pooled_enter(struct fl_pooled *pooled, enum fl_pooled_state state);

/* Takes it off the list it is on. */
void fl_pooled_leave(struct fl_pooled *pooled);

/* Both. */
void fl_pooled_move(struct fl_pooled *pooled, enum fl_pooled_state state);

/* It may have requests now, or soon. One that was opened for a health check is
   checked first; it may be retired then. */
void fl_pooled_settle(struct fl_pooled *pooled, fl_time now);

static inline bool fl_pooled_life_over(const struct fl_pooled *pooled,
                                       fl_time now) {
  return pooled->outdated != FL_OK || now >= pooled->expires;
}

/* Why a connection is closed whose life is over. */
static inline enum fl_reason
fl_pooled_end_of_life(const struct fl_pooled *pooled) {
  if (pooled->outdated != FL_OK)
    return (enum fl_reason)pooled->outdated;
  if (pooled->replaced)
    return FL_KEY_REUSED;
  return pooled->moved ? FL_ADDRESS_GONE : FL_MAX_LIFETIME;
}

/* Its deadlines. */

/* When the oldest request times out. */
fl_time fl_pooled_request_due(const struct fl_pooled *pooled);

/* When keepalive_request is due on an idle connection. */
fl_time fl_pooled_keepalive_due(const struct fl_pooled *pooled);

/* Moves its deadline to the next that its state has. */
void fl_pooled_arm(struct fl_pooled *pooled);

/* What fairlead itself says on it. */

/* Goes on with on_connect. Returns FL_OK, or why it must be retired. */
enum fl_reason fl_pooled_sign_on(struct fl_pooled *pooled, fl_time now);

/* As fl_outcome_decode, while on_connect is under way. What comes behind the
   last frame of it, or before the step that it would answer, is more than
   the server should say. */
size_t fl_pooled_decode_sign_on(struct fl_pooled *pooled, struct fl_slice bytes,
                                enum fl_reason *broken, fl_time now);

/* As fl_outcome_decode, while a request of our own is under way. */
size_t fl_pooled_decode_check(struct fl_pooled *pooled, struct fl_slice bytes,
                              enum fl_reason *broken, fl_time now);

/* Lent connections. */

/* Bytes of a server whose connection nobody has. It may be one that speaks
   first: then its client gets them. Of one that was reset nothing but the
   answer may come. */
void fl_pooled_unasked(struct fl_pooled *pooled, struct fl_slice bytes,
                       fl_time now);

/* Its life. */

/* A connection to this server that is not on any list and has no socket.
   Returns NULL when memory is out. */
struct fl_pooled *fl_pooled_new(struct fl_server *server);

/* Frees it. Requires: it is on no list and has no socket. */
void fl_pooled_free(struct fl_pooled *pooled);

/* Its socket is closed: gives its place back and frees it. */
void fl_pooled_destroy(struct fl_pooled *pooled, fl_time now);

#endif
