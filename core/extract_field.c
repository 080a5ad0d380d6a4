#include "core/extract_field.h"

#include <stdbool.h>
#include <string.h>

static const struct fl_slice nothing = {NULL, 0};

static struct fl_slice slice_of(const struct fl_bytes *bytes) {
  return (struct fl_slice){bytes->bytes, bytes->size};
}

/* Takes what stands before the next `end` off *rest, and the end with it; all
   of it where there is none. */
static struct fl_slice next_part(struct fl_slice *rest, struct fl_slice end) {
  struct fl_slice part = *rest;
  const uint8_t *from = rest->bytes;
  size_t left = rest->size;
  const uint8_t *at;
  while (left >= end.size &&
         (at = memchr(from, end.bytes[0], left - end.size + 1)) != NULL) {
    if (memcmp(at, end.bytes, end.size) == 0) {
      part.size = (size_t)(at - rest->bytes);
      rest->bytes = at + end.size;
      rest->size -= part.size + end.size;
      return part;
    }
    left -= (size_t)(at + 1 - from);
    from = at + 1;
  }
  *rest = nothing;
  return part;
}

/* A field of a line, counted from 0. */
static struct fl_slice field_of(struct fl_slice line, struct fl_slice separator,
                                uint32_t field) {
  for (uint32_t i = 0; i < field; i++) {
    (void)next_part(&line, separator);
    if (line.bytes == NULL)
      return nothing;
  }
  return next_part(&line, separator);
}

static bool is(struct fl_slice field, const struct fl_bytes *name) {
  return field.size == name->size &&
         memcmp(field.bytes, name->bytes, name->size) == 0;
}

struct fl_slice fl_extract_field(const struct fl_extract *extract,
                                 struct fl_slice content) {
  struct fl_slice separator = slice_of(&extract->separator);
  while (content.size > 0) {
    struct fl_slice line = next_part(&content, slice_of(&extract->segment_end));
    if (extract->segment.size == 0 ||
        is(field_of(line, separator, 0), &extract->segment))
      return field_of(line, separator, extract->field);
  }
  return nothing;
}

/* HL7. */

enum { NAME_SIZE = 3 };

static bool ends_segment(uint8_t byte) { return byte == '\r' || byte == '\n'; }

/* Takes a segment off *rest; those with nothing in them are none. */
static struct fl_slice next_segment(struct fl_slice *rest) {
  while (rest->size > 0 && ends_segment(rest->bytes[0]))
    *rest = (struct fl_slice){rest->bytes + 1, rest->size - 1};
  struct fl_slice segment = *rest;
  for (segment.size = 0; segment.size < rest->size; segment.size++)
    if (ends_segment(segment.bytes[segment.size]))
      break;
  *rest =
      (struct fl_slice){rest->bytes + segment.size, rest->size - segment.size};
  return segment;
}

/* Whether the separator is the segment's field 1. */
static bool counts_separator(struct fl_slice segment) {
  static const char names[][NAME_SIZE + 1] = {"MSH", "FHS", "BHS"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (segment.size >= NAME_SIZE &&
        memcmp(segment.bytes, names[i], NAME_SIZE) == 0)
      return true;
  return false;
}

struct fl_slice fl_extract_hl7(const struct fl_extract *extract,
                               struct fl_slice content) {
  struct fl_slice segment = next_segment(&content);
  uint32_t field = extract->field;
  if (segment.size <= NAME_SIZE)
    return nothing;
  const struct fl_slice separator = {segment.bytes + NAME_SIZE, 1};
  while (extract->segment.size > 0 &&
         !is(field_of(segment, separator, 0), &extract->segment)) {
    if (content.size == 0)
      return nothing;
    segment = next_segment(&content);
  }
  if (!counts_separator(segment))
    return field_of(segment, separator, field);
  return field < 2 ? nothing : field_of(segment, separator, field - 1);
}
