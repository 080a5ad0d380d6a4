/* Limits for each address, on a clock of our own. */
#include "core/quota.h"

#include "tests/unit/alloc.h"
#include "tests/unit/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct fl_addr numbered(uint32_t number) {
  struct fl_addr addr = {.family = FL_ADDR_IP4, .port = (uint16_t)number};

  for (int i = 0; i < 4; i++)
    addr.ip[i] = (uint8_t)(number >> (24 - 8 * i));
  return addr;
}

static struct fl_quota *make(uint32_t connections, uint32_t per_address,
                             uint32_t rate, uint32_t burst) {
  const struct fl_quota_setup setup = {.connections = connections,
                                       .per_address = per_address,
                                       .rate = rate,
                                       .burst = burst,
                                       .key = {1, 2}};
  struct fl_quota *quota = fl_quota_new(&setup);

  assert_non_null(quota);
  return quota;
}

static enum fl_reason enter(struct fl_quota *quota, uint32_t number,
                            fl_time now, uint32_t *place) {
  struct fl_addr addr = numbered(number);
  uint32_t ignored;

  return fl_quota_enter(quota, &addr, now, place == NULL ? &ignored : place);
}

/* Connects and leaves at once. */
static enum fl_reason visit(struct fl_quota *quota, uint32_t number,
                            fl_time now) {
  uint32_t place;
  enum fl_reason reason = enter(quota, number, now, &place);

  if (reason == FL_OK)
    fl_quota_leave(quota, place);
  return reason;
}

static void counts_connections_of_each_address(void **state) {
  struct fl_quota *quota = make(100, 2, 0, 1);
  uint32_t places[3];

  (void)state;
  assert_int_equal(enter(quota, 1, 0, &places[0]), FL_OK);
  assert_int_equal(enter(quota, 1, 0, &places[1]), FL_OK);
  assert_int_equal(enter(quota, 1, 0, NULL), FL_ADDRESS_CONNECTIONS);
  assert_int_equal(enter(quota, 2, 0, &places[2]), FL_OK);
  fl_quota_leave(quota, places[0]);
  assert_int_equal(enter(quota, 1, 0, NULL), FL_OK);
  assert_int_equal(enter(quota, 1, 0, NULL), FL_ADDRESS_CONNECTIONS);
  fl_quota_free(quota);
}

static void the_port_does_not_matter_and_the_zone_does(void **state) {
  struct fl_quota *quota = make(100, 1, 0, 1);
  struct fl_addr addr = {.family = FL_ADDR_IP6, .port = 1, .ip = {0xfe, 0x80}};
  struct fl_addr mapped;
  struct fl_addr plain;
  uint32_t place;

  (void)state;
  assert_int_equal(fl_quota_enter(quota, &addr, 0, &place), FL_OK);
  addr.port = 2;
  assert_int_equal(fl_quota_enter(quota, &addr, 0, &place),
                   FL_ADDRESS_CONNECTIONS);
  addr.scope = 1;
  assert_int_equal(fl_quota_enter(quota, &addr, 0, &place), FL_OK);
  assert_true(fl_addr_parse("::ffff:10.0.0.1", 1, &mapped));
  assert_true(fl_addr_parse("10.0.0.1", 2, &plain));
  assert_int_equal(fl_quota_enter(quota, &mapped, 0, &place), FL_OK);
  assert_int_equal(fl_quota_enter(quota, &plain, 0, &place),
                   FL_ADDRESS_CONNECTIONS);
  fl_quota_free(quota);
}

static void a_burst_then_the_rate(void **state) {
  struct fl_quota *quota = make(100, 0, 4, 3);
  fl_time now = 7 * FL_SECOND;

  (void)state;
  for (int i = 0; i < 3; i++)
    assert_int_equal(visit(quota, 1, now), FL_OK);
  assert_int_equal(visit(quota, 1, now), FL_ADDRESS_RATE);
  assert_int_equal(visit(quota, 2, now), FL_OK);
  now += FL_SECOND / 4 - 1;
  assert_int_equal(visit(quota, 1, now), FL_ADDRESS_RATE);
  now += 1;
  assert_int_equal(visit(quota, 1, now), FL_OK);
  assert_int_equal(visit(quota, 1, now), FL_ADDRESS_RATE);
  now += 100 * FL_SECOND; /* no more than a burst is saved up */
  for (int i = 0; i < 3; i++)
    assert_int_equal(visit(quota, 1, now), FL_OK);
  assert_int_equal(visit(quota, 1, now), FL_ADDRESS_RATE);
  fl_quota_free(quota);
}

static void who_hammers_gets_the_rate_exactly(void **state) {
  struct fl_quota *quota = make(100, 0, 10, 5);
  int in = 0;

  (void)state;
  for (fl_time now = 0; now < 10 * FL_SECOND; now += FL_MILLISECOND)
    in += visit(quota, 1, now) == FL_OK;
  assert_int_equal(in, 5 + 10 * 10 - 1); /* the last token comes at the end */
  fl_quota_free(quota);
}

static void what_is_refused_costs_nothing(void **state) {
  struct fl_quota *quota = make(100, 1, 1, 2);
  uint32_t place;

  (void)state;
  assert_int_equal(enter(quota, 1, 0, &place), FL_OK);
  for (int i = 0; i < 10; i++)
    assert_int_equal(enter(quota, 1, 0, NULL), FL_ADDRESS_CONNECTIONS);
  fl_quota_leave(quota, place);
  assert_int_equal(visit(quota, 1, 0), FL_OK); /* the second token */
  fl_quota_free(quota);
}

