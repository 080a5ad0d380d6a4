#include "core/framing.h"

#include "core/framing_line.h"

#include <assert.h>

long fl_framing_next(const struct fl_framing *framing,
                     struct fl_framing_state *state, struct fl_slice bytes,
                     size_t max_frame) {
  /* A long has 32 bits on Windows. */
  assert(max_frame > 0 && max_frame <= INT32_MAX);

  switch (framing->type) {
  case FL_FRAMING_LINE:
    return fl_framing_line_next(state, bytes, max_frame);
  }
  assert(0); /* not a framing */
  return FL_FRAME_OVERSIZE;
}

size_t fl_framing_error(const struct fl_framing *framing, const char *reason,
                        uint8_t reply[FL_ERROR_REPLY_MAX]) {
  switch (framing->type) {
  case FL_FRAMING_LINE:
    return fl_framing_line_error(reason, reply);
  }
  return 0;
}
