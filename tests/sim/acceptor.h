/* The listening sockets of one listener: one worker accepts and hands the
   sockets to those that serve the listener, in turn. */
#ifndef FL_TESTS_SIM_ACCEPTOR_H
#define FL_TESTS_SIM_ACCEPTOR_H

#include "tests/sim/sim.h"

struct sim_acceptor *sim_acceptor_new(struct sim *sim, uint32_t listener);

/* A client's socket is gone: its places, that of the listener and that of its
   guard, are free. It was accepted under that slot. */
void sim_acceptor_left(struct sim_acceptor *acceptor, uint32_t slot,
                       const struct fl_addr *from, uint32_t place);

/* io->listening was called: its ports refuse, and who waits in the backlog is
   reset; or they are open again, at times only after failures. */
void sim_acceptor_listens(struct sim_acceptor *acceptor, bool on);

struct sim_worker;

/* After a turn of this worker: where it decides, whether the listener listens
   just when a server of its upstream is in. */
void sim_acceptor_check(const struct sim_acceptor *acceptor,
                        const struct sim_worker *worker);

/* Under which number the gateways know the listener. */
uint32_t sim_acceptor_slot(const struct sim_acceptor *acceptor);

/* A reload takes it out: as sim_acceptor_stop. Or another listener gets its
   addresses: it accepts nobody until then. */
void sim_acceptor_leave(struct sim_acceptor *acceptor);
void sim_acceptor_pause(struct sim_acceptor *acceptor);

/* It has come by reload, or been taken over: it listens, with this plan. */
void sim_acceptor_come(struct sim_acceptor *acceptor,
                       const struct fl_listener_plan *plan);

/* Accepts no more; who waits in the backlog is reset. */
void sim_acceptor_stop(struct sim_acceptor *acceptor);

/* Whether sockets are on their way to their workers. */
bool sim_acceptor_busy(const struct sim_acceptor *acceptor);

#endif
