/* What fairlead ping is asked to do. */
#ifndef FL_SERVICE_PING_OPTIONS_H
#define FL_SERVICE_PING_OPTIONS_H

#include "core/slice.h"
#include "core/time.h"

#include <stdbool.h>

enum {
  FL_PING_HOST = 256,       /* room for a host, its brackets and its NUL */
  FL_PING_BYTES = 1024,     /* the longest --send and --expect */
  FL_PING_VALUE_ERROR = 200 /* room for what is wrong with a value */
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
  struct fl_ping_bytes send; /* a line, its end included; none: connects */
  struct fl_ping_bytes expect;
  bool quiet;
};

void fl_ping_options_init(struct fl_ping_options *options);

/* Reads HOST:PORT. Returns false, with what is wrong as a clause for people,
   when it is none; *options keeps `target`. */
bool fl_ping_options_target(struct fl_ping_options *options, const char *target,
                            char error[FL_PING_VALUE_ERROR]);

/* Reads the value of the option `name`: --count, --interval, --timeout,
   --send or --expect. Returns and `error` as above: "found ..., allowed:
   ...". */
bool fl_ping_options_value(struct fl_ping_options *options, const char *name,
                           const char *value, char error[FL_PING_VALUE_ERROR]);

#endif
