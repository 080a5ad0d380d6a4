/* Bytes that fairlead itself says to a server, or expects of it, as
   config.json states them. */
#ifndef FL_CORE_PAYLOAD_H
#define FL_CORE_PAYLOAD_H

#include "core/framing.h"
#include "core/pair.h"
#include "core/slice.h"

#include <stdbool.h>

enum { FL_PAYLOAD_MAX = 1024 };

struct fl_payload {
  bool given; /* the file has it, be it empty */
  uint16_t size;
  uint8_t bytes[FL_PAYLOAD_MAX];
};

/* Room for the frame of any payload. */
enum { FL_PAYLOAD_FRAME_MAX = FL_PAYLOAD_MAX + 2 * FL_BYTES_MAX };

/* Writes the frame of a payload: its bytes as they are when they are one
   frame; else, in framing line and delimited, with start and end around them.
   Returns the frame's size, 0 when the bytes are no frame of this framing. */
size_t fl_payload_frame(const struct fl_payload *payload,
                        const struct fl_framing *framing,
                        uint8_t frame[FL_PAYLOAD_FRAME_MAX]);

/* Whether a frame's content begins with the payload. The content is the frame
   without the start of framing delimited. By id, `id` is taken to stand in the
   frame in place of the id that does. */
bool fl_payload_begins(const struct fl_payload *payload,
                       const struct fl_framing *framing,
                       const struct fl_pair *pair, uint64_t id,
                       struct fl_slice frame);

#endif
