#include "core/extract_iso8583.h"

#include <assert.h>
#include <stdbool.h>

/* What a field is made of. */
enum {
  NUMBER, /* digits, in BCD two a byte */
  TEXT,   /* characters, always one a byte */
  SIGNED  /* a character, then digits */
};

struct field {
  uint8_t kind;
  uint8_t prefix; /* digits of its length; 0: the size is fixed */
  uint8_t size;   /* digits and characters, at most */
};

/* ISO 8583:1987, table of data elements; from field 2 on. */
static const struct field fields[] = {
    {NUMBER, 2, 19},  /* 2: primary account number */
    {NUMBER, 0, 6},   /* 3: processing code */
    {NUMBER, 0, 12},  /* 4: amount, transaction */
    {NUMBER, 0, 12},  /* 5: amount, settlement */
    {NUMBER, 0, 12},  /* 6: amount, cardholder billing */
    {NUMBER, 0, 10},  /* 7: transmission date and time */
    {NUMBER, 0, 8},   /* 8: amount, cardholder billing fee */
    {NUMBER, 0, 8},   /* 9: conversion rate, settlement */
    {NUMBER, 0, 8},   /* 10: conversion rate, cardholder billing */
    {NUMBER, 0, 6},   /* 11: systems trace audit number */
    {NUMBER, 0, 6},   /* 12: time, local transaction */
    {NUMBER, 0, 4},   /* 13: date, local transaction */
    {NUMBER, 0, 4},   /* 14: date, expiration */
    {NUMBER, 0, 4},   /* 15: date, settlement */
    {NUMBER, 0, 4},   /* 16: date, conversion */
    {NUMBER, 0, 4},   /* 17: date, capture */
    {NUMBER, 0, 4},   /* 18: merchant's type */
    {NUMBER, 0, 3},   /* 19: acquiring institution country code */
    {NUMBER, 0, 3},   /* 20: account number extended, country code */
    {NUMBER, 0, 3},   /* 21: forwarding institution country code */
    {NUMBER, 0, 3},   /* 22: point of service entry mode */
    {NUMBER, 0, 3},   /* 23: card sequence number */
    {NUMBER, 0, 3},   /* 24: network international identifier */
    {NUMBER, 0, 2},   /* 25: point of service condition code */
    {NUMBER, 0, 2},   /* 26: point of service capture code */
    {NUMBER, 0, 1},   /* 27: authorization response length */
    {SIGNED, 0, 9},   /* 28: amount, transaction fee */
    {SIGNED, 0, 9},   /* 29: amount, settlement fee */
    {SIGNED, 0, 9},   /* 30: amount, transaction processing fee */
    {SIGNED, 0, 9},   /* 31: amount, settlement processing fee */
    {NUMBER, 2, 11},  /* 32: acquiring institution code */
    {NUMBER, 2, 11},  /* 33: forwarding institution code */
    {TEXT, 2, 28},    /* 34: primary account number, extended */
    {NUMBER, 2, 37},  /* 35: track 2 data */
    {NUMBER, 3, 104}, /* 36: track 3 data */
    {TEXT, 0, 12},    /* 37: retrieval reference number */
    {TEXT, 0, 6},     /* 38: authorization identification response */
    {TEXT, 0, 2},     /* 39: response code */
    {TEXT, 0, 3},     /* 40: service restriction code */
    {TEXT, 0, 8},     /* 41: card acceptor terminal identification */
};

enum { TYPE_DIGITS = 4, BITMAP_BYTES = 8 };

/* Where reading has come to; bytes is NULL once there were too few. */
struct cursor {
  const uint8_t *bytes;
  size_t size;
  enum fl_extract_encoding encoding;
};

static struct fl_slice take(struct cursor *cursor, size_t size) {
  struct fl_slice taken = {cursor->bytes, size};
  if (cursor->bytes == NULL || cursor->size < size) {
    cursor->bytes = NULL;
    return (struct fl_slice){NULL, 0};
  }
  cursor->bytes += size;
  cursor->size -= size;
  return taken;
}

