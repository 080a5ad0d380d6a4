/* --framing and its parameters on the command line: the keys of
   upstreams[].framing, with the same names, values and limits. */
#ifndef FL_SERVICE_FRAME_OPTIONS_H
#define FL_SERVICE_FRAME_OPTIONS_H

#include "core/framing.h"
#include "core/slice.h"

#include <stdbool.h>

enum { FL_FRAME_KEYS = 9, FL_FRAME_ERROR = 256 };

/* The longest frame that these commands send or take. */
enum { FL_FRAME_MAX = 65536 };

struct fl_frame_options {
  const char *values[FL_FRAME_KEYS]; /* as on the command line; NULL: not
                                        given */
  bool raw;                          /* there are no frames */
  struct fl_framing framing;         /* unless raw */
};

/* Notes the value of an option: --framing, --start, --end, --length-offset and
   so on. Returns false when it is none of these. */
bool fl_frame_options_note(struct fl_frame_options *options, const char *name,
                           const char *value);

/* Reads what was noted. Returns false, with what is wrong as a clause for
   people, when that is no framing. */
bool fl_frame_options_read(struct fl_frame_options *options,
                           char error[FL_FRAME_ERROR]);

/* Makes a frame of what was typed, in `frame` with room for FL_FRAME_MAX
   bytes: as it is where it is a whole frame; else with the bytes added that
   the framing has around it (the line's end; start and end; a length field at
   the front). Returns its size, or 0 when that is no frame either, with why in
   error. */
size_t fl_frame_wrap(const struct fl_frame_options *options,
                     struct fl_slice typed, uint8_t *frame,
                     char error[FL_FRAME_ERROR]);

/* A frame without what fl_frame_wrap adds, of lines and delimited frames. */
struct fl_slice fl_frame_content(const struct fl_frame_options *options,
                                 struct fl_slice frame);

#endif
