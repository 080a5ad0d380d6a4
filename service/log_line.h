/* Lines of the log. As text:
     2026-11-22T07:45:00.123Z info client gateway: 192.0.2.7:4711 closed: ...
   that is time (UTC), level, area, message. As JSON an object with the fields
   that docs/operations.md lists. Either is one line of UTF-8 without control
   bytes, whatever a peer sent. */
#ifndef FL_SERVICE_LOG_LINE_H
#define FL_SERVICE_LOG_LINE_H

#include "core/config.h"
#include "core/event.h"

#include <stdbool.h>

enum {
  FL_LOG_LINE = 4096, /* a line with its end, at most */
  FL_LOG_STAMP = 32
};

struct fl_log_record {
  uint64_t time; /* milliseconds since 1970-01-01T00:00:00Z */
  int level;
  enum fl_log_area area;
  const char *message;
  const struct fl_event *event; /* whose fields are told too, or NULL */
  uint64_t repeated;            /* so many like this were left out; 0: none */
};

/* prefixed: the system's log is behind it, which keeps time and level itself;
   the line begins with "<N>", N the priority of syslog(3), and as text without
   the two. Cuts what does not fit. Returns the size, the end included. */
size_t fl_log_line(char text[FL_LOG_LINE], enum fl_log_format format,
                   bool prefixed, const struct fl_log_record *record);

/* Milliseconds since 1970-01-01T00:00:00Z as ISO 8601 writes them, in UTC.
   Returns text. */
const char *fl_log_stamp(uint64_t time, char text[FL_LOG_STAMP]);

/* Copies text; control bytes and what is no UTF-8 become \xNN, and "..." ends
   it where room ends. For JSON, `"` and `\` are escaped. Returns the size; no
   NUL. */
size_t fl_log_escape(char *to, size_t room, const char *text, bool json);

const char *fl_log_level_name(int level);

const char *fl_log_area_name(enum fl_log_area area);

/* The area of that name; FL_LOG_AREAS when there is none. */
enum fl_log_area fl_log_area(const char *name);

/* The level of that name; FL_LOG_LEVELS when there is none. */
int fl_log_level(const char *name);

#endif
