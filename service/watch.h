/* fairlead status --watch at a terminal: the tables, drawn anew every two
   seconds and when the terminal changes its size, until a key ends it. */
#ifndef FL_SERVICE_WATCH_H
#define FL_SERVICE_WATCH_H

#include "service/remote.h"

enum { FL_WATCH_MS = 2000 };

/* Whether standard output is a terminal. */
bool fl_watch_can(void);

/* Ends with `q` and Ctrl-C (0), with what it watches (that status), or with a
   signal (128 and its number). The terminal is left as it was, the last tables
   on it. The process is at its end when this returns. */
int fl_watch(const struct fl_remote_options *options);

#endif
