/* Randomness for jitter and balance, one generator per worker. Not for
   secrets. */
#ifndef FL_PLATFORM_RANDOM_H
#define FL_PLATFORM_RANDOM_H

#include <stdint.h>

struct fl_random {
  uint64_t state;
};

/* Seeds it from the system's entropy. Returns 0 or an error of libuv. */
int fl_random_seed(struct fl_random *random);

/* Uniform over all 64-bit values. (SplitMix64: Steele, Lea and Flood, "Fast
   splittable pseudorandom number generators", OOPSLA 2014.) */
uint64_t fl_random_next(struct fl_random *random);

#endif
