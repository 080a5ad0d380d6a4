/* Moments and durations: microseconds on a monotonic clock whose zero has no
   meaning. Core never reads a clock; every call that needs one brings `now`. */
#ifndef FL_CORE_TIME_H
#define FL_CORE_TIME_H

#include <stdint.h>

typedef uint64_t fl_time;

#define FL_NEVER UINT64_MAX
#define FL_MILLISECOND ((fl_time)1000)
#define FL_SECOND ((fl_time)1000000)

/* at + duration, FL_NEVER when it would not fit. */
static inline fl_time fl_time_add(fl_time at, fl_time duration) {
  return duration > FL_NEVER - at ? FL_NEVER : at + duration;
}

static inline fl_time fl_time_max(fl_time a, fl_time b) {
  return a > b ? a : b;
}

static inline fl_time fl_time_min(fl_time a, fl_time b) {
  return a < b ? a : b;
}

#endif
