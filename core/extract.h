/* Finds the key of a frame: bytes that a request and its reply share, and that
   nobody changes on the way. */
#ifndef FL_CORE_EXTRACT_H
#define FL_CORE_EXTRACT_H

#include "core/bytes.h"
#include "core/slice.h"

struct fl_framing;

enum fl_extract_type {
  FL_EXTRACT_BYTES,  /* `width` bytes from `offset` on */
  FL_EXTRACT_FIELD,  /* a field of a line, between separators */
  FL_EXTRACT_HL7,    /* a field of an HL7 version 2 message */
  FL_EXTRACT_ISO8583 /* a field of an ISO 8583:1987 message */
};

/* Of an ISO 8583 message: its numbers, lengths and message type. */
enum fl_extract_encoding {
  FL_EXTRACT_ASCII, /* a digit in each byte */
  FL_EXTRACT_BCD    /* two */
};

enum fl_extract_bitmap {
  FL_EXTRACT_BINARY, /* 8 bytes, or 16 with a second bitmap */
  FL_EXTRACT_HEX     /* twice as many digits */
};

/* Beside the type only what it uses means anything. */
struct fl_extract {
  enum fl_extract_type type;
  uint32_t offset; /* bytes; ISO 8583: of the message type, behind headers */
  uint32_t width;  /* bytes, 1.. */
  uint32_t field;
  struct fl_bytes segment;   /* the line's first field; empty: the first line */
  struct fl_bytes separator; /* of fields, 1.. */
  struct fl_bytes segment_end; /* 1.. */
  enum fl_extract_encoding encoding;
  enum fl_extract_bitmap bitmap;
};

/* The fields of ISO 8583 whose lengths are known. */
enum { FL_EXTRACT_ISO8583_FIRST = 2, FL_EXTRACT_ISO8583_LAST = 41 };

/* Returns the key's bytes, which lie in frame; none when the frame has no such
   field, or an empty one. `framing` is how the frame was cut: lines are looked
   for in what stands between its start and its end.

   FIELD: the first line whose first field is `segment`; field 0 is that first
   field, field 1 what follows the first separator, and so on. The last line
   needs no `segment_end`.

   HL7 (version 2.5.1, 2.5 and 2.8): segments end with CR, and LF or CR LF is
   taken for one too; the separator is the byte behind the name of the message's
   first segment. Fields are numbered as the standard numbers them: in MSH, FHS
   and BHS the separator itself is field 1, so that MSH-10 is the ninth that
   follows a separator. MSH-1 is not to be had.

   ISO 8583: the bytes of the field without its length, from
   FL_EXTRACT_ISO8583_FIRST to _LAST. */
struct fl_slice fl_extract(const struct fl_extract *extract,
                           const struct fl_framing *framing,
                           struct fl_slice frame);

#endif
