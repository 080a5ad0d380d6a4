#include "tests/sim/acceptor.h"

#include "core/placement.h"
#include "tests/sim/client.h"
#include "tests/sim/network.h"
#include "tests/sim/sock.h"
#include "tests/sim/worker.h"

/* A connection that nobody has accepted, or that is on its way. */
struct arrived {
  struct arrived *next;
  struct sim_acceptor *acceptor;
  struct sim_end *end;
  struct fl_addr from;
  uint32_t worker;
  uint32_t place; /* of the guard */
};

/* What the simulation knows of one source of clients. */
struct source {
  uint32_t open;
  uint32_t admitted;
};

struct sim_acceptor {
  struct sim *sim;
  uint32_t index; /* of the listener */
  uint32_t slot;
  struct fl_placement placement;
  uint32_t turn;
  uint32_t on_the_way;
  bool stopped;
  bool paused;
  bool shut;    /* io->listening said so */
  bool unbound; /* told to the gateway */
  struct sim_port *ports[16];
  uint32_t port_count;
  struct arrived *first; /* the backlog */
  struct arrived **last;
  struct source sources[SIM_SOURCES];
};

static void hand_over(void *ctx, uint64_t arg) {
  struct arrived *arrived = ctx;
  struct sim_acceptor *acceptor = arrived->acceptor;
  (void)arg;
  acceptor->on_the_way--;
  sim_sock_accept(acceptor->sim->workers[arrived->worker], acceptor->index,
                  arrived->end, &arrived->from, arrived->place);
}

/* -- the guard, held against what is known of each source -- */

/* NULL for a pool of our own, which no listener limits. */
static struct source *source_of(struct sim_acceptor *acceptor,
                                const struct fl_addr *from) {
  return sim_client_from(from) == SIM_NOBODY ? NULL
                                             : &acceptor->sources[from->ip[3]];
}

static bool may_be(struct sim_acceptor *acceptor, const struct source *source,
                   const struct fl_addr *from, enum fl_reason reason) {
  const struct sim *sim = acceptor->sim;
  const struct fl_listener_config *config =
      &sim->config->listeners[acceptor->index];
  uint32_t most = config->max_connections_per_address;
  bool denied = from->ip[3] < sim->denied[acceptor->index];
  bool full = most != 0 && source->open >= most;
  uint64_t tokens =
      config->max_connection_burst +
      (sim->clock.now - SIM_BEGIN) * config->max_connection_rate / FL_SECOND;
  bool rated = config->max_connection_rate != 0;
  switch (reason) {
  case FL_OK:
    return !denied && !full && (!rated || source->admitted < tokens);
  case FL_DENIED_ADDRESS:
    return denied;
  case FL_ADDRESS_CONNECTIONS:
    return !denied && full;
  default:
    return !denied && !full && rated &&
           source->admitted >= config->max_connection_burst;
  }
}

static bool admit(struct sim_acceptor *acceptor, struct arrived *arrived) {
  struct sim *sim = acceptor->sim;
  const struct fl_addr *from = &arrived->from;
  struct source *source = source_of(acceptor, from);
  enum fl_reason reason = fl_guard_enter(sim->guards[acceptor->index], from,
                                         sim->clock.now, &arrived->place);
  if (source == NULL && reason == FL_OK)
    return true;
  if (source == NULL || !may_be(acceptor, source, from, reason))
    sim_fail(sim, "listener %u: a client of %u.%u got %s", acceptor->index,
             from->ip[2], from->ip[3], fl_reason_name(reason));
  if (reason == FL_OK) {
    source->open++;
    source->admitted++;
    return true;
  }
  struct sim_worker *worker = sim->workers[acceptor->placement.first];
  worker->tally.clients_refused++;
  fl_gateway_refused(worker->gateway, acceptor->slot, from, reason,
                     sim->clock.now);
  sim_client_excuse(sim->clients[sim_client_from(from)]);
  sim_end_close(arrived->end, true);
  return false;
}

/* -- accepting -- */