static void a_full_table_forgets_who_was_unseen_longest(void **state) {
  struct fl_quota *quota = make(10, 0, 1, 1);
  uint32_t size = fl_quota_size(quota);

  (void)state;
  assert_int_equal(visit(quota, 0, 0), FL_OK);
  for (uint32_t i = 1; i < size; i++)
    assert_int_equal(visit(quota, i, 0), FL_OK);
  assert_int_equal(visit(quota, 0, 0), FL_ADDRESS_RATE); /* seen again */
  assert_true(fl_quota_forgotten(quota) == 0);
  assert_int_equal(visit(quota, size, 0), FL_OK);
  assert_true(fl_quota_forgotten(quota) == 1);
  assert_int_equal(visit(quota, 0, 0), FL_ADDRESS_RATE);
  assert_int_equal(visit(quota, 2, 0), FL_ADDRESS_RATE);
  assert_int_equal(visit(quota, 1, 0), FL_OK); /* it was this one */
  assert_true(fl_quota_forgotten(quota) == 2);
  fl_quota_free(quota);
}

static void buckets_at_rest_are_no_loss(void **state) {
  struct fl_quota *quota = make(10, 0, 1, 1);
  uint32_t size = fl_quota_size(quota);
  fl_time now = 0;

  (void)state;
  for (uint32_t i = 0; i < 3 * size; i++, now += FL_SECOND)
    assert_int_equal(visit(quota, i, now), FL_OK);
  assert_true(fl_quota_forgotten(quota) == 0);
  fl_quota_free(quota);
}

static void connections_are_never_forgotten(void **state) {
  struct fl_quota *quota = make(10, 1, 0, 1);
  uint32_t size = fl_quota_size(quota);
  uint32_t places[9];

  (void)state;
  for (uint32_t i = 0; i < 9; i++)
    assert_int_equal(enter(quota, i, 0, &places[i]), FL_OK);
  for (uint32_t i = 100; i < 100 + 5 * size; i++)
    assert_int_equal(visit(quota, i, i), FL_OK);
  for (uint32_t i = 0; i < 9; i++)
    assert_int_equal(enter(quota, i, 0, NULL), FL_ADDRESS_CONNECTIONS);
  for (uint32_t i = 0; i < 9; i++)
    fl_quota_leave(quota, places[i]);
  for (uint32_t i = 0; i < 9; i++)
    assert_int_equal(visit(quota, i, 0), FL_OK);
  fl_quota_free(quota);
}

/* Held against a plain count of each address. */
static void agrees_with_a_plain_model(void **state) {
  enum { ADDRESSES = 9000, CONNECTIONS = 500, LIMIT = 2 };
  static uint8_t open[ADDRESSES];
  static struct {
    uint32_t place;
    uint32_t address;
  } held[CONNECTIONS];
  struct fl_quota *quota = make(CONNECTIONS, LIMIT, 0, 1);
  struct fl_test_random random = {5};
  uint32_t count = 0;

  (void)state;
  memset(open, 0, sizeof open);
  for (int i = 0; i < 200000; i++) {
    uint32_t number = (uint32_t)fl_test_below(&random, ADDRESSES);
    if (fl_test_below(&random, 3) == 0)
      number %= 100;
    if (i % 40000 == 39999) { /* it grows, everybody being in */
      const struct fl_quota_setup larger = {
          .connections = CONNECTIONS * (uint32_t)(i / 40000) * 8,
          .per_address = LIMIT,
          .burst = 1};
      struct fl_quota_growth *growth;
      assert_true(fl_quota_prepare(quota, larger.connections, &growth));
      fl_quota_configure(quota, &larger, growth);
    }
    if (count == CONNECTIONS - 1 ||
        (count > 0 && fl_test_below(&random, 2) == 0)) {
      uint32_t leaves = (uint32_t)fl_test_below(&random, count);
      fl_quota_leave(quota, held[leaves].place);
      open[held[leaves].address]--;
      held[leaves] = held[--count];
      continue;
    }
    enum fl_reason reason = enter(quota, number, 0, &held[count].place);
    assert_int_equal(reason,
                     open[number] < LIMIT ? FL_OK : FL_ADDRESS_CONNECTIONS);
    if (reason == FL_OK) {
      open[number]++;
      held[count++].address = number;
    }
  }
  fl_quota_free(quota);
}

static void says_when_memory_is_out(void **state) {
  const struct fl_quota_setup setup = {.connections = 5, .burst = 1};

  (void)state;
  for (int i = 0; i < 3; i++) {
    long live = fl_test_alloc_live();
    fl_test_alloc_fail_after(i);
    struct fl_quota *quota = fl_quota_new(&setup);
    fl_test_alloc_fail_after(-1);
    assert_null(quota);
    assert_int_equal(fl_test_alloc_live(), live);
  }
  fl_quota_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_connections_of_each_address),
      cmocka_unit_test(the_port_does_not_matter_and_the_zone_does),
      cmocka_unit_test(a_burst_then_the_rate),
      cmocka_unit_test(who_hammers_gets_the_rate_exactly),
      cmocka_unit_test(what_is_refused_costs_nothing),
      cmocka_unit_test(a_full_table_forgets_who_was_unseen_longest),
      cmocka_unit_test(buckets_at_rest_are_no_loss),
      cmocka_unit_test(connections_are_never_forgotten),
      cmocka_unit_test(agrees_with_a_plain_model),
      cmocka_unit_test(says_when_memory_is_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
