#include "service/duration.h"

#include <inttypes.h>
#include <stdio.h>

const char *fl_duration_format(fl_time duration, char text[FL_DURATION_TEXT]) {
  uint64_t seconds = duration / FL_SECOND;
  uint64_t minutes = seconds / 60;
  uint64_t hours = minutes / 60;
  if (seconds == 0)
    snprintf(text, FL_DURATION_TEXT, "%" PRIu64 "ms",
             duration / FL_MILLISECOND);
  else if (minutes == 0)
    snprintf(text, FL_DURATION_TEXT, "%" PRIu64 ".%" PRIu64 "s", seconds,
             duration % FL_SECOND / (FL_SECOND / 10));
  else if (hours == 0)
    snprintf(text, FL_DURATION_TEXT, "%" PRIu64 "m%02" PRIu64 "s", minutes,
             seconds % 60);
  else if (hours < 24)
    snprintf(text, FL_DURATION_TEXT, "%" PRIu64 "h%02" PRIu64 "m", hours,
             minutes % 60);
  else
    snprintf(text, FL_DURATION_TEXT, "%" PRIu64 "d%" PRIu64 "h", hours / 24,
             hours % 24);
  return text;
}
