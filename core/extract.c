#include "core/extract.h"

#include "core/extract_field.h"
#include "core/extract_iso8583.h"
#include "core/framing.h"

#include <assert.h>

static struct fl_slice bytes_of(const struct fl_extract *extract,
                                struct fl_slice frame) {
  if (frame.size < (size_t)extract->offset + extract->width)
    return (struct fl_slice){NULL, 0};
  return (struct fl_slice){frame.bytes + extract->offset, extract->width};
}

struct fl_slice fl_extract(const struct fl_extract *extract,
                           const struct fl_framing *framing,
                           struct fl_slice frame) {
  switch (extract->type) {
  case FL_EXTRACT_BYTES:
    return bytes_of(extract, frame);
  case FL_EXTRACT_FIELD:
    return fl_extract_field(extract, fl_framing_content(framing, frame));
  case FL_EXTRACT_HL7:
    return fl_extract_hl7(extract, fl_framing_content(framing, frame));
  case FL_EXTRACT_ISO8583:
    return fl_extract_iso8583(extract, frame);
  }
  assert(0); /* not an extractor */
  return (struct fl_slice){NULL, 0};
}