static bool room(struct sim_acceptor *acceptor) {
  struct sim *sim = acceptor->sim;
  return fl_occupancy_count(&sim->occupancy[acceptor->slot]) <
         sim->config->listeners[acceptor->index].max_connections;
}

static void accept_waiting(struct sim_acceptor *acceptor) {
  struct sim *sim = acceptor->sim;
  uint32_t max = sim->config->listeners[acceptor->index].max_connections;
  while (acceptor->first != NULL && !acceptor->stopped && !acceptor->paused &&
         room(acceptor)) {
    struct arrived *arrived = acceptor->first;
    acceptor->first = arrived->next;
    if (acceptor->first == NULL)
      acceptor->last = &acceptor->first;
    if (!admit(acceptor, arrived))
      continue;
    if (!fl_occupancy_enter(&sim->occupancy[acceptor->slot], max))
      sim_fail(sim, "listener %u: a free place is taken", acceptor->index);
    arrived->worker = (acceptor->placement.first +
                       acceptor->turn++ % acceptor->placement.count) %
                      sim->worker_count;
    acceptor->on_the_way++;
    sim_clock_after(&sim->clock, sim_random_between(&sim->random, 0, 500),
                    hand_over, arrived, 0);
  }
}

static void on_arrival(void *owner, struct sim_end *end,
                       const struct fl_addr *from) {
  struct sim_acceptor *acceptor = owner;
  struct arrived *arrived = sim_alloc(acceptor->sim, sizeof *arrived);
  arrived->acceptor = acceptor;
  arrived->end = end;
  arrived->from = *from;
  *acceptor->last = arrived;
  acceptor->last = &arrived->next;
  accept_waiting(acceptor);
}

struct sim_acceptor *sim_acceptor_new(struct sim *sim, uint32_t listener) {
  const struct fl_listener_config *config = &sim->config->listeners[listener];
  struct sim_acceptor *acceptor = sim_alloc(sim, sizeof *acceptor);
  acceptor->sim = sim;
  acceptor->index = acceptor->slot = listener;
  acceptor->last = &acceptor->first;
  acceptor->placement = sim->generation->listeners[listener].placement;
  const uint64_t key[2] = {sim_random_next(&sim->random),
                           sim_random_next(&sim->random)};
  sim->guards[listener] = fl_guard_new(config, key);
  if (sim->guards[listener] == NULL)
    sim_fail(sim, "no memory for a guard");
  for (uint32_t i = 0; i < config->listen_count; i++)
    acceptor->ports[acceptor->port_count++] =
        sim_port_new(sim, &config->listen[i].addr, acceptor, on_arrival);
  return acceptor;
}

/* A place of a slot that is one's own now, and may have been another's. */
static void accept_for(struct sim *sim, uint32_t slot) {
  for (uint32_t i = 0; i < sim->config->listener_count; i++)
    if (sim->acceptors[i] != NULL && sim->acceptors[i]->slot == slot)
      accept_waiting(sim->acceptors[i]);
}

void sim_acceptor_left(struct sim_acceptor *acceptor, uint32_t slot,
                       const struct fl_addr *from, uint32_t place) {
  struct source *source = source_of(acceptor, from);
  fl_guard_leave(acceptor->sim->guards[acceptor->index], place);
  if (source != NULL)
    source->open--;
  fl_occupancy_leave(&acceptor->sim->occupancy[slot]);
  accept_for(acceptor->sim, slot);
}

static void refuse_all(struct sim_acceptor *acceptor) {
  for (uint32_t i = 0; i < acceptor->port_count; i++)
    acceptor->ports[i]->state = SIM_PORT_REFUSES;
  for (struct arrived *it = acceptor->first; it != NULL; it = it->next) {
    uint32_t client = sim_client_from(&it->from);
    if (client != SIM_NOBODY)
      sim_client_excuse(acceptor->sim->clients[client]);
    sim_end_close(it->end, true);
  }
  acceptor->first = NULL;
  acceptor->last = &acceptor->first;
}

/* -- reloads -- */

