#include "core/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_duration_is_below_the_bound_of_its_bucket(void **state) {
  (void)state;
  unsigned before = 0;
  for (fl_time at = 0; at < 200 * FL_SECOND; at += 1 + at / 50) {
    unsigned bucket = fl_histogram_bucket(at);
    assert_in_range(bucket, before, FL_HISTOGRAM_BUCKETS - 1);
    assert_true(at < fl_histogram_bound(bucket));
    assert_true(bucket == 0 || at >= fl_histogram_bound(bucket - 1));
    before = bucket;
  }
  assert_int_equal(before, FL_HISTOGRAM_BUCKETS - 1);
  assert_int_equal(fl_histogram_bucket(FL_NEVER), FL_HISTOGRAM_BUCKETS - 1);
}

static void bounds_double(void **state) {
  (void)state;
  assert_int_equal(fl_histogram_bound(0), 64);
  for (unsigned i = 1; i + 1 < FL_HISTOGRAM_BUCKETS; i++)
    assert_int_equal(fl_histogram_bound(i), 2 * fl_histogram_bound(i - 1));
  assert_true(fl_histogram_bound(FL_HISTOGRAM_BUCKETS - 2) > 60 * FL_SECOND);
  assert_true(fl_histogram_bound(FL_HISTOGRAM_BUCKETS - 1) == FL_NEVER);
}

static void what_is_added_adds_up(void **state) {
  (void)state;
  struct fl_histogram one = {0};
  struct fl_histogram two = {0};
  fl_histogram_add(&one, 0);
  fl_histogram_add(&one, 3);
  fl_histogram_add(&one, 3);
  fl_histogram_add(&one, 1000);
  fl_histogram_add(&one, 3);
  fl_histogram_add(&one, 3);
  fl_histogram_add(&two, 1001);
  struct fl_histogram copy = fl_histogram_copy(&one);
  fl_histogram_merge(&copy, &two);
  assert_int_equal(fl_histogram_count(&copy), 7);
  assert_int_equal(copy.counts[0], 5);
  assert_int_equal(copy.counts[fl_histogram_bucket(1000)], 2);
  assert_int_equal(copy.sum, 12 + 2001);
  fl_histogram_add(&one, 3); /* the row goes on, counted or not */
  assert_int_equal(fl_histogram_copy(&one).sum, 1015);
  fl_histogram_add(&one, 5000);
  assert_int_equal(fl_histogram_copy(&one).sum, 6015);
  assert_int_equal(fl_histogram_copy(&one).counts[0], 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_duration_is_below_the_bound_of_its_bucket),
      cmocka_unit_test(bounds_double),
      cmocka_unit_test(what_is_added_adds_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
