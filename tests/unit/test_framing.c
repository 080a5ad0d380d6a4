/* Framing: a stream gives the same frames however it is split, within exact
   limits. */
#include "core/framing.h"

#include "tests/unit/random.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct fl_framing line_framing = {FL_FRAMING_LINE};

enum { MAX_FRAMES = 64 };

/* What a decoder made of a stream. */
struct frames {
  size_t end[MAX_FRAMES]; /* offset after each frame */
  size_t count;
  long last; /* FL_FRAMING_PARTIAL or FL_FRAME_OVERSIZE */
};

struct decoder {
  const uint8_t *stream;
  size_t start; /* of the frame being read */
  size_t max_frame;
  struct fl_framing_state state;
  struct frames frames;
};

/* Decodes what has come up to `end` of the stream, from a copy of exactly
   these bytes, so that a sanitizer sees a read past them. */
static void decode(struct decoder *decoder, size_t end) {
  struct frames *frames = &decoder->frames;

  for (frames->last = 1; frames->last > 0;) {
    const size_t size = end - decoder->start;
    uint8_t *bytes = malloc(size + 1);
    assert_non_null(bytes);
    memcpy(bytes + 1, decoder->stream + decoder->start, size);
    frames->last =
        fl_framing_next(&line_framing, &decoder->state,
                        (struct fl_slice){bytes + 1, size}, decoder->max_frame);
    free(bytes);
    if (frames->last > 0) {
      assert_int_equal(decoder->state.scanned, 0);
      assert_true((size_t)frames->last <= size);
      assert_true(frames->count < MAX_FRAMES);
      decoder->start += (size_t)frames->last;
      frames->end[frames->count++] = decoder->start;
    }
  }
}

/* Decodes a stream given in pieces that end at the given offsets. A stream
   found undecodable is over. */
static struct frames decode_pieces(const uint8_t *stream, const size_t *ends,
                                   size_t pieces, size_t max_frame) {
  struct decoder decoder = {.stream = stream, .max_frame = max_frame};

  for (size_t i = 0; i < pieces; i++) {
    decode(&decoder, ends[i]);
    if (decoder.frames.last == FL_FRAME_OVERSIZE)
      break;
  }
  return decoder.frames;
}

static void assert_same(const struct frames *a, const struct frames *b) {
  assert_int_equal(a->count, b->count);
  for (size_t i = 0; i < a->count; i++)
    assert_int_equal(a->end[i], b->end[i]);
  assert_int_equal(a->last, b->last);
}

/* Every way to cut a stream in two and in three, and byte by byte, gives what
   the whole gives. */
static void same_however_split(const char *text, size_t size,
                               size_t max_frame) {
  const uint8_t *stream = (const uint8_t *)text;
  const struct frames whole = decode_pieces(stream, &size, 1, max_frame);
  size_t bytes[256];

  for (size_t a = 0; a <= size; a++)
    for (size_t b = a; b <= size; b++) {
      const size_t ends[] = {a, b, size};
      const struct frames cut = decode_pieces(stream, ends, 3, max_frame);
      assert_same(&whole, &cut);
    }
  assert_true(size < 256);
  for (size_t i = 0; i < size; i++)
    bytes[i] = i + 1;
  const struct frames cut = decode_pieces(stream, bytes, size, max_frame);
  assert_same(&whole, &cut);
}

static void every_split(void **state) {
  static const char stream[] =
      "PING\nhello\r\n\n\r\nSTATUS\n\r\r\nx\n\0nul\0\n\xff\xfe\nrest";
  const size_t size = sizeof stream - 1;

  (void)state;
  for (size_t max_frame = 1; max_frame <= 12; max_frame++)
    same_however_split(stream, size, max_frame);
  same_however_split(stream, size, 65536);
  same_however_split(stream, size - 4, 65536);
}

static void random_streams(void **state) {
  struct fl_test_random random = {99};

  (void)state;
  for (int round = 0; round < 100; round++) {
    char stream[40];
    const size_t size = 1 + fl_test_below(&random, sizeof stream);
    for (size_t i = 0; i < size; i++)
      stream[i] = "ab\r\n"[fl_test_below(&random, 4)];
    same_however_split(stream, size, 1 + fl_test_below(&random, 16));
  }
}

