#include "core/payload.h"

#include <string.h>

static bool is_frame(const struct fl_framing *framing, const uint8_t *bytes,
                     size_t size) {
  struct fl_framing_state state = {0};
  struct fl_slice slice = {bytes, size};
  return size > 0 &&
         fl_framing_next(framing, &state, slice, size) == (long)size;
}

static size_t add(uint8_t *frame, size_t size, const void *bytes,
                  size_t count) {
  memcpy(frame + size, bytes, count);
  return size + count;
}

size_t fl_payload_frame(const struct fl_payload *payload,
                        const struct fl_framing *framing,
                        uint8_t frame[FL_PAYLOAD_FRAME_MAX]) {
  const struct fl_bytes *start = &framing->delimited.start;
  const struct fl_bytes *end = &framing->delimited.end;
  size_t size = add(frame, 0, payload->bytes, payload->size);
  if (is_frame(framing, frame, size))
    return size;
  if (framing->type == FL_FRAMING_LINE) {
    size = add(frame, size, "\n", 1);
  } else if (framing->type == FL_FRAMING_DELIMITED) {
    size = add(frame, 0, start->bytes, start->size);
    size = add(frame, size, payload->bytes, payload->size);
    size = add(frame, size, end->bytes, end->size);
  }
  return is_frame(framing, frame, size) ? size : 0;
}

bool fl_payload_begins(const struct fl_payload *payload,
                       const struct fl_framing *framing,
                       const struct fl_pair *pair, uint64_t id,
                       struct fl_slice frame) {
  uint8_t head[FL_PAYLOAD_FRAME_MAX];
  size_t start =
      framing->type == FL_FRAMING_DELIMITED ? framing->delimited.start.size : 0;
  size_t end = start + payload->size;
  if (frame.size < end)
    return false;
  memcpy(head, frame.bytes, end);
  for (size_t i = 0; pair->by == FL_PAIR_ID && i < pair->width; i++)
    if (pair->offset + i < end)
      head[pair->offset + i] = (uint8_t)(id >> 8 * (pair->width - 1 - i));
  return memcmp(head + start, payload->bytes, payload->size) == 0;
}
