/* Numeric addresses: what is read, what is refused, how it is written. */
#include "core/addr.h"

#include "tests/unit/random.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What fl_addr_parse reads from host, written again; NULL when refused. */
static const char *rewritten(const char *host) {
  static char text[FL_ADDR_TEXT];
  struct fl_addr addr;

  return fl_addr_parse(host, 80, &addr) ? fl_addr_format(&addr, text) : NULL;
}

static void refused(const char *host) {
  struct fl_addr addr;
  struct fl_addr before;

  memset(&addr, 0xa5, sizeof addr);
  before = addr;
  if (fl_addr_parse(host, 80, &addr))
    fail_msg("read: %s", host);
  assert_memory_equal(&addr, &before, sizeof addr);
}

static void reads_ip4(void **state) {
  static const uint8_t expected[16] = {192, 0, 2, 255};
  struct fl_addr addr;

  (void)state;
  assert_true(fl_addr_parse("192.0.2.255", 65535, &addr));
  assert_int_equal(addr.family, FL_ADDR_IP4);
  assert_int_equal(addr.port, 65535);
  assert_int_equal(addr.scope, 0);
  assert_memory_equal(addr.ip, expected, 16);
  assert_string_equal(rewritten("127.0.0.1"), "127.0.0.1:80");
  assert_string_equal(rewritten("0.0.0.0"), "0.0.0.0:80");
  assert_string_equal(rewritten("255.255.255.255"), "255.255.255.255:80");
}

static void ip4_is_strict(void **state) {
  static const char *const bad[] = {
      "",           "1",          "1.2",
      "1.2.3",      "1.2.3.",     "1.2.3.4.",
      ".1.2.3.4",   "1..2.3",     "1.2.3.4.5",
      "256.1.1.1",  "1.2.3.256",  "1.2.3.1000",
      "01.2.3.4",   "1.2.3.04",   "1.2.3.00",
      "0x7f.0.0.1", "127.1",      "2130706433",
      "1.2.3.4 ",   " 1.2.3.4",   "+1.2.3.4",
      "-1.2.3.4",   "1.2.3.a",    "1.2.3.4%1",
      "[1.2.3.4]",  "1.2.3.4:80", "1.2.3.4294967297",
      "localhost",  "1,2,3,4"};

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    refused(bad[i]);
}

static void reads_ip6(void **state) {
  static const uint8_t expected[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0,
                                       0,    0,    0xab, 0xcd, 0, 0, 0, 1};
  struct fl_addr addr;

  (void)state;
  assert_true(fl_addr_parse("2001:DB8::abCD:0:1", 1, &addr));
  assert_int_equal(addr.family, FL_ADDR_IP6);
  assert_memory_equal(addr.ip, expected, 16);
  assert_true(fl_addr_parse("[2001:db8:0:0:0:abcd:0:1]", 1, &addr));
  assert_memory_equal(addr.ip, expected, 16);
  assert_true(fl_addr_parse("2001:0db8::abcd:0.0.0.1", 1, &addr));
  assert_memory_equal(addr.ip, expected, 16);
  assert_true(fl_addr_parse("2001:db8:0:0:0:abcd:0.0.0.1", 1, &addr));
  assert_memory_equal(addr.ip, expected, 16);
}

static void ip6_is_strict(void **state) {
  static const char *const bad[] = {
      ":",
      ":::",
      "1",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:",
      ":1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:",
      "1:2:3:4:5:6:7:8::",
      "::1:2:3:4:5:6:7:8",
      "1::2:3:4:5:6:7:8",
      "1::2::3",
      "::1::",
      ":::1",
      "1:::2",
      ":1::2",
      "1::2:",
      "12345::",
      "g::",
      "::g",
      "::-1",
      "1:2:3:4:5:6:7:1.2.3.4",
      "1:2:3:4:5:1.2.3.4",
      "::1.2.3.4:1",
      "::1.2.3",
      "::1.2.3.256",
      "::01.2.3.4",
      "::1:2:3:4:5:6:1.2.3.4",
      "1.2.3.4::",
      "[::1",
      "::1]",
      "[]",
      "[",
      "[[::1]]",
      "::1 ",
      " ::1",
      "::1/64",
  };

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    refused(bad[i]);
}

static void zones_are_numbers(void **state) {
  struct fl_addr addr;

  (void)state;
  assert_true(fl_addr_parse("fe80::1%7", 1, &addr));
  assert_int_equal(addr.scope, 7);
  assert_true(fl_addr_parse("[fe80::%4294967295]", 1, &addr));
  assert_int_equal(addr.scope, UINT32_MAX);
  assert_string_equal(rewritten("fe80:0::1%12"), "[fe80::1%12]:80");
  assert_string_equal(rewritten("::%1"), "[::%1]:80");
  refused("fe80::1%");
  refused("fe80::1%0");
  refused("fe80::1%07");
  refused("fe80::1%eth0");
  refused("fe80::1%4294967296");
  refused("fe80::1%99999999999999999999999");
  refused("fe80::1%7%8");
  refused("[fe80::1]%7");
}

