/* Any frame and any place for a key: the key lies in the frame, and nothing
   outside the frame is read.
   Input: 24 bytes of parameters, the frame. */
#include "core/extract.h"
#include "core/framing.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { PARAMETERS = 24, FRAME_MAX = 4096 };

static struct fl_bytes bytes_of(const uint8_t *from, uint8_t least) {
  struct fl_bytes bytes = {.size = (uint8_t)(from[0] % 5)};
  if (bytes.size < least)
    bytes.size = least;
  memcpy(bytes.bytes, from + 1, bytes.size);
  return bytes;
}

static struct fl_extract extract_of(const uint8_t p[PARAMETERS]) {
  struct fl_extract extract = {.type = (enum fl_extract_type)(p[0] % 4),
                               .offset = (uint32_t)p[1] | p[2] % 2U << 8,
                               .width = 1U + p[3] % 64,
                               .field = p[4],
                               .segment = bytes_of(p + 5, 0),
                               .separator = bytes_of(p + 10, 1),
                               .segment_end = bytes_of(p + 15, 1)};
  extract.encoding = p[20] % 2 == 0 ? FL_EXTRACT_ASCII : FL_EXTRACT_BCD;
  extract.bitmap = p[21] % 2 == 0 ? FL_EXTRACT_BINARY : FL_EXTRACT_HEX;
  if (extract.type == FL_EXTRACT_ISO8583)
    extract.field =
        FL_EXTRACT_ISO8583_FIRST +
        p[4] % (FL_EXTRACT_ISO8583_LAST - FL_EXTRACT_ISO8583_FIRST + 1U);
  return extract;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct fl_framing framings[] = {
      {.type = FL_FRAMING_LENGTH},
      {.type = FL_FRAMING_LINE},
      {.type = FL_FRAMING_DELIMITED,
       .delimited = {.start = {1, "\x0b"}, .end = {2, "\x1c\r"}}}};
  if (size < PARAMETERS + 3 || size > PARAMETERS + FRAME_MAX)
    return 0;
  const struct fl_extract extract = extract_of(data);
  const struct fl_framing *framing = &framings[data[22] % 3];
  size -= PARAMETERS;
  uint8_t *frame = malloc(size);
  if (frame == NULL)
    abort();
  memcpy(frame, data + PARAMETERS, size);
  const struct fl_slice key =
      fl_extract(&extract, framing, (struct fl_slice){frame, size});
  if (key.size > 0) {
    FUZZ_HOLD(key.bytes >= frame);
    FUZZ_HOLD(key.bytes + key.size <= frame + size);
    FUZZ_HOLD(extract.type != FL_EXTRACT_BYTES || key.size == extract.width);
  }
  free(frame);
  return 0;
}