static size_t bytes_of_digits(const struct cursor *cursor, size_t digits) {
  return cursor->encoding == FL_EXTRACT_BCD ? (digits + 1) / 2 : digits;
}

/* A number of so many digits, right-aligned; one that is none ends reading. */
static uint32_t take_number(struct cursor *cursor, size_t digits) {
  struct fl_slice taken = take(cursor, bytes_of_digits(cursor, digits));
  uint32_t number = 0;
  for (size_t i = 0; i < taken.size; i++) {
    const unsigned byte = taken.bytes[i];
    const bool bcd = cursor->encoding == FL_EXTRACT_BCD;
    const unsigned high = bcd ? byte >> 4 : 0;
    const unsigned low = bcd ? byte & 15 : byte - '0';
    if (high > 9 || low > 9) {
      cursor->bytes = NULL;
      return 0;
    }
    number = bcd ? number * 100 + high * 10 + low : number * 10 + low;
  }
  return number;
}

static struct fl_slice take_field(struct cursor *cursor,
                                  const struct field *field) {
  size_t size = field->size;
  if (field->prefix > 0)
    size = take_number(cursor, field->prefix);
  if (size > field->size)
    cursor->bytes = NULL;
  if (field->kind == NUMBER)
    size = bytes_of_digits(cursor, size);
  else if (field->kind == SIGNED)
    size = 1 + bytes_of_digits(cursor, size - 1);
  return take(cursor, size);
}

/* A hexadecimal digit's value, or 16. */
static unsigned digit_of(uint8_t byte) {
  if (byte >= '0' && byte <= '9')
    return (unsigned)(byte - '0');
  const unsigned letter = (byte | 32U) - 'a';
  return letter < 6 ? letter + 10 : 16;
}

/* The bits of the next 64 fields, the first the greatest. */
static uint64_t take_bitmap(struct cursor *cursor,
                            enum fl_extract_bitmap bitmap) {
  const size_t per_byte = bitmap == FL_EXTRACT_HEX ? 2 : 1;
  struct fl_slice taken = take(cursor, BITMAP_BYTES * per_byte);
  uint64_t bits = 0;
  for (size_t i = 0; i < taken.size; i++) {
    unsigned value = taken.bytes[i];
    if (per_byte == 2)
      value = digit_of(taken.bytes[i]);
    if (per_byte == 2 && value > 15)
      cursor->bytes = NULL;
    bits = bits << 8 / per_byte | value;
  }
  return bits;
}

static bool has(uint64_t bits, uint32_t field) {
  return (bits >> (64 - field) & 1) != 0;
}

struct fl_slice fl_extract_iso8583(const struct fl_extract *extract,
                                   struct fl_slice frame) {
  struct cursor cursor = {frame.bytes, frame.size, extract->encoding};
  struct fl_slice found = {NULL, 0};
  assert(extract->field >= FL_EXTRACT_ISO8583_FIRST &&
         extract->field <= FL_EXTRACT_ISO8583_LAST);
  (void)take(&cursor, extract->offset);
  (void)take(&cursor, bytes_of_digits(&cursor, TYPE_DIGITS));
  const uint64_t bits = take_bitmap(&cursor, extract->bitmap);
  if (has(bits, 1)) /* fields 65 to 128 have a bitmap of their own */
    (void)take_bitmap(&cursor, extract->bitmap);
  if (cursor.bytes == NULL || !has(bits, extract->field))
    return (struct fl_slice){NULL, 0};
  for (uint32_t i = FL_EXTRACT_ISO8583_FIRST; i <= extract->field; i++)
    if (has(bits, i))
      found = take_field(&cursor, &fields[i - FL_EXTRACT_ISO8583_FIRST]);
  return found;
}
