/* Keys out of frames. */
#include "core/extract.h"

#include "core/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct fl_framing whole = {.type = FL_FRAMING_LENGTH};
static const struct fl_framing lines = {.type = FL_FRAMING_LINE};
static const struct fl_framing mllp = {
    .type = FL_FRAMING_DELIMITED,
    .delimited = {.start = {1, "\x0b"}, .end = {2, "\x1c\r"}}};

/* The key in a block of the frame's own size; "-" for none. */
static const char *key_of(const struct fl_extract *extract,
                          const struct fl_framing *framing, const void *frame,
                          size_t size) {
  static char text[256];
  uint8_t *copy = malloc(size + 1);
  assert_non_null(copy);
  memcpy(copy + 1, frame, size);
  struct fl_slice key =
      fl_extract(extract, framing, (struct fl_slice){copy + 1, size});
  assert_true(key.size < sizeof text);
  if (key.size > 0) {
    assert_true(key.bytes >= copy + 1);
    assert_true(key.bytes + key.size <= copy + 1 + size);
    memcpy(text, key.bytes, key.size);
  }
  text[key.size] = '\0';
  free(copy);
  return key.size == 0 ? "-" : text;
}
#define KEY(extract, framing, frame)                                           \
  key_of((extract), (framing), (frame), sizeof(frame) - 1)

static void bytes_stand_at_their_place(void **state) {
  (void)state;
  const struct fl_extract at = {.offset = 2, .width = 3};
  assert_string_equal(KEY(&at, &whole, "abcdefg"), "cde");
  assert_string_equal(KEY(&at, &whole, "abcde"), "cde");
  assert_string_equal(KEY(&at, &whole, "abcd"), "-");
  const struct fl_extract far = {.offset = 65535, .width = 64};
  assert_string_equal(KEY(&far, &whole, "abcd"), "-");
}

static struct fl_extract field(const char *segment, const char *separator,
                               const char *end, uint32_t number) {
  struct fl_extract extract = {.type = FL_EXTRACT_FIELD, .field = number};
  extract.segment.size = (uint8_t)strlen(segment);
  extract.separator.size = (uint8_t)strlen(separator);
  extract.segment_end.size = (uint8_t)strlen(end);
  memcpy(extract.segment.bytes, segment, strlen(segment));
  memcpy(extract.separator.bytes, separator, strlen(separator));
  memcpy(extract.segment_end.bytes, end, strlen(end));
  return extract;
}

static void fields_stand_between_separators(void **state) {
  (void)state;
  static const char *const expected[] = {"GET", "42", "-", "last", "-", "-"};
  for (uint32_t i = 0; i < 6; i++) {
    struct fl_extract extract = field("", ";", "\n", i);
    assert_string_equal(KEY(&extract, &lines, "GET;42;;last\r\n"), expected[i]);
    assert_string_equal(KEY(&extract, &lines, "GET;42;;last\n"), expected[i]);
  }
  struct fl_extract wide = field("", "::", "\n", 2);
  assert_string_equal(KEY(&wide, &lines, "a:::b::c::\n"), "c");
  assert_string_equal(KEY(&wide, &lines, "a:::b::\n"), "-");
  assert_string_equal(KEY(&wide, &lines, "\n"), "-");
}

static void the_line_is_found_by_its_first_field(void **state) {
  (void)state;
  struct fl_extract extract = field("ID", "=", "\r\n", 1);
  assert_string_equal(KEY(&extract, &whole, "X=1\r\nIDX=2\r\nID=3\r\nID=4\r\n"),
                      "3");
  assert_string_equal(KEY(&extract, &whole, "X=1\rID=2\r\nID=3"), "3");
  assert_string_equal(KEY(&extract, &whole, "X=1\r\nID\r\n"), "-");
  assert_string_equal(KEY(&extract, &whole, "X=1\r\nI"), "-");
  assert_string_equal(KEY(&extract, &whole, ""), "-");
}

