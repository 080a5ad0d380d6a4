/* Cuts a byte stream into frames. Decoding is resumable at any byte: the
   same stream gives the same frames however it is split. */
#ifndef FL_CORE_FRAMING_H
#define FL_CORE_FRAMING_H

#include "core/bytes.h"
#include "core/reason.h"
#include "core/slice.h"

#include <stdbool.h>

enum fl_framing_type {
  FL_FRAMING_LINE,      /* ends at LF; a CR before it belongs to the end */
  FL_FRAMING_DELIMITED, /* begins with `start` and ends with `end` */
  FL_FRAMING_LENGTH,    /* a field says how long it is */
  FL_FRAMING_FIXED,     /* all have the same size */
  FL_FRAMING_TYPES,
  /* No frames: bytes pass as they come. Only of sessions. */
  FL_FRAMING_RAW = FL_FRAMING_TYPES
};

struct fl_framing_delimited {
  struct fl_bytes start; /* may be empty */
  struct fl_bytes end;   /* 1.. */
};

enum fl_byte_order { FL_ORDER_BIG, FL_ORDER_LITTLE };

enum fl_length_encoding {
  FL_LENGTH_BINARY, /* an unsigned number */
  FL_LENGTH_ASCII,  /* decimal digits, one a byte */
  FL_LENGTH_BCD     /* decimal digits, two a byte, the greater first */
};

/* A frame has offset + width + the field's value + adjustment bytes. */
struct fl_framing_length {
  uint32_t offset; /* of the field in the frame */
  uint32_t width;  /* 1..8 bytes */
  int32_t adjustment;
  enum fl_byte_order order;
  enum fl_length_encoding encoding;
};

struct fl_framing_fixed {
  uint32_t size; /* 1.. */
};

/* Protocols that fairlead knows by name (core/profile.h). */
enum fl_profile { FL_PROFILE_NONE, FL_PROFILE_MODBUS_TCP, FL_PROFILES };

/* Beside the type only what it uses means anything. */
struct fl_framing {
  enum fl_framing_type type;
  struct fl_framing_delimited delimited;
  struct fl_framing_length length;
  struct fl_framing_fixed fixed;
  enum fl_profile profile; /* whose frames these are: it says which are valid
                              and what errors look like */
};

/* What a decoder remembers between calls on one stream; zeroed for a new
   stream and again by each completed frame. */
struct fl_framing_state {
  uint32_t scanned; /* no end begins among so many bytes of the frame */
};

enum {
  FL_FRAMING_PARTIAL = 0,
  FL_FRAME_OVERSIZE = -1, /* the frame is longer than max_frame */
  FL_FRAME_BAD = -2       /* its start or its length field is wrong, or its
                             profile says that it is */
};

/* Looks for one frame at the start of bytes. `bytes` begins where the last
   completed frame ended and holds at least all bytes given with this state
   before. Requires: the framing is not FL_FRAMING_RAW.
   Returns the size of the frame, its end included (1..max_frame);
   FL_FRAMING_PARTIAL when it is not complete yet; FL_FRAME_OVERSIZE or
   FL_FRAME_BAD as soon as the bytes say so (max_frame bytes without an end are
   oversize): the stream cannot be decoded any further. */
long fl_framing_next(const struct fl_framing *framing,
                     struct fl_framing_state *state, struct fl_slice bytes,
                     size_t max_frame);

/* What stands in a frame between its start and its end; of framings without
   either, all of it. Requires: frame is one of this framing. */
struct fl_slice fl_framing_content(const struct fl_framing *framing,
                                   struct fl_slice frame);

/* Room an error reply of this framing needs at most. */
enum { FL_ERROR_REPLY_MAX = 64 };

/* So much of a request an error reply may be made of. */
enum { FL_HEAD_MAX = 8 };

/* A request that gets an error. */
struct fl_failed {
  enum fl_reason reason;
  bool stands;          /* a connection to the upstream does */
  struct fl_slice head; /* its first bytes, at most FL_HEAD_MAX; none of what
                           was no frame */
};

/* Writes the reply a client gets in place of the one it asked for, such as
   "ERROR request_timeout\n", or what its profile says. Returns its size, 0
   where there is none (the client is closed instead). */
size_t fl_framing_error(const struct fl_framing *framing,
                        const struct fl_failed *failed,
                        uint8_t reply[FL_ERROR_REPLY_MAX]);

#endif
