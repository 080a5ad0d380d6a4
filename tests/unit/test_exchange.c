#include "core/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"

static struct fl_exchanges ring;

/* Pushes requests of 10 bytes for clients 1, 2, ... (never dereferenced). */
static void push(uintptr_t client) {
  static uint64_t offset;
  if (ring.count == 0)
    offset = 0;
  struct fl_exchange exchange = {.client = (struct fl_client *)client,
                                 .started = FL_NEVER,
                                 .offset = offset,
                                 .size = 10};
  offset += 10;
  fl_exchanges_push(&ring, &exchange);
}

static uintptr_t client_at(uint32_t i) {
  return (uintptr_t)fl_exchanges_at(&ring, i)->client;
}

static void the_oldest_comes_first_wherever_the_ring_is(void **state) {
  (void)state;
  assert_true(fl_exchanges_init(&ring, 3));
  for (uintptr_t turn = 1; turn < 20; turn++) {
    push(turn);
    push(turn + 100);
    assert_int_equal(client_at(0), turn);
    assert_int_equal(client_at(1), turn + 100);
    assert_int_equal((uintptr_t)fl_exchanges_pop(&ring).client, turn);
    assert_int_equal((uintptr_t)fl_exchanges_pop(&ring).client, turn + 100);
    assert_int_equal(ring.count, 0);
  }
  fl_exchanges_free(&ring);
}

static void a_request_starts_with_its_first_byte(void **state) {
  (void)state;
  assert_true(fl_exchanges_init(&ring, 3));
  push(1), push(2), push(3);
  fl_exchanges_start(&ring, 0, 5);
  assert_int_equal(ring.started, 0);
  fl_exchanges_start(&ring, 10, 6);
  assert_int_equal(ring.started, 1);
  fl_exchanges_start(&ring, 11, 7);
  assert_int_equal(ring.started, 2);
  assert_int_equal(fl_exchanges_at(&ring, 0)->started, 6);
  assert_int_equal(fl_exchanges_at(&ring, 1)->started, 7);
  assert_int_equal(fl_exchanges_at(&ring, 2)->started, FL_NEVER);
  assert_int_equal((uintptr_t)fl_exchanges_unpush(&ring).client, 3);
  fl_exchanges_pop(&ring);
  assert_int_equal(ring.started, 1);
  fl_exchanges_free(&ring);
}

static void a_client_that_left_is_forgotten_everywhere(void **state) {
  (void)state;
  assert_true(fl_exchanges_init(&ring, 3));
  push(1), push(2), push(1);
  fl_exchanges_forget(&ring, (const struct fl_client *)(uintptr_t)1);
  assert_int_equal(client_at(0), 0);
  assert_int_equal(client_at(1), 2);
  assert_int_equal(client_at(2), 0);
  fl_exchanges_free(&ring);
}

static void no_memory_is_told(void **state) {
  (void)state;
  fl_test_alloc_fail_after(0);
  bool made = fl_exchanges_init(&ring, 3);
  fl_test_alloc_fail_after(-1);
  assert_false(made);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_oldest_comes_first_wherever_the_ring_is),
      cmocka_unit_test(a_request_starts_with_its_first_byte),
      cmocka_unit_test(a_client_that_left_is_forgotten_everywhere),
      cmocka_unit_test(no_memory_is_told)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