static void hl7_counts_as_its_standard_does(void **state) {
  (void)state;
  static const char message[] =
      "\x0bMSH|^~\\&|LAB|H|SYS|H|20260101||ADT^A01|CTRL1|P|2.5\r"
      "EVN|A01\rPID|1||7\r\x1c\r";
  static const char ack[] =
      "\x0bMSH|^~\\&|SYS|H|LAB|H|20260101||ACK|77|P|2.5\rMSA|AA|CTRL1\x1c\r";
  struct fl_extract msh = {
      .type = FL_EXTRACT_HL7, .segment = {3, "MSH"}, .field = 10};
  struct fl_extract msa = {
      .type = FL_EXTRACT_HL7, .segment = {3, "MSA"}, .field = 2};
  assert_string_equal(KEY(&msh, &mllp, message), "CTRL1");
  assert_string_equal(KEY(&msh, &mllp, ack), "77");
  assert_string_equal(KEY(&msa, &mllp, ack), "CTRL1");
  assert_string_equal(KEY(&msa, &mllp, message), "-");
  msh.field = 2;
  assert_string_equal(KEY(&msh, &mllp, ack), "^~\\&");
  msh.field = 1; /* the separator: no bytes between separators */
  assert_string_equal(KEY(&msh, &mllp, ack), "-");
  msh.field = 13;
  assert_string_equal(KEY(&msh, &mllp, ack), "-");
  msh = (struct fl_extract){.type = FL_EXTRACT_HL7, .field = 10};
  assert_string_equal(KEY(&msh, &mllp, message), "CTRL1");
}

static void hl7_messages_bring_their_separator(void **state) {
  (void)state;
  struct fl_extract msa = {
      .type = FL_EXTRACT_HL7, .segment = {3, "MSA"}, .field = 2};
  assert_string_equal(KEY(&msa, &whole, "MSH#^\rMSA#AA#9|9#\r"), "9|9");
  assert_string_equal(KEY(&msa, &whole, "MSH|^\nMSA|AA|8\n"), "8");
  assert_string_equal(KEY(&msa, &whole, "MSH|^\r\nMSA|AA|8\r\n"), "8");
  assert_string_equal(KEY(&msa, &whole, "MSH|^\r\r\nMSAX|1|2\r"), "-");
  assert_string_equal(KEY(&msa, &whole, "MSH"), "-");
  assert_string_equal(KEY(&msa, &whole, "\r\n"), "-");
  assert_string_equal(KEY(&msa, &whole, "MSA|AA|1\x1c"), "1\x1c");
}

static struct fl_extract iso(uint32_t number, bool bcd, bool hex) {
  return (struct fl_extract){
      .type = FL_EXTRACT_ISO8583,
      .field = number,
      .offset = 2,
      .encoding = bcd ? FL_EXTRACT_BCD : FL_EXTRACT_ASCII,
      .bitmap = hex ? FL_EXTRACT_HEX : FL_EXTRACT_BINARY};
}

/* Fields 2, 3, 4, 7, 11, 12, 37, 41. */
#define BITS "\x72\x30\x00\x00\x08\x80\x00\x00"
#define HEXBITS "7230000008800000"
#define BODY                                                                   \
  "164000123412341234" /* 2 */                                                 \
  "003000"             /* 3 */                                                 \
  "000000001000"       /* 4 */                                                 \
  "0101120000"         /* 7 */                                                 \
  "000042"             /* 11 */                                                \
  "120000"             /* 12 */                                                \
  "RRN123456789"       /* 37 */                                                \
  "TERM0001"           /* 41 */

