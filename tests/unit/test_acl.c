/* Access lists: the longest prefix decides, and what holds without one. */
#include "core/acl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { BLOCKS_MAX = 8 };

struct lists {
  struct fl_cidr allow[BLOCKS_MAX];
  struct fl_cidr deny[BLOCKS_MAX];
  struct fl_acl acl;
};

static void add(struct fl_cidr *list, uint32_t *count, const char *text) {
  assert_int_equal(fl_cidr_parse(text, &list[(*count)++]), FL_CIDR_OK);
}

static void allow(struct lists *lists, const char *text) {
  lists->acl.allow = lists->allow;
  add(lists->allow, &lists->acl.allow_count, text);
}

static void deny(struct lists *lists, const char *text) {
  lists->acl.deny = lists->deny;
  add(lists->deny, &lists->acl.deny_count, text);
}

static bool may(const struct lists *lists, const char *ip) {
  struct fl_addr addr;

  assert_true(fl_addr_parse(ip, 1234, &addr));
  return fl_acl_allows(&lists->acl, &addr);
}

static void without_lists_all_may(void **state) {
  struct lists lists = {.acl = {0}};

  (void)state;
  assert_true(may(&lists, "192.0.2.1"));
  assert_true(may(&lists, "::1"));
}

static void with_an_allow_others_may_not(void **state) {
  struct lists lists = {.acl = {0}};

  (void)state;
  allow(&lists, "10.0.0.0/8");
  assert_true(may(&lists, "10.1.2.3"));
  assert_false(may(&lists, "192.0.2.1"));
  assert_false(may(&lists, "::1"));
}

static void with_only_denies_others_may(void **state) {
  struct lists lists = {.acl = {0}};

  (void)state;
  deny(&lists, "10.0.0.0/8");
  assert_false(may(&lists, "10.1.2.3"));
  assert_true(may(&lists, "192.0.2.1"));
  assert_true(may(&lists, "::1"));
}

static void the_longest_prefix_decides(void **state) {
  struct lists lists = {.acl = {0}};

  (void)state;
  deny(&lists, "10.1.2.0/24");
  allow(&lists, "10.1.2.3");
  allow(&lists, "10.0.0.0/8");
  deny(&lists, "10.1.0.0/16");
  allow(&lists, "10.1.3.0/24");
  assert_true(may(&lists, "10.2.0.1"));
  assert_false(may(&lists, "10.1.0.1"));
  assert_false(may(&lists, "10.1.2.4"));
  assert_true(may(&lists, "10.1.2.3"));
  assert_true(may(&lists, "10.1.3.255"));
}

static void all_may_be_denied(void **state) {
  struct lists lists = {.acl = {0}};

  (void)state;
  deny(&lists, "0.0.0.0/0");
  deny(&lists, "::/0");
  assert_false(may(&lists, "192.0.2.1"));
  assert_false(may(&lists, "2001:db8::1"));
}

static void mapped_clients_are_their_ip4_address(void **state) {
  struct lists lists = {.acl = {0}};

  (void)state;
  allow(&lists, "10.0.0.0/8");
  allow(&lists, "::/0");
  assert_true(may(&lists, "::ffff:10.1.2.3"));
  assert_false(may(&lists, "::ffff:192.0.2.1"));
  assert_true(may(&lists, "::fffe:192.0.2.1"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_lists_all_may),
      cmocka_unit_test(with_an_allow_others_may_not),
      cmocka_unit_test(with_only_denies_others_may),
      cmocka_unit_test(the_longest_prefix_decides),
      cmocka_unit_test(all_may_be_denied),
      cmocka_unit_test(mapped_clients_are_their_ip4_address),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
