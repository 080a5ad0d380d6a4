#include "tests/sim/worker.h"

#include "tests/sim/acceptor.h"
#include "tests/sim/name.h"
#include "tests/sim/sock.h"

#include <inttypes.h>
#include <string.h>

/* A second may have so many turns that nothing but the timer caused, and so
   many for each thing that happened in it. */
enum { IDLE_TURNS = 100, TURNS_PER_STIR = 4 };

static fl_time now(const struct sim_worker *worker) {
  return worker->sim->clock.now;
}

/* -- the seam's calls that belong to no connection -- */

static uint64_t io_random(void *ctx) {
  struct sim_worker *worker = ctx;
  return sim_random_next(&worker->sim->random);
}

static enum fl_reason io_resolve(void *ctx, fl_token token, const char *host,
                                 uint16_t port) {
  struct sim_worker *worker = ctx;
  worker->stirred++;
  if (token == 0)
    sim_fail(worker->sim, "a lookup has the token 0");
  sim_name_resolve(worker, token, host, port);
  return FL_OK;
}

static void io_listening(void *ctx, uint32_t slot, bool on) {
  struct sim_worker *worker = ctx;
  worker->stirred++;
  sim_acceptor_listens(worker->sim->acceptors[slot], on);
}

static void woken(void *ctx, uint64_t arg) {
  struct sim_worker *worker = ctx;
  (void)arg;
  if (worker->gateway != NULL)
    sim_worker_event(worker);
}

static void io_stir(void *ctx, uint32_t other) {
  struct sim_worker *worker = ctx;
  struct sim *sim = worker->sim;
  sim_clock_after(&sim->clock, sim_random_between(&sim->random, 0, 500), woken,
                  sim->workers[other], 0);
}

static void note_down(struct sim *sim, const char *upstream) {
  for (uint32_t i = 0; i < sim->config->upstream_count; i++)
    if (strcmp(sim->config->upstreams[i].name, upstream) == 0)
      sim->upstreams[i].shifted = true;
}

static void io_event(void *ctx, const struct fl_event *event) {
  struct sim_worker *worker = ctx;
  worker->tally.events[event->kind]++;
  if (event->kind == FL_EVENT_CLIENT_CLOSED &&
      event->access->events == FL_ACCESS_REQUESTS)
    worker->tally.decoded += event->frames;
  if (event->kind == FL_EVENT_REQUEST_DONE && event->bytes_in > 0)
    worker->tally.told++; /* without bytes: of a frame that was none */
  if (event->kind == FL_EVENT_SERVER_DOWN)
    note_down(worker->sim, event->upstream);
  sim_trace(worker->sim, "worker %u: event %d %s", worker->index,
            (int)event->kind, fl_reason_name(event->reason));
}

/* -- turns -- */

static void timer_fired(void *ctx, uint64_t timer);

/* No busy loop: a timer that keeps firing for nothing is one. */
static void count_idle_turn(struct sim_worker *worker) {
  uint64_t second = now(worker) / FL_SECOND;
  if (second != worker->second) {
    worker->second = second;
    worker->idle_turns = 0;
    worker->stirred_then = worker->stirred;
  }
  worker->idle_turns++;
  uint64_t allowed =
      IDLE_TURNS + TURNS_PER_STIR * (worker->stirred - worker->stirred_then);
  if (worker->idle_turns > allowed)
    sim_fail(worker->sim,
             "worker %u: %" PRIu64 " timers in one second while %" PRIu64
             " things happened",
             worker->index, worker->idle_turns,
             worker->stirred - worker->stirred_then);
}

static void arm(struct sim_worker *worker, fl_time due) {
  struct sim *sim = worker->sim;
  worker->due = due;
  worker->timer++;
  if (due == FL_NEVER)
    return;
  fl_time delay = due > now(worker) ? due - now(worker) : 0;
  if (sim_random_chance(&sim->random, 50)) /* timers count milliseconds */
    delay += sim_random_between(&sim->random, 0, 1000);
  sim_clock_after(&sim->clock, delay, timer_fired, worker, worker->timer);
}

