#include "tests/sim/wire.h"

#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

/* What stands before a length field, at most. */
enum { HEADER_MAX = 8 };

static uint64_t chance(struct sim_random *random, uint64_t low, uint64_t high) {
  return sim_random_between(random, low, high);
}

/* -- drawing -- */

struct sim_wire sim_wire_line(void) {
  struct sim_wire wire = {.framing = {.type = FL_FRAMING_LINE}};
  snprintf(wire.text, sizeof wire.text, "{\"type\": \"line\"}");
  return wire;
}

struct sim_wire sim_wire_modbus(void) {
  struct sim_wire wire = {.framing = {.type = FL_FRAMING_LENGTH,
                                      .length = {.offset = 4, .width = 2}},
                          .pair = {.by = FL_PAIR_ID, .width = 2},
                          .modbus = true};
  snprintf(wire.text, sizeof wire.text,
           "{\"type\": \"length\", \"length_offset\": 4, "
           "\"length_width\": 2}");
  return wire;
}

/* The bytes of an end stand nowhere in a line. */
static void draw_delimited(struct sim_wire *wire, struct sim_random *random) {
  static const struct fl_bytes starts[] = {{0, ""}, {1, "\x0b"}, {3, "<<<"}};
  static const struct fl_bytes ends[] = {{1, "\r"}, {2, "\x1c\r"}, {2, "\r\r"}};
  static const char *const start_texts[] = {"", "hex:0b", "<<<"};
  static const char *const end_texts[] = {"\\r", "hex:1c0D", "\\r\\r"};
  uint64_t start = chance(random, 0, 2);
  uint64_t end = chance(random, 0, 2);
  wire->framing.delimited.start = starts[start];
  wire->framing.delimited.end = ends[end];
  snprintf(wire->text, sizeof wire->text,
           "{\"type\": \"delimited\", \"start\": \"%s\", \"end\": \"%s\"}",
           start_texts[start], end_texts[end]);
}

/* Wide enough for every length that occurs, of lines or too long. */
static void draw_length(struct sim_wire *wire, struct sim_random *random,
                        uint32_t header_min) {
  static const char *const orders[] = {"big", "little"};
  static const char *const encodings[] = {"binary", "ascii", "bcd"};
  struct fl_framing_length *length = &wire->framing.length;
  length->encoding = (enum fl_length_encoding)chance(random, 0, 2);
  length->order = (enum fl_byte_order)chance(random, 0, 1);
  length->offset = (uint32_t)chance(random, header_min, HEADER_MAX);
  length->width =
      (uint32_t)chance(random, length->encoding == FL_LENGTH_ASCII ? 5 : 3, 8);
  int32_t header = (int32_t)(length->offset + length->width);
  int32_t adjustments[] = {0, -header, -(int32_t)length->width, 3};
  length->adjustment = adjustments[chance(random, 0, 3)];
  snprintf(wire->text, sizeof wire->text,
           "{\"type\": \"length\", \"length_offset\": %u, "
           "\"length_width\": %u, \"byte_order\": \"%s\", "
           "\"length_adjustment\": %d, \"length_encoding\": \"%s\"}",
           (unsigned)length->offset, (unsigned)length->width,
           orders[length->order], (int)length->adjustment,
           encodings[length->encoding]);
}

static void draw_fixed(struct sim_wire *wire, struct sim_random *random) {
  wire->framing.fixed.size =
      (uint32_t)chance(random, SIM_WIRE_FIXED, SIM_WIRE_FIXED_MAX);
  snprintf(wire->text, sizeof wire->text,
           "{\"type\": \"fixed\", \"size\": \"%uB\"}",
           (unsigned)wire->framing.fixed.size);
}

struct sim_wire sim_wire_draw(struct sim_random *random) {
  struct sim_wire wire = sim_wire_line();
  wire.framing.type =
      (enum fl_framing_type)chance(random, 0, FL_FRAMING_TYPES - 1);
  switch (wire.framing.type) {
  case FL_FRAMING_DELIMITED:
    draw_delimited(&wire, random);
    break;
  case FL_FRAMING_LENGTH:
    draw_length(&wire, random, 0);
    break;
  case FL_FRAMING_FIXED:
    draw_fixed(&wire, random);
    break;
  case FL_FRAMING_LINE:
  case FL_FRAMING_TYPES:
    break;
  }
  return wire;
}

