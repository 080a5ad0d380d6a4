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

static const struct fl_framing line_framing = {.type = FL_FRAMING_LINE};

enum { MAX_FRAMES = 64 };

/* What a decoder made of a stream. */
struct frames {
  size_t end[MAX_FRAMES]; /* offset after each frame */
  size_t count;
  long last; /* FL_FRAMING_PARTIAL, FL_FRAME_OVERSIZE or FL_FRAME_BAD */
};

struct decoder {
  const struct fl_framing *framing;
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
        fl_framing_next(decoder->framing, &decoder->state,
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
static struct frames decode_pieces(const struct fl_framing *framing,
                                   const uint8_t *stream, const size_t *ends,
                                   size_t pieces, size_t max_frame) {
  struct decoder decoder = {
      .framing = framing, .stream = stream, .max_frame = max_frame};

  for (size_t i = 0; i < pieces; i++) {
    decode(&decoder, ends[i]);
    if (decoder.frames.last < 0)
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
static void same_however_split(const struct fl_framing *framing,
                               const char *text, size_t size,
                               size_t max_frame) {
  const uint8_t *stream = (const uint8_t *)text;
  const struct frames whole =
      decode_pieces(framing, stream, &size, 1, max_frame);
  size_t bytes[256];

  for (size_t a = 0; a <= size; a++)
    for (size_t b = a; b <= size; b++) {
      const size_t ends[] = {a, b, size};
      const struct frames cut =
          decode_pieces(framing, stream, ends, 3, max_frame);
      assert_same(&whole, &cut);
    }
  assert_true(size < 256);
  for (size_t i = 0; i < size; i++)
    bytes[i] = i + 1;
  const struct frames cut =
      decode_pieces(framing, stream, bytes, size, max_frame);
  assert_same(&whole, &cut);
}

static void every_split(void **state) {
  static const char stream[] =
      "PING\nhello\r\n\n\r\nSTATUS\n\r\r\nx\n\0nul\0\n\xff\xfe\nrest";
  const size_t size = sizeof stream - 1;

  (void)state;
  for (size_t max_frame = 1; max_frame <= 12; max_frame++)
    same_however_split(&line_framing, stream, size, max_frame);
  same_however_split(&line_framing, stream, size, 65536);
  same_however_split(&line_framing, stream, size - 4, 65536);
}

static void random_streams(void **state) {
  struct fl_test_random random = {99};

  (void)state;
  for (int round = 0; round < 100; round++) {
    char stream[40];
    const size_t size = 1 + fl_test_below(&random, sizeof stream);
    for (size_t i = 0; i < size; i++)
      stream[i] = "ab\r\n"[fl_test_below(&random, 4)];
    same_however_split(&line_framing, stream, size,
                       1 + fl_test_below(&random, 16));
  }
}

/* The frames themselves: the end belongs to each, nothing is left out. */
static void frames_of_a_stream(void **state) {
  static const char stream[] = "PING\nhello\r\n\n\r\nrest";
  static const size_t ends[] = {5, 12, 13, 15};
  const size_t size = sizeof stream - 1;
  const struct frames frames =
      decode_pieces(&line_framing, (const uint8_t *)stream, &size, 1, 100);

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
  const size_t size = fl_framing_error(
      &line_framing, &(struct fl_failed){.reason = FL_REQUEST_TIMEOUT}, reply);

  (void)state;
  assert_int_equal(size, sizeof expected - 1);
  assert_memory_equal(reply, expected, size);
  /* The reply is one frame of the same framing. */
  assert_int_equal(next((const char *)reply, size, FL_ERROR_REPLY_MAX), size);
}

/* -- the other framings -- */

#define BYTES(text)                                                            \
  { sizeof(text) - 1, text }
#define DELIMITED(from, to)                                                    \
  {                                                                            \
    .type = FL_FRAMING_DELIMITED, .delimited = { BYTES(from), BYTES(to) }      \
  }
#define LENGTH(...)                                                            \
  {                                                                            \
    .type = FL_FRAMING_LENGTH, .length = { __VA_ARGS__ }                       \
  }
#define FIXED(bytes)                                                           \
  {                                                                            \
    .type = FL_FRAMING_FIXED, .fixed = { bytes }                               \
  }

static const struct fl_framing mllp = DELIMITED("\x0b", "\x1c\r");
static const struct fl_framing crlf = DELIMITED("", "\r\n");
static const struct fl_framing repeats = DELIMITED("<<", "aab");
static const struct fl_framing twins = DELIMITED("##", "##");
static const struct fl_framing header2 = LENGTH(.width = 2);
static const struct fl_framing little2 =
    LENGTH(.offset = 1, .width = 2, .order = FL_ORDER_LITTLE);
static const struct fl_framing digits3 =
    LENGTH(.width = 3, .encoding = FL_LENGTH_ASCII, .adjustment = -3);
static const struct fl_framing bcd1 =
    LENGTH(.offset = 2, .width = 1, .encoding = FL_LENGTH_BCD, .adjustment = 1);
static const struct fl_framing fixed4 = FIXED(4);

/* A stream that ends undecodable, or in the middle of a frame. */
struct sample {
  const struct fl_framing *framing;
  const char *stream;
  size_t size;
  size_t count; /* of frames */
  size_t ends[6];
  long last;
};
#define STREAM(text) (text), sizeof(text) - 1

static const struct sample samples[] = {
    {&mllp,
     STREAM("\vMSH|a\x1c\r\v\x1c\r\v\x1c\x1c\rx"),
     3,
     {8, 11, 15},
     FL_FRAME_BAD},
    {&mllp, STREAM("\vMSH|a\x1c\r\vMSH\x1c\v\r"), 1, {8}, FL_FRAMING_PARTIAL},
    {&mllp, STREAM("\n\va\x1c\r"), 0, {0}, FL_FRAME_BAD},
    {&crlf,
     STREAM("a\r\n\r\n\r\r\n\n\r\nz\r"),
     4,
     {3, 5, 8, 11},
     FL_FRAMING_PARTIAL},
    {&repeats, STREAM("<<aaab<<ab aab<<aab<aab"), 3, {6, 14, 19}, FL_FRAME_BAD},
    {&repeats, STREAM("<x"), 0, {0}, FL_FRAME_BAD},
    {&twins,
     STREAM("####"
            "##x##"
            "###"
            "##"),
     3,
     {4, 9, 13},
     FL_FRAMING_PARTIAL},
    {&twins,
     STREAM("####"
            "##x###"),
     2,
     {4, 9},
     FL_FRAMING_PARTIAL},
    {&header2,
     STREAM("\0\3abc\0\0\0\1x\1\0rest"),
     3,
     {5, 7, 10},
     FL_FRAMING_PARTIAL},
    {&little2, STREAM("u\2\0xyv\0\0w\1\0"), 2, {5, 8}, FL_FRAMING_PARTIAL},
    {&digits3, STREAM("005ab003004x002"), 3, {5, 8, 12}, FL_FRAME_BAD},
    {&digits3, STREAM("005ab00:x"), 1, {5}, FL_FRAME_BAD},
    {&digits3, STREAM("005ab 04x"), 1, {5}, FL_FRAME_BAD},
    {&bcd1,
     STREAM("hd\x10"
            "0123456789+"
            "hd\0-"
            "hd\x0a."),
     2,
     {14, 18},
     FL_FRAME_BAD},
    {&bcd1,
     STREAM("hd\0-"
            "hd\xa0."),
     1,
     {4},
     FL_FRAME_BAD},
    {&fixed4, STREAM("abcdefghij"), 2, {4, 8}, FL_FRAMING_PARTIAL},
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void frames_of_every_framing(void **state) {
  (void)state;
  for (size_t i = 0; i < SAMPLES; i++) {
    const struct sample *sample = &samples[i];
    const struct frames frames =
        decode_pieces(sample->framing, (const uint8_t *)sample->stream,
                      &sample->size, 1, 1000);
    assert_int_equal(frames.count, sample->count);
    for (size_t k = 0; k < frames.count; k++)
      assert_int_equal(frames.end[k], sample->ends[k]);
    assert_int_equal(frames.last, sample->last);
  }
}

static void every_split_of_every_framing(void **state) {
  (void)state;
  for (size_t i = 0; i < SAMPLES; i++) {
    const struct sample *sample = &samples[i];
    for (size_t max_frame = 1; max_frame <= 16; max_frame++)
      same_however_split(sample->framing, sample->stream, sample->size,
                         max_frame);
    same_however_split(sample->framing, sample->stream, sample->size, 65536);
  }
}

static void random_streams_of_every_framing(void **state) {
  static const char letters[] = "\v\x1c\r\na<#\0\1\2\x10"
                                "01";
  struct fl_test_random random = {7};

  (void)state;
  for (int round = 0; round < 300; round++) {
    char stream[30];
    const struct sample *sample = &samples[fl_test_below(&random, SAMPLES)];
    const size_t size = 1 + fl_test_below(&random, sizeof stream);
    for (size_t i = 0; i < size; i++)
      stream[i] = letters[fl_test_below(&random, sizeof letters - 1)];
    same_however_split(sample->framing, stream, size,
                       1 + fl_test_below(&random, 16));
  }
}

static long first(const struct fl_framing *framing, const char *text,
                  size_t size, size_t max_frame) {
  struct fl_framing_state state = {0};
  return fl_framing_next(framing, &state,
                         (struct fl_slice){(const uint8_t *)text, size},
                         max_frame);
}

static void delimiters_that_never_come(void **state) {
  (void)state;
  assert_int_equal(first(&mllp, STREAM("\vabcd\x1c"), 6), FL_FRAME_OVERSIZE);
  assert_int_equal(first(&mllp, STREAM("\vabcd\x1c"), 7), FL_FRAMING_PARTIAL);
  assert_int_equal(first(&mllp, STREAM("\vabc\x1c\r"), 6), 6);
  assert_int_equal(first(&mllp, STREAM("\vabcd\x1c\r"), 6), FL_FRAME_OVERSIZE);
  assert_int_equal(first(&crlf, STREAM("\r\r\r\r"), 4), FL_FRAME_OVERSIZE);
  /* The whole start has not even come. */
  assert_int_equal(first(&repeats, STREAM("<"), 4), FL_FRAMING_PARTIAL);
  assert_int_equal(first(&repeats, STREAM("<x"), 4), FL_FRAME_BAD);
}

static void the_end_is_looked_for_once(void **state) {
  struct fl_framing_state decoder = {0};
  uint8_t stream[200];

  (void)state;
  memset(stream, 'a', sizeof stream);
  stream[0] = '\v';
  for (size_t size = 1; size < sizeof stream; size++) {
    const struct fl_slice bytes = {stream, size};
    assert_int_equal(fl_framing_next(&mllp, &decoder, bytes, 1000),
                     FL_FRAMING_PARTIAL);
    /* All but the last byte, with which an end might begin. */
    if (size > 2) {
      assert_int_equal(decoder.scanned, size - 1);
      memcpy(stream + size - 3, "\x1c\r", 2);
    }
  }
}

static void length_fields_that_lie(void **state) {
  static const struct fl_framing wide = LENGTH(.width = 8);
  static const struct fl_framing less = LENGTH(.width = 8, .adjustment = -9);
  static const struct fl_framing more = LENGTH(.width = 8, .adjustment = 65535);
  static const struct fl_framing most =
      LENGTH(.width = 8, .adjustment = INT32_MIN);
  static const struct fl_framing bcd =
      LENGTH(.width = 8, .encoding = FL_LENGTH_BCD);
  static const char huge[] = "\xff\xff\xff\xff\xff\xff\xff\xff";
  static const char zero[] = "\0\0\0\0\0\0\0\0";
  static const char nine[] = "\0\0\0\0\0\0\0\x09";

  (void)state;
  assert_int_equal(first(&wide, huge, 8, INT32_MAX), FL_FRAME_OVERSIZE);
  assert_int_equal(first(&wide, zero, 8, 8), 8);
  assert_int_equal(first(&wide, zero, 8, 7), FL_FRAME_OVERSIZE);
  assert_int_equal(first(&wide, zero, 1, 7), FL_FRAME_OVERSIZE);
  /* 2^64 - 9 and 2^64 + 65534. */
  assert_int_equal(first(&less, huge, 8, INT32_MAX), FL_FRAME_OVERSIZE);
  assert_int_equal(first(&more, huge, 8, INT32_MAX), FL_FRAME_OVERSIZE);
  assert_int_equal(first(&less, zero, 8, 64), FL_FRAME_BAD);
  assert_int_equal(first(&less, nine, 8, 64), 8);
  assert_int_equal(first(&most, nine, 8, 64), FL_FRAME_BAD);
  assert_int_equal(first(&more, zero, 8, 65542), FL_FRAME_OVERSIZE);
  assert_int_equal(first(&more, zero, 8, 65543), FL_FRAMING_PARTIAL);
  assert_int_equal(first(&more, nine, 8, 65551), FL_FRAME_OVERSIZE);
  assert_int_equal(first(&more, nine, 8, 65552), FL_FRAMING_PARTIAL);
  assert_int_equal(
      first(&bcd, "\x99\x99\x99\x99\x99\x99\x99\x99", 8, INT32_MAX),
      FL_FRAME_OVERSIZE);
  assert_int_equal(first(&bcd, nine, 8, 17), FL_FRAMING_PARTIAL);
  assert_int_equal(first(&bcd, nine, 8, 16), FL_FRAME_OVERSIZE);
  /* The limit is on the whole frame. */
  assert_int_equal(first(&header2, STREAM("\0\4abcd"), 6), 6);
  assert_int_equal(first(&header2, STREAM("\0\4"), 5), FL_FRAME_OVERSIZE);
  assert_int_equal(first(&fixed4, STREAM("a"), 3), FL_FRAME_OVERSIZE);
  assert_int_equal(first(&fixed4, STREAM("abcd"), 4), 4);
}

static void only_lines_can_say_error(void **state) {
  uint8_t reply[FL_ERROR_REPLY_MAX];

  (void)state;
  for (size_t i = 0; i < SAMPLES; i++)
    assert_int_equal(
        fl_framing_error(samples[i].framing,
                         &(struct fl_failed){.reason = FL_REQUEST_TIMEOUT},
                         reply),
        0);
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
      cmocka_unit_test(frames_of_every_framing),
      cmocka_unit_test(every_split_of_every_framing),
      cmocka_unit_test(random_streams_of_every_framing),
      cmocka_unit_test(delimiters_that_never_come),
      cmocka_unit_test(the_end_is_looked_for_once),
      cmocka_unit_test(length_fields_that_lie),
      cmocka_unit_test(only_lines_can_say_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
