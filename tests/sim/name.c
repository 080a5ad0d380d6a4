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

/* Returns how many addresses this answer has. */
static uint32_t draw_answer(struct sim *sim, const struct sim_name *name,
                            struct fl_addr *addrs) {
  uint32_t count = name->addr_count;
  memcpy(addrs, name->addrs, count * sizeof *addrs);
  if (sim_random_chance(&sim->random, name->changes)) {
    addrs[0] = name->addrs[sim_random_between(&sim->random, 0, count - 1)];
    return 1;
  }
  for (unsigned i = 0; i < name->extra; i++)
    addrs[count++] = (struct fl_addr){
        .family = i % 3 == 0 ? FL_ADDR_IP4 : FL_ADDR_IP6,
        .port = name->addrs[0].port,
        .ip = {SIM_NAME_NOBODY, 0, (uint8_t)(i >> 8), (uint8_t)i}};
  return count;
}

static void answer(void *ctx, uint64_t arg) {
  struct lookup *lookup = ctx;
  struct sim_worker *worker = lookup->worker;
  struct sim *sim = worker->sim;
  struct fl_addr addrs[SIM_NAME_ADDRS + SIM_NAME_EXTRA];
  (void)arg;
  if (worker->gateway == NULL)
    return;
  if (sim_random_chance(&sim->random, lookup->name->unknown))
    fl_gateway_resolved(worker->gateway, lookup->token, NULL, 0,
                        FL_NAME_UNKNOWN, sim->clock.now);
  else if (sim_random_chance(&sim->random, lookup->name->failures))
    fl_gateway_resolved(worker->gateway, lookup->token, NULL, 0,
                        FL_RESOLVE_FAILED, sim->clock.now);
  else
    fl_gateway_resolved(worker->gateway, lookup->token, addrs,
                        draw_answer(sim, lookup->name, addrs), FL_OK,
                        sim->clock.now);
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