struct fl_pair sim_wire_draw_pair(struct sim_random *random) {
  struct fl_pair pair = {.by = FL_PAIR_ID};
  pair.width = (uint32_t)chance(random, 1, HEADER_MAX);
  pair.offset = (uint32_t)chance(random, 0, HEADER_MAX - pair.width);
  pair.on_late = (enum fl_on_late)(chance(random, 0, 3) == 0);
  return pair;
}

/* By key, the key stands where an id would, or is a part of a line. */
struct fl_pair sim_wire_draw_keys(struct sim_random *random, bool clean) {
  struct fl_pair pair = sim_wire_draw_pair(random);
  pair.by = FL_PAIR_KEY;
  if (chance(random, 0, 2) == 0)
    pair.width = 0;
  if (!clean && chance(random, 0, 3) == 0)
    pair.on_collision = FL_COLLISION_REFUSE;
  return pair;
}

uint64_t sim_wire_id_max(const struct fl_pair *pair) {
  return UINT64_MAX >> (64 - 8 * pair->width);
}

struct sim_wire sim_wire_draw_for(struct sim_random *random,
                                  const struct fl_pair *pair) {
  if (pair->width == 0) {
    struct sim_wire line = sim_wire_line();
    line.pair = *pair;
    return line;
  }
  struct sim_wire wire = {.framing = {.type = FL_FRAMING_LENGTH},
                          .pair = *pair};
  draw_length(&wire, random, pair->offset + pair->width);
  return wire;
}

bool sim_line_ends(const void *line, size_t size, char byte) {
  const char *bytes = line;
  return size > 3 && bytes[size - 2] == byte && bytes[size - 3] == byte;
}

bool sim_wire_says_errors(const struct sim_wire *wire) {
  return wire->framing.type == FL_FRAMING_LINE || wire->modbus;
}

bool sim_wire_may_exceed(const struct sim_wire *wire) {
  return wire->framing.type != FL_FRAMING_FIXED;
}

bool sim_wire_forbids(const struct sim_wire *wire, uint8_t byte) {
  return byte == '\n' || (wire->framing.type == FL_FRAMING_DELIMITED &&
                          (byte == '\r' || byte == 0x1c));
}

/* -- frames -- */

struct frame {
  uint8_t *bytes;
  size_t size;
};

static void add(struct frame *frame, const void *bytes, size_t size) {
  if (size > 0)
    memcpy(frame->bytes + frame->size, bytes, size);
  frame->size += size;
}

static void add_field(struct frame *frame,
                      const struct fl_framing_length *length, uint64_t value) {
  uint8_t field[8];
  for (uint32_t i = 0; i < length->width; i++) {
    uint32_t at = length->order == FL_ORDER_LITTLE ? i : length->width - 1 - i;
    switch (length->encoding) {
    case FL_LENGTH_BINARY:
      field[at] = (uint8_t)(value % 256);
      value /= 256;
      break;
    case FL_LENGTH_ASCII:
      field[at] = (uint8_t)('0' + value % 10);
      value /= 10;
      break;
    case FL_LENGTH_BCD:
      field[at] = (uint8_t)(value / 10 % 10 * 16 + value % 10);
      value /= 100;
      break;
    }
  }
  add(frame, field, length->width);
}

/* The header of a frame of `size` bytes. */
static void add_header(struct frame *frame,
                       const struct fl_framing_length *length, size_t size) {
  int64_t value = (int64_t)size - length->offset - length->width;
  value -= length->adjustment;
  add(frame, "\xff\0header", length->offset);
  add_field(frame, length, (uint64_t)value);
}

static void put_id(const struct frame *frame, const struct fl_pair *pair,
                   uint64_t id) {
  for (uint32_t i = 1; i <= pair->width; i++)
    frame->bytes[pair->offset + pair->width - i] = (uint8_t)(id >> 8 * (i - 1));
}

