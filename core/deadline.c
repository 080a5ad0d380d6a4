#include "core/deadline.h"

#include <assert.h>
#include <stdlib.h>

void fl_deadlines_free(struct fl_deadlines *set) {
  free(set->heap);
  *set = (struct fl_deadlines){0};
}

static void place(struct fl_deadlines *set, uint32_t at,
                  struct fl_deadline *deadline) {
  set->heap[at] = deadline;
  deadline->slot = at + 1;
}

/* Towards the root from `at`, a place that is free to be overwritten. */
static void sift_up(struct fl_deadlines *set, uint32_t at,
                    struct fl_deadline *deadline) {
  while (at > 0) {
    const uint32_t parent = (at - 1) / 2;
    if (set->heap[parent]->filed <= deadline->filed)
      break;
    place(set, at, set->heap[parent]);
    at = parent;
  }
  place(set, at, deadline);
}

static void sift_down(struct fl_deadlines *set, uint32_t at,
                      struct fl_deadline *deadline) {
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= set->count)
      break;
    if (child + 1 < set->count &&
        set->heap[child + 1]->filed < set->heap[child]->filed)
      child++;
    if (deadline->filed <= set->heap[child]->filed)
      break;
    place(set, at, set->heap[child]);
    at = child;
  }
  place(set, at, deadline);
}

static bool reserve(struct fl_deadlines *set) {
  if (set->count < set->capacity)
    return true;
  if (set->capacity > UINT32_MAX / 4)
    return false;

  const uint32_t capacity = set->capacity == 0 ? 16 : set->capacity * 2;
  struct fl_deadline **heap =
      realloc(set->heap, capacity * sizeof(struct fl_deadline *));
  if (heap == NULL)
    return false;
  set->heap = heap;
  set->capacity = capacity;
  return true;
}

bool fl_deadline_add(struct fl_deadlines *set, struct fl_deadline *deadline,
                     fl_deadline_fn *expired) {
  if (!reserve(set))
    return false;
  deadline->due = FL_NEVER;
  deadline->filed = FL_NEVER;
  deadline->expired = expired;
  place(set, set->count++, deadline);
  return true;
}

void fl_deadline_remove(struct fl_deadlines *set,
                        struct fl_deadline *deadline) {
  if (deadline->slot == 0)
    return;

  const uint32_t at = deadline->slot - 1;
  assert(at < set->count && set->heap[at] == deadline);
  struct fl_deadline *last = set->heap[--set->count];
  deadline->slot = 0;
  if (last == deadline)
    return;
  if (last->filed < deadline->filed)
    sift_up(set, at, last);
  else
    sift_down(set, at, last);
}

void fl_deadline_set(struct fl_deadlines *set, struct fl_deadline *deadline,
                     fl_time due) {
  assert(deadline->slot != 0 && set->heap[deadline->slot - 1] == deadline);
  /* What a callback sets is for a later run: otherwise two deadlines that set
     each other off would keep this one from ever ending. */
  if (set->run_until != 0 && due < set->run_until)
    due = set->run_until;
  deadline->due = due;
  if (due < deadline->filed) {
    deadline->filed = due;
    sift_up(set, deadline->slot - 1, deadline);
  }
}

/* Files the first entry under the given moment. */
static void refile(struct fl_deadlines *set, fl_time filed) {
  struct fl_deadline *first = set->heap[0];

  first->filed = filed;
  sift_down(set, 0, first);
}

fl_time fl_deadlines_run(struct fl_deadlines *set, fl_time now) {
  assert(now < FL_NEVER);
  assert(set->run_until == 0); /* not from a callback */
  set->run_until = now + 1;
  while (set->count > 0 && set->heap[0]->filed <= now) {
    struct fl_deadline *first = set->heap[0];
    if (first->due > first->filed) {
      refile(set, first->due); /* postponed since it was filed */
    } else {
      first->due = FL_NEVER;
      refile(set, FL_NEVER);
      first->expired(first, now);
    }
  }
  set->run_until = 0;
  return set->count > 0 ? set->heap[0]->filed : FL_NEVER;
}