static void iso8583_in_ascii(void **state) {
  (void)state;
  static const char binary[] = "\0\0"
                               "0200" BITS BODY;
  static const char hex[] = "\0\0"
                            "0200" HEXBITS BODY;
  static const struct {
    uint32_t number;
    const char *key;
  } expected[] = {{2, "4000123412341234"},
                  {3, "003000"},
                  {4, "000000001000"},
                  {7, "0101120000"},
                  {11, "000042"},
                  {12, "120000"},
                  {37, "RRN123456789"},
                  {41, "TERM0001"},
                  {5, "-"},
                  {38, "-"}};
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    struct fl_extract extract = iso(expected[i].number, false, false);
    assert_string_equal(KEY(&extract, &whole, binary), expected[i].key);
    extract.bitmap = FL_EXTRACT_HEX;
    assert_string_equal(KEY(&extract, &whole, hex), expected[i].key);
  }
  /* Cut anywhere, the key is whole or none. */
  struct fl_extract trace = iso(11, false, false);
  for (size_t size = 0; size < sizeof binary - 1; size++)
    assert_string_equal(key_of(&trace, &whole, binary, size),
                        size < 66 ? "-" : "000042");
}

static void iso8583_with_a_second_bitmap(void **state) {
  (void)state;
  struct fl_extract trace = iso(11, false, false);
  assert_string_equal(KEY(&trace, &whole,
                          "\0\0"
                          "0800\x80\x20\0\0\0\0\0\0\x04\0\0\0\0\0\0\0"
                          "000007301"),
                      "000007");
  trace.bitmap = FL_EXTRACT_HEX;
  assert_string_equal(KEY(&trace, &whole,
                          "\0\0"
                          "080080200000000000000400000000000000000007301"),
                      "000007");
  assert_string_equal(KEY(&trace, &whole,
                          "\0\0"
                          "08008020000000000000040000000000000g000007301"),
                      "-");
}

static void iso8583_in_bcd(void **state) {
  (void)state;
  /* Fields 2 (19 digits), 3, 11, 22 (3 digits), 28 (C and 8 digits),
     32 (odd), 35 (37 digits), 36 (3), 37. */
  static const char frame[] = "hh\x02\x00\x60\x20\x04\x11\x38\x00\x00\x00"
                              "\x19\x12\x34\x56\x78\x90\x12\x34\x56\x78\x90"
                              "\x00\x30\x01"
                              "ABC"
                              "\x00\x51"
                              "C\x11\x22\x33\x44"
                              "\x05\x12\x34\x50"
                              "\x37-------------------"
                              "\x00\x03\x99\x90"
                              "RRN123456789";
  struct fl_extract extract = iso(11, true, false);
  assert_string_equal(KEY(&extract, &whole, frame), "ABC");
  extract.field = 37;
  assert_string_equal(KEY(&extract, &whole, frame), "RRN123456789");
}

static void iso8583_lengths_that_lie(void **state) {
  (void)state;
  struct fl_extract trace = iso(11, false, false);
#define WITH_PAN(pan)                                                          \
  "\0\0"                                                                       \
  "0200\x40\x20\0\0\0\0\0\0" pan "000042"
  assert_string_equal(KEY(&trace, &whole, WITH_PAN("00")), "000042");
  assert_string_equal(KEY(&trace, &whole, WITH_PAN("0212")), "000042");
  assert_string_equal(
      KEY(&trace, &whole, WITH_PAN("201234567890123456789012345")), "-");
  assert_string_equal(KEY(&trace, &whole, WITH_PAN("x2ab")), "-");
  assert_string_equal(KEY(&trace, &whole, WITH_PAN("19")), "-");
  trace.encoding = FL_EXTRACT_BCD;
  assert_string_equal(
      KEY(&trace, &whole, "hh\x02\x00\x40\x20\0\0\0\0\0\0\x1a-----ABC"), "-");
  assert_string_equal(
      KEY(&trace, &whole, "hh\x02\x00\x40\x20\0\0\0\0\0\0\x03--ABC"), "ABC");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_stand_at_their_place),
      cmocka_unit_test(fields_stand_between_separators),
      cmocka_unit_test(the_line_is_found_by_its_first_field),
      cmocka_unit_test(hl7_counts_as_its_standard_does),
      cmocka_unit_test(hl7_messages_bring_their_separator),
      cmocka_unit_test(iso8583_in_ascii),
      cmocka_unit_test(iso8583_with_a_second_bitmap),
      cmocka_unit_test(iso8583_in_bcd),
      cmocka_unit_test(iso8583_lengths_that_lie)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