uint32_t sim_acceptor_slot(const struct sim_acceptor *acceptor) {
  return acceptor->slot;
}

void sim_acceptor_pause(struct sim_acceptor *acceptor) {
  acceptor->paused = true;
}

void sim_acceptor_leave(struct sim_acceptor *acceptor) {
  acceptor->stopped = true;
  refuse_all(acceptor);
}

void sim_acceptor_come(struct sim_acceptor *acceptor,
                       const struct fl_listener_plan *plan) {
  sim_trace(acceptor->sim, "listener %u: slot %u", acceptor->index, plan->slot);
  acceptor->slot = plan->slot;
  acceptor->placement = plan->placement;
  acceptor->stopped = acceptor->paused = false;
  for (uint32_t i = 0; i < acceptor->port_count; i++)
    acceptor->ports[i]->state = SIM_PORT_OPEN;
  accept_waiting(acceptor);
}

/* -- closed while no server is in -- */

static void bind_again(void *ctx, uint64_t arg) {
  struct sim_acceptor *acceptor = ctx;
  struct sim *sim = acceptor->sim;
  struct sim_worker *worker = sim->workers[acceptor->placement.first];
  (void)arg;
  if (acceptor->shut || acceptor->stopped || worker->gateway == NULL)
    return;
  if (sim_random_chance(&sim->random, 20)) {
    worker->tally.rebinds_failed++;
    fl_gateway_rebind_failed(worker->gateway, acceptor->index,
                             !acceptor->unbound);
    acceptor->unbound = true;
    sim_clock_after(&sim->clock, FL_SECOND, bind_again, acceptor, 0);
    return;
  }
  if (acceptor->unbound)
    fl_gateway_rebound(worker->gateway, acceptor->index);
  acceptor->unbound = false;
  for (uint32_t i = 0; i < acceptor->port_count; i++)
    acceptor->ports[i]->state = SIM_PORT_OPEN;
}

void sim_acceptor_listens(struct sim_acceptor *acceptor, bool on) {
  struct sim *sim = acceptor->sim;
  if (on == !acceptor->shut)
    sim_fail(sim, "listener %u: is %s already", acceptor->index,
             on ? "open" : "closed");
  acceptor->shut = !on;
  sim_trace(sim, "listener %u: %s", acceptor->index, on ? "opens" : "closes");
  if (on) {
    sim_clock_after(&sim->clock, 0, bind_again, acceptor, 0);
    return;
  }
  acceptor->unbound = false;
  refuse_all(acceptor);
}

static bool any_is_in(const struct sim_acceptor *acceptor,
                      const struct sim_worker *worker) {
  const struct sim *sim = acceptor->sim;
  uint32_t upstream = sim->config->listeners[acceptor->index].upstream;
  for (uint32_t i = 0; i < sim->config->upstreams[upstream].server_count; i++) {
    struct fl_standing *standing =
        sim->generation->upstreams[upstream].standings[i];
    if (worker->admin[upstream][i] == FL_ADMIN_IN &&
        atomic_load(&standing->heard) && !atomic_load(&standing->ejected))
      return true;
  }
  return false;
}

void sim_acceptor_check(const struct sim_acceptor *acceptor,
                        const struct sim_worker *worker) {
  struct sim *sim = acceptor->sim;
  const struct fl_listener_config *config =
      &sim->config->listeners[acceptor->index];
  bool may_close = config->on_upstream_down == FL_UPSTREAM_DOWN_CLOSE;
  if (acceptor->placement.first == worker->index && sim->phase == SIM_SERVING &&
      acceptor->shut != (may_close && !any_is_in(acceptor, worker)))
    sim_fail(sim, "listener %u: is %s", acceptor->index,
             acceptor->shut ? "closed although a server is in"
                            : "open although no server is in");
}

void sim_acceptor_stop(struct sim_acceptor *acceptor) {
  sim_acceptor_leave(acceptor);
}

bool sim_acceptor_busy(const struct sim_acceptor *acceptor) {
  return acceptor->on_the_way > 0;
}
