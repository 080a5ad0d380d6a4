/* SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
   INDOCRYPT 2012): without the key nobody can find inputs that collide. */
#ifndef FL_CORE_SIPHASH_H
#define FL_CORE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t fl_siphash(const uint64_t key[2], const uint8_t *bytes, size_t size);

#endif
