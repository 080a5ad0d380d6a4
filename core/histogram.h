/* How long things took: counts in buckets whose bounds double. Observing costs
   a few instructions and no branch. */
#ifndef FL_CORE_HISTOGRAM_H
#define FL_CORE_HISTOGRAM_H

#include "core/time.h"

#include <stdint.h>

/* Bucket 0 is for durations below FL_HISTOGRAM_FIRST microseconds, bucket i
   for those below FL_HISTOGRAM_FIRST << i, the last for all others: 64
   microseconds to 67 seconds. */
enum { FL_HISTOGRAM_FIRST = 64, FL_HISTOGRAM_BUCKETS = 22 };

/* A zeroed struct is empty. Plain numbers: as core/metrics.h. */
struct fl_histogram {
  uint64_t counts[FL_HISTOGRAM_BUCKETS];
  uint64_t sum; /* microseconds */
};

/* The number of a value's binary digits. */
static inline unsigned fl_histogram_digits(uint64_t value) {
#if defined(__GNUC__)
  return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
#else
  unsigned count = 0;
  for (; value != 0; value >>= 1)
    count++;
  return count;
#endif
}

/* The bucket of a duration. */
static inline unsigned fl_histogram_bucket(fl_time duration) {
  unsigned bucket = fl_histogram_digits(duration / FL_HISTOGRAM_FIRST);
  return bucket < FL_HISTOGRAM_BUCKETS ? bucket : FL_HISTOGRAM_BUCKETS - 1;
}

static inline void fl_histogram_add(struct fl_histogram *histogram,
                                    fl_time duration) {
  histogram->counts[fl_histogram_bucket(duration)]++;
  histogram->sum += duration;
}

/* What bucket i's durations are below; FL_NEVER for the last. */
fl_time fl_histogram_bound(unsigned bucket);

/* How many durations there are. */
uint64_t fl_histogram_count(const struct fl_histogram *histogram);

/* Adds what `part` has. */
void fl_histogram_merge(struct fl_histogram *sum,
                        const struct fl_histogram *part);

#endif
