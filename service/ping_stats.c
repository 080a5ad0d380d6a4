#include "service/ping_stats.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Welford's method: no sum of squares that could overflow or cancel out. */
void fl_ping_stats_answered(struct fl_ping_stats *stats, fl_time rtt) {
  double value = (double)rtt;
  double distance = value - stats->mean;
  if (stats->answered == 0 || rtt < stats->min)
    stats->min = rtt;
  if (rtt > stats->max)
    stats->max = rtt;
  stats->answered++;
  stats->mean += distance / (double)stats->answered;
  stats->squares += distance * (value - stats->mean);
}

double fl_ping_stats_loss(const struct fl_ping_stats *stats) {
  if (stats->sent == 0)
    return 0;
  return 100.0 * (double)(stats->sent - stats->answered) / (double)stats->sent;
}

double fl_ping_stats_mdev(const struct fl_ping_stats *stats) {
  if (stats->answered == 0)
    return 0;
  return sqrt(stats->squares / (double)stats->answered);
}

void fl_ping_stats_format(const struct fl_ping_stats *stats, fl_time elapsed,
                          char text[FL_PING_STATS_TEXT]) {
  const double ms = (double)FL_MILLISECOND;
  int size = snprintf(text, FL_PING_STATS_TEXT,
                      "%" PRIu64 " sent, %" PRIu64
                      " answered, %.6g%% lost, time %" PRIu64 " ms",
                      stats->sent, stats->answered, fl_ping_stats_loss(stats),
                      elapsed / FL_MILLISECOND);
  if (stats->answered == 0 || size < 0)
    return;
  snprintf(text + size, FL_PING_STATS_TEXT - (size_t)size,
           "\nrtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms",
           (double)stats->min / ms, stats->mean / ms, (double)stats->max / ms,
           fl_ping_stats_mdev(stats) / ms);
}
