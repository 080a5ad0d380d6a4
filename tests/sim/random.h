/* The one source of chance of a run: the same seed gives the same run.
   (splitmix64, Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
   Generators", 2014.) */
#ifndef FL_TESTS_SIM_RANDOM_H
#define FL_TESTS_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
  uint64_t state;
};

/* Uniform over all 64-bit values. */
uint64_t sim_random_next(struct sim_random *random);

/* Uniform in low..high, both included. Requires: low <= high. */
uint64_t sim_random_between(struct sim_random *random, uint64_t low,
                            uint64_t high);

/* True in `percent` of 100 cases. */
bool sim_random_chance(struct sim_random *random, unsigned percent);

#endif
