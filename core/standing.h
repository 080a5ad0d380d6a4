/* How a server stands with the workers that use it: what health checks and
   real requests have found. One for each server, shared by all shards of its
   upstream, each of which may change it. */
#ifndef FL_CORE_STANDING_H
#define FL_CORE_STANDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fl_standing {
  atomic_bool ejected;
  atomic_uint_least32_t failures;  /* in a row */
  atomic_uint_least32_t successes; /* in a row, while it is ejected */
  atomic_uint_least64_t since;     /* an fl_time: when it was ejected */
  atomic_uint holders;             /* generations that have the server */
};

/* Nothing is found out any more. */
static inline void fl_standing_forget(struct fl_standing *standing) {
  atomic_store(&standing->ejected, false);
  atomic_store(&standing->failures, 0);
  atomic_store(&standing->successes, 0);
}

static inline bool fl_standing_ejected(const struct fl_standing *standing) {
  return atomic_load_explicit(&standing->ejected, memory_order_relaxed);
}

#endif
