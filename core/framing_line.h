/* The line framer: a frame ends at LF. Called through core/framing.h, whose
   contract these share. */
#ifndef FL_CORE_FRAMING_LINE_H
#define FL_CORE_FRAMING_LINE_H

#include "core/framing.h"

long fl_framing_line_next(struct fl_framing_state *state, struct fl_slice bytes,
                          size_t max_frame);

size_t fl_framing_line_error(const char *reason,
                             uint8_t reply[FL_ERROR_REPLY_MAX]);

#endif
