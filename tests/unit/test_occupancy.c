/* Places of one listener: the limit is exact. Threads are looked at where
   there are any; this is the arithmetic. */
#include "core/occupancy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void enters_up_to_max(void **state) {
  struct fl_occupancy occupancy = {0};

  (void)state;
  for (uint32_t i = 0; i < 3; i++) {
    assert_int_equal(fl_occupancy_count(&occupancy), i);
    assert_true(fl_occupancy_enter(&occupancy, 3));
  }
  assert_false(fl_occupancy_enter(&occupancy, 3));
  assert_int_equal(fl_occupancy_count(&occupancy), 3);
}

static void a_place_given_back_is_free(void **state) {
  struct fl_occupancy occupancy = {0};

  (void)state;
  assert_true(fl_occupancy_enter(&occupancy, 1));
  assert_false(fl_occupancy_enter(&occupancy, 1));
  fl_occupancy_leave(&occupancy);
  assert_int_equal(fl_occupancy_count(&occupancy), 0);
  assert_true(fl_occupancy_enter(&occupancy, 1));
}

static void a_lower_max_lets_nobody_in(void **state) {
  struct fl_occupancy occupancy = {0};

  (void)state;
  for (int i = 0; i < 5; i++)
    assert_true(fl_occupancy_enter(&occupancy, 10));
  assert_false(fl_occupancy_enter(&occupancy, 2));
  assert_false(fl_occupancy_enter(&occupancy, 0));
  assert_int_equal(fl_occupancy_count(&occupancy), 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(enters_up_to_max),
      cmocka_unit_test(a_place_given_back_is_free),
      cmocka_unit_test(a_lower_max_lets_nobody_in),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
