/* The listening sockets of one listener: one worker accepts and hands the
   sockets to those that serve the listener, in turn. */
#ifndef FL_TESTS_SIM_ACCEPTOR_H
#define FL_TESTS_SIM_ACCEPTOR_H

#include "tests/sim/sim.h"

struct sim_acceptor *sim_acceptor_new(struct sim *sim, uint32_t listener);

/* A client's socket is gone: its places, that of the listener and that of its
   guard, are free. */
void sim_acceptor_left(struct sim_acceptor *acceptor,
                       const struct fl_addr *from, uint32_t place);

/* Accepts no more; who waits in the backlog is reset. */
void sim_acceptor_stop(struct sim_acceptor *acceptor);

/* Whether sockets are on their way to their workers. */
bool sim_acceptor_busy(const struct sim_acceptor *acceptor);

#endif