/* The frames themselves: the end belongs to each, nothing is left out. */
static void frames_of_a_stream(void **state) {
  static const char stream[] = "PING\nhello\r\n\n\r\nrest";
  static const size_t ends[] = {5, 12, 13, 15};
  const size_t size = sizeof stream - 1;
  const struct frames frames =
      decode_pieces((const uint8_t *)stream, &size, 1, 100);

  (void)state;
  assert_int_equal(frames.count, 4);
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(frames.end[i], ends[i]);
  assert_int_equal(frames.last, FL_FRAMING_PARTIAL);
}

static long next(const char *text, size_t size, size_t max_frame) {
  struct fl_framing_state state = {0};

  return fl_framing_next(&line_framing, &state,
                         (struct fl_slice){(const uint8_t *)text, size},
                         max_frame);
}

static void nothing_is_partial(void **state) {
  struct fl_framing_state zero = {0};

  (void)state;
  assert_int_equal(next("", 0, 1), FL_FRAMING_PARTIAL);
  assert_int_equal(
      fl_framing_next(&line_framing, &zero, (struct fl_slice){NULL, 0}, 9),
      FL_FRAMING_PARTIAL);
}

static void the_limit_counts_the_end(void **state) {
  (void)state;
  /* Exactly max_frame with its LF; one less still waits for it. */
  assert_int_equal(next("abcd\n", 5, 5), 5);
  assert_int_equal(next("abcd", 4, 5), FL_FRAMING_PARTIAL);
  /* Five bytes without an LF: the frame must have six. */
  assert_int_equal(next("abcde", 5, 5), FL_FRAME_OVERSIZE);
  assert_int_equal(next("abcde\n", 6, 5), FL_FRAME_OVERSIZE);
  assert_int_equal(next("abcd\r\n", 6, 5), FL_FRAME_OVERSIZE);
  assert_int_equal(next("abcd\r", 5, 5), FL_FRAME_OVERSIZE);
  assert_int_equal(next("\n", 1, 1), 1);
  assert_int_equal(next("a", 1, 1), FL_FRAME_OVERSIZE);
  /* A long stream of short frames is none. */
  assert_int_equal(next("a\nbcdefghijk", 12, 5), 2);
}

static void too_long_stays_too_long(void **state) {
  struct fl_framing_state decoder = {0};
  const struct fl_slice stream = {(const uint8_t *)"abcdef\nx\n", 9};

  (void)state;
  for (int i = 0; i < 3; i++)
    assert_int_equal(fl_framing_next(&line_framing, &decoder, stream, 4),
                     FL_FRAME_OVERSIZE);
}

/* Bytes known to hold no end are not looked at again: an LF put among them
   afterwards is not seen. A frame of n bytes that comes byte by byte costs n
   steps, not n * n / 2. */
static void scans_each_byte_once(void **state) {
  struct fl_framing_state decoder = {0};
  uint8_t stream[200];

  (void)state;
  memset(stream, 'a', sizeof stream);
  for (size_t size = 1; size < sizeof stream; size++) {
    assert_int_equal(fl_framing_next(&line_framing, &decoder,
                                     (struct fl_slice){stream, size}, 1000),
                     FL_FRAMING_PARTIAL);
    assert_int_equal(decoder.scanned, size);
    stream[size - 1] = '\n';
  }
  stream[sizeof stream - 1] = '\n';
  assert_int_equal(fl_framing_next(&line_framing, &decoder,
                                   (struct fl_slice){stream, sizeof stream},
                                   1000),
                   sizeof stream);
  assert_int_equal(decoder.scanned, 0);
}

static void error_reply(void **state) {
  static const char expected[] = "ERROR request_timeout\n";
  uint8_t reply[FL_ERROR_REPLY_MAX];
  const size_t size = fl_framing_error(&line_framing, "request_timeout", reply);

  (void)state;
  assert_int_equal(size, sizeof expected - 1);
  assert_memory_equal(reply, expected, size);
  /* The reply is one frame of the same framing. */
  assert_int_equal(next((const char *)reply, size, FL_ERROR_REPLY_MAX), size);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_split),
      cmocka_unit_test(random_streams),
      cmocka_unit_test(frames_of_a_stream),
      cmocka_unit_test(nothing_is_partial),
      cmocka_unit_test(the_limit_counts_the_end),
      cmocka_unit_test(too_long_stays_too_long),
      cmocka_unit_test(scans_each_byte_once),
      cmocka_unit_test(error_reply),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
