/* The events of a console (HandlerRoutine, Windows console documentation) as
   libuv names them. After that of closing the system ends the process about
   5 s later, whatever it does meanwhile. */
#include "service/signals.h"

#include <uv.h>

#include <signal.h>

static const struct fl_signal signals[] = {
    {SIGINT, FL_SIGNAL_STOP, "Ctrl-C"},
    {SIGBREAK, FL_SIGNAL_STOP, "Ctrl-Break"},
    {SIGHUP, FL_SIGNAL_STOP, "the console was closed"},
};

const struct fl_signal *fl_signals(size_t *count) {
  *count = sizeof signals / sizeof signals[0];
  return signals;
}
