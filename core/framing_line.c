#include "core/framing_line.h"

#include <assert.h>
#include <string.h>

long fl_framing_line_next(struct fl_framing_state *state, struct fl_slice bytes,
                          size_t max_frame) {
  const size_t limit = bytes.size < max_frame ? bytes.size : max_frame;
  const size_t scanned = state->scanned;

  assert(scanned <= limit);
  if (scanned < limit) {
    const uint8_t *end = memchr(bytes.bytes + scanned, '\n', limit - scanned);
    if (end != NULL) {
      state->scanned = 0;
      return (long)(end - bytes.bytes) + 1;
    }
  }
  state->scanned = (uint32_t)limit;
  /* max_frame bytes without an end: the end could only come after them. */
  return limit == max_frame ? FL_FRAME_OVERSIZE : FL_FRAMING_PARTIAL;
}

size_t fl_framing_line_error(const char *reason,
                             uint8_t reply[FL_ERROR_REPLY_MAX]) {
  static const char word[] = "ERROR ";
  size_t size = sizeof word - 1;

  assert(size + strlen(reason) + 1 <= FL_ERROR_REPLY_MAX);
  memcpy(reply, word, size);
  while (*reason != '\0')
    reply[size++] = (uint8_t)*reason++;
  reply[size++] = '\n';
  return size;
}
