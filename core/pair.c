#include "core/pair.h"

#include <assert.h>

uint64_t fl_pair_id_max(const struct fl_pair *pair) {
  assert(pair->width >= 1 && pair->width <= 8);
  return UINT64_MAX >> (64 - 8 * pair->width);
}

uint64_t fl_pair_id(const struct fl_pair *pair, struct fl_slice frame) {
  uint64_t id = 0;
  assert(frame.size >= pair->offset + pair->width);
  for (uint32_t i = 0; i < pair->width; i++)
    id = id << 8 | frame.bytes[pair->offset + i];
  return id;
}

void fl_pair_put(const struct fl_pair *pair, uint8_t *frame, uint64_t id) {
  if (pair->by != FL_PAIR_ID)
    return;
  for (uint32_t i = pair->width; i > 0; i--) {
    frame[pair->offset + i - 1] = (uint8_t)(id & 0xff);
    id >>= 8;
  }
}