/* RFC 5952: section 4.1 leading zeros, 4.2 compression, 4.3 lower case, 5
   embedded IPv4, 6 ports. */
static void writes_ip6(void **state) {
  (void)state;
  assert_string_equal(rewritten("0:0:0:0:0:0:0:0"), "[::]:80");
  assert_string_equal(rewritten("0:0:0:0:0:0:0:1"), "[::1]:80");
  assert_string_equal(rewritten("1:0:0:0:0:0:0:0"), "[1::]:80");
  assert_string_equal(rewritten("2001:0DB8::0001"), "[2001:db8::1]:80");
  assert_string_equal(rewritten("2001:db8::1:1:1:1:1"),
                      "[2001:db8:0:1:1:1:1:1]:80");
  assert_string_equal(rewritten("2001:0:0:1:0:0:0:1"), "[2001:0:0:1::1]:80");
  assert_string_equal(rewritten("2001:0:0:0:1:0:0:1"), "[2001::1:0:0:1]:80");
  assert_string_equal(rewritten("2001:db8:0:0:1:0:0:1"),
                      "[2001:db8::1:0:0:1]:80");
  assert_string_equal(rewritten("0:0:1:2:3:4:5:6"), "[::1:2:3:4:5:6]:80");
  assert_string_equal(rewritten("1:2:3:4:5:6:0:0"), "[1:2:3:4:5:6::]:80");
  assert_string_equal(rewritten("1:2:3:4:5:6:7:0"), "[1:2:3:4:5:6:7:0]:80");
  assert_string_equal(rewritten("1:2:3:4:5:6:7::"), "[1:2:3:4:5:6:7:0]:80");
  assert_string_equal(rewritten("::2:3:4:5:6:7:8"), "[0:2:3:4:5:6:7:8]:80");
  assert_string_equal(rewritten("A:B:C:D:E:F:10:100"),
                      "[a:b:c:d:e:f:10:100]:80");
  assert_string_equal(rewritten("::FFFF:192.0.2.1"), "[::ffff:192.0.2.1]:80");
  assert_string_equal(rewritten("::ffff:c000:201"), "[::ffff:192.0.2.1]:80");
  assert_string_equal(rewritten("::192.0.2.1"), "[::c000:201]:80");
}

