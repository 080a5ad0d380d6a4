/* The guard: the list first, then the limits, and what it says of a table
   that is too small. */
#include "core/guard.h"

#include "tests/unit/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t key[2] = {3, 4};

static struct fl_addr ip(const char *text) {
  struct fl_addr addr = {0};

  assert_true(fl_addr_parse(text, 1, &addr));
  return addr;
}

static enum fl_reason enter(struct fl_guard *guard, const char *text,
                            uint32_t *place) {
  struct fl_addr addr = ip(text);

  return fl_guard_enter(guard, &addr, 0, place);
}

static void without_limits_everybody_enters(void **state) {
  const struct fl_listener_config config = {.max_connections = 1};
  struct fl_guard *guard = fl_guard_new(&config, key);
  uint32_t place;

  (void)state;
  for (int i = 0; i < 3; i++)
    assert_int_equal(enter(guard, "10.0.0.1", &place), FL_OK);
  fl_guard_leave(guard, place);
  assert_int_equal(fl_guard_overflow(guard), 0);
  fl_guard_free(guard);
}

static void a_denied_address_uses_no_place(void **state) {
  struct fl_cidr deny = {
      .family = FL_ADDR_IP4, .bits = 32, .ip = {10, 0, 0, 1}};
  const struct fl_listener_config config = {
      .max_connections = 2,
      .max_connections_per_address = 1,
      .max_connection_rate = 3,
      .access = {.deny = &deny, .deny_count = 1}};
  struct fl_guard *guard = fl_guard_new(&config, key);
  uint32_t place;

  (void)state;
  assert_int_equal(enter(guard, "10.0.0.1", &place), FL_DENIED_ADDRESS);
  assert_int_equal(enter(guard, "10.0.0.2", &place), FL_OK);
  assert_int_equal(enter(guard, "10.0.0.2", &place), FL_ADDRESS_CONNECTIONS);
  fl_guard_leave(guard, place);
  fl_guard_free(guard);
}

/* Without a burst of its own, that of one second. */
static void the_burst_is_the_rate(void **state) {
  struct fl_listener_config config = {.max_connections = 10,
                                      .max_connection_rate = 3};
  struct fl_guard *guard = fl_guard_new(&config, key);
  uint32_t place;

  (void)state;
  for (int i = 0; i < 3; i++)
    assert_int_equal(enter(guard, "::1", &place), FL_OK);
  assert_int_equal(enter(guard, "::1", &place), FL_ADDRESS_RATE);
  fl_guard_free(guard);
  config.max_connection_burst = 1;
  guard = fl_guard_new(&config, key);
  assert_int_equal(enter(guard, "::1", &place), FL_OK);
  assert_int_equal(enter(guard, "::1", &place), FL_ADDRESS_RATE);
  fl_guard_free(guard);
}

static void an_overflow_is_told_once(void **state) {
  const struct fl_listener_config config = {.max_connections = 10,
                                            .max_connection_rate = 1};
  struct fl_guard *guard = fl_guard_new(&config, key);
  uint32_t place;
  unsigned told = 0;

  (void)state;
  for (uint32_t i = 0; i < 10000; i++) {
    struct fl_addr addr = ip("10.0.0.0");
    addr.ip[2] = (uint8_t)(i >> 8);
    addr.ip[3] = (uint8_t)i;
    assert_int_equal(fl_guard_enter(guard, &addr, 0, &place), FL_OK);
    fl_guard_leave(guard, place);
    uint32_t size = fl_guard_overflow(guard);
    if (size != 0) {
      assert_int_equal(size, i); /* so many fitted */
      told++;
    }
  }
  assert_int_equal(told, 1);
  fl_guard_free(guard);
}

static void says_when_memory_is_out(void **state) {
  const struct fl_listener_config config = {.max_connections = 1,
                                            .max_connection_rate = 1};

  (void)state;
  for (int i = 0; i < 4; i++) {
    long live = fl_test_alloc_live();
    fl_test_alloc_fail_after(i);
    struct fl_guard *guard = fl_guard_new(&config, key);
    fl_test_alloc_fail_after(-1);
    assert_null(guard);
    assert_int_equal(fl_test_alloc_live(), live);
  }
  fl_guard_free(NULL);
}

static void other_limits_count_who_is_in(void **state) {
  struct fl_listener_config config = {.max_connections = 2,
                                      .max_connections_per_address = 2};
  struct fl_guard *guard = fl_guard_new(&config, key);
  uint32_t places[3];

  (void)state;
  assert_int_equal(enter(guard, "10.0.0.2", &places[0]), FL_OK);
  assert_int_equal(enter(guard, "10.0.0.2", &places[1]), FL_OK);
  config.max_connections = 100000; /* the table grows */
  config.max_connections_per_address = 3;
  fl_guard_configure(guard, &config, fl_guard_prepare(guard, &config));
  assert_int_equal(enter(guard, "10.0.0.2", &places[2]), FL_OK);
  assert_int_equal(enter(guard, "10.0.0.2", places), FL_ADDRESS_CONNECTIONS);
  config.max_connections_per_address = 0;
  fl_guard_configure(guard, &config, fl_guard_prepare(guard, &config));
  assert_int_equal(enter(guard, "10.0.0.2", &places[0]), FL_OK);
  fl_guard_leave(guard, places[0]);
  config.max_connections_per_address = 3;
  fl_guard_configure(guard, &config, fl_guard_prepare(guard, &config));
  assert_int_equal(enter(guard, "10.0.0.2", &places[0]),
                   FL_ADDRESS_CONNECTIONS);
  fl_guard_leave(guard, places[2]);
  assert_int_equal(enter(guard, "10.0.0.2", &places[2]), FL_OK);
  fl_guard_free(guard);
}

static void a_first_limit_is_for_those_who_come(void **state) {
  struct fl_listener_config config = {.max_connections = 9};
  struct fl_guard *guard = fl_guard_new(&config, key);
  uint32_t before;
  uint32_t after;

  (void)state;
  assert_int_equal(enter(guard, "10.0.0.2", &before), FL_OK);
  config.max_connections_per_address = 1;
  fl_guard_configure(guard, &config, fl_guard_prepare(guard, &config));
  assert_int_equal(enter(guard, "10.0.0.2", &after), FL_OK);
  fl_guard_leave(guard, before); /* it has nothing to give back */
  assert_int_equal(enter(guard, "10.0.0.2", &before), FL_ADDRESS_CONNECTIONS);
  fl_guard_free(guard);
}

static void other_limits_need_memory(void **state) {
  struct fl_listener_config config = {.max_connections = 2,
                                      .max_connection_rate = 2};
  struct fl_guard *guard = fl_guard_new(&config, key);
  struct fl_guard_change *change = NULL;

  (void)state;
  config.max_connections = 10000;
  for (long allowed = 0; change == NULL; allowed++) {
    long before = fl_test_alloc_live();
    fl_test_alloc_fail_after(allowed);
    change = fl_guard_prepare(guard, &config);
    fl_test_alloc_fail_after(-1);
    if (change == NULL)
      assert_int_equal(fl_test_alloc_live(), before);
  }
  fl_guard_change_free(change);
  fl_guard_free(guard);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_limits_everybody_enters),
      cmocka_unit_test(a_denied_address_uses_no_place),
      cmocka_unit_test(the_burst_is_the_rate),
      cmocka_unit_test(an_overflow_is_told_once),
      cmocka_unit_test(says_when_memory_is_out),
      cmocka_unit_test(other_limits_count_who_is_in),
      cmocka_unit_test(a_first_limit_is_for_those_who_come),
      cmocka_unit_test(other_limits_need_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
