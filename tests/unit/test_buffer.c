/* The buffer: its limit, its storage and where that comes from and goes. */
#include "core/buffer.h"

#include "tests/unit/alloc.h"
#include "tests/unit/random.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MANY = 1 << 20 };

struct fixture {
  struct fl_buffer buffer;
  struct fl_spare spare;
  long live;
};

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);

  *state = f;
  if (f == NULL)
    return -1;
  f->live = fl_test_alloc_live();
  return 0;
}

/* What every test leaves behind: nothing. */
static int tear_down(void **state) {
  struct fixture *f = *state;

  fl_test_alloc_fail_after(-1);
  fl_buffer_clear(&f->buffer, &f->spare);
  fl_spare_free(&f->spare);
  const long lost = fl_test_alloc_live() - f->live;
  free(f);
  return lost == 0 ? 0 : -1;
}

static uint8_t pattern[MANY];

static void fill_pattern(void) {
  struct fl_test_random random = {5};

  for (size_t i = 0; i < MANY; i++)
    pattern[i] = (uint8_t)fl_test_random(&random);
}

static bool append(struct fixture *f, size_t from, size_t n, size_t max) {
  const struct fl_slice bytes = {pattern + from, n};

  return fl_buffer_append(&f->buffer, &f->spare, bytes, max);
}

/* The buffer holds pattern[from..from+n) and is sound. */
static void assert_holds(const struct fixture *f, size_t from, size_t n) {
  const struct fl_slice held = fl_buffer_peek(&f->buffer);

  assert_int_equal(held.size, n);
  if (n > 0)
    assert_memory_equal(held.bytes, pattern + from, n);
  assert_true(f->buffer.start + f->buffer.size <= f->buffer.capacity);
  assert_int_equal(f->buffer.storage == NULL, n == 0);
}

static void empty_owns_nothing(void **state) {
  struct fixture *f = *state;

  fl_test_alloc_fail_after(0);
  assert_true(append(f, 0, 0, 0));
  assert_true(append(f, 0, 0, 10));
  fl_buffer_consume(&f->buffer, &f->spare, 0);
  fl_buffer_clear(&f->buffer, &f->spare);
  assert_holds(f, 0, 0);
  assert_null(fl_buffer_peek(&f->buffer).bytes);
  assert_int_equal(f->buffer.capacity, 0);
  assert_int_equal(fl_test_alloc_count(), 0);
}

static void first_in_first_out(void **state) {
  struct fixture *f = *state;

  assert_true(append(f, 0, 10, 100));
  assert_true(append(f, 10, 20, 100));
  assert_holds(f, 0, 30);
  fl_buffer_consume(&f->buffer, &f->spare, 7);
  assert_holds(f, 7, 23);
  assert_true(append(f, 30, 5, 100));
  assert_holds(f, 7, 28);
  fl_buffer_consume(&f->buffer, &f->spare, 28);
  assert_holds(f, 0, 0);
}

static void the_maximum_is_hard(void **state) {
  struct fixture *f = *state;

  assert_true(append(f, 0, 10, 10));
  assert_false(append(f, 10, 1, 10));
  assert_holds(f, 0, 10);
  fl_buffer_consume(&f->buffer, &f->spare, 4);
  assert_false(append(f, 10, 5, 10));
  assert_true(append(f, 10, 4, 10));
  assert_holds(f, 4, 10);
  /* A maximum that came down refuses, and takes nothing away. */
  assert_false(append(f, 14, 1, 5));
  assert_holds(f, 4, 10);
}

static void sizes_do_not_overflow(void **state) {
  struct fixture *f = *state;
  const size_t max = UINT32_MAX / 2;
  /* These lengths are never read: the maximum refuses them first. */
  const size_t huge[] = {max + 1, (size_t)UINT32_MAX, SIZE_MAX - 1, SIZE_MAX};

  assert_true(append(f, 0, 3, max));
  for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
    assert_false(append(f, 0, huge[i], max));
    assert_false(fl_buffer_prepend(&f->buffer, &f->spare,
                                   (struct fl_slice){pattern, huge[i]}, max));
  }
  assert_holds(f, 0, 3);
}

static void the_maximum_bounds_storage(void **state) {
  struct fixture *f = *state;
  const size_t max = 10000;

  for (size_t n = 0; n < max; n += 100) {
    assert_true(append(f, n, 100, max));
    assert_true(f->buffer.capacity <= max);
  }
  assert_holds(f, 0, max);
  assert_false(append(f, 0, 1, max));
}

