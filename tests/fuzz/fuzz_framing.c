/* Any stream in any framing: the frames are the same however it is split, and
   each is within its limits.
   Input: 24 bytes of parameters, 16 that say where the stream is split, the
   stream. */
#include "core/framing.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { PARAMETERS = 24, CUTS = 16, STREAM_MAX = 4096 };

struct frames {
  size_t ends[STREAM_MAX]; /* offset after each frame */
  size_t count;
  long last; /* what decoding stopped with */
};

static struct fl_bytes bytes_of(const uint8_t *from, uint8_t least) {
  struct fl_bytes bytes = {.size = (uint8_t)(from[0] % 5)};
  if (bytes.size < least)
    bytes.size = least;
  memcpy(bytes.bytes, from + 1, bytes.size);
  return bytes;
}

static int32_t number_of(const uint8_t *from) {
  const uint32_t bits = (uint32_t)from[0] | (uint32_t)from[1] << 8 |
                        (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
  return (int32_t)((int64_t)bits - INT32_MAX - 1);
}

/* The parameters mean something to one type at a time. */
static struct fl_framing framing_of(const uint8_t p[PARAMETERS]) {
  struct fl_framing framing = {
      .type = (enum fl_framing_type)(p[0] % FL_FRAMING_TYPES)};
  switch (framing.type) {
  case FL_FRAMING_DELIMITED:
    framing.delimited.start = bytes_of(p + 4, 0);
    framing.delimited.end = bytes_of(p + 9, 1);
    break;
  case FL_FRAMING_LENGTH:
    framing.length.offset = p[4] % 57;
    framing.length.width = 1U + p[5] % 8;
    framing.length.order = (enum fl_byte_order)(p[6] % 2);
    framing.length.encoding = (enum fl_length_encoding)(p[7] % 3);
    /* small, or anything */
    framing.length.adjustment =
        p[8] % 4 == 0 ? number_of(p + 9) : (int32_t)p[9] - 128;
    break;
  case FL_FRAMING_FIXED:
    framing.fixed.size = 1U + p[4];
    break;
  case FL_FRAMING_LINE:
  case FL_FRAMING_TYPES:
    break;
  }
  return framing;
}

/* Decodes what is there from *start on, in a block of exactly that size. */
static void decode(const struct fl_framing *framing,
                   struct fl_framing_state *state, size_t max_frame,
                   const uint8_t *stream, size_t *start, size_t end,
                   struct frames *frames) {
  do {
    const size_t size = end - *start;
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL)
      abort();
    memcpy(copy + 1, stream + *start, size);
    frames->last = fl_framing_next(
        framing, state, (struct fl_slice){copy + 1, size}, max_frame);
    free(copy);
    if (frames->last > 0) {
      FUZZ_HOLD((size_t)frames->last <= size);
      FUZZ_HOLD((size_t)frames->last <= max_frame);
      FUZZ_HOLD(state->scanned == 0);
      *start += (size_t)frames->last;
      frames->ends[frames->count++] = *start;
    } else {
      FUZZ_HOLD(frames->last == FL_FRAMING_PARTIAL ||
                frames->last == FL_FRAME_OVERSIZE ||
                frames->last == FL_FRAME_BAD);
      FUZZ_HOLD(state->scanned <= size);
      /* What is kept is bounded. */
      FUZZ_HOLD(frames->last != FL_FRAMING_PARTIAL || size <= max_frame);
    }
  } while (frames->last > 0);
}

/* Each cut is the size of a piece, the last one for all that follow. */
static void decode_pieces(const struct fl_framing *framing, size_t max_frame,
                          const uint8_t cuts[CUTS], const uint8_t *stream,
                          size_t size, struct frames *frames) {
  struct fl_framing_state state = {0};
  size_t start = 0;
  size_t end = 0;
  frames->count = 0;
  frames->last = FL_FRAMING_PARTIAL;
  for (size_t i = 0; end < size && frames->last == FL_FRAMING_PARTIAL; i++) {
    const size_t piece = 1U + cuts[i < CUTS ? i : CUTS - 1];
    end = size - end < piece ? size : end + piece;
    decode(framing, &state, max_frame, stream, &start, end, frames);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct frames whole;
  static struct frames split;
  struct fl_framing_state state = {0};
  size_t start = 0;
  if (size < PARAMETERS + CUTS || size > PARAMETERS + CUTS + STREAM_MAX)
    return 0;
  const struct fl_framing framing = framing_of(data);
  const size_t max_frame = 1U + ((size_t)data[1] | (size_t)data[2] << 8) %
                                    (data[3] % 2 == 0 ? 256 : 65536);
  const uint8_t *cuts = data + PARAMETERS;
  const uint8_t *stream = cuts + CUTS;
  size -= PARAMETERS + CUTS;
  whole.count = 0;
  decode(&framing, &state, max_frame, stream, &start, size, &whole);
  decode_pieces(&framing, max_frame, cuts, stream, size, &split);
  FUZZ_HOLD(whole.count == split.count);
  FUZZ_HOLD(
      memcmp(whole.ends, split.ends, whole.count * sizeof whole.ends[0]) == 0);
  FUZZ_HOLD(whole.last == split.last);
  return 0;
}
