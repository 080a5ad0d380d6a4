/* The end of a run: the stages of a stop, as the service goes through them. */
#ifndef FL_TESTS_SIM_STOP_H
#define FL_TESTS_SIM_STOP_H

#include "tests/sim/sim.h"

/* Waits for the moment to stop, stops, and sets sim->ended when every gateway
   is closed, checked and freed. */
void sim_stop_plan(struct sim *sim);

#endif
