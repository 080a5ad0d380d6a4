/* What asks the running program for something from outside: signals, and on
   Windows the events of a console that libuv gives out as signals. A file per
   system. */
#ifndef FL_SERVICE_SIGNALS_H
#define FL_SERVICE_SIGNALS_H

#include <stddef.h>

enum fl_signal_act {
  FL_SIGNAL_STOP,
  FL_SIGNAL_HURRY,   /* a stop; the system ends the process soon */
  FL_SIGNAL_RESTART, /* a stop for a restart */
  FL_SIGNAL_RELOAD,
  FL_SIGNAL_REOPEN /* log files were renamed */
};

struct fl_signal {
  int number; /* for uv_signal_start */
  enum fl_signal_act act;
  const char *name; /* for people */
};

enum { FL_SIGNALS_MAX = 5 };

/* Those of this system, at most FL_SIGNALS_MAX. */
const struct fl_signal *fl_signals(size_t *count);

#endif
