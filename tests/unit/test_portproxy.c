#include "service/portproxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char error[FL_PORTPROXY_ERROR];

static char *convert_bytes(const char *text, size_t size) {
  error[0] = '\0';
  return fl_portproxy_convert((struct fl_slice){(const uint8_t *)text, size},
                              error);
}

static char *convert(const char *text) {
  return convert_bytes(text, strlen(text));
}

static void assert_has(const char *text, const char *part) {
  if (text == NULL)
    fail_msg("%s", error);
  if (strstr(text, part) == NULL)
    fail_msg("not there: %s\n%s", part, text);
}

static void assert_refused(const char *text, const char *why) {
  assert_null(convert(text));
  assert_has(error, why);
}

static const char four[] =
    "\r\nListen on ipv4:             Connect to ipv4:\r\n"
    "\r\n"
    "Address         Port        Address         Port\r\n"
    "--------------- ----------  --------------- "
    "----------\r\n"
    "192.0.2.1       8080        192.168.1.10    80\r\n"
    "*               3389        rdp.example     3389\r\n"
    "\r\n";

static void rows_become_listeners(void **state) {
  (void)state;
  char *made = convert(four);
  assert_has(made, "\"name\": \"portproxy-8080\"");
  assert_has(made, "\"192.0.2.1:8080\"");
  assert_has(made, "\"192.168.1.10:80\"");
  assert_has(made, "\"0.0.0.0:3389\"");
  assert_has(made, "\"rdp.example:3389\"");
  assert_has(made, "\"mode\": \"relay\"");
  free(made);
}

/* Chinese (its code page is no UTF-8) and German headings. */
static void headings_are_in_any_language(void **state) {
  (void)state;
  char *made = convert("\xd5\xec\xcc\xfd ipv6:                 "
                       "\xc1\xac\xbd\xd3\xb5\xbd ipv4:\n"
                       "*               80          10.0.0.1        8000\n"
                       "Abh\xc3\xb6ren auf IPv4:           Verbinden mit "
                       "IPv6:\n"
                       "*               81          *               8001\n");
  assert_has(made, "\"[::]:80\"");
  assert_has(made, "\"10.0.0.1:8000\"");
  assert_has(made, "\"0.0.0.0:81\"");
  assert_has(made, "\"[::1]:8001\"");
  free(made);
}

static void addresses_of_six(void **state) {
  (void)state;
  char *made = convert("::1  53  2001:db8::7  5353\n");
  assert_has(made, "\"[::1]:53\"");
  assert_has(made, "\"[2001:db8::7]:5353\"");
  free(made);
}

static void names_are_unique_and_places_shared(void **state) {
  (void)state;
  char *made = convert("10.0.0.1 80 10.9.9.9 80\n10.0.0.2 80 10.9.9.9 80\n");
  assert_has(made, "\"portproxy-80\"");
  assert_has(made, "\"portproxy-80-2\"");
  const char *first = strstr(made, "\"servers\"");
  assert_non_null(first);
  assert_null(strstr(first + 1, "\"servers\""));
  free(made);
}

static void powershell_writes_utf_16(void **state) {
  (void)state;
  static const char row[] = "* 80 10.0.0.1 8000\r\n";
  char wide[2 * sizeof row];
  size_t size = 2;
  wide[0] = (char)0xff;
  wide[1] = (char)0xfe;
  for (size_t i = 0; row[i] != '\0'; i++) {
    wide[size++] = row[i];
    wide[size++] = '\0';
  }
  char *made = convert_bytes(wide, size);
  assert_has(made, "\"10.0.0.1:8000\"");
  free(made);
}

static void what_cannot_be_taken_over(void **state) {
  (void)state;
  assert_refused("", "no forwarding");
  assert_refused("Address Port Address Port\n", "no forwarding");
  assert_refused("\n* 80 10.0.0.1 70000\n", "line 2: \"70000\": no port");
  assert_refused("* 0 10.0.0.1 80\n", "\"0\": no port");
  assert_refused("* 000000080 10.0.0.1 80\n", ": no port");
  assert_refused("myhost 80 10.0.0.1 80\n", "line 1: \"myhost\": ");
  assert_refused("* 80 10.0.0.010 80\n", "line 1: \"10.0.0.010");
  assert_refused("* 80 a\x1b[2Jb 80\n", "line 1: \"a?[2Jb");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_become_listeners),
      cmocka_unit_test(headings_are_in_any_language),
      cmocka_unit_test(addresses_of_six),
      cmocka_unit_test(names_are_unique_and_places_shared),
      cmocka_unit_test(powershell_writes_utf_16),
      cmocka_unit_test(what_cannot_be_taken_over),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
