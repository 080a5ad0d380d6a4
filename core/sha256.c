#include "core/sha256.h"

#include <stdint.h>
#include <string.h>

enum { BLOCK = 64, WORDS = 8, ROUNDS = 64 };

/* FIPS 180-4, 4.2.2: the first 32 bits of the fractional parts of the cube
   roots of the first 64 primes. */
static const uint32_t constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t word, unsigned bits) {
  return word >> bits | word << (32 - bits);
}

static uint32_t load(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
         at[3];
}

/* 6.2.2, step 1. */
static void expand(const uint8_t *block, uint32_t w[ROUNDS]) {
  for (int t = 0; t < 16; t++)
    w[t] = load(block + (size_t)t * 4);
  for (int t = 16; t < ROUNDS; t++) {
    uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
    uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = s1 + w[t - 7] + s0 + w[t - 16];
  }
}

static void add_block(uint32_t hash[WORDS], const uint8_t *block) {
  uint32_t w[ROUNDS];
  uint32_t v[WORDS]; /* a to h */
  expand(block, w);
  memcpy(v, hash, sizeof v);
  for (int t = 0; t < ROUNDS; t++) {
    uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
    uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
    uint32_t t1 = v[7] + s1 + choice + constants[t] + w[t];
    uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
    uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
    memmove(v + 1, v, sizeof v - sizeof v[0]);
    v[4] += t1;
    v[0] = t1 + s0 + majority;
  }
  for (int i = 0; i < WORDS; i++)
    hash[i] += v[i];
}

/* 5.1.1: what is left, a bit, zeros, and the length in bits. */
static void add_end(uint32_t hash[WORDS], struct fl_slice bytes) {
  uint8_t end[2 * BLOCK] = {0};
  size_t left = bytes.size % BLOCK;
  size_t size = left < BLOCK - 8 ? BLOCK : 2 * BLOCK;
  uint64_t bits = (uint64_t)bytes.size * 8;
  if (left > 0)
    memcpy(end, bytes.bytes + (bytes.size - left), left);
  end[left] = 0x80;
  for (size_t i = 0; i < 8; i++)
    end[size - 1 - i] = (uint8_t)(bits >> (8 * i));
  for (size_t at = 0; at < size; at += BLOCK)
    add_block(hash, end + at);
}

const char *fl_sha256(struct fl_slice bytes, char text[FL_SHA256_TEXT]) {
  static const char digits[] = "0123456789abcdef";
  uint32_t hash[WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (size_t at = 0; at + BLOCK <= bytes.size; at += BLOCK)
    add_block(hash, bytes.bytes + at);
  add_end(hash, bytes);
  for (unsigned i = 0; i < FL_SHA256_TEXT - 1; i++)
    text[i] = digits[hash[i / 8] >> (28 - i % 8 * 4) & 15];
  text[FL_SHA256_TEXT - 1] = '\0';
  return text;
}
