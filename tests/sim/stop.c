#include "tests/sim/stop.h"

#include "tests/sim/acceptor.h"
#include "tests/sim/worker.h"

/* STOP_NOW closes everything in its own turn, but for what was left a second
   to end after on_close; sockets take 5 ms. */
#define CLOSE_LIMIT (FL_SECOND + 100 * FL_MILLISECOND)

/* Every request has its outcome long before this, but for those that wait for
   a connection to our own listener, which takes none any more. */
#define AMPLE (3600 * FL_SECOND)

struct stop {
  struct sim *sim;
  enum fl_stop stage;
  fl_time deadline;
};

static uint32_t clients(const struct sim *sim, enum fl_mode mode) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < sim->worker_count; i++)
    count += fl_gateway_clients(sim->workers[i]->gateway, mode);
  return count;
}

static uint32_t upstream_connections(const struct sim *sim) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < sim->worker_count; i++)
    count += fl_gateway_upstream_connections(sim->workers[i]->gateway);
  return count;
}

static bool accepting(const struct sim *sim) {
  for (uint32_t i = 0; i < sim->config->listener_count; i++)
    if (sim_acceptor_busy(sim->acceptors[i]))
      return true;
  return false;
}

static void enter(struct stop *stop, enum fl_stop stage) {
  sim_trace(stop->sim, "stop stage %d", (int)stage);
  stop->stage = stage;
  for (uint32_t i = 0; i < stop->sim->worker_count; i++)
    sim_worker_stop(stop->sim->workers[i], stage);
}

static bool drained(const struct stop *stop) {
  if (clients(stop->sim, FL_MODE_REQUEST) > 0 ||
      clients(stop->sim, FL_MODE_RELAY) > 0 ||
      clients(stop->sim, FL_MODE_SESSION) > 0)
    return false;
  return stop->stage == FL_STOP_REQUESTS ||
         clients(stop->sim, FL_MODE_COMMAND) == 0;
}

static void finish(struct sim *sim) {
  for (uint32_t i = 0; i < sim->worker_count; i++)
    sim_worker_finish(sim->workers[i]);
  for (uint32_t i = 0; i < sim->config->listener_count; i++)
    if (fl_occupancy_count(&sim->occupancy[i]) != 0)
      sim_fail(sim, "listener %u still counts clients", i);
  sim->ended = true;
}

/* Goes on as soon as a stage has drained. */
static void look(void *ctx, uint64_t arg) {
  struct stop *stop = ctx;
  struct sim *sim = stop->sim;
  (void)arg;
  if (stop->stage == FL_STOP_NOW) {
    uint32_t left = clients(sim, FL_MODE_REQUEST) +
                    clients(sim, FL_MODE_RELAY) +
                    clients(sim, FL_MODE_SESSION) +
                    clients(sim, FL_MODE_COMMAND) + upstream_connections(sim);
    if (left == 0) {
      finish(sim);
      return;
    }
    if (sim->clock.now > stop->deadline + CLOSE_LIMIT)
      sim_fail(sim, "%u connections are left after FL_STOP_NOW", left);
  } else if (drained(stop)) {
    enter(stop, stop->stage + 1);
    stop->deadline =
        stop->stage == FL_STOP_NOW ? sim->clock.now : stop->deadline;
  } else if (sim->clock.now >= stop->deadline) {
    if (sim->config->shutdown_timeout >= AMPLE && !sim->upstreams[0].built_in)
      sim_fail(sim, "a stop did not drain");
    sim->phase = SIM_FORCED;
    stop->deadline = sim->clock.now;
    while (stop->stage < FL_STOP_NOW)
      enter(stop, stop->stage + 1);
  }
  sim_clock_after(&sim->clock, FL_MILLISECOND, look, stop, 0);
}

/* The stop begins after a turn without accepts. */
static void begin(void *ctx, uint64_t arg) {
  struct stop *stop = ctx;
  struct sim *sim = stop->sim;
  (void)arg;
  if (accepting(sim)) {
    sim_clock_after(&sim->clock, 100, begin, stop, 0);
    return;
  }
  enter(stop, FL_STOP_REQUESTS);
  look(stop, 0);
}

static void wait(void *ctx, uint64_t arg) {
  struct stop *stop = ctx;
  struct sim *sim = stop->sim;
  (void)arg;
  if ((sim->clients_left > 0 && sim->clock.now < sim->stop_at) ||
      sim->coming != NULL) {
    sim_clock_after(&sim->clock, 10 * FL_MILLISECOND, wait, stop, 0);
    return;
  }
  sim->phase = SIM_STOPPING;
  stop->deadline = fl_time_add(sim->clock.now, sim->config->shutdown_timeout);
  for (uint32_t i = 0; i < sim->config->listener_count; i++)
    sim_acceptor_stop(sim->acceptors[i]);
  begin(stop, 0);
}

void sim_stop_plan(struct sim *sim) {
  struct stop *stop = sim_alloc(sim, sizeof *stop);
  stop->sim = sim;
  wait(stop, 0);
}
