/* The events of a console (HandlerRoutine, Windows console documentation) as
   libuv names them. After that of closing the system ends the process when the
   handler returns, which libuv's does not do, or about 5 s later. */
#include "service/signals.h"

#include <uv.h>

#include <signal.h>

static const struct fl_signal signals[] = {
    {SIGINT, FL_SIGNAL_STOP, "Ctrl-C"},
    {SIGBREAK, FL_SIGNAL_STOP, "Ctrl-Break"},
    {SIGHUP, FL_SIGNAL_HURRY, "the console was closed"},
};

const struct fl_signal *fl_signals(size_t *count) {
  *count = sizeof signals / sizeof signals[0];
  return signals;
}
