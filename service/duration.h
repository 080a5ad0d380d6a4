/* Durations for people. */
#ifndef FL_SERVICE_DURATION_H
#define FL_SERVICE_DURATION_H

#include "core/time.h"

enum { FL_DURATION_TEXT = 32 };

/* Writes "3ms", "1.2s", "5m12s", "3h05m" or "2d4h": two figures at most,
   cut, not rounded. Returns text. */
const char *fl_duration_format(fl_time duration, char text[FL_DURATION_TEXT]);

#endif
