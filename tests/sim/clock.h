/* Virtual time: what is going to happen, in order of (moment, order of
   planning). Nothing here ever looks at a real clock. */
#ifndef FL_TESTS_SIM_CLOCK_H
#define FL_TESTS_SIM_CLOCK_H

#include "core/time.h"

#include <stdbool.h>
#include <stddef.h>

typedef void sim_action(void *ctx, uint64_t arg);

struct sim_plan;

struct sim_clock {
  fl_time now;
  uint64_t planned; /* how many actions were planned so far */
  struct sim_plan *heap;
  size_t count;
  size_t capacity;
};

void sim_clock_free(struct sim_clock *clock);

/* Plans action(ctx, arg) for `delay` after now. It cannot be taken back: an
   action looks for itself whether it still applies. */
void sim_clock_after(struct sim_clock *clock, fl_time delay, sim_action *action,
                     void *ctx, uint64_t arg);

/* Moves now to the next action and runs it. Returns false when nothing is
   planned any more. */
bool sim_clock_step(struct sim_clock *clock);

#endif
