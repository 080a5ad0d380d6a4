#include "core/framing_length.h"

#include <assert.h>
#include <stdbool.h>

/* One byte of a field as the number its encoding gives it, below its base.
   Returns false for a byte that is no digit. */
static bool digit(enum fl_length_encoding encoding, uint8_t byte,
                  uint32_t *base, uint32_t *value) {
  switch (encoding) {
  case FL_LENGTH_BINARY:
    *base = 256;
    *value = byte;
    return true;
  case FL_LENGTH_ASCII:
    *base = 10;
    *value = (uint32_t)byte - '0';
    return byte >= '0' && byte <= '9';
  case FL_LENGTH_BCD:
    *base = 100;
    *value = (uint32_t)(byte >> 4) * 10 + (byte & 15U);
    return byte >> 4 <= 9 && (byte & 15) <= 9;
  }
  assert(false); /* not an encoding */
  return false;
}

/* Eight bytes cannot overflow in any encoding. */
static bool read_field(const struct fl_framing_length *framing,
                       const uint8_t *field, uint64_t *value) {
  *value = 0;
  for (uint32_t i = 0; i < framing->width; i++) {
    const uint32_t at =
        framing->order == FL_ORDER_BIG ? i : framing->width - 1 - i;
    uint32_t base;
    uint32_t number;
    if (!digit(framing->encoding, field[at], &base, &number))
      return false;
    *value = *value * base + number;
  }
  return true;
}

long fl_framing_length_next(const struct fl_framing_length *framing,
                            struct fl_slice bytes, size_t max_frame) {
  const uint64_t header = (uint64_t)framing->offset + framing->width;
  uint64_t value;

  assert(framing->width >= 1 && framing->width <= 8);
  if (header > max_frame)
    return FL_FRAME_OVERSIZE;
  if (bytes.size < header)
    return FL_FRAMING_PARTIAL;
  if (!read_field(framing, bytes.bytes + framing->offset, &value))
    return FL_FRAME_BAD;
  /* Compared before anything is added up: a field may say any number. */
  const uint64_t most = max_frame - header;
  const uint64_t shift = framing->adjustment < 0
                             ? (uint64_t)(-(int64_t)framing->adjustment)
                             : (uint64_t)framing->adjustment;
  if (framing->adjustment < 0) {
    if (value < shift)
      return FL_FRAME_BAD;
    value -= shift;
  } else {
    if (shift > most || value > most - shift)
      return FL_FRAME_OVERSIZE;
    value += shift;
  }
  if (value > most)
    return FL_FRAME_OVERSIZE;
  return bytes.size < header + value ? FL_FRAMING_PARTIAL
                                     : (long)(header + value);
}
