#include "tests/sim/acceptor.h"

#include "core/placement.h"
#include "tests/sim/network.h"
#include "tests/sim/sock.h"

/* A connection that nobody has accepted, or that is on its way. */
struct arrived {
  struct arrived *next;
  struct sim_acceptor *acceptor;
  struct sim_end *end;
  struct fl_addr from;
  uint32_t worker;
};

struct sim_acceptor {
  struct sim *sim;
  uint32_t index; /* of the listener */
  struct fl_placement placement;
  uint32_t turn;
  uint32_t on_the_way;
  bool stopped;
  struct sim_port *ports[16];
  uint32_t port_count;
  struct arrived *first; /* the backlog */
  struct arrived **last;
};

static void hand_over(void *ctx, uint64_t arg) {
  struct arrived *arrived = ctx;
  struct sim_acceptor *acceptor = arrived->acceptor;
  (void)arg;
  acceptor->on_the_way--;
  sim_sock_accept(acceptor->sim->workers[arrived->worker], acceptor->index,
                  arrived->end, &arrived->from);
}

static void accept_waiting(struct sim_acceptor *acceptor) {
  struct sim *sim = acceptor->sim;
  uint32_t max = sim->config->listeners[acceptor->index].max_connections;
  while (acceptor->first != NULL && !acceptor->stopped &&
         fl_occupancy_enter(&sim->occupancy[acceptor->index], max)) {
    struct arrived *arrived = acceptor->first;
    acceptor->first = arrived->next;
    if (acceptor->first == NULL)
      acceptor->last = &acceptor->first;
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
  acceptor->index = listener;
  acceptor->last = &acceptor->first;
  acceptor->placement =
      fl_placement_listener(sim->config, listener, sim->worker_count);
  for (uint32_t i = 0; i < config->listen_count; i++)
    acceptor->ports[acceptor->port_count++] =
        sim_port_new(sim, &config->listen[i].addr, acceptor, on_arrival);
  return acceptor;
}

void sim_acceptor_left(struct sim_acceptor *acceptor) {
  fl_occupancy_leave(&acceptor->sim->occupancy[acceptor->index]);
  accept_waiting(acceptor);
}

void sim_acceptor_stop(struct sim_acceptor *acceptor) {
  acceptor->stopped = true;
  for (uint32_t i = 0; i < acceptor->port_count; i++)
    acceptor->ports[i]->state = SIM_PORT_REFUSES;
  for (struct arrived *it = acceptor->first; it != NULL; it = it->next)
    sim_end_close(it->end, true);
  acceptor->first = NULL;
}

bool sim_acceptor_busy(const struct sim_acceptor *acceptor) {
  return acceptor->on_the_way > 0;
}
