/* Random numbers that are the same in every run: xorshift64*, Marsaglia 2003
   and Vigna 2016. */
#ifndef FL_TESTS_UNIT_RANDOM_H
#define FL_TESTS_UNIT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct fl_test_random {
  uint64_t state; /* the seed; not 0 */
};

static inline uint64_t fl_test_random(struct fl_test_random *random) {
  random->state ^= random->state >> 12;
  random->state ^= random->state << 25;
  random->state ^= random->state >> 27;
  return random->state * UINT64_C(2685821657736338717);
}

/* 0..n-1, nearly uniform. Requires: n > 0. */
static inline size_t fl_test_below(struct fl_test_random *random, size_t n) {
  return (size_t)((fl_test_random(random) >> 32) % n);
}

#endif
