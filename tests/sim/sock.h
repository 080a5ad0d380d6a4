/* The outside's half of a gateway's connections: implements the calls of
   core/io.h over the simulated network, and fails the run when core does not
   keep to their contract. */
#ifndef FL_TESTS_SIM_SOCK_H
#define FL_TESTS_SIM_SOCK_H

#include "tests/sim/network.h"
#include "tests/sim/worker.h"

/* The calls that belong to connections; the others are worker.c's. */
extern const struct fl_io sim_sock_io;

/* Hands an accepted connection to the gateway; one it does not want is
   closed. The place of this client was entered by the caller. */
void sim_sock_accept(struct sim_worker *worker, uint32_t listener,
                     struct sim_end *end, const struct fl_addr *from,
                     uint32_t place);

/* Reads everything that has arrived for this worker. */
void sim_sock_read_all(struct sim_worker *worker);

/* At the end of a turn: what core had to do in it was done. */
void sim_sock_check_all(struct sim_worker *worker);

#endif
