/* The command `connect`: a client for people and pipes. */
#ifndef FL_SERVICE_CONNECT_H
#define FL_SERVICE_CONNECT_H

#include "service/ping_options.h"

/* Connects to the target, sends each line of standard input as a frame, and
   shows the reply. Returns the exit status (service/status.h). */
int fl_connect(const struct fl_ping_options *options);

#endif
