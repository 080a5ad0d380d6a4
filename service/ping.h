/* fairlead ping: how long a TCP server takes to accept a connection, or to
   answer a request, as ping(8) does it for hosts. */
#ifndef FL_SERVICE_PING_H
#define FL_SERVICE_PING_H

#include "service/ping_options.h"

/* Probes until the count is reached or SIGINT arrives, a line for each on
   standard output, and prints the statistics. Returns an exit status. */
int fl_ping(const struct fl_ping_options *options);

#endif