struct fl_slice sim_wire_frame(struct sim *sim, const struct sim_wire *wire,
                               uint64_t id, struct fl_slice line) {
  const struct fl_framing *framing = &wire->framing;
  size_t body = line.size - 1;
  struct frame frame = {.bytes = sim_alloc(sim, line.size + SIM_WIRE_FIXED_MAX),
                        .size = 0};
  switch (framing->type) {
  case FL_FRAMING_DELIMITED:
    add(&frame, framing->delimited.start.bytes, framing->delimited.start.size);
    add(&frame, line.bytes, body);
    add(&frame, framing->delimited.end.bytes, framing->delimited.end.size);
    break;
  case FL_FRAMING_LENGTH:
    add_header(&frame, &framing->length,
               framing->length.offset + framing->length.width + body);
    add(&frame, line.bytes, body);
    put_id(&frame, &wire->pair, id);
    if (wire->modbus) /* the protocol */
      frame.bytes[2] = frame.bytes[3] = 0;
    break;
  case FL_FRAMING_FIXED: /* with NULs behind, as it was allocated */
    if (body > framing->fixed.size)
      sim_fail(sim, "a line of %u bytes does not fit", (unsigned)body);
    add(&frame, line.bytes, body);
    frame.size = framing->fixed.size;
    break;
  case FL_FRAMING_LINE:
  case FL_FRAMING_TYPES:
    add(&frame, line.bytes, line.size);
    break;
  }
  return (struct fl_slice){frame.bytes, frame.size};
}

/* What is no frame of any length; returns whether the wire has such. */
static bool add_bad(struct frame *frame, const struct sim_wire *wire) {
  const struct fl_framing *framing = &wire->framing;
  if (framing->type == FL_FRAMING_DELIMITED &&
      framing->delimited.start.size > 0) {
    add(frame, framing->delimited.start.bytes,
        framing->delimited.start.size - 1U);
    add(frame, "?", 1);
    return true;
  }
  if (framing->type != FL_FRAMING_LENGTH ||
      (framing->length.encoding == FL_LENGTH_BINARY &&
       framing->length.adjustment >= 0))
    return false;
  add(frame, "\xff\0header", framing->length.offset);
  if (framing->length.adjustment < 0)
    add_field(frame, &framing->length, 0);
  else
    add(frame, "\xff\xff\xff\xff\xff\xff\xff\xff", framing->length.width);
  return true;
}

struct fl_slice sim_wire_wrong(struct sim *sim, const struct sim_wire *wire,
                               size_t max_frame) {
  const struct fl_framing *framing = &wire->framing;
  size_t size = max_frame + 1 + (size_t)chance(&sim->random, 0, max_frame);
  struct frame frame = {.bytes = sim_alloc(sim, size + SIM_WIRE_OVERHEAD),
                        .size = 0};
  size_t rest = size;
  if (chance(&sim->random, 0, 1) == 0 && add_bad(&frame, wire))
    return (struct fl_slice){frame.bytes, frame.size};
  if (framing->type == FL_FRAMING_DELIMITED)
    add(&frame, framing->delimited.start.bytes, framing->delimited.start.size);
  if (framing->type == FL_FRAMING_LENGTH) {
    add_header(&frame, &framing->length, size);
    rest = (size_t)chance(&sim->random, 0, size - frame.size);
  }
  memset(frame.bytes + frame.size, 'x', rest);
  frame.size += rest;
  if (framing->type == FL_FRAMING_LINE)
    frame.bytes[frame.size - 1] = '\n';
  return (struct fl_slice){frame.bytes, frame.size};
}

/* -- reading -- */

struct taker {
  void (*take)(void *ctx, uint8_t byte);
  void *ctx;
};

static void end_frame(struct sim_wire_reader *reader,
                      const struct taker *taker) {
  reader->length = reader->ended = reader->padding = 0;
  reader->value = reader->size = 0;
  taker->take(taker->ctx, '\n');
}

