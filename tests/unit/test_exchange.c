#include "core/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"

static struct fl_exchanges all;
static struct fl_spare spare;
static uint64_t offset;

static void begin(uint32_t capacity, uint32_t expired) {
  offset = 0;
  assert_true(fl_exchanges_init(&all, capacity, expired));
}

static void end(void) {
  fl_exchanges_free(&all);
  fl_spare_free(&spare);
}

/* Clients 1, 2, ... are never dereferenced. */
static struct fl_client *named(uintptr_t client) {
  return (struct fl_client *)client;
}

/* A request of 10 bytes. */
static struct fl_exchange *push(uintptr_t client, uint64_t id) {
  struct fl_exchange *exchange = fl_exchanges_blank(&all);
  assert_true(exchange->client == NULL && exchange->id == 0);
  assert_true(exchange->due == 0 && exchange->key == NULL);
  assert_true(!exchange->silent && !exchange->again);
  assert_int_equal(exchange->reply.size + exchange->request.size, 0);
  exchange->client = named(client);
  exchange->offset = offset;
  exchange->size = 10;
  exchange->id = id;
  offset += 10;
  fl_exchanges_push(&all);
  return exchange;
}

static uintptr_t take(struct fl_exchange *exchange) {
  struct fl_exchange taken = fl_exchanges_take(&all, exchange);
  fl_buffer_clear(&taken.reply, &spare);
  return (uintptr_t)taken.client;
}

static bool keep(struct fl_exchange *exchange) {
  return fl_exchanges_keep(&all, exchange, &spare,
                           (struct fl_slice){(const uint8_t *)"re", 2});
}

static void the_oldest_comes_first_however_often_slots_are_used(void **state) {
  (void)state;
  begin(3, 0);
  for (uintptr_t turn = 1; turn < 20; turn++) {
    push(turn, 0);
    push(turn + 100, 0);
    assert_int_equal(take(fl_exchanges_oldest(&all)), turn);
    assert_int_equal(take(fl_exchanges_oldest(&all)), turn + 100);
    assert_null(fl_exchanges_oldest(&all));
    assert_int_equal(all.count, 0);
  }
  end();
}

static void a_request_starts_with_its_first_byte(void **state) {
  (void)state;
  begin(3, 0);
  struct fl_exchange *first = push(1, 1);
  struct fl_exchange *second = push(2, 2);
  struct fl_exchange *third = push(3, 3);
  fl_exchanges_start(&all, 0, 5);
  assert_int_equal(all.started, 0);
  fl_exchanges_start(&all, 10, 6);
  assert_int_equal(all.started, 1);
  fl_exchanges_start(&all, 11, 7);
  assert_int_equal(all.started, 2);
  assert_int_equal(first->started, 6);
  assert_int_equal(second->started, 7);
  assert_int_equal(third->started, FL_NEVER);
  assert_ptr_equal(fl_exchanges_unsent(&all), third);
  take(third);
  assert_null(fl_exchanges_unsent(&all));
  take(first);
  assert_int_equal(all.started, 1);
  take(second);
  assert_int_equal(all.started, 0);
  end();
}

static void unsent_ones_are_taken_newest_first(void **state) {
  (void)state;
  begin(4, 0);
  push(1, 1), push(2, 2), push(3, 3);
  fl_exchanges_start(&all, 1, 5);
  assert_int_equal(take(fl_exchanges_unsent(&all)), 3);
  push(4, 4);
  assert_int_equal(take(fl_exchanges_unsent(&all)), 4);
  assert_int_equal(take(fl_exchanges_unsent(&all)), 2);
  assert_null(fl_exchanges_unsent(&all));
  struct fl_exchange *next = push(5, 5);
  assert_ptr_equal(fl_exchanges_unsent(&all), next);
  fl_exchanges_start(&all, offset, 6);
  assert_int_equal(next->started, 6);
  assert_null(fl_exchanges_unsent(&all));
  take(next);
  take(fl_exchanges_oldest(&all));
  end();
}

static void any_one_can_be_taken(void **state) {
  (void)state;
  begin(3, 0);
  push(1, 10), push(2, 20), push(3, 30);
  assert_int_equal(take(fl_exchanges_find(&all, 20)), 2);
  assert_null(fl_exchanges_find(&all, 20));
  push(4, 40);
  assert_int_equal(take(fl_exchanges_oldest(&all)), 1);
  assert_int_equal(take(fl_exchanges_oldest(&all)), 3);
  assert_int_equal(take(fl_exchanges_oldest(&all)), 4);
  end();
}

