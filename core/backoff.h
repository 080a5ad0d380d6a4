/* Exponential backoff with full jitter: the wait before the next attempt is
   uniform in [0, min(max, initial * factor^(failures-1))]. Pure: no state, no
   clock, randomness is an argument. (Full jitter: "Exponential Backoff And
   Jitter", AWS Architecture Blog, 2015.) */
#ifndef FL_CORE_BACKOFF_H
#define FL_CORE_BACKOFF_H

#include "core/time.h"

struct fl_backoff {
  fl_time initial; /* > 0 */
  fl_time max;     /* >= initial */
  uint32_t factor; /* 1..10 */
};

/* The wait after the given number of failures in a row (0 gives 0). `random`
   is uniform over all 64-bit values. Never overflows, whatever the count. */
fl_time fl_backoff_delay(const struct fl_backoff *backoff, uint32_t failures,
                         uint64_t random);

#endif
