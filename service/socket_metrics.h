/* The part of the metrics that is the operating system's view of sockets. */
#ifndef FL_SERVICE_SOCKET_METRICS_H
#define FL_SERVICE_SOCKET_METRICS_H

#include "core/tcp_sample.h"
#include "core/text.h"

/* Writes them. NULL: there is no sample, and nothing to write. */
void fl_socket_metrics(struct fl_text *to, const struct fl_tcp_sample *sample,
                       fl_time now);

#endif