static void writes_none_and_the_longest(void **state) {
  struct fl_addr addr = {0};
  char text[FL_ADDR_TEXT];

  (void)state;
  assert_string_equal(fl_addr_format(&addr, text), "-");
  addr.family = FL_ADDR_IP6;
  addr.scope = UINT32_MAX;
  addr.port = 65535;
  memset(addr.ip, 0xff, sizeof addr.ip);
  assert_string_equal(
      fl_addr_format(&addr, text),
      "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
}

static struct fl_addr random_addr(struct fl_test_random *random) {
  struct fl_addr addr = {.port = (uint16_t)fl_test_random(random)};

  addr.family = fl_test_below(random, 4) == 0 ? FL_ADDR_IP4 : FL_ADDR_IP6;
  if (addr.family == FL_ADDR_IP6 && fl_test_below(random, 2) == 0)
    addr.scope = (uint32_t)fl_test_random(random);
  for (int i = 0; i < (addr.family == FL_ADDR_IP4 ? 4 : 16); i++)
    if (fl_test_below(random, 3) == 0)
      addr.ip[i] = (uint8_t)fl_test_random(random);
  return addr;
}

static void writing_and_reading_agree(void **state) {
  struct fl_test_random random = {17};

  (void)state;
  for (int i = 0; i < 50000; i++) {
    const struct fl_addr addr = random_addr(&random);
    char text[FL_ADDR_TEXT];
    struct fl_addr read;
    size_t size;
    uint16_t port;

    fl_addr_format(&addr, text);
    assert_null(fl_addr_split(text, true, &size, &port));
    assert_int_equal(port, addr.port);
    text[size] = '\0';
    assert_true(fl_addr_parse(text, port, &read));
    assert_true(fl_addr_equal(&addr, &read));
  }
}

static void equality(void **state) {
  struct fl_addr a;
  struct fl_addr b;

  (void)state;
  assert_true(fl_addr_parse("fe80::1%3", 80, &a));
  b = a;
  assert_true(fl_addr_equal(&a, &b));
  b.port++;
  assert_false(fl_addr_equal(&a, &b));
  b = a;
  b.scope++;
  assert_false(fl_addr_equal(&a, &b));
  b = a;
  b.ip[15]++;
  assert_false(fl_addr_equal(&a, &b));
  b = a;
  b.family = FL_ADDR_IP4;
  assert_false(fl_addr_equal(&a, &b));
  /* An IPv4 address is its first four bytes. */
  assert_true(fl_addr_parse("10.0.0.1", 80, &a));
  b = a;
  b.ip[4]++;
  assert_true(fl_addr_equal(&a, &b));
  b.ip[3]++;
  assert_false(fl_addr_equal(&a, &b));
}

static void splits(const char *text, size_t host_size, uint16_t port) {
  size_t size = 0;
  uint16_t found = 0;
  const char *fault = fl_addr_split(text, true, &size, &found);

  if (fault != NULL)
    fail_msg("%s: %s", text, fault);
  assert_int_equal(size, host_size);
  assert_int_equal(found, port);
}

static void split_takes_hosts(void **state) {
  (void)state;
  splits("127.0.0.1:8080", 9, 8080);
  splits("[::1]:8080", 5, 8080);
  splits("[fe80::1%3]:1", 11, 1);
  splits("localhost:65535", 9, 65535);
  splits("a-b_c.Example.org.:80", 18, 80);
  splits("plc7:502", 4, 502);
  splits("7plc:502", 4, 502);
  splits("10.0.0.in-addr:1", 14, 1);
  splits("0xg:1", 3, 1);
  splits("0.0.0.0:0", 7, 0);
}

/* The text says what to do about it. */
static void faulty(const char *text, const char *word) {
  size_t size = 12345;
  uint16_t port = 54321;
  const char *fault = fl_addr_split(text, false, &size, &port);

  if (fault == NULL)
    fail_msg("accepted: %s", text);
  else if (strstr(fault, word) == NULL)
    fail_msg("%s: \"%s\" does not say \"%s\"", text, fault, word);
  assert_int_equal(size, 12345);
  assert_int_equal(port, 54321);
}

static void split_says_what_is_wrong(void **state) {
  (void)state;
  faulty("", "port is missing");
  faulty("localhost", "port is missing");
  faulty("127.0.0.1", "port is missing");
  faulty("[::1]", "port is missing");
  faulty(":8080", "host is missing");
  faulty("::1", "brackets");
  faulty("fe80::1:8080", "brackets");
  faulty("[::1:8080", "bracket is not closed");
  faulty("[::1]x:8080", "bracket is not closed");
  faulty("[]:80", "not an IPv6 address");
  faulty("[host]:80", "not an IPv6 address");
  faulty("[127.0.0.1]:80", "not an IPv6 address");
  faulty("[fe80::1%eth0]:80", "not an IPv6 address");
  faulty("a b:80", "character");
  faulty("::1]:80", "brackets");
  faulty("host]:80", "character");
  faulty("http//x:80", "character");
  faulty("gr\xc3\xbc\xc3\x9f:80", "character");
}

static void split_refuses_near_addresses(void **state) {
  static const char *const near[] = {
      "1.2.3:80",      "256.0.0.1:80", "010.0.0.1:80",  "1.2.3.4.5:80",
      "2130706433:80", "127.1:80",     "0x7f.0.0.1:80", "0x7f000001:80",
      "1.2.3.0X1f:80", "10.0.0.1.:80", "name.7:80"};

  (void)state;
  for (size_t i = 0; i < sizeof near / sizeof *near; i++)
    faulty(near[i], "looks like an IPv4 address");
}

static void split_checks_ports(void **state) {
  static const char *const bad[] = {
      "h:",    "h:0",   "h:65536", "h:99999999999999999999",
      "h:080", "h:8o",  "h:-1",    "h:+80",
      "h: 80", "h:80 ", "h:0x50"};
  size_t size;
  uint16_t port;

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    faulty(bad[i], "1 to 65535");
  assert_non_null(
      strstr(fl_addr_split("h:65536", true, &size, &port), "0 to 65535"));
}

static void writes_the_address_alone(void **state) {
  static const char *const cases[] = {"127.0.0.1", "::1", "fe80::1%7", "::"};
  struct fl_addr addr = {0};
  char text[FL_ADDR_TEXT];

  (void)state;
  assert_string_equal(fl_addr_format_ip(&addr, text), "-");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_true(fl_addr_parse(cases[i], 80, &addr));
    assert_string_equal(fl_addr_format_ip(&addr, text), cases[i]);
  }
}

static void unmaps_only_what_is_mapped(void **state) {
  struct fl_addr addr;
  char text[FL_ADDR_TEXT];

  (void)state;
  assert_true(fl_addr_parse("::ffff:192.0.2.1%3", 80, &addr));
  assert_true(fl_addr_unmap(&addr));
  assert_string_equal(fl_addr_format(&addr, text), "192.0.2.1:80");
  assert_false(fl_addr_unmap(&addr));
  assert_true(fl_addr_parse("::fffe:192.0.2.1", 80, &addr));
  assert_false(fl_addr_unmap(&addr));
  assert_int_equal(addr.family, FL_ADDR_IP6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_the_address_alone),
      cmocka_unit_test(unmaps_only_what_is_mapped),
      cmocka_unit_test(reads_ip4),
      cmocka_unit_test(ip4_is_strict),
      cmocka_unit_test(reads_ip6),
      cmocka_unit_test(ip6_is_strict),
      cmocka_unit_test(zones_are_numbers),
      cmocka_unit_test(writes_ip6),
      cmocka_unit_test(writes_none_and_the_longest),
      cmocka_unit_test(writing_and_reading_agree),
      cmocka_unit_test(equality),
      cmocka_unit_test(split_takes_hosts),
      cmocka_unit_test(split_says_what_is_wrong),
      cmocka_unit_test(split_refuses_near_addresses),
      cmocka_unit_test(split_checks_ports),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
