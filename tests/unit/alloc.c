#include "tests/unit/alloc.h"

#include <stdint.h>
#include <stdlib.h>

/* The names are the linker's.
   NOLINTBEGIN(bugprone-reserved-identifier) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *old);
/* NOLINTEND(bugprone-reserved-identifier) */

static long left = -1; /* allocations that still succeed, -1: all */
static long asked;

/* The live pointers: an open-addressing table, at most half full. */
static uintptr_t *table;
static size_t slots;
static size_t live;

void fl_test_alloc_fail_after(long n) {
  left = n;
  asked = 0;
}

long fl_test_alloc_count(void) { return asked; }

long fl_test_alloc_live(void) { return (long)live; }

void fl_test_alloc_settle(void **state) { (void)state; }

static size_t home(uintptr_t key) { return (key >> 4) * 31 & (slots - 1); }

/* Where key is, or the empty slot where it would go. */
static size_t find(uintptr_t key) {
  size_t at = home(key);

  while (table[at] != 0 && table[at] != key)
    at = (at + 1) & (slots - 1);
  return at;
}

static void grow(void) {
  uintptr_t *old = table;
  const size_t old_slots = slots;

  slots = slots == 0 ? 1024 : slots * 2;
  table = __real_calloc(slots, sizeof *table);
  if (table == NULL)
    abort();
  for (size_t i = 0; i < old_slots; i++)
    if (old[i] != 0)
      table[find(old[i])] = old[i];
  __real_free(old);
}

static void enter(void *pointer) {
  if (pointer == NULL)
    return;
  if (live >= slots / 2)
    grow();
  table[find((uintptr_t)pointer)] = (uintptr_t)pointer;
  live++;
}

/* Takes a pointer out; those behind it move up, so that a search may stop at
   the first empty slot. */
static void leave(uintptr_t key) {
  size_t hole;

  if (key == 0 || slots == 0 || table[hole = find(key)] == 0)
    return;
  live--;
  table[hole] = 0;
  for (size_t at = (hole + 1) & (slots - 1); table[at] != 0;
       at = (at + 1) & (slots - 1)) {
    const uintptr_t moved = table[at];
    table[at] = 0;
    table[find(moved)] = moved;
  }
}

static int fails(void) {
  asked++;
  if (left == 0)
    return 1;
  if (left > 0)
    left--;
  return 0;
}

void *__wrap_malloc(size_t size) {
  void *pointer = fails() ? NULL : __real_malloc(size);

  enter(pointer);
  return pointer;
}

void *__wrap_calloc(size_t count, size_t size) {
  void *pointer = fails() ? NULL : __real_calloc(count, size);

  enter(pointer);
  return pointer;
}

void *__wrap_realloc(void *old, size_t size) {
  const uintptr_t key = (uintptr_t)old;
  void *pointer = fails() ? NULL : __real_realloc(old, size);

  if (pointer != NULL) {
    leave(key);
    enter(pointer);
  }
  return pointer;
}

void __wrap_free(void *old) {
  leave((uintptr_t)old);
  __real_free(old);
}