/* `at` is the place of the byte in its frame. */
static void read_delimited(struct sim_wire_reader *reader, size_t at,
                           uint8_t byte, const struct taker *taker) {
  const struct fl_framing_delimited *framing = &reader->wire->framing.delimited;
  if (at < framing->start.size) {
    reader->dead = byte != framing->start.bytes[at];
  } else if (byte == framing->end.bytes[reader->ended]) {
    if (++reader->ended == framing->end.size)
      end_frame(reader, taker);
  } else {
    taker->take(taker->ctx, byte);
  }
}

/* Adds a byte of the field. Little-endian bytes weigh more and more. */
static void read_field(struct sim_wire_reader *reader, size_t i, uint8_t byte) {
  const struct fl_framing_length *length = &reader->wire->framing.length;
  uint64_t base = 256;
  uint64_t digit = byte;
  if (length->encoding == FL_LENGTH_ASCII) {
    reader->dead = byte < '0' || byte > '9';
    base = 10;
    digit = (uint64_t)byte - '0';
  } else if (length->encoding == FL_LENGTH_BCD) {
    reader->dead = byte >> 4 > 9 || (byte & 15) > 9;
    base = 100;
    digit = (uint64_t)(byte >> 4) * 10 + (byte & 15U);
  }
  reader->weight = i == 0 ? 1 : reader->weight * base;
  if (length->order == FL_ORDER_BIG)
    reader->value = reader->value * base + digit;
  else
    reader->value += digit * reader->weight;
}

static void read_length(struct sim_wire_reader *reader, size_t at, uint8_t byte,
                        const struct taker *taker) {
  const struct fl_framing_length *length = &reader->wire->framing.length;
  const struct fl_pair *pair = &reader->wire->pair;
  size_t header = length->offset + length->width;
  if (at == 0)
    reader->id = 0;
  if (at >= pair->offset && at < pair->offset + pair->width)
    reader->id = reader->id << 8 | byte;
  if (at < length->offset)
    return;
  if (at == header + 1)
    reader->exception = reader->wire->modbus && byte >= 0x80;
  if (at >= header)
    taker->take(taker->ctx, at == header + 2 && reader->exception
                                ? (uint8_t)(byte + '@')
                                : byte);
  else
    read_field(reader, at - length->offset, byte);
  if (at + 1 == header) {
    reader->size = header + reader->value + (uint64_t)length->adjustment;
    reader->dead = reader->dead || reader->size < header ||
                   (reader->max > 0 && reader->size > reader->max);
  }
  if (!reader->dead && at + 1 >= header && at + 1 == reader->size)
    end_frame(reader, taker);
}

static void read_fixed(struct sim_wire_reader *reader, size_t at, uint8_t byte,
                       const struct taker *taker) {
  if (byte == 0) {
    reader->padding++;
  } else {
    for (; reader->padding > 0; reader->padding--)
      taker->take(taker->ctx, 0);
    taker->take(taker->ctx, byte);
  }
  if (at + 1 == reader->wire->framing.fixed.size)
    end_frame(reader, taker);
}

void sim_wire_read(struct sim_wire_reader *reader, struct fl_slice bytes,
                   void (*take)(void *ctx, uint8_t byte), void *ctx) {
  const struct taker taker = {take, ctx};
  for (size_t i = 0; i < bytes.size && !reader->dead; i++) {
    size_t at = reader->length++;
    uint8_t byte = bytes.bytes[i];
    if (reader->max > 0 && reader->length > reader->max) {
      reader->dead = true;
      return;
    }
    switch (reader->wire->framing.type) {
    case FL_FRAMING_DELIMITED:
      read_delimited(reader, at, byte, &taker);
      break;
    case FL_FRAMING_LENGTH:
      read_length(reader, at, byte, &taker);
      break;
    case FL_FRAMING_FIXED:
      read_fixed(reader, at, byte, &taker);
      break;
    case FL_FRAMING_LINE:
    case FL_FRAMING_TYPES:
      if (byte == '\n')
        end_frame(reader, &taker);
      else
        take(ctx, byte);
      break;
    }
  }
}
