/* Durations, sizes, and the nearest name. */
#include "core/config_nearest.h"
#include "core/config_value.h"
#include "core/text.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t duration(const char *string) {
  uint64_t value = 0;
  if (!fl_config_value_parse(string, fl_config_durations, &value))
    fail_msg("%s is not read", string);
  return value;
}

static void assert_prints(uint64_t value, const struct fl_config_unit *units,
                          const char *expected) {
  struct fl_text text = {0};
  fl_config_value_print(&text, value, units);
  char *found = fl_text_take(&text);
  assert_string_equal(found, expected);
  free(found);
}

static void durations_are_read(void **state) {
  (void)state;
  assert_int_equal(duration("7us"), 7);
  assert_int_equal(duration("250ms"), 250000);
  assert_int_equal(duration("5s"), 5000000);
  assert_int_equal(duration("5m"), 300000000);
  assert_int_equal(duration("2h"), UINT64_C(7200000000));
  assert_int_equal(duration("1d"), UINT64_C(86400000000));
  assert_int_equal(duration("0s"), 0);
  assert_int_equal(duration("007s"), 7000000);
  assert_int_equal(duration("18446744073709551615us"), UINT64_MAX);
}

static void sizes_are_read(void **state) {
  (void)state;
  uint64_t value = 0;
  assert_true(fl_config_value_parse("3B", fl_config_sizes, &value));
  assert_int_equal(value, 3);
  assert_true(fl_config_value_parse("64KiB", fl_config_sizes, &value));
  assert_int_equal(value, 65536);
  assert_true(fl_config_value_parse("2MiB", fl_config_sizes, &value));
  assert_int_equal(value, 2097152);
  assert_true(fl_config_value_parse("1GiB", fl_config_sizes, &value));
  assert_int_equal(value, 1073741824);
}

static void all_else_is_refused(void **state) {
  (void)state;
  static const char *const wrong[] = {
      "", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5s", "5S", "5sec",
      "5ss", "5MS", "0x5s", "5KiB", "auto", "1m30s", "18446744073709551616us",
      "1e3s", "\xC2\xB5s",
      /* 2^64 us and a little more */
      "213503983d", "18446744073710s"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    uint64_t value = 99;
    if (fl_config_value_parse(wrong[i], fl_config_durations, &value))
      fail_msg("%s is read", wrong[i]);
    assert_int_equal(value, 99);
  }
  uint64_t value = 99;
  assert_false(fl_config_value_parse("64KB", fl_config_sizes, &value));
  assert_false(fl_config_value_parse("64kib", fl_config_sizes, &value));
}

static void values_print_in_the_largest_exact_unit(void **state) {
  (void)state;
  assert_prints(0, fl_config_durations, "0s");
  assert_prints(0, fl_config_sizes, "0B");
  assert_prints(1, fl_config_durations, "1us");
  assert_prints(1001, fl_config_durations, "1001us");
  assert_prints(250000, fl_config_durations, "250ms");
  assert_prints(90000000, fl_config_durations, "90s");
  assert_prints(120000000, fl_config_durations, "2m");
  assert_prints(duration("25h"), fl_config_durations, "25h");
  assert_prints(duration("48h"), fl_config_durations, "2d");
  assert_prints(1025, fl_config_sizes, "1025B");
  assert_prints(65536, fl_config_sizes, "64KiB");
  assert_prints(1048576, fl_config_sizes, "1MiB");
  assert_prints(UINT64_C(3) << 30, fl_config_sizes, "3GiB");
}

static void distances_are_counted(void **state) {
  (void)state;
  assert_int_equal(fl_config_distance("", ""), 0);
  assert_int_equal(fl_config_distance("", "abc"), 3);
  assert_int_equal(fl_config_distance("abc", ""), 3);
  assert_int_equal(fl_config_distance("name", "name"), 0);
  assert_int_equal(fl_config_distance("nmae", "name"), 1);
  assert_int_equal(fl_config_distance("nam", "name"), 1);
  assert_int_equal(fl_config_distance("names", "name"), 1);
  assert_int_equal(fl_config_distance("nome", "name"), 1);
  assert_int_equal(fl_config_distance("kitten", "sitting"), 3);
  char long_word[66];
  for (size_t i = 0; i < 65; i++)
    long_word[i] = 'x';
  long_word[65] = '\0';
  assert_int_equal(fl_config_distance("x", long_word), UINT_MAX);
  assert_int_equal(fl_config_distance(long_word, "x"), UINT_MAX);
  assert_int_equal(fl_config_distance("x", long_word + 1), 63);
}

static const char *nearest_of(const char *written) {
  struct fl_config_nearest nearest = {0};
  fl_config_nearest_offer(&nearest, written, "idle_timeout");
  fl_config_nearest_offer(&nearest, written, "frame_timeout");
  fl_config_nearest_offer(&nearest, written, "max");
  fl_config_nearest_offer(&nearest, written, "min");
  return nearest.word;
}

static void the_nearest_word_is_found(void **state) {
  (void)state;
  assert_string_equal(nearest_of("idle_timout"), "idle_timeout");
  assert_string_equal(nearest_of("idletimeuot"), "idle_timeout");
  assert_string_equal(nearest_of("Frame_Timeout"), "frame_timeout");
  assert_string_equal(nearest_of("mix"), "max");
  assert_string_equal(nearest_of("mim"), "min");
  assert_null(nearest_of("mop"));
  assert_null(nearest_of("timeout"));
  assert_null(nearest_of(""));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(durations_are_read),
      cmocka_unit_test(sizes_are_read),
      cmocka_unit_test(all_else_is_refused),
      cmocka_unit_test(values_print_in_the_largest_exact_unit),
      cmocka_unit_test(distances_are_counted),
      cmocka_unit_test(the_nearest_word_is_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
