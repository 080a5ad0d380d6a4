/* What a gateway itself says to simulated servers, and what they say to it:
   greetings, sign-ons, requests on idle connections, farewells. Lines as all
   messages of the simulation are. */
#ifndef FL_TESTS_SIM_OWN_H
#define FL_TESTS_SIM_OWN_H

#include "tests/sim/sim.h"

/* Draws what servers of an upstream want, once its wires are drawn. */
void sim_own_draw(struct sim *sim, struct sim_upstream_plan *plan);

/* The keys of config.json for that, with a comma behind; "" for none. Lives as
   long as the run. */
const char *sim_own_config(struct sim *sim,
                           const struct sim_upstream_plan *plan);

/* The frame of the greeting. Requires: plan->greets. */
struct fl_slice sim_own_greeting(struct sim *sim,
                                 const struct sim_upstream_plan *plan);

/* What a server answers to this line in place of a reply, "" for nothing; NULL
   when it is a client's request. */
const char *sim_own_answer(const char *line, size_t size);

#endif
