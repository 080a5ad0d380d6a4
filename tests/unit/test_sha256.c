#include "core/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_hash(const char *bytes, size_t size, const char *expected) {
  char text[FL_SHA256_TEXT];
  struct fl_slice slice = {(const uint8_t *)bytes, size};
  assert_string_equal(fl_sha256(slice, text), expected);
}

/* NIST's examples for FIPS 180-4. */
static void examples(void **state) {
  (void)state;
  static const char two[] =
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  static char million[1000000];
  assert_hash(
      "", 0,
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert_hash(
      "abc", 3,
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_hash(
      two, strlen(two),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  memset(million, 'a', sizeof million);
  assert_hash(
      million, sizeof million,
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Where the length no longer fits behind the rest. Checked with sha256sum. */
static void the_ends_of_blocks(void **state) {
  (void)state;
  static char bytes[64];
  memset(bytes, 'x', sizeof bytes);
  assert_hash(
      bytes, 55,
      "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072");
  assert_hash(
      bytes, 56,
      "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e");
  assert_hash(
      bytes, 64,
      "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(examples),
                                     cmocka_unit_test(the_ends_of_blocks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
