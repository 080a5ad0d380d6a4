/* What the platform layer tells its user, the service: lines for the log and
   core's events. Both are called from any worker's thread. */
#ifndef FL_PLATFORM_HOOKS_H
#define FL_PLATFORM_HOOKS_H

#include "core/event.h"
#include "core/log_area.h"
#include "platform/format.h"

struct fl_hooks {
  /* level: FL_LOG_* of core/config.h; area of core/log_area.h. */
  FL_FORMAT(3, 4)
  void (*log)(int level, enum fl_log_area area, const char *format, ...);
  void (*event)(const struct fl_event *event);
};

#endif
