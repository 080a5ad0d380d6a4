/* Lines of an access log. As text: time, listener, peer, what it is of, and
   name=value pairs:
     2026-11-22T07:45:00.123Z gateway 192.0.2.7:4711 request outcome=ok ...
   As JSON an object with the same names (docs/operations.md). */
#ifndef FL_SERVICE_ACCESS_LINE_H
#define FL_SERVICE_ACCESS_LINE_H

#include "core/config.h"
#include "core/event.h"

#include <stdbool.h>

enum { FL_ACCESS_LINE = 2048 };

/* The line of FL_EVENT_CLIENT_CLOSED or FL_EVENT_REQUEST_DONE. time:
   milliseconds since 1970-01-01T00:00:00Z. prefixed: as for fl_log_line.
   Returns the size, the end included. Formed by hand, for there may be one for
   each request. */
size_t fl_access_line(char text[FL_ACCESS_LINE], enum fl_log_format format,
                      bool prefixed, uint64_t time,
                      const struct fl_event *event);

#endif
