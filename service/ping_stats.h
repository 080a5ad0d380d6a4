/* What a series of probes came to, in the terms of ping(8). */
#ifndef FL_SERVICE_PING_STATS_H
#define FL_SERVICE_PING_STATS_H

#include "core/time.h"

#include <stddef.h>

/* A zeroed struct is an empty series. */
struct fl_ping_stats {
  uint64_t sent;
  uint64_t answered;
  fl_time min; /* of round trip times, as max; 0 until one was answered */
  fl_time max;
  double mean;    /* microseconds */
  double squares; /* the sum of squared distances from the mean */
};

/* Adds an answered probe, one of those counted in `sent`. */
void fl_ping_stats_answered(struct fl_ping_stats *stats, fl_time rtt);

/* The probes that were not answered, in per cent; 0 when none was sent. */
double fl_ping_stats_loss(const struct fl_ping_stats *stats);

/* The standard deviation of the round trip times, in microseconds. */
double fl_ping_stats_mdev(const struct fl_ping_stats *stats);

enum { FL_PING_STATS_TEXT = 256 };

/* Writes "3 sent, 2 answered, 33.3333% lost, time 2003 ms", and, when any was
   answered, a second line, "rtt min/avg/max/mdev = 0.1/0.2/0.3/0.1 ms" with
   three decimals each. No line end follows. */
void fl_ping_stats_format(const struct fl_ping_stats *stats, fl_time elapsed,
                          char text[FL_PING_STATS_TEXT]);

#endif
