/* Counts of durations, log-linear: exact below 64 ns, then 32 equal steps in
   each power of two, so that a percentile is within 1.6 %. */
#ifndef FL_BENCH_LOAD_HISTOGRAM_H
#define FL_BENCH_LOAD_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 64, HISTOGRAM_BUCKETS = HISTOGRAM_STEPS / 2 * 60 };

/* A zeroed struct is an empty histogram. */
struct histogram {
  uint64_t counts[HISTOGRAM_BUCKETS];
  uint64_t total;
  uint64_t longest;
};

/* Counts `count` replies that each took this many nanoseconds. */
void histogram_add(struct histogram *histogram, uint64_t took, uint64_t count);

/* The time that the given share (0 to 1) of all replies took at most, in
   nanoseconds; the longest when the share is 1. */
double histogram_percentile(const struct histogram *histogram, double share);

#endif
