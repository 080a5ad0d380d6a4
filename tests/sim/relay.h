/* Relayed connections: clients of a relay listener and the servers behind it
   send streams that name their sender, with pauses, half-closes and resets,
   and read late. Whatever one side hears has to be a prefix of what exactly
   one peer has said, and all of it where FIN is heard. */
#ifndef FL_TESTS_SIM_RELAY_H
#define FL_TESTS_SIM_RELAY_H

#include "tests/sim/sim.h"

enum { SIM_RELAYS_MAX = 12 };

/* Puts servers where the relay upstream of the configuration says. */
void sim_relay_servers(struct sim *sim);

/* Draws clients of the relay listener. */
void sim_relay_clients(struct sim *sim);

/* Whether a relay server has this address. */
bool sim_relay_at(const struct sim *sim, const struct fl_addr *addr);

#endif
