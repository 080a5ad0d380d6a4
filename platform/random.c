#include "platform/random.h"

#include <uv.h>

int fl_random_seed(struct fl_random *random) {
  return uv_random(NULL, NULL, &random->state, sizeof random->state, 0, NULL);
}

uint64_t fl_random_next(struct fl_random *random) {
  uint64_t bits = random->state += 0x9e3779b97f4a7c15u;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
  return bits ^ (bits >> 31);
}
