#include "core/histogram.h"

fl_time fl_histogram_bound(unsigned bucket) {
  if (bucket + 1 >= FL_HISTOGRAM_BUCKETS)
    return FL_NEVER;
  return (fl_time)FL_HISTOGRAM_FIRST << bucket;
}

void fl_histogram_begin_row(struct fl_histogram *histogram, fl_time duration) {
  histogram->counts[fl_histogram_bucket(histogram->last)] += histogram->row;
  histogram->sum += histogram->row * histogram->last;
  histogram->last = duration;
  histogram->row = 0;
}

uint64_t fl_histogram_count(const struct fl_histogram *histogram) {
  uint64_t count = 0;
  for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++)
    count += histogram->counts[i];
  return count;
}

void fl_histogram_merge(struct fl_histogram *sum,
                        const struct fl_histogram *part) {
  for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++)
    sum->counts[i] += part->counts[i];
  sum->sum += part->sum + part->row * part->last;
  sum->counts[fl_histogram_bucket(part->last)] += part->row;
}

struct fl_histogram fl_histogram_copy(const struct fl_histogram *histogram) {
  struct fl_histogram copy = {0};
  fl_histogram_merge(&copy, histogram);
  return copy;
}
