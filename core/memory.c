#include "core/memory.h"

#include <assert.h>

static uint64_t get(const atomic_uint_least64_t *value) {
  return atomic_load_explicit(value, memory_order_relaxed);
}

static void set(atomic_uint_least64_t *value, uint64_t to) {
  atomic_store_explicit(value, to, memory_order_relaxed);
}

void fl_memory_init(struct fl_memory *memory, uint64_t limit,
                    uint32_t workers) {
  memory->workers = workers;
  fl_memory_set(memory, limit);
}

void fl_memory_set(struct fl_memory *memory, uint64_t limit) {
  uint64_t step = limit / 8 / memory->workers;
  assert(limit > 0);
  set(&memory->limit, limit);
  set(&memory->high, limit - limit / 4);
  set(&memory->low, limit / 2);
  /* While more than a half of the limit is drawn, one worker at least has
     drawn more than its part of a half. */
  set(&memory->watch, limit / 2 / memory->workers);
  set(&memory->step, step < FL_MEMORY_STEP_MAX ? step : FL_MEMORY_STEP_MAX);
}

void fl_memory_join(struct fl_memory *memory, struct fl_memory_share *share) {
  if (memory != NULL && get(&memory->limit) > 0)
    share->memory = memory;
}

/* Draws so many more, if that leaves no more than `limit` drawn. */
static bool draw(struct fl_memory_share *share, uint64_t n, uint64_t limit) {
  struct fl_memory *memory = share->memory;
  uint_least64_t drawn = get(&memory->drawn);
  do {
    if (drawn > limit || n > limit - drawn)
      return false;
  } while (!atomic_compare_exchange_weak_explicit(
      &memory->drawn, &drawn, drawn + n, memory_order_relaxed,
      memory_order_relaxed));
  share->drawn += n;
  return true;
}

/* Without a limit a share draws what it needs from nowhere. */
bool fl_memory_draw(struct fl_memory_share *share, size_t n, bool small) {
  uint64_t more = n - (share->drawn - share->used);
  if (share->memory == NULL) {
    share->drawn += more;
    share->keep = UINT64_MAX;
    return true;
  }
  uint64_t limit = get(&share->memory->limit);
  uint64_t step = get(&share->memory->step);
  uint64_t most = small ? limit : limit - limit / 8;
  share->keep = 2 * step;
  /* Near the limit no more than is needed. */
  return draw(share, more + step, most) || draw(share, more, most);
}

void fl_memory_give_back(struct fl_memory_share *share) {
  uint64_t back = share->drawn - share->used - share->keep / 2;
  assert(share->used <= share->drawn && share->memory != NULL);
  share->drawn -= back;
  atomic_fetch_sub_explicit(&share->memory->drawn, back, memory_order_relaxed);
}

void fl_memory_end(struct fl_memory_share *share) {
  assert(share->used == 0);
  if (share->memory != NULL)
    atomic_fetch_sub_explicit(&share->memory->drawn, share->drawn,
                              memory_order_relaxed);
  share->drawn = 0;
}

enum fl_memory_news fl_memory_look(struct fl_memory_share *share) {
  if (!fl_memory_turned(share))
    return FL_MEMORY_NOTHING;
  share->pressed = !share->pressed;
  if (atomic_exchange(&share->memory->pressed, share->pressed) ==
      share->pressed)
    return FL_MEMORY_NOTHING;
  return share->pressed ? FL_MEMORY_PRESSED : FL_MEMORY_RELIEVED;
}
