#include "tests/sim/random.h"

uint64_t sim_random_next(struct sim_random *random) {
  uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

uint64_t sim_random_between(struct sim_random *random, uint64_t low,
                            uint64_t high) {
  uint64_t span = high - low + 1;
  uint64_t value = sim_random_next(random);
  return span == 0 ? value : low + value % span;
}

bool sim_random_chance(struct sim_random *random, unsigned percent) {
  return sim_random_next(random) % 100 < percent;
}
