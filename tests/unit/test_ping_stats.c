#include "service/ping_stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void format(struct fl_ping_stats *stats, const char *expected) {
  char text[FL_PING_STATS_TEXT];
  fl_ping_stats_format(stats, 2003 * FL_MILLISECOND + 999, text);
  assert_string_equal(text, expected);
}

static void test_nothing_sent(void **state) {
  (void)state;
  struct fl_ping_stats stats = {0};
  format(&stats, "0 sent, 0 answered, 0% lost, time 2003 ms");
}

static void test_nothing_answered(void **state) {
  (void)state;
  struct fl_ping_stats stats = {.sent = 3};
  format(&stats, "3 sent, 0 answered, 100% lost, time 2003 ms");
}

static void test_one_answered(void **state) {
  (void)state;
  struct fl_ping_stats stats = {.sent = 1};
  fl_ping_stats_answered(&stats, 213);
  format(&stats, "1 sent, 1 answered, 0% lost, time 2003 ms\n"
                 "rtt min/avg/max/mdev = 0.213/0.213/0.213/0.000 ms");
}

/* Mean 5, and deviations whose squares come to 32 over 8 values. */
static void test_deviation(void **state) {
  (void)state;
  static const fl_time values[] = {2, 4, 4, 4, 5, 5, 7, 9};
  struct fl_ping_stats stats = {.sent = 12};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
    fl_ping_stats_answered(&stats, values[i] * FL_MILLISECOND);
  format(&stats, "12 sent, 8 answered, 33.3333% lost, time 2003 ms\n"
                 "rtt min/avg/max/mdev = 2.000/5.000/9.000/2.000 ms");
}

/* Small differences between great values do not cancel out, and the squares
   of a day in microseconds do not overflow. */
static void test_great_values(void **state) {
  (void)state;
  const fl_time day = FL_SECOND * 24 * 3600;
  struct fl_ping_stats stats = {.sent = 100000};
  for (unsigned i = 0; i < 100000; i++)
    fl_ping_stats_answered(&stats, i % 2 == 0 ? day - 1000 : day + 1000);
  assert_true(stats.mean > (double)day - 1 && stats.mean < (double)day + 1);
  assert_true(fl_ping_stats_mdev(&stats) > 999.9);
  assert_true(fl_ping_stats_mdev(&stats) < 1000.1);
  assert_true(stats.min == day - 1000 && stats.max == day + 1000);
}

static void test_order_does_not_matter_to_min_and_max(void **state) {
  (void)state;
  static const fl_time values[] = {5, 0, 9, 3};
  struct fl_ping_stats stats = {.sent = 4};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
    fl_ping_stats_answered(&stats, values[i]);
  assert_true(stats.min == 0 && stats.max == 9);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nothing_sent),
      cmocka_unit_test(test_nothing_answered),
      cmocka_unit_test(test_one_answered),
      cmocka_unit_test(test_deviation),
      cmocka_unit_test(test_great_values),
      cmocka_unit_test(test_order_does_not_matter_to_min_and_max),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
