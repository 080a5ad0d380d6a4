/* How many clients of one listener are open, over all workers. The one thing
   that workers share while running. */
#ifndef FL_CORE_OCCUPANCY_H
#define FL_CORE_OCCUPANCY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fl_occupancy {
  atomic_uint_least32_t open;
};

/* Takes a place. Returns false when `max` are taken: exact from any thread. */
static inline bool fl_occupancy_enter(struct fl_occupancy *occupancy,
                                      uint32_t max) {
  uint_least32_t open =
      atomic_load_explicit(&occupancy->open, memory_order_relaxed);
  do {
    if (open >= max)
      return false;
  } while (!atomic_compare_exchange_weak(&occupancy->open, &open, open + 1));
  return true;
}

/* Gives a place back. */
static inline void fl_occupancy_leave(struct fl_occupancy *occupancy) {
  atomic_fetch_sub(&occupancy->open, 1);
}

static inline uint32_t fl_occupancy_count(struct fl_occupancy *occupancy) {
  return atomic_load_explicit(&occupancy->open, memory_order_relaxed);
}

#endif
