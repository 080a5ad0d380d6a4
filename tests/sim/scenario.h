/* What a seed means: a configuration, servers with faults, clients with
   habits, and when it is stopped. */
#ifndef FL_TESTS_SIM_SCENARIO_H
#define FL_TESTS_SIM_SCENARIO_H

#include "tests/sim/sim.h"

/* Draws everything from sim->random: sets config, worker_count, upstreams,
   names, servers, memory_short and stop_at. Clients are drawn by
   sim_scenario_clients, once the listeners listen. */
void sim_scenario_draw(struct sim *sim);
void sim_scenario_clients(struct sim *sim);

#endif