/* A byte at a time: storage doubles, so allocations grow as the logarithm. */
static void growth_doubles(void **state) {
  struct fixture *f = *state;

  fl_test_alloc_fail_after(-1);
  for (size_t n = 0; n < MANY; n++)
    if (!append(f, n, 1, MANY))
      fail();
  assert_true(fl_test_alloc_count() <= 9); /* 4 KiB to 1 MiB in doublings */
  assert_holds(f, 0, MANY);
}

static void a_large_piece_is_one_allocation(void **state) {
  struct fixture *f = *state;

  fl_test_alloc_fail_after(-1);
  assert_true(append(f, 0, 100000, MANY));
  assert_int_equal(fl_test_alloc_count(), 1);
  assert_true(f->buffer.capacity < 200001);
  assert_holds(f, 0, 100000);
}

static void storage_goes_round(void **state) {
  struct fixture *f = *state;

  assert_true(append(f, 0, 1, MANY));
  assert_int_equal(f->buffer.capacity, FL_SPARE_SIZE);
  uint8_t *storage = f->buffer.storage;
  fl_buffer_consume(&f->buffer, &f->spare, 1);
  assert_int_equal(f->spare.count, 1);
  fl_test_alloc_fail_after(0);
  const bool taken = append(f, 1, FL_SPARE_SIZE, MANY);
  fl_test_alloc_fail_after(-1);
  assert_true(taken);
  assert_ptr_equal(f->buffer.storage, storage);
  assert_int_equal(f->spare.count, 0);
  assert_holds(f, 1, FL_SPARE_SIZE);
  /* Growing past a piece gives it back. */
  assert_true(append(f, 1 + FL_SPARE_SIZE, 1, MANY));
  assert_int_equal(f->spare.count, 1);
  assert_ptr_equal(f->spare.piece[0], storage);
  assert_holds(f, 1, FL_SPARE_SIZE + 1);
}

static void large_storage_is_freed(void **state) {
  struct fixture *f = *state;

  assert_true(append(f, 0, FL_SPARE_SIZE + 1, MANY));
  fl_buffer_consume(&f->buffer, &f->spare, FL_SPARE_SIZE + 1);
  assert_holds(f, 0, 0);
  assert_int_equal(f->spare.count, 0);
  assert_int_equal(fl_test_alloc_live(), f->live);
  assert_true(append(f, 0, 100000, MANY));
  fl_buffer_clear(&f->buffer, &f->spare);
  assert_int_equal(f->spare.count, 0);
  assert_int_equal(fl_test_alloc_live(), f->live);
}

static void spares_are_bounded(void **state) {
  struct fixture *f = *state;
  struct fl_buffer buffers[FL_SPARE_COUNT + 10];

  memset(buffers, 0, sizeof buffers);
  for (int i = 0; i < FL_SPARE_COUNT + 10; i++)
    assert_true(fl_buffer_append(&buffers[i], &f->spare,
                                 (struct fl_slice){pattern, 5}, 10));
  for (int i = 0; i < FL_SPARE_COUNT + 10; i++)
    fl_buffer_clear(&buffers[i], &f->spare);
  assert_int_equal(f->spare.count, FL_SPARE_COUNT);
  assert_int_equal(fl_test_alloc_live() - f->live, FL_SPARE_COUNT);
}

static void without_memory_nothing_changes(void **state) {
  struct fixture *f = *state;

  fl_test_alloc_fail_after(0);
  const bool first = append(f, 0, 1, MANY);
  fl_test_alloc_fail_after(-1);
  assert_false(first);
  assert_holds(f, 0, 0);

  assert_true(append(f, 0, 4000, MANY));
  fl_buffer_consume(&f->buffer, &f->spare, 10);
  const struct fl_buffer before = f->buffer;
  fl_test_alloc_fail_after(0);
  const bool appended = append(f, 4000, 8000, MANY);
  const bool prepended = fl_buffer_prepend(
      &f->buffer, &f->spare, (struct fl_slice){pattern, 8000}, MANY);
  fl_test_alloc_fail_after(-1);
  assert_false(appended);
  assert_false(prepended);
  assert_memory_equal(&f->buffer, &before, sizeof before);
  assert_holds(f, 10, 3990);
}

static bool prepend(struct fixture *f, size_t from, size_t n, size_t max) {
  const struct fl_slice bytes = {pattern + from, n};

  return fl_buffer_prepend(&f->buffer, &f->spare, bytes, max);
}

static void prepends(void **state) {
  struct fixture *f = *state;

  assert_true(prepend(f, 900, 100, MANY)); /* into an empty one */
  assert_holds(f, 900, 100);
  assert_true(prepend(f, 850, 50, MANY)); /* no room in front: slides */
  assert_holds(f, 850, 150);
  fl_buffer_consume(&f->buffer, &f->spare, 60);
  assert_true(prepend(f, 880, 30, MANY)); /* room in front */
  assert_holds(f, 880, 120);
  assert_true(append(f, 1000, 5000, MANY));
  assert_true(prepend(f, 0, 880, MANY)); /* grows or slides */
  assert_holds(f, 0, 6000);
  assert_true(append(f, 6000, 10, MANY));
  assert_holds(f, 0, 6010);
}

