#include "core/framing.h"

#include "core/framing_delimited.h"
#include "core/framing_fixed.h"
#include "core/framing_length.h"
#include "core/framing_line.h"
#include "core/profile.h"

#include <assert.h>

/* All but lines, which no profile has. */
static long next_other(const struct fl_framing *framing,
                       struct fl_framing_state *state, struct fl_slice bytes,
                       size_t max_frame) {
  if (framing->profile != FL_PROFILE_NONE &&
      !fl_profile_valid(framing->profile, bytes))
    return FL_FRAME_BAD;
  switch (framing->type) {
  case FL_FRAMING_DELIMITED:
    return fl_framing_delimited_next(&framing->delimited, state, bytes,
                                     max_frame);
  case FL_FRAMING_LENGTH:
    return fl_framing_length_next(&framing->length, bytes, max_frame);
  case FL_FRAMING_FIXED:
    return fl_framing_fixed_next(&framing->fixed, bytes, max_frame);
  case FL_FRAMING_LINE:
  case FL_FRAMING_RAW:
    break;
  }
  assert(0); /* not a framing */
  return FL_FRAME_BAD;
}

long fl_framing_next(const struct fl_framing *framing,
                     struct fl_framing_state *state, struct fl_slice bytes,
                     size_t max_frame) {
  /* A long has 32 bits on Windows. */
  assert(max_frame > 0 && max_frame <= INT32_MAX);

  if (bytes.size == 0)
    return FL_FRAMING_PARTIAL;
  if (framing->type == FL_FRAMING_LINE)
    return fl_framing_line_next(state, bytes, max_frame);
  return next_other(framing, state, bytes, max_frame);
}

struct fl_slice fl_framing_content(const struct fl_framing *framing,
                                   struct fl_slice frame) {
  const struct fl_framing_delimited *delimited = &framing->delimited;
  if (framing->type == FL_FRAMING_LINE) {
    frame.size--;
    if (frame.size > 0 && frame.bytes[frame.size - 1] == '\r')
      frame.size--;
  } else if (framing->type == FL_FRAMING_DELIMITED) {
    assert(frame.size >= (size_t)delimited->start.size + delimited->end.size);
    frame.bytes += delimited->start.size;
    frame.size -= (size_t)delimited->start.size + delimited->end.size;
  }
  return frame;
}

/* Only a line can say what went wrong, and what is of a known profile. In any
   other protocol no bytes of ours would mean an error to its clients. */
size_t fl_framing_error(const struct fl_framing *framing,
                        const struct fl_failed *failed,
                        uint8_t reply[FL_ERROR_REPLY_MAX]) {
  if (framing->profile != FL_PROFILE_NONE)
    return fl_profile_error(framing->profile, failed, reply);
  if (framing->type == FL_FRAMING_LINE)
    return fl_framing_line_error(fl_reason_name(failed->reason), reply);
  return 0;
}
