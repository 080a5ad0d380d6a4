/* What fairlead ping and fairlead connect are asked to do. */
#ifndef FL_SERVICE_PING_OPTIONS_H
#define FL_SERVICE_PING_OPTIONS_H

#include "core/slice.h"
#include "core/time.h"
#include "service/frame_options.h"

#include <stdbool.h>

enum {
  FL_PING_HOST = 256,        /* room for a host, its brackets and its NUL */
  FL_PING_BYTES = 1024,      /* the longest --send and --expect */
  FL_PING_VALUE_ERROR = 200, /* room for what is wrong with a value */
  FL_PING_FINISH_ERROR = FL_FRAME_ERROR + 16
};

struct fl_ping_bytes {
  uint8_t bytes[FL_PING_BYTES];
  size_t size; /* 0: not given */
};

struct fl_ping_options {
  const char *target; /* HOST:PORT as it was written; NULL: not given */
  char host[FL_PING_HOST];
  uint16_t port;
  uint64_t count; /* 0: until it is interrupted */
  fl_time interval;
  fl_time timeout;
  struct fl_ping_bytes send; /* a frame; none: connects */
  struct fl_ping_bytes expect;
  struct fl_frame_options frames;
  bool quiet;
};

void fl_ping_options_init(struct fl_ping_options *options);

/* Reads HOST:PORT. Returns false, with what is wrong as a clause for people,
   when it is none; *options keeps `target`. */
bool fl_ping_options_target(struct fl_ping_options *options, const char *target,
                            char error[FL_PING_VALUE_ERROR]);

/* Reads the value of the option `name`: --count, --interval, --timeout,
   --send, --expect, --framing or one of its parameters. Returns and `error` as
   above: "found ..., allowed: ...". */
bool fl_ping_options_value(struct fl_ping_options *options, const char *name,
                           const char *value, char error[FL_PING_VALUE_ERROR]);

/* Once all options are read: reads the framing, and makes a frame of --send.
   Returns as above, the option's name in front of what is wrong. */
bool fl_ping_options_finish(struct fl_ping_options *options,
                            char error[FL_PING_FINISH_ERROR]);

#endif
