#include "service/frame_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct fl_frame_options options;
static char error[FL_FRAME_ERROR];
static uint8_t frame[FL_FRAME_MAX];

static int start(void **state) {
  (void)state;
  options = (struct fl_frame_options){.raw = false};
  error[0] = '\0';
  return 0;
}

static void note(const char *name, const char *value) {
  assert_true(fl_frame_options_note(&options, name, value));
}

static void read_all(void) {
  if (!fl_frame_options_read(&options, error))
    fail_msg("%s", error);
}

static void assert_wraps(const char *typed, const char *wrapped, size_t size) {
  struct fl_slice bytes = {(const uint8_t *)typed, strlen(typed)};
  assert_int_equal(fl_frame_wrap(&options, bytes, frame, error), size);
  assert_memory_equal(frame, wrapped, size);
}

static void assert_no_frame(const char *typed, size_t size, const char *why) {
  struct fl_slice bytes = {(const uint8_t *)typed, size};
  assert_int_equal(fl_frame_wrap(&options, bytes, frame, error), 0);
  assert_non_null(strstr(error, why));
}

static void lines_are_the_default(void **state) {
  (void)state;
  read_all();
  assert_wraps("PING", "PING\n", 5);
  assert_wraps("PING\n", "PING\n", 5);
  assert_wraps("PING\r\n", "PING\r\n", 6);
  assert_wraps("", "\n", 1);
  assert_no_frame("a\nb", 3, "one line");
}

static void delimited_frames(void **state) {
  (void)state;
  note("--framing", "delimited");
  note("--start", "hex:0b");
  note("--end", "hex:1c0d");
  read_all();
  assert_wraps("MSH|", "\x0bMSH|\x1c\x0d", 7);
  assert_wraps("\x0bMSH|\x1c\x0d", "\x0bMSH|\x1c\x0d", 7);
  assert_no_frame("a\x1c\x0d"
                  "b",
                  4, "without its end within it");
  struct fl_slice whole = {(const uint8_t *)"\x0bMSH|\x1c\x0d", 7};
  struct fl_slice content = fl_frame_content(&options, whole);
  assert_int_equal(content.size, 4);
  assert_memory_equal(content.bytes, "MSH|", 4);
}

static void a_length_at_the_front_is_added(void **state) {
  (void)state;
  note("--framing", "length");
  note("--length-width", "2");
  read_all();
  assert_wraps("hello", "\x00\x05hello", 7);
}

static void other_lengths(void **state) {
  (void)state;
  note("--framing", "length");
  note("--length-width", "4");
  note("--length-encoding", "ascii");
  note("--length-adjustment", "-4"); /* it counts itself */
  read_all();
  assert_wraps("hello", "0009hello", 9);
  assert_wraps("0009hello", "0009hello", 9);
  start(NULL);
  note("--framing", "length");
  note("--length-width", "2");
  note("--length-encoding", "bcd");
  note("--byte-order", "little");
  read_all();
  assert_wraps("0123456789ab",
               "\x12\x00"
               "0123456789ab",
               14);
}

static void a_length_elsewhere_has_to_be_there(void **state) {
  static const char modbus[] = "\0\1\0\0\0\3\1\2\3";
  (void)state;
  note("--framing", "length");
  note("--length-offset", "4");
  note("--length-width", "2");
  read_all();
  struct fl_slice whole = {(const uint8_t *)modbus, 9};
  assert_int_equal(fl_frame_wrap(&options, whole, frame, error), 9);
  assert_no_frame(modbus, 8, "a length field that is right");
}

static void a_content_may_be_too_long_for_its_field(void **state) {
  static char long_text[1001];
  (void)state;
  memset(long_text, 'x', sizeof long_text - 1);
  note("--framing", "length");
  note("--length-width", "1");
  read_all();
  assert_no_frame(long_text, 1000, "no frame");
}

static void fixed_frames_have_their_size(void **state) {
  (void)state;
  note("--framing", "fixed");
  note("--size", "4");
  read_all();
  assert_wraps("abcd", "abcd", 4);
  assert_no_frame("abc", 3, "--size");
}

static void raw_has_no_frames(void **state) {
  (void)state;
  note("--framing", "raw");
  read_all();
  assert_true(options.raw);
  assert_wraps("ab", "ab", 2);
  note("--size", "4");
  assert_false(fl_frame_options_read(&options, error));
  assert_non_null(strstr(error, "--size"));
}

static void errors_name_the_option(void **state) {
  static const struct {
    const char *option;
    const char *value;
    const char *error;
  } cases[] = {
      {"--framing", "lines", "--framing: found \"lines\""},
      {"--length-width", "9", "--length-width: found 9"},
      {"--length-width", "x\"\\", "--length-width: found "},
      {"--start", "a", "--start: found this key"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    start(NULL);
    if (i > 0)
      note("--framing", "length");
    if (i == 3)
      note("--length-width", "2");
    note(cases[i].option, cases[i].value);
    assert_false(fl_frame_options_read(&options, error));
    if (strncmp(error, cases[i].error, strlen(cases[i].error)) != 0)
      fail_msg("%s", error);
  }
  assert_false(fl_frame_options_note(&options, "--count", "1"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(lines_are_the_default, start),
      cmocka_unit_test_setup(delimited_frames, start),
      cmocka_unit_test_setup(a_length_at_the_front_is_added, start),
      cmocka_unit_test_setup(other_lengths, start),
      cmocka_unit_test_setup(a_length_elsewhere_has_to_be_there, start),
      cmocka_unit_test_setup(a_content_may_be_too_long_for_its_field, start),
      cmocka_unit_test_setup(fixed_frames_have_their_size, start),
      cmocka_unit_test_setup(raw_has_no_frames, start),
      cmocka_unit_test_setup(errors_name_the_option, start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
