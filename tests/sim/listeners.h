/* Listeners that come, go and change by reload while they are used: one is
   removed and its clients get what they are owed, or comes back under another
   name; one takes over addresses, mode and upstream of another, which goes; a
   time limit changes. At most one such change in a reload. */
#ifndef FL_TESTS_SIM_LISTENERS_H
#define FL_TESTS_SIM_LISTENERS_H

#include "tests/sim/sim.h"

struct cJSON;
struct sim_listeners;

/* random is its own. */
struct sim_listeners *sim_listeners_new(struct sim *sim,
                                        struct sim_random *random);

/* Draws a change, or none, and makes it in the configuration in effect. */
void sim_listeners_change(struct sim_listeners *listeners, struct cJSON *json);

/* That configuration is given up. */
void sim_listeners_forget(struct sim_listeners *listeners);

/* All workers have prepared: nobody is accepted any more for what goes or
   moves. Returns whether nobody is on the way there either; else it is to be
   called again. */
bool sim_listeners_quiet(struct sim_listeners *listeners);

/* This worker is about to commit: who goes is owed what was read by now. */
void sim_listeners_leave(struct sim_listeners *listeners, uint32_t worker);

/* All have: what has come or moved accepts. */
void sim_listeners_settle(struct sim_listeners *listeners);

#endif
