#include "service/signals.h"

#include <signal.h>

static const struct fl_signal signals[] = {
    {SIGTERM, FL_SIGNAL_STOP, "SIGTERM"},
    {SIGINT, FL_SIGNAL_STOP, "SIGINT"},
    {SIGUSR2, FL_SIGNAL_RESTART, "SIGUSR2"},
    {SIGHUP, FL_SIGNAL_RELOAD, "SIGHUP"},
    {SIGUSR1, FL_SIGNAL_REOPEN, "SIGUSR1"},
};

const struct fl_signal *fl_signals(size_t *count) {
  *count = sizeof signals / sizeof signals[0];
  return signals;
}
