/* Cuts a byte stream into frames. Decoding is resumable at any byte: the
   same stream gives the same frames however it is split. */
#ifndef FL_CORE_FRAMING_H
#define FL_CORE_FRAMING_H

#include "core/slice.h"

enum fl_framing_type {
  FL_FRAMING_LINE /* ends at LF; a CR before it belongs to the end */
};

struct fl_framing {
  enum fl_framing_type type;
};

/* What a decoder remembers between calls on one stream; zeroed for a new
   stream and again by each completed frame. */
struct fl_framing_state {
  uint32_t scanned; /* bytes from the frame's start known to hold no end */
};

enum { FL_FRAMING_PARTIAL = 0, FL_FRAME_OVERSIZE = -1 };

/* Looks for one frame at the start of bytes. `bytes` begins where the last
   completed frame ended and holds at least all bytes given with this state
   before.
   Returns the size of the frame, its end included (1..max_frame);
   FL_FRAMING_PARTIAL when it is not complete yet; FL_FRAME_OVERSIZE as soon as
   it must exceed max_frame (the stream cannot be decoded any further). */
long fl_framing_next(const struct fl_framing *framing,
                     struct fl_framing_state *state, struct fl_slice bytes,
                     size_t max_frame);

/* Room an error reply of this framing needs at most. */
enum { FL_ERROR_REPLY_MAX = 64 };

/* Writes the reply a client gets in place of the one it asked for, such as
   "ERROR request_timeout\n". Returns its size, 0 where the framing has none
   (the client is closed instead). `reason` is a name from core/reason.h. */
size_t fl_framing_error(const struct fl_framing *framing, const char *reason,
                        uint8_t reply[FL_ERROR_REPLY_MAX]);

#endif
