#include "service/log_repeat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct fl_repeats repeats;
static struct fl_repeat over;

static int start(void **state) {
  (void)state;
  repeats = (struct fl_repeats){0};
  return 0;
}

/* How many of `count` lines of a key pass. */
static unsigned passing(uint64_t key, unsigned count, fl_time now) {
  unsigned passed = 0;
  for (unsigned i = 0; i < count; i++)
    if (fl_repeats_pass(&repeats, key, now, &over)) {
      passed++;
      fl_repeats_note(&repeats, key, 2, FL_LOG_CLIENT, "a: message");
    }
  return passed;
}

static void a_burst_passes_and_the_rest_is_counted(void **state) {
  (void)state;
  assert_int_equal(passing(7, 100, 5), FL_REPEAT_BURST);
  assert_false(fl_repeats_take(&repeats, 5, false, &over));
  assert_false(
      fl_repeats_take(&repeats, 5 + FL_REPEAT_WINDOW - 1, false, &over));
  assert_true(fl_repeats_take(&repeats, 5 + FL_REPEAT_WINDOW, false, &over));
  assert_int_equal(over.held, 100 - FL_REPEAT_BURST);
  assert_string_equal(over.example, "a: message");
  assert_int_equal(over.area, FL_LOG_CLIENT);
  assert_int_equal(over.level, 2);
  assert_false(fl_repeats_take(&repeats, FL_NEVER, true, &over));
}

static void other_kinds_pass(void **state) {
  (void)state;
  assert_int_equal(passing(7, 100, 5), FL_REPEAT_BURST);
  assert_int_equal(passing(8, 1, 5), 1);
}

static void a_window_begins_anew(void **state) {
  (void)state;
  assert_int_equal(passing(7, 30, 5), FL_REPEAT_BURST);
  assert_true(fl_repeats_pass(&repeats, 7, 5 + FL_REPEAT_WINDOW, &over));
  assert_int_equal(over.held, 30 - FL_REPEAT_BURST);
  assert_true(fl_repeats_pass(&repeats, 7, 6 + FL_REPEAT_WINDOW, &over));
  assert_int_equal(over.held, 0);
}

/* Of more kinds than are remembered nothing is lost: every line passed or is
   told of. */
static void many_kinds_lose_nothing(void **state) {
  uint64_t passed = 0;
  uint64_t held = 0;
  (void)state;
  for (unsigned i = 0; i < 100; i++)
    for (uint64_t key = 1; key <= 2000; key++) {
      passed += fl_repeats_pass(&repeats, key, i, &over);
      held += over.held;
    }
  while (fl_repeats_take(&repeats, 100, true, &over))
    held += over.held;
  assert_int_equal(passed + held, 200000);
}

static void a_long_message_is_cut(void **state) {
  char message[1000];
  (void)state;
  memset(message, 'x', sizeof message - 1);
  message[sizeof message - 1] = '\0';
  (void)fl_repeats_pass(&repeats, 7, 5, &over);
  fl_repeats_note(&repeats, 7, 2, FL_LOG_CLIENT, message);
  (void)passing(9, 1, 5);
  for (unsigned i = 0; i < FL_REPEAT_BURST; i++)
    (void)fl_repeats_pass(&repeats, 7, 5, &over);
  assert_true(fl_repeats_take(&repeats, 5, true, &over));
  assert_int_equal(strlen(over.example), FL_REPEAT_TEXT - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_burst_passes_and_the_rest_is_counted, start),
      cmocka_unit_test_setup(other_kinds_pass, start),
      cmocka_unit_test_setup(a_window_begins_anew, start),
      cmocka_unit_test_setup(many_kinds_lose_nothing, start),
      cmocka_unit_test_setup(a_long_message_is_cut, start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
