/* An operator who drains, ejects and restores servers while clients are
   served. */
#ifndef FL_TESTS_SIM_OPERATOR_H
#define FL_TESTS_SIM_OPERATOR_H

#include "tests/sim/sim.h"

/* Draws whether there is one, and what it does when. */
void sim_operator_plan(struct sim *sim);

#endif
