/* How long things took: counts in buckets whose bounds double. Observing costs
   a few instructions. */
#ifndef FL_CORE_HISTOGRAM_H
#define FL_CORE_HISTOGRAM_H

#include "core/time.h"

#include <stdint.h>

/* Bucket 0 is for durations below FL_HISTOGRAM_FIRST microseconds, bucket i
   for those below FL_HISTOGRAM_FIRST << i, the last for all others: 64
   microseconds to 67 seconds. */
enum { FL_HISTOGRAM_FIRST = 64, FL_HISTOGRAM_BUCKETS = 22 };

/* A zeroed struct is empty. Plain numbers: as core/metrics.h. Requests that
   arrive together take equally long, and most need not wait at all: equal
   durations in a row are only counted. */
struct fl_histogram {
  uint64_t counts[FL_HISTOGRAM_BUCKETS];
  uint64_t sum; /* microseconds */
  fl_time last; /* of a row that is in neither */
  uint64_t row; /* so many */
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

/* Ends the row; the next is of this duration. */
void fl_histogram_begin_row(struct fl_histogram *histogram, fl_time duration);

static inline void fl_histogram_add(struct fl_histogram *histogram,
                                    fl_time duration) {
  if (duration != histogram->last)
    fl_histogram_begin_row(histogram, duration);
  histogram->row++;
}

/* What bucket i's durations are below; FL_NEVER for the last. */
fl_time fl_histogram_bound(unsigned bucket);

/* How many durations are in its buckets. */
uint64_t fl_histogram_count(const struct fl_histogram *histogram);

/* A copy that has all in its buckets. */
struct fl_histogram fl_histogram_copy(const struct fl_histogram *histogram);

/* Adds what `part` has, to the buckets of `sum`. */
void fl_histogram_merge(struct fl_histogram *sum,
                        const struct fl_histogram *part);

#endif
