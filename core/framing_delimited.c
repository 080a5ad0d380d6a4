#include "core/framing_delimited.h"

#include <assert.h>
#include <string.h>

/* Where `end` begins among the `size` bytes, not before `from`; size when it
   is not there in full. */
static size_t find(const uint8_t *bytes, size_t size, size_t from,
                   const struct fl_bytes *end) {
  while (from < size && size - from >= end->size) {
    const uint8_t *at =
        memchr(bytes + from, end->bytes[0], size - from - (end->size - 1U));
    if (at == NULL)
      break;
    if (memcmp(at, end->bytes, end->size) == 0)
      return (size_t)(at - bytes);
    from = (size_t)(at - bytes) + 1;
  }
  return size;
}

long fl_framing_delimited_next(const struct fl_framing_delimited *framing,
                               struct fl_framing_state *state,
                               struct fl_slice bytes, size_t max_frame) {
  const size_t limit = bytes.size < max_frame ? bytes.size : max_frame;
  const struct fl_bytes *start = &framing->start;
  const struct fl_bytes *end = &framing->end;
  size_t scanned = state->scanned;

  assert(end->size > 0 && scanned <= limit);
  if (scanned < start->size) {
    const size_t size = limit < start->size ? limit : start->size;
    if (memcmp(bytes.bytes, start->bytes, size) != 0)
      return FL_FRAME_BAD;
    scanned = size;
  }
  if (scanned >= start->size) {
    const size_t at = find(bytes.bytes, limit, scanned, end);
    if (at < limit) {
      state->scanned = 0;
      return (long)(at + end->size);
    }
    /* The end may have begun in the last bytes. */
    if (limit - scanned >= end->size)
      scanned = limit - (end->size - 1U);
    state->scanned = (uint32_t)scanned;
  }
  /* max_frame bytes without an end: it could only come after them. */
  return limit == max_frame ? FL_FRAME_OVERSIZE : FL_FRAMING_PARTIAL;
}
