/* How a server stands with the workers that use it: what an operator has said,
   and what health checks and real requests have found. One for each server,
   shared by all shards of its upstream, each of which may change it. */
#ifndef FL_CORE_STANDING_H
#define FL_CORE_STANDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The operator's word. */
enum fl_admin_state {
  FL_ADMIN_IN,      /* it is used */
  FL_ADMIN_DRAINED, /* nothing new; what it has goes on to its end */
  FL_ADMIN_EJECTED  /* nothing */
};

struct fl_standing {
  atomic_uint admin; /* enum fl_admin_state; in effect on a worker from its
                        fl_operator_apply on */
  atomic_uint words; /* how often an operator has set that */
  atomic_uint told;  /* the last word that was told and counted */
  atomic_bool ejected;
  atomic_bool heard;               /* it has answered, or accepted where that is
                                      all that is asked of it; ever */
  atomic_uint_least32_t failures;  /* in a row */
  atomic_uint_least32_t successes; /* in a row, while it is ejected */
  atomic_uint_least64_t since;     /* an fl_time: when it was ejected, be it
                                      by an operator */
  atomic_uint reason;              /* enum fl_reason: why its health did */
  atomic_uint holders;             /* generations that have the server */
};

/* What was found out is forgotten, but not the operator's word. */
static inline void fl_standing_forget(struct fl_standing *standing) {
  atomic_store(&standing->ejected, false);
  atomic_store(&standing->failures, 0);
  atomic_store(&standing->successes, 0);
}

static inline enum fl_admin_state
fl_standing_admin(const struct fl_standing *standing) {
  return (enum fl_admin_state)atomic_load(&standing->admin);
}

/* Says it. On one thread; then each worker applies it. */
static inline void fl_standing_say(struct fl_standing *standing,
                                   enum fl_admin_state admin) {
  atomic_store(&standing->admin, (unsigned)admin);
  atomic_fetch_add(&standing->words, 1);
}

static inline bool fl_standing_ejected(const struct fl_standing *standing) {
  return atomic_load_explicit(&standing->ejected, memory_order_relaxed);
}

#endif
