/* What a reload has to say. Each line goes to the log at once, and is kept for
   those who asked for the reload and wait for its end. */
#ifndef FL_SERVICE_RELOAD_REPORT_H
#define FL_SERVICE_RELOAD_REPORT_H

#include "core/generation.h"
#include "core/text.h"
#include "platform/format.h"
#include "service/notice.h"

struct fl_reload_line {
  int level; /* FL_LOG_* */
  char *text;
};

/* A zeroed struct is an empty one. */
struct fl_reload_report {
  struct fl_reload_line *lines;
  uint32_t count;
  bool incomplete; /* memory was out: the log has more */
};

/* notice: what the line is for the system's event log. */
FL_FORMAT(4, 5)
void fl_reload_say(struct fl_reload_report *report, enum fl_notice notice,
                   int level, const char *format, ...);

/* A line for each of the text, which is empty afterwards. */
void fl_reload_say_all(struct fl_reload_report *report, enum fl_notice notice,
                       int level, struct fl_text *text);

/* What differs, a line for each listener and upstream (of very many only the
   first), then how many there are of each kind. */
void fl_reload_say_changes(struct fl_reload_report *report,
                           const struct fl_generation *next,
                           const struct fl_generation *now);

void fl_reload_report_clear(struct fl_reload_report *report);

#endif
