/* Windows' numbers and texts of errors, and libuv's codes. */
#include "platform/windows/system_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <uv.h>
#include <winsock2.h>

#include <cmocka.h>

static char text[FL_ERROR_TEXT];

static void assert_begins(const char *with) {
  if (strncmp(text, with, strlen(with)) != 0)
    fail_msg("\"%s\" does not begin with \"%s\"", text, with);
}

/* A text of the system, or of libuv, follows, in one line, without its full
 * stop. */
static void assert_text(const char *with) {
  size_t size = strlen(text);
  assert_begins(with);
  assert_true(size > strlen(with));
  assert_int_not_equal(text[size - 1], '.');
  for (size_t i = 0; i < size; i++)
    assert_true((unsigned char)text[i] >= ' ');
}

static void libuv_codes_get_their_number_again(void **state) {
  (void)state;
  assert_ptr_equal(fl_error_text(UV_EADDRINUSE, text), text);
  assert_text("WSAEADDRINUSE (10048): ");
  (void)fl_error_text(UV_ENOENT, text);
  assert_text("ERROR_FILE_NOT_FOUND (2): ");
  (void)fl_error_text(UV_EPERM, text);
  assert_text("ERROR_ACCESS_DENIED (5): ");
}

static void codes_of_libuv_alone_have_its_words(void **state) {
  (void)state;
  (void)fl_error_text(UV_EOF, text);
  assert_string_equal(text, "end of file");
  (void)fl_error_text(UV_ECANCELED, text);
  assert_string_equal(text, "operation canceled");
}

/* What the program decides by stays libuv's. */
static void numbers_become_libuv_codes(void **state) {
  (void)state;
  assert_int_equal(fl_system_error(WSAEADDRINUSE), UV_EADDRINUSE);
  assert_int_equal(fl_system_error(WSAEACCES), UV_EACCES);
  assert_int_equal(fl_system_error(ERROR_NETNAME_DELETED), UV_ECONNRESET);
  assert_int_equal(fl_system_error(0), 0);
}

static void numbers_that_libuv_does_not_know_are_kept(void **state) {
  (void)state;
  int error = fl_system_error(WSAEOPNOTSUPP);
  assert_true(error < 0);
  assert_int_not_equal(error, UV_UNKNOWN);
  (void)fl_error_text(error, text);
  assert_begins("WSAEOPNOTSUPP (10045)");
  (void)fl_error_text(fl_system_error(ERROR_SERVICE_DOES_NOT_EXIST), text);
  assert_text("error 1060: ");
  assert_int_equal(fl_system_error(0x80070005), UV_UNKNOWN);
}

static void some_numbers_have_no_text(void **state) {
  (void)state;
  (void)fl_system_error_text(999999, text);
  assert_string_equal(text, "error 999999");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(libuv_codes_get_their_number_again),
      cmocka_unit_test(codes_of_libuv_alone_have_its_words),
      cmocka_unit_test(numbers_become_libuv_codes),
      cmocka_unit_test(numbers_that_libuv_does_not_know_are_kept),
      cmocka_unit_test(some_numbers_have_no_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
