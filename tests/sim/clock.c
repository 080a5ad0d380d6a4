#include "tests/sim/clock.h"

#include <stdio.h>
#include <stdlib.h>

struct sim_plan {
  fl_time at;
  uint64_t order;
  sim_action *action;
  void *ctx;
  uint64_t arg;
};

void sim_clock_free(struct sim_clock *clock) {
  free(clock->heap);
  *clock = (struct sim_clock){0};
}

static bool before(const struct sim_plan *a, const struct sim_plan *b) {
  return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void sift_up(struct sim_plan *heap, size_t i) {
  struct sim_plan plan = heap[i];
  while (i > 0 && before(&plan, &heap[(i - 1) / 2])) {
    heap[i] = heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  heap[i] = plan;
}

static void sift_down(struct sim_plan *heap, size_t count) {
  struct sim_plan plan = heap[0];
  size_t i = 0;
  for (size_t child = 1; child < count; child = 2 * i + 1) {
    if (child + 1 < count && before(&heap[child + 1], &heap[child]))
      child++;
    if (before(&plan, &heap[child]))
      break;
    heap[i] = heap[child];
    i = child;
  }
  heap[i] = plan;
}

void sim_clock_after(struct sim_clock *clock, fl_time delay, sim_action *action,
                     void *ctx, uint64_t arg) {
  if (clock->count == clock->capacity) {
    clock->capacity = clock->capacity == 0 ? 256 : 2 * clock->capacity;
    clock->heap =
        realloc(clock->heap, clock->capacity * sizeof(struct sim_plan));
    if (clock->heap == NULL) {
      fprintf(stderr, "fairlead-sim: out of memory\n");
      exit(1);
    }
  }
  clock->heap[clock->count] =
      (struct sim_plan){.at = fl_time_add(clock->now, delay),
                        .order = clock->planned++,
                        .action = action,
                        .ctx = ctx,
                        .arg = arg};
  sift_up(clock->heap, clock->count++);
}

bool sim_clock_step(struct sim_clock *clock) {
  if (clock->count == 0)
    return false;
  struct sim_plan plan = clock->heap[0];
  clock->heap[0] = clock->heap[--clock->count];
  if (clock->count > 0)
    sift_down(clock->heap, clock->count);
  clock->now = plan.at;
  plan.action(plan.ctx, plan.arg);
  return true;
}
