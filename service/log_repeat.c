#include "service/log_repeat.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { WAYS = 4 }; /* slots that a key may have */

static struct fl_repeat *slot_at(struct fl_repeats *repeats, uint64_t key,
                                 unsigned way) {
  uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);
  return &repeats->slots[((hash >> 32) + way) % FL_REPEAT_SLOTS];
}

static struct fl_repeat *find(struct fl_repeats *repeats, uint64_t key) {
  for (unsigned way = 0; way < WAYS; way++)
    if (slot_at(repeats, key, way)->key == key)
      return slot_at(repeats, key, way);
  return NULL;
}

/* The slot of the key, or the one that makes room for it: the oldest. */
static struct fl_repeat *place(struct fl_repeats *repeats, uint64_t key) {
  struct fl_repeat *slot = find(repeats, key);
  if (slot != NULL)
    return slot;
  slot = slot_at(repeats, key, 0);
  for (unsigned way = 1; way < WAYS; way++) {
    struct fl_repeat *other = slot_at(repeats, key, way);
    if (slot->key != 0 && (other->key == 0 || other->began < slot->began))
      slot = other;
  }
  return slot;
}

static bool is_over(const struct fl_repeat *slot, fl_time now) {
  return now >= fl_time_add(slot->began, FL_REPEAT_WINDOW);
}

bool fl_repeats_pass(struct fl_repeats *repeats, uint64_t key, fl_time now,
                     struct fl_repeat *over) {
  struct fl_repeat *slot = place(repeats, key);
  assert(key != 0);
  over->held = 0;
  if (slot->key != key || is_over(slot, now)) {
    if (slot->held > 0)
      *over = *slot;
    *slot = (struct fl_repeat){.key = key, .began = now};
  }
  if (slot->passed == FL_REPEAT_BURST) {
    slot->held++;
    return false;
  }
  slot->passed++;
  return true;
}

void fl_repeats_note(struct fl_repeats *repeats, uint64_t key, int level,
                     enum fl_log_area area, const char *message) {
  struct fl_repeat *slot = find(repeats, key);
  size_t size = strlen(message);
  if (slot == NULL)
    return;
  slot->level = level;
  slot->area = area;
  if (size >= sizeof slot->example)
    size = sizeof slot->example - 1;
  memcpy(slot->example, message, size);
  slot->example[size] = '\0';
}

bool fl_repeats_take(struct fl_repeats *repeats, fl_time now, bool all,
                     struct fl_repeat *over) {
  for (unsigned i = 0; i < FL_REPEAT_SLOTS; i++) {
    struct fl_repeat *slot = &repeats->slots[i];
    if (slot->held == 0 || !(all || is_over(slot, now)))
      continue;
    *over = *slot;
    *slot = (struct fl_repeat){0};
    return true;
  }
  return false;
}
