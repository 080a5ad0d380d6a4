/* Deadlines of one worker, cheap to move: a heap ordered by the moment at
   which an entry was last looked at, not by when it is due. Postponing an
   entry (which every request does) writes one field; the heap is only
   touched when an entry comes up that is not due yet, or when a deadline
   moves to before the moment it is filed under. So a connection costs a heap
   operation per timeout, not per request. */
#ifndef FL_CORE_DEADLINE_H
#define FL_CORE_DEADLINE_H

#include "core/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fl_deadline;

/* Called when now >= due, after the deadline was set to FL_NEVER; may set it
   again, and may add, set or remove this or any other deadline. What it sets
   to `now` or earlier is due a microsecond after `now`, in a later run. */
typedef void fl_deadline_fn(struct fl_deadline *deadline, fl_time now);

struct fl_deadline {
  fl_time due;   /* read-only outside deadline.c */
  fl_time filed; /* the moment the heap is ordered by, <= due */
  fl_deadline_fn *expired;
  uint32_t slot; /* 1 + place in the heap; 0: in none */
};

struct fl_deadlines {
  struct fl_deadline **heap;
  uint32_t count;
  uint32_t capacity;
  fl_time run_until; /* while it runs: the moment after now, else 0 */
};

/* A zeroed struct fl_deadlines is a valid empty set. */
void fl_deadlines_free(struct fl_deadlines *set);

/* Enters a deadline with due = FL_NEVER. All memory is taken here, so setting
   it later cannot fail. Returns false when memory is out. */
bool fl_deadline_add(struct fl_deadlines *set, struct fl_deadline *deadline,
                     fl_deadline_fn *expired);

/* Requires: it is in the set, or was never added (zeroed). */
void fl_deadline_remove(struct fl_deadlines *set, struct fl_deadline *deadline);

/* Moves a deadline; FL_NEVER switches it off. Requires: it is in the set. */
void fl_deadline_set(struct fl_deadlines *set, struct fl_deadline *deadline,
                     fl_time due);

/* Calls every deadline due at `now`, the earliest first. Returns the moment at
   which it wants to be called again: after `now`, at or before the earliest
   due; FL_NEVER when no deadline is filed under any moment. A deadline that
   was switched off or postponed may cause one call at which nothing is due.
   Requires: now < FL_NEVER; not called from a callback. */
fl_time fl_deadlines_run(struct fl_deadlines *set, fl_time now);

#endif
