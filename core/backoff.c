#include "core/backoff.h"

#include <assert.h>

/* min(max, initial * factor^(failures-1)). A factor of 2 or more reaches any
   max within 64 steps, so the loop is short for every count. */
static fl_time ceiling(const struct fl_backoff *backoff, uint32_t failures) {
  fl_time wait = backoff->initial;

  if (backoff->factor < 2)
    return wait;
  for (uint32_t i = 1; i < failures && wait < backoff->max; i++) {
    if (wait > backoff->max / backoff->factor)
      return backoff->max;
    wait *= backoff->factor;
  }
  return wait;
}

/* The upper 64 bits of a 128-bit product, from 32-bit halves: not every
   compiler has a 128-bit integer. */
static uint64_t multiply_high(uint64_t a, uint64_t b) {
  const uint64_t a_low = a & UINT32_MAX;
  const uint64_t a_high = a >> 32;
  const uint64_t b_low = b & UINT32_MAX;
  const uint64_t b_high = b >> 32;
  const uint64_t carry = (a_low * b_low) >> 32;
  const uint64_t middle = a_high * b_low + carry;
  const uint64_t other = a_low * b_high + (middle & UINT32_MAX);

  return a_high * b_high + (middle >> 32) + (other >> 32);
}

fl_time fl_backoff_delay(const struct fl_backoff *backoff, uint32_t failures,
                         uint64_t random) {
  assert(backoff->initial > 0 && backoff->max >= backoff->initial);
  assert(backoff->factor >= 1);
  if (failures == 0)
    return 0;

  const fl_time wait = ceiling(backoff, failures);
  if (wait == UINT64_MAX)
    return random;
  /* random / 2^64 is uniform in [0, 1); its product with the number of
     possible results, rounded down, is one of them. */
  return multiply_high(random, wait + 1);
}
