#include "tests/sim/sim.h"

#include "tests/sim/acceptor.h"
#include "tests/sim/ledger.h"
#include "tests/sim/operator.h"
#include "tests/sim/reload.h"
#include "tests/sim/scenario.h"
#include "tests/sim/stop.h"
#include "tests/sim/worker.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Clients see the end of their connections within this after the last
   gateway is gone. */
#define AFTERMATH (20 * FL_SECOND)

/* No seed needs so many; one that does goes round in circles. */
enum { STEPS_MAX = 20000000 };

struct sim_arena {
  struct sim_arena *next;
  max_align_t memory[];
};

void *sim_buffer(size_t size) {
  void *memory = calloc(1, size);
  if (memory == NULL) {
    fprintf(stderr, "fairlead-sim: out of memory\n");
    exit(1);
  }
  return memory;
}

void *sim_alloc(struct sim *sim, size_t size) {
  struct sim_arena *piece = sim_buffer(sizeof *piece + size);
  piece->next = sim->arena;
  sim->arena = piece;
  return piece->memory;
}

void sim_arena_free(struct sim *sim) {
  while (sim->arena != NULL) {
    struct sim_arena *piece = sim->arena;
    sim->arena = piece->next;
    free(piece);
  }
}

const struct sim_wire *sim_wire_of(const struct sim *sim,
                                   const struct fl_listener_config *listener) {
  return listener->mode == FL_MODE_COMMAND
             ? &sim->line
             : &sim->upstreams[listener->upstream].wire;
}

const struct sim_wire *
sim_reply_wire_of(const struct sim *sim,
                  const struct fl_listener_config *listener) {
  return listener->mode == FL_MODE_COMMAND
             ? &sim->line
             : &sim->upstreams[listener->upstream].reply_wire;
}

void sim_fail(struct sim *sim, const char *format, ...) {
  va_list list;
  printf("seed %" PRIu64 ": ", sim->seed);
  va_start(list, format);
  vprintf(format, list);
  va_end(list);
  printf(" at virtual time %" PRIu64 ".%06" PRIu64 "\n"
         "  replay: fairlead-sim --seed %" PRIu64 " --verbose\n",
         sim->clock.now / FL_SECOND, sim->clock.now % FL_SECOND, sim->seed);
  fflush(stdout);
  longjmp(sim->failed, 1);
}

void sim_trace(const struct sim *sim, const char *format, ...) {
  va_list list;
  if (!sim->verbose)
    return;
  printf("%4" PRIu64 ".%06" PRIu64 " ", sim->clock.now / FL_SECOND,
         sim->clock.now % FL_SECOND);
  va_start(list, format);
  vprintf(format, list);
  va_end(list);
  printf("\n");
}

static void begin(struct sim *sim) {
  sim->clock.now = SIM_BEGIN;
  sim_scenario_draw(sim);
  sim->generation =
      fl_generation_first(sim->config, fl_config_free, sim->worker_count);
  if (sim->generation == NULL)
    sim_fail(sim, "no memory for a generation");
  sim->latest = fl_generation_hold(sim->generation);
  sim->ledger = sim_ledger_new(sim);
  for (uint32_t i = 0; i < sim->config->listener_count; i++)
    sim->acceptors[i] = sim_acceptor_new(sim, i);
  for (uint32_t i = 0; i < sim->worker_count; i++)
    sim->workers[i] = sim_worker_new(sim, i);
  sim_scenario_clients(sim);
  sim_operator_plan(sim);
  sim_reload_plan(sim);
  sim_stop_plan(sim);
}

static void step(struct sim *sim, uint64_t *steps) {
  if (++*steps > STEPS_MAX)
    sim_fail(sim, "more than %d events", STEPS_MAX);
  if (!sim_clock_step(&sim->clock))
    sim_fail(sim, "nothing happens any more");
}

static void run(struct sim *sim) {
  uint64_t steps = 0;
  begin(sim);
  while (!sim->ended)
    step(sim, &steps);
  fl_time limit = sim->clock.now + AFTERMATH;
  while (sim->clients_left > 0) {
    step(sim, &steps);
    if (sim->clock.now > limit)
      sim_fail(sim, "%u clients never saw the end", sim->clients_left);
  }
}

/* A run that fails leaves core where it is: its memory is not freed. */
bool sim_run(uint64_t seed, bool verbose) {
  struct sim *sim = calloc(1, sizeof *sim);
  volatile bool passed = false;
  if (sim == NULL)
    return false;
  sim->seed = seed;
  sim->verbose = verbose;
  sim->random.state = seed;
  if (setjmp(sim->failed) == 0) {
    run(sim);
    passed = true;
  }
  fl_generation_release(passed ? sim->generation : NULL);
  fl_generation_release(passed ? sim->latest : NULL);
  for (uint32_t i = 0; i < SIM_LISTENERS_MAX; i++)
    fl_guard_free(passed ? sim->guards[i] : NULL);
  sim_clock_free(&sim->clock);
  if (passed)
    sim_arena_free(sim);
  free(sim);
  return passed;
}
