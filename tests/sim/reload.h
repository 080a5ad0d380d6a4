/* Reloads while clients are served: other configurations are put into effect
   on all workers, at different moments, or prepared and given up. What they
   change is nothing that a client may notice, but for a listener that goes
   (tests/sim/listeners.h). */
#ifndef FL_TESTS_SIM_RELOAD_H
#define FL_TESTS_SIM_RELOAD_H

#include "tests/sim/sim.h"

/* Draws whether there are any, and when. */
void sim_reload_plan(struct sim *sim);

#endif
