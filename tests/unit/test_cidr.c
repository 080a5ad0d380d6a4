/* Blocks of addresses: what is read, what they contain. */
#include "core/cidr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reads(const char *text, const char *expected) {
  struct fl_cidr cidr;
  char found[FL_CIDR_TEXT];

  assert_int_equal(fl_cidr_parse(text, &cidr), FL_CIDR_OK);
  assert_string_equal(fl_cidr_format(&cidr, found), expected);
}

static void reads_and_writes_blocks(void **state) {
  (void)state;
  reads("10.0.0.0/8", "10.0.0.0/8");
  reads("192.0.2.7", "192.0.2.7");
  reads("192.0.2.7/32", "192.0.2.7");
  reads("192.0.2.6/31", "192.0.2.6/31");
  reads("0.0.0.0/0", "0.0.0.0/0");
  reads("::1", "::1");
  reads("::/0", "::/0");
  reads("2001:DB8::/32", "2001:db8::/32");
  reads("2001:db8::/100", "2001:db8::/100");
  reads("fe80::/9", "fe80::/9");
  reads("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127");
}

static void takes_mapped_addresses_for_what_they_map(void **state) {
  (void)state;
  reads("::ffff:192.0.2.7", "192.0.2.7");
  reads("::ffff:10.0.0.0/104", "10.0.0.0/8");
  reads("::ffff:0:0/96", "0.0.0.0/0");
  reads("::/80", "::/80");
}

static void names_the_block_without_host_bits(void **state) {
  static const char *const cases[][2] = {
      {"10.0.0.1/8", "10.0.0.0/8"},
      {"192.0.2.255/25", "192.0.2.128/25"},
      {"1.2.3.4/0", "0.0.0.0/0"},
      {"2001:db8::1/32", "2001:db8::/32"},
      {"::ffff:10.1.2.3/112", "10.1.0.0/16"},
      {"::ffff:0:0/95", "::fffe:0:0/95"},
  };
  struct fl_cidr cidr;
  char found[FL_CIDR_TEXT];

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_int_equal(fl_cidr_parse(cases[i][0], &cidr), FL_CIDR_HOST_BITS);
    assert_string_equal(fl_cidr_format(&cidr, found), cases[i][1]);
  }
}

static void refuses_what_is_no_block(void **state) {
  static const char *const cases[] = {
      "",
      "/8",
      "10.0.0.0/",
      "10.0.0.0/33",
      "10.0.0.0/08",
      "10.0.0.0/ 8",
      "10.0.0.0/8/8",
      "10.0.0.0/-1",
      "10.0.0.0/+8",
      "10.0.0.0/4294967304",
      "10.0.0/8",
      "10.0.0.010",
      "10/8",
      "[::1]",
      "[::1]/128",
      "::1/129",
      "fe80::1%2",
      "fe80::%2/64",
      "localhost",
      "10.0.0.1:80",
      "::1/00",
      "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee",
  };
  struct fl_cidr cidr = {.bits = 77};

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    if (fl_cidr_parse(cases[i], &cidr) != FL_CIDR_BAD)
      fail_msg("read: %s", cases[i]);
  assert_int_equal(cidr.bits, 77);
}

static bool contains(const char *block, const char *ip) {
  struct fl_cidr cidr;
  struct fl_addr addr;

  assert_int_equal(fl_cidr_parse(block, &cidr), FL_CIDR_OK);
  assert_true(fl_addr_parse(ip, 80, &addr));
  return fl_cidr_contains(&cidr, &addr);
}

static void contains_what_has_its_prefix(void **state) {
  (void)state;
  assert_true(contains("10.0.0.0/8", "10.255.255.255"));
  assert_false(contains("10.0.0.0/8", "11.0.0.0"));
  assert_false(contains("10.0.0.0/8", "9.255.255.255"));
  assert_true(contains("192.0.2.128/25", "192.0.2.128"));
  assert_false(contains("192.0.2.128/25", "192.0.2.127"));
  assert_true(contains("192.0.2.7", "192.0.2.7"));
  assert_false(contains("192.0.2.7", "192.0.2.6"));
  assert_true(contains("0.0.0.0/0", "255.255.255.255"));
  assert_true(contains("2001:db8::/33", "2001:db8:7fff::1"));
  assert_false(contains("2001:db8::/33", "2001:db8:8000::1"));
  assert_true(contains("::1", "::1"));
  assert_false(contains("::1", "::2"));
  assert_true(contains("fe80::/64", "fe80::1%3"));
}

static void families_are_apart(void **state) {
  (void)state;
  assert_false(contains("::/0", "10.0.0.1"));
  assert_false(contains("0.0.0.0/0", "::"));
  assert_false(contains("a00::/8", "10.0.0.1"));
}

/* Bit by bit, against the definition. */
static void every_length_counts(void **state) {
  struct fl_cidr cidr;
  struct fl_addr addr;
  char text[FL_CIDR_TEXT];

  (void)state;
  for (unsigned bits = 0; bits <= 128; bits++) {
    cidr = (struct fl_cidr){.family = FL_ADDR_IP6, .bits = (uint8_t)bits};
    assert_int_equal(fl_cidr_parse(fl_cidr_format(&cidr, text), &cidr),
                     FL_CIDR_OK);
    for (unsigned bit = 0; bit < 128; bit++) {
      addr = (struct fl_addr){.family = FL_ADDR_IP6};
      addr.ip[bit / 8] = (uint8_t)(0x80 >> bit % 8);
      assert_int_equal(fl_cidr_contains(&cidr, &addr), bit >= bits);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_and_writes_blocks),
      cmocka_unit_test(takes_mapped_addresses_for_what_they_map),
      cmocka_unit_test(names_the_block_without_host_bits),
      cmocka_unit_test(refuses_what_is_no_block),
      cmocka_unit_test(contains_what_has_its_prefix),
      cmocka_unit_test(families_are_apart),
      cmocka_unit_test(every_length_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
