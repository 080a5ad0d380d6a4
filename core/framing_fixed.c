#include "core/framing_fixed.h"

#include <assert.h>

long fl_framing_fixed_next(const struct fl_framing_fixed *framing,
                           struct fl_slice bytes, size_t max_frame) {
  assert(framing->size > 0);
  if (framing->size > max_frame)
    return FL_FRAME_OVERSIZE;
  return bytes.size < framing->size ? FL_FRAMING_PARTIAL : (long)framing->size;
}