void sim_worker_end_turn(struct sim_worker *worker) {
  struct sim *sim = worker->sim;
  worker->turn++;
  worker->turn_planned = false;
  worker->room = (unsigned)sim_random_between(&sim->random, 1, 8);
  fl_time due = fl_gateway_turn(worker->gateway, now(worker));
  if (due != worker->due || due <= now(worker))
    arm(worker, due);
  fl_gateway_check(worker->gateway);
  if (sim->scarce && sim->memory.drawn > sim->memory.limit)
    sim_fail(sim, "buffers hold more than max_buffered");
  sim_sock_check_all(worker);
  for (uint32_t i = 0; i < sim->config->listener_count; i++)
    if (sim->acceptors[i] != NULL)
      sim_acceptor_check(sim->acceptors[i], worker);
  sim_ledger_turn_ended(worker->sim, worker->index);
}

static void timer_fired(void *ctx, uint64_t timer) {
  struct sim_worker *worker = ctx;
  if (timer != worker->timer || worker->gateway == NULL)
    return;
  worker->due = FL_NEVER;
  count_idle_turn(worker);
  sim_worker_end_turn(worker);
}

static void turn_ended(void *ctx, uint64_t turn) {
  struct sim_worker *worker = ctx;
  if (turn == worker->turn && worker->gateway != NULL)
    sim_worker_end_turn(worker);
}

void sim_worker_event(struct sim_worker *worker) {
  struct sim *sim = worker->sim;
  worker->stirred++;
  if (worker->room <= 1) {
    sim_worker_end_turn(worker);
    return;
  }
  worker->room--;
  if (worker->turn_planned)
    return;
  worker->turn_planned = true;
  sim_clock_after(&sim->clock, sim_random_between(&sim->random, 0, 300),
                  turn_ended, worker, worker->turn);
}

/* -- begin and end -- */

struct sim_worker *sim_worker_new(struct sim *sim, uint32_t index) {
  struct sim_worker *worker = sim_alloc(sim, sizeof *worker);
  worker->sim = sim;
  worker->index = index;
  worker->due = FL_NEVER;
  worker->io = sim_sock_io;
  worker->io.ctx = worker;
  worker->io.resolve = io_resolve;
  worker->io.random = io_random;
  worker->io.listening = io_listening;
  worker->io.stir = io_stir;
  worker->io.event = io_event;
  struct fl_gateway_setup setup = {.generation = sim->generation,
                                   .io = &worker->io,
                                   .occupancy = sim->occupancy,
                                   .memory = &sim->memory,
                                   .worker = index};
  worker->gateway = fl_gateway_new(&setup);
  if (worker->gateway == NULL)
    sim_fail(sim, "fl_gateway_new found no memory");
  fl_gateway_start(worker->gateway, now(worker));
  sim_worker_end_turn(worker);
  return worker;
}

void sim_worker_read_all(struct sim_worker *worker) {
  sim_sock_read_all(worker);
  sim_worker_end_turn(worker);
}

void sim_worker_stop(struct sim_worker *worker, enum fl_stop stage) {
  sim_worker_read_all(worker);
  if (stage == FL_STOP_REQUESTS)
    sim_ledger_stop(worker->sim, worker->index, FL_MODE_REQUEST);
  if (stage == FL_STOP_COMMANDS)
    sim_ledger_stop(worker->sim, worker->index, FL_MODE_COMMAND);
  fl_gateway_stop(worker->gateway, stage, now(worker));
  sim_worker_event(worker);
}

void sim_worker_finish(struct sim_worker *worker) {
  sim_ledger_settle(worker->sim, fl_gateway_metrics(worker->gateway),
                    &worker->tally);
  fl_gateway_free(worker->gateway);
  worker->gateway = NULL;
  for (uint32_t i = 0; i < worker->sim->worker_count; i++)
    if (worker->sim->workers[i]->gateway != NULL)
      return;
  if (worker->sim->memory.drawn != 0)
    sim_fail(worker->sim, "buffers were not given back");
}
