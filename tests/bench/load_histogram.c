#include "tests/bench/load_histogram.h"

#include <stddef.h>

static size_t bucket_of(uint64_t value) {
  unsigned shift = 0;
  while (value >> shift >= HISTOGRAM_STEPS)
    shift++;
  return (size_t)shift * (HISTOGRAM_STEPS / 2) + (size_t)(value >> shift);
}

/* The middle of a bucket. */
static double value_of(size_t bucket) {
  size_t half = HISTOGRAM_STEPS / 2;
  size_t shift = bucket < HISTOGRAM_STEPS ? 0 : bucket / half - 1;
  size_t low = bucket - shift * half;
  return ((double)low + 0.5) * (double)((uint64_t)1 << shift);
}

void histogram_add(struct histogram *histogram, uint64_t took, uint64_t count) {
  histogram->counts[bucket_of(took)] += count;
  histogram->total += count;
  if (took > histogram->longest)
    histogram->longest = took;
}

double histogram_percentile(const struct histogram *histogram, double share) {
  uint64_t rank = (uint64_t)(share * (double)histogram->total);
  uint64_t seen = 0;
  for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += histogram->counts[i];
    if (seen > rank)
      return value_of(i);
  }
  return (double)histogram->longest;
}