static void a_kept_reply_is_whole(void **state) {
  (void)state;
  begin(3, 0);
  push(1, 1), push(2, 2);
  struct fl_exchange *later = push(1, 3);
  assert_int_equal(fl_exchanges_of(&all, named(1))->id, 1);
  assert_true(keep(later));
  assert_int_equal(all.answered, 1);
  assert_int_equal(all.count, 3);
  assert_null(fl_exchanges_abandoned(&all));
  take(fl_exchanges_oldest(&all));
  assert_ptr_equal(fl_exchanges_of(&all, named(1)), later);
  struct fl_exchange taken = fl_exchanges_take(&all, later);
  assert_int_equal(taken.state, FL_EXCHANGE_ANSWERED);
  assert_int_equal(taken.reply.size, 2);
  assert_memory_equal(fl_buffer_peek(&taken.reply).bytes, "re", 2);
  assert_int_equal(all.answered, 0);
  fl_buffer_clear(&taken.reply, &spare);
  struct fl_exchange *reused = push(3, 4);
  assert_int_equal(reused->reply.size, 0);
  assert_int_equal(reused->state, FL_EXCHANGE_WAITS);
  take(reused);
  take(fl_exchanges_oldest(&all));
  end();
}

static void an_expired_one_keeps_its_id_and_no_place(void **state) {
  (void)state;
  begin(1, 2);
  for (uint64_t id = 7; id < 9; id++) {
    struct fl_exchange *exchange = push(1, id);
    fl_exchanges_start(&all, offset, 5);
    fl_exchanges_expire(&all, exchange);
    assert_int_equal(all.count, 0);
    assert_int_equal(all.started, 0);
    assert_null(fl_exchanges_oldest(&all));
    assert_ptr_equal(fl_exchanges_find(&all, id), exchange);
  }
  push(2, 9);
  assert_int_equal(all.expired_count, 2);
  assert_int_equal(take(fl_exchanges_find(&all, 7)), 0);
  assert_int_equal(all.expired_count, 1);
  assert_int_equal(all.count, 1);
  assert_null(fl_exchanges_find(&all, 7));
  end();
}

static void ids_in_use_are_passed_over(void **state) {
  (void)state;
  begin(2, 1);
  for (uint64_t i = 0; i < 4; i++)
    assert_int_equal(fl_exchanges_new_id(&all, 3), i);
  push(1, 0);
  struct fl_exchange *late = push(1, 2);
  fl_exchanges_start(&all, offset, 5);
  fl_exchanges_expire(&all, late);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(fl_exchanges_new_id(&all, 3), 1);
    assert_int_equal(fl_exchanges_new_id(&all, 3), 3);
  }
  end();
}

static void ids_of_the_greatest_width_wrap_too(void **state) {
  (void)state;
  begin(1, 0);
  all.next_id = UINT64_MAX;
  assert_true(fl_exchanges_new_id(&all, UINT64_MAX) == UINT64_MAX);
  assert_int_equal(fl_exchanges_new_id(&all, UINT64_MAX), 0);
  end();
}

static void a_client_that_left_is_forgotten_everywhere(void **state) {
  (void)state;
  begin(4, 0);
  struct fl_exchange *first = push(1, 1);
  struct fl_exchange *second = push(2, 2);
  struct fl_exchange *third = push(1, 3);
  assert_true(keep(third));
  fl_exchanges_forget(&all, named(1));
  assert_null(first->client);
  assert_ptr_equal(second->client, named(2));
  assert_ptr_equal(fl_exchanges_abandoned(&all), third);
  take(third);
  assert_null(fl_exchanges_abandoned(&all));
  end();
}

static void no_memory_is_told(void **state) {
  (void)state;
  fl_test_alloc_fail_after(0);
  bool made = fl_exchanges_init(&all, 3, 0);
  fl_test_alloc_fail_after(-1);
  assert_false(made);
  begin(3, 0);
  struct fl_exchange *exchange = push(1, 1);
  fl_test_alloc_fail_after(0);
  bool kept = keep(exchange);
  fl_test_alloc_fail_after(-1);
  assert_false(kept);
  assert_int_equal(exchange->state, FL_EXCHANGE_WAITS);
  assert_int_equal(all.answered, 0);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_oldest_comes_first_however_often_slots_are_used),
      cmocka_unit_test(a_request_starts_with_its_first_byte),
      cmocka_unit_test(unsent_ones_are_taken_newest_first),
      cmocka_unit_test(any_one_can_be_taken),
      cmocka_unit_test(a_kept_reply_is_whole),
      cmocka_unit_test(an_expired_one_keeps_its_id_and_no_place),
      cmocka_unit_test(ids_in_use_are_passed_over),
      cmocka_unit_test(ids_of_the_greatest_width_wrap_too),
      cmocka_unit_test(a_client_that_left_is_forgotten_everywhere),
      cmocka_unit_test(no_memory_is_told)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
