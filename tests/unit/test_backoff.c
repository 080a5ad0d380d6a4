/* Backoff: bounds, spread and extremes of full jitter. */
#include "core/backoff.h"

#include "tests/unit/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DAY (86400 * FL_SECOND)

static fl_time longest(const struct fl_backoff *backoff, uint32_t failures) {
  return fl_backoff_delay(backoff, failures, UINT64_MAX);
}

static void no_failure_no_wait(void **state) {
  const struct fl_backoff backoff = {100, 1000, 2};

  (void)state;
  assert_int_equal(longest(&backoff, 0), 0);
}

static void the_ceiling_grows_by_the_factor_up_to_max(void **state) {
  const struct fl_backoff backoff = {100, 1500, 2};
  static const fl_time ceiling[] = {100, 200, 400, 800, 1500, 1500, 1500};

  (void)state;
  for (uint32_t i = 0; i < sizeof ceiling / sizeof *ceiling; i++) {
    assert_int_equal(longest(&backoff, i + 1), ceiling[i]);
    assert_int_equal(fl_backoff_delay(&backoff, i + 1, 0), 0);
    /* Half the range of random is half the range of the result. */
    assert_int_equal(fl_backoff_delay(&backoff, i + 1, UINT64_C(1) << 63),
                     (ceiling[i] + 1) / 2);
  }
}

static void factor_one_stays(void **state) {
  const struct fl_backoff backoff = {100, 1000, 1};

  (void)state;
  assert_int_equal(longest(&backoff, 1), 100);
  assert_int_equal(longest(&backoff, UINT32_MAX), 100);
}

/* min(max, initial * factor^(failures-1)), counted up step by step. */
static void bounds_for_every_count(const struct fl_backoff *backoff,
                                   struct fl_test_random *random) {
  fl_time ceiling = backoff->initial;

  for (uint32_t failures = 1; failures <= 200; failures++) {
    assert_int_equal(longest(backoff, failures), ceiling);
    for (int i = 0; i < 20; i++)
      assert_true(fl_backoff_delay(backoff, failures, fl_test_random(random)) <=
                  ceiling);
    const fl_time last = ceiling;
    for (uint32_t i = 1; i < backoff->factor; i++)
      ceiling = fl_time_min(backoff->max, fl_time_add(ceiling, last));
  }
}

static void bounds(void **state) {
  struct fl_test_random random = {7};

  (void)state;
  for (uint32_t factor = 1; factor <= 10; factor++) {
    const struct fl_backoff plain = {FL_MILLISECOND, 30 * FL_SECOND, factor};
    const struct fl_backoff odd = {12345, 60 * FL_SECOND + 1, factor};
    const struct fl_backoff flat = {777, 777, factor};
    bounds_for_every_count(&plain, &random);
    bounds_for_every_count(&odd, &random);
    bounds_for_every_count(&flat, &random);
  }
}

/* A factor of 2 passes every max of 64 bits at the 65th failure. */
static void extremes_do_not_overflow(void **state) {
  static const fl_time initial[] = {1, FL_SECOND, DAY, FL_NEVER / 2 + 1};
  static const fl_time max[] = {DAY, FL_NEVER / 2 + 1, FL_NEVER - 1, FL_NEVER};
  static const uint32_t failures[] = {65, 66, 200, UINT32_MAX - 1, UINT32_MAX};

  (void)state;
  for (uint32_t factor = 2; factor <= 10; factor++)
    for (int i = 0; i < 4; i++)
      for (int m = 0; m < 4; m++)
        for (int f = 0; f < 5; f++) {
          const struct fl_backoff backoff = {initial[i], max[m], factor};
          if (max[m] < initial[i])
            continue;
          assert_int_equal(longest(&backoff, failures[f]), max[m]);
        }
}

/* 64 equal parts of the range are hit alike: chi-squared with 63 degrees of
   freedom is below 120 for all but 1 in 60,000 seeds, and the seed is fixed. */
static void spread_is_even(void **state) {
  enum { PARTS = 64, DRAWS = 64000 };
  const struct fl_backoff backoff = {PARTS * 1000 - 1, PARTS * 1000 - 1, 2};
  struct fl_test_random random = {42};
  double hits[PARTS] = {0};
  double chi = 0;

  (void)state;
  for (int i = 0; i < DRAWS; i++)
    hits[fl_backoff_delay(&backoff, 3, fl_test_random(&random)) / 1000]++;
  for (int i = 0; i < PARTS; i++) {
    const double expected = (double)DRAWS / PARTS;
    chi += (hits[i] - expected) * (hits[i] - expected) / expected;
  }
  assert_true(chi < 120);
}

/* A small range: every value comes up, both ends included. */
static void every_value_comes_up(void **state) {
  const struct fl_backoff backoff = {9, 9, 2};
  struct fl_test_random random = {3};
  int hits[10] = {0};

  (void)state;
  for (int i = 0; i < 10000; i++)
    hits[fl_backoff_delay(&backoff, 1, fl_test_random(&random))]++;
  for (int i = 0; i < 10; i++)
    assert_in_range(hits[i], 850, 1150);
}

#ifdef __SIZEOF_INT128__
/* The multiplication in halves is exact. */
static void matches_wide_multiplication(void **state) {
  __extension__ typedef unsigned __int128 wide;
  struct fl_test_random random = {11};

  (void)state;
  for (int i = 0; i < 20000; i++) {
    const fl_time max = fl_test_random(&random) >> fl_test_below(&random, 60);
    const struct fl_backoff backoff = {max | 1, max | 1, 2};
    const uint64_t draw =
        fl_test_random(&random) | (i % 3 == 0 ? UINT32_MAX : 0);
    const fl_time wait = fl_backoff_delay(&backoff, 1, draw);
    assert_true(wait == (fl_time)(((wide)draw * ((wide)(max | 1) + 1)) >> 64));
  }
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_failure_no_wait),
      cmocka_unit_test(the_ceiling_grows_by_the_factor_up_to_max),
      cmocka_unit_test(factor_one_stays),
      cmocka_unit_test(bounds),
      cmocka_unit_test(extremes_do_not_overflow),
      cmocka_unit_test(spread_is_even),
      cmocka_unit_test(every_value_comes_up),
#ifdef __SIZEOF_INT128__
      cmocka_unit_test(matches_wide_multiplication),
#endif
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
