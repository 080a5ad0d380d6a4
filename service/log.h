/* The log: one line per event to standard error, written with one call so
   that lines of several threads never mix:
     2026-11-22T07:45:00.123Z info listener commands: listening on 127.0.0.1:80
   that is time (UTC), level, area, message. Any thread may log. */
#ifndef FL_SERVICE_LOG_H
#define FL_SERVICE_LOG_H

#include "core/event.h"

/* Lines above this level (FL_LOG_* of core/config.h) are dropped. Call before
   other threads start. */
void fl_log_level(int level);

/* area: one word ("listener", "client", "upstream", "service"). */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void fl_log(int level, const char *area, const char *format, ...);

/* An event of core as a line: closed connections with peer, bytes, frames,
   duration and reason; servers going down and coming back. */
void fl_log_event(const struct fl_event *event);

#endif
