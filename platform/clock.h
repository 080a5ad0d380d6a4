/* The worker's clock. */
#ifndef FL_PLATFORM_CLOCK_H
#define FL_PLATFORM_CLOCK_H

#include "core/time.h"

#include <uv.h>

/* Now, in core's microseconds. */
static inline fl_time fl_clock(void) { return uv_hrtime() / 1000; }

#endif