/* All of the storage can be used, on either side. */
static void prepend_fills_to_the_brim(void **state) {
  struct fixture *f = *state;

  assert_true(append(f, 1000, FL_SPARE_SIZE - 1000, MANY));
  assert_true(prepend(f, 0, 1000, MANY));
  assert_int_equal(f->buffer.capacity, FL_SPARE_SIZE);
  assert_holds(f, 0, FL_SPARE_SIZE);
}

static void prepend_keeps_the_maximum(void **state) {
  struct fixture *f = *state;

  assert_true(append(f, 5, 5, 10));
  assert_false(prepend(f, 0, 6, 10));
  assert_holds(f, 5, 5);
  assert_true(prepend(f, 0, 5, 10));
  assert_holds(f, 0, 10);
  assert_true(prepend(f, 0, 0, 10));
  assert_false(prepend(f, 0, 1, 10));
}

/* Consuming moves an index, not the bytes; a stream that passes through a
   buffer in small pieces moves each byte less than twice on average. */
static void consuming_moves_nothing(void **state) {
  struct fixture *f = *state;
  size_t moved = 0;
  size_t in = 50000;
  size_t out = 0;

  assert_true(append(f, 0, in, MANY));
  while (in + 100 <= MANY) {
    const uint8_t *first = fl_buffer_peek(&f->buffer).bytes;
    fl_buffer_consume(&f->buffer, &f->spare, 100);
    assert_ptr_equal(fl_buffer_peek(&f->buffer).bytes, first + 100);
    out += 100;
    assert_true(append(f, in, 100, MANY));
    in += 100;
    if (fl_buffer_peek(&f->buffer).bytes != first + 100)
      moved += f->buffer.size;
  }
  assert_holds(f, out, in - out);
  assert_true(moved < 2 * in);
}

/* A plain array that does the same. */
struct model {
  uint8_t bytes[40000];
  size_t size;
};

static void model_step(struct fixture *f, struct model *model,
                       struct fl_test_random *random) {
  const size_t max = 20000;
  const size_t n = fl_test_below(random, 2) == 0 ? fl_test_below(random, 200)
                                                 : fl_test_below(random, 6000);
  const size_t from = fl_test_below(random, MANY - n);
  const bool fits = model->size + n <= max;

  switch (fl_test_below(random, 8)) {
  case 0:
    assert_int_equal(prepend(f, from, n, max), fits);
    if (fits) {
      memmove(model->bytes + n, model->bytes, model->size);
      memcpy(model->bytes, pattern + from, n);
      model->size += n;
    }
    break;
  case 1:
  case 2:
  case 3:
    assert_int_equal(append(f, from, n, max), fits);
    if (fits) {
      memcpy(model->bytes + model->size, pattern + from, n);
      model->size += n;
    }
    break;
  default: {
    const size_t drop = n < model->size ? n : model->size;
    fl_buffer_consume(&f->buffer, &f->spare, drop);
    model->size -= drop;
    memmove(model->bytes, model->bytes + drop, model->size);
  }
  }
}

static void random_operations(void **state) {
  struct fixture *f = *state;
  struct fl_test_random random = {2024};
  static struct model model;

  for (int i = 0; i < 20000; i++) {
    model_step(f, &model, &random);
    const struct fl_slice held = fl_buffer_peek(&f->buffer);
    assert_int_equal(held.size, model.size);
    if (held.bytes != NULL && memcmp(held.bytes, model.bytes, held.size) != 0)
      fail();
    assert_int_equal(f->buffer.storage == NULL, model.size == 0);
    assert_true(f->buffer.capacity <= 20000);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fl_test_alloc_settle),
      TEST(empty_owns_nothing),
      TEST(first_in_first_out),
      TEST(the_maximum_is_hard),
      TEST(sizes_do_not_overflow),
      TEST(the_maximum_bounds_storage),
      TEST(growth_doubles),
      TEST(a_large_piece_is_one_allocation),
      TEST(storage_goes_round),
      TEST(large_storage_is_freed),
      TEST(spares_are_bounded),
      TEST(without_memory_nothing_changes),
      TEST(prepends),
      TEST(prepend_fills_to_the_brim),
      TEST(prepend_keeps_the_maximum),
      TEST(consuming_moves_nothing),
      TEST(random_operations),
  };
  fill_pattern();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
