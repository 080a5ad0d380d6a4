/* The log: one line per event, as text or JSON (service/log_line.h), to where
   the configuration says. Any thread may log, and none waits for it: one
   thread writes (service/log_sink.h). Events of one kind at one place that
   come again and again are told as a number. */
#ifndef FL_SERVICE_LOG_H
#define FL_SERVICE_LOG_H

#include "core/config.h"
#include "core/event.h"
#include "platform/format.h"
#include "service/notice.h"

#include <stdbool.h>

/* Standard error will be nobody's: "auto" is the system's log from now on, and
   "stderr" is refused. why: "after ..." or "in ...", for people. */
void fl_log_detach(const char *why);

/* Opens the targets, access logs' too, and takes over levels and format; again
   after a change of the configuration. Returns false, the log as it was before,
   with what is wrong as a clause for people in error, when one cannot be
   opened. Before it is opened the log goes to standard error. Requires: one
   thread at a time. */
enum { FL_LOG_ERROR_TEXT = 700 };
bool fl_log_open(const struct fl_config *config, char error[FL_LOG_ERROR_TEXT]);

/* Whether errors and warnings go to standard error too, or where that leads
   nowhere to the system's event log, wherever the log goes: while somebody
   waits for the start, which may fail. */
void fl_log_echo(bool on);

/* From now on a thread of its own writes; until then, and after the end, each
   line is written by who logs it. Returns 0 or an error of libuv. */
int fl_log_start(void);

/* Opens files again, which may have been renamed; nothing is lost. From any
   thread. */
void fl_log_reopen(void);

/* Tells what was held back, writes what waits, ends the thread. */
void fl_log_stop(void);

/* Sets the level (FL_LOG_*) of an area, or of all for FL_LOG_AREAS, until the
   configuration is read again. From any thread. */
void fl_log_set_level(enum fl_log_area area, int level);

FL_FORMAT(3, 4)
void fl_log(int level, enum fl_log_area area, const char *format, ...);

/* The same for what has an event of its own in the system's event log, whatever
   the levels are and wherever lines go (service/supervisor.h). */
FL_FORMAT(4, 5)
void fl_log_notice(enum fl_notice notice, int level, enum fl_log_area area,
                   const char *format, ...);

/* An event of core as a line: closed connections with peer, bytes, frames,
   duration and reason; servers going down and coming back. */
void fl_log_event(const struct fl_event *event);

#endif
