/* Counters: sums over workers, and the walk that prints them. */
#include "core/metrics.h"

#include <stdbool.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Every counter of the struct gets a value of its own. */
static void fill(struct fl_metrics *metrics, uint64_t first) {
  uint64_t values[sizeof *metrics / sizeof(uint64_t)] = {0};

  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    values[i] = first + i;
  memcpy(metrics, values, sizeof values);
}

static void add_sums_every_counter(void **state) {
  enum { COUNTERS = sizeof(struct fl_metrics) / sizeof(uint64_t) };
  struct fl_metrics sum;
  struct fl_metrics part;
  uint64_t values[COUNTERS];

  (void)state;
  fill(&sum, 1000);
  fill(&part, 5);
  fl_metrics_add(&sum, &part);
  memcpy(values, &sum, sizeof values);
  for (size_t i = 0; i < COUNTERS; i++)
    assert_int_equal(values[i], 1005 + 2 * i);
  memcpy(values, &part, sizeof values);
  for (size_t i = 0; i < COUNTERS; i++)
    assert_int_equal(values[i], 5 + i);
}

struct seen {
  size_t count;
  uint64_t sum;
  const char *name;
  const char *reason;
  uint64_t value;
  uint64_t last;
  bool ordered;
};

static void see(void *ctx, const char *name, const char *reason,
                uint64_t value) {
  struct seen *seen = ctx;

  seen->count++;
  seen->sum += value;
  seen->name = name;
  seen->reason = reason;
  seen->value = value;
  seen->ordered = seen->ordered && value > seen->last;
  seen->last = value;
}

static void each_passes_over_zeros(void **state) {
  struct fl_metrics metrics;
  struct seen seen = {0};

  (void)state;
  memset(&metrics, 0, sizeof metrics);
  fl_metrics_each(&metrics, see, &seen);
  assert_int_equal(seen.count, 0);

  metrics.replies = 7;
  fl_metrics_each(&metrics, see, &seen);
  assert_int_equal(seen.count, 1);
  assert_string_equal(seen.name, "replies");
  assert_null(seen.reason);
  assert_int_equal(seen.value, 7);
}

static void each_names_the_reason(void **state) {
  struct fl_metrics metrics;
  struct seen seen = {0};

  (void)state;
  memset(&metrics, 0, sizeof metrics);
  metrics.clients_closed[FL_IDLE_TIMEOUT] = 3;
  fl_metrics_each(&metrics, see, &seen);
  assert_int_equal(seen.count, 1);
  assert_string_equal(seen.name, "clients_closed");
  assert_string_equal(seen.reason, "idle_timeout");
  assert_int_equal(seen.value, 3);
}

static void each_visits_all_in_order(void **state) {
  enum { COUNTERS = sizeof(struct fl_metrics) / sizeof(uint64_t) };
  struct fl_metrics metrics;
  struct seen seen = {.ordered = true};

  (void)state;
  fill(&metrics, 1);
  fl_metrics_each(&metrics, see, &seen);
  assert_int_equal(seen.count, COUNTERS);
  assert_int_equal(seen.sum, (uint64_t)COUNTERS * (COUNTERS + 1) / 2);
  assert_true(seen.ordered);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(add_sums_every_counter),
      cmocka_unit_test(each_passes_over_zeros),
      cmocka_unit_test(each_names_the_reason),
      cmocka_unit_test(each_visits_all_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
