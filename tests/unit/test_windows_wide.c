/* Between UTF-8 and UTF-16, whatever the system's code page. */
#include "platform/windows/wide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

/* Two, three and four bytes; the last is two units of UTF-16. */
static const char utf_8[] = "gr\xc3\xbcn \xe7\x81\xaf \xf0\x9f\x94\xa7";
static const wchar_t utf_16[] = L"gr\x00fcn \x706f \xd83d\xdd27";

static void text_becomes_wide(void **state) {
  (void)state;
  wchar_t *wide = fl_wide(utf_8);
  assert_non_null(wide);
  assert_int_equal(wcscmp(wide, utf_16), 0);
  free(wide);
}

static void what_is_no_text_is_refused(void **state) {
  (void)state;
  assert_null(fl_wide("\xff"));
  assert_null(fl_wide("\xc3"));
}

static void wide_becomes_text(void **state) {
  char room[sizeof utf_8];
  (void)state;
  char *text = fl_narrow(utf_16);
  assert_non_null(text);
  assert_string_equal(text, utf_8);
  free(text);
  assert_true(fl_narrow_into(room, sizeof room, utf_16));
  assert_string_equal(room, utf_8);
  assert_false(fl_narrow_into(room, sizeof room - 1, utf_16));
  assert_string_equal(room, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_becomes_wide),
      cmocka_unit_test(what_is_no_text_is_refused),
      cmocka_unit_test(wide_becomes_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
