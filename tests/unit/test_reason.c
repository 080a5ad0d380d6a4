/* The closed list of reasons: what error replies, logs and counters rely on. */
#include "core/framing.h"
#include "core/reason.h"

#include <ctype.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void names_are_unique(void **state) {
  (void)state;
  for (int a = 0; a < FL_REASON_COUNT; a++)
    for (int b = 0; b < a; b++)
      assert_string_not_equal(fl_reason_name((enum fl_reason)a),
                              fl_reason_name((enum fl_reason)b));
}

static void names_are_lower_snake_case(void **state) {
  (void)state;
  for (int i = 0; i < FL_REASON_COUNT; i++) {
    const char *name = fl_reason_name((enum fl_reason)i);
    const size_t size = strlen(name);
    assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), size);
    assert_true(size > 0 && name[0] != '_' && name[size - 1] != '_');
    assert_null(strstr(name, "__"));
  }
}

/* The name of an enumerator and the name it prints are the same word. */
static void names_match_their_constants(void **state) {
  static const char *const constants[] = {
#define ROW(id, name, text) #id,
      FL_REASONS(ROW)
#undef ROW
  };

  (void)state;
  for (int i = 0; i < FL_REASON_COUNT; i++) {
    const char *name = fl_reason_name((enum fl_reason)i);
    assert_int_equal(strlen(name), strlen(constants[i]));
    for (size_t c = 0; name[c] != '\0'; c++)
      assert_int_equal(toupper((unsigned char)name[c]), constants[i][c]);
  }
}

/* Texts are clauses: they follow "because" and end without a full stop. */
static void texts_are_clauses(void **state) {
  (void)state;
  for (int i = 0; i < FL_REASON_COUNT; i++) {
    const char *text = fl_reason_text((enum fl_reason)i);
    assert_true(strlen(text) > 0);
    assert_int_not_equal(text[strlen(text) - 1], '.');
    assert_null(strpbrk(text, "\n\r\t"));
  }
}

static void every_name_fits_an_error_reply(void **state) {
  (void)state;
  for (int i = 0; i < FL_REASON_COUNT; i++)
    assert_true(strlen("ERROR \n") +
                    strlen(fl_reason_name((enum fl_reason)i)) <=
                FL_ERROR_REPLY_MAX);
}

static void well_known_names(void **state) {
  (void)state;
  assert_int_equal(FL_OK, 0);
  assert_string_equal(fl_reason_name(FL_OK), "ok");
  assert_string_equal(fl_reason_name(FL_REQUEST_TIMEOUT), "request_timeout");
  assert_string_equal(fl_reason_name(FL_NOT_PERMITTED), "not_permitted");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_unique),
      cmocka_unit_test(names_are_lower_snake_case),
      cmocka_unit_test(names_match_their_constants),
      cmocka_unit_test(texts_are_clauses),
      cmocka_unit_test(every_name_fits_an_error_reply),
      cmocka_unit_test(well_known_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
