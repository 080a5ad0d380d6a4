#include "core/siphash.h"

struct state {
  uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, unsigned bits) {
  return word << bits | word >> (64 - bits);
}

/* Section 2.2 of the paper, figure 2.1. */
static void rounds(struct state *s, int count) {
  while (count-- > 0) {
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
  }
}

static void take(struct state *s, uint64_t word) {
  s->v3 ^= word;
  rounds(s, 2);
  s->v0 ^= word;
}

/* Up to eight bytes, the first the least significant. */
static uint64_t word_of(const uint8_t *bytes, size_t size) {
  uint64_t word = 0;
  for (size_t i = 0; i < size; i++)
    word |= (uint64_t)bytes[i] << (8 * i);
  return word;
}

uint64_t fl_siphash(const uint64_t key[2], const uint8_t *bytes, size_t size) {
  struct state s = {key[0] ^ UINT64_C(0x736f6d6570736575),
                    key[1] ^ UINT64_C(0x646f72616e646f6d),
                    key[0] ^ UINT64_C(0x6c7967656e657261),
                    key[1] ^ UINT64_C(0x7465646279746573)};
  size_t at = 0;
  for (; size - at >= 8; at += 8)
    take(&s, word_of(bytes + at, 8));
  take(&s, word_of(bytes + at, size - at) | (uint64_t)size << 56);
  s.v2 ^= 0xff;
  rounds(&s, 4);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
