#include "tests/sim/name.h"

#include <stdio.h>
#include <string.h>

struct lookup {
  struct sim_worker *worker;
  const struct sim_name *name;
  fl_token token;
};

struct sim_name *sim_name_new(struct sim *sim, const char *host) {
  struct sim_name *name = sim_alloc(sim, sizeof *name);
  snprintf(name->host, sizeof name->host, "%s", host);
  name->next = sim->names;
  sim->names = name;
  return name;
}

static void answer(void *ctx, uint64_t arg) {
  struct lookup *lookup = ctx;
  struct sim_worker *worker = lookup->worker;
  struct sim *sim = worker->sim;
  (void)arg;
  if (worker->gateway == NULL)
    return;
  if (sim_random_chance(&sim->random, lookup->name->failures))
    fl_gateway_resolved(worker->gateway, lookup->token, NULL, 0,
                        FL_RESOLVE_FAILED, sim->clock.now);
  else
    fl_gateway_resolved(worker->gateway, lookup->token, lookup->name->addrs,
                        lookup->name->addr_count, FL_OK, sim->clock.now);
  sim_worker_event(worker);
}

void sim_name_resolve(struct sim_worker *worker, fl_token token,
                      const char *host, uint16_t port) {
  struct sim *sim = worker->sim;
  struct lookup *lookup = sim_alloc(sim, sizeof *lookup);
  struct sim_name *name = sim->names;
  while (name != NULL && strcmp(name->host, host) != 0)
    name = name->next;
  if (name == NULL || port != name->addrs[0].port)
    sim_fail(sim, "a lookup of \"%s\" port %u, which no server has", host,
             (unsigned)port);
  *lookup = (struct lookup){worker, name, token};
  fl_time delay = sim_random_chance(&sim->random, 10)
                      ? sim_random_between(&sim->random, 0, 8 * FL_SECOND)
                      : sim_random_between(&sim->random, 0, 50000);
  sim_clock_after(&sim->clock, delay, answer, lookup, 0);
}
