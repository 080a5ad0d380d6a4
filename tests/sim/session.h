/* Sessions: clients of a session listener each number their requests, and the
   servers behind it answer in order, after a while. A server's connection
   belongs to the first client that speaks on it, until it is reset: a request
   of any other client, one in the wrong order, a reply to somebody else, or
   use after a reset that failed is a fault. */
#ifndef FL_TESTS_SIM_SESSION_H
#define FL_TESTS_SIM_SESSION_H

#include "tests/sim/sim.h"

/* What upstreams of such sessions have to have as `reset`. */
#define SIM_SESSION_RESET "{\"send\": \"RESET\\n\", \"expect\": \"+RESET\\n\"}"

/* Puts servers where the upstream of the configuration says. */
void sim_session_servers(struct sim *sim);

/* Draws clients of the listener. */
void sim_session_clients(struct sim *sim);

/* Whether a server of sessions has this address. */
bool sim_session_at(const struct sim *sim, const struct fl_addr *addr);

#endif
