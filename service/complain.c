#include "service/complain.h"

#include "core/config.h"
#include "service/supervisor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 2048 };

bool fl_complain(enum fl_notice kind, const char *format, ...) {
  char line[LINE];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (!fl_supervisor_tell(kind, FL_LOG_ERROR, line))
    (void)fprintf(stderr, "fairlead: %s\n", line);
  return false;
}

void fl_complain_lines(enum fl_notice kind, const char *lines) {
  if (!fl_supervised())
    (void)fputs(lines, stderr);
  for (; fl_supervised() && *lines != '\0';
       lines += strcspn(lines, "\n"), lines += *lines != '\0') {
    char line[LINE];
    (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(lines, "\n"), lines);
    (void)fl_supervisor_tell(kind, FL_LOG_ERROR, line);
  }
}
