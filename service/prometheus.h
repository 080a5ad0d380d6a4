/* What there is to measure, in Prometheus' text format (version 0.0.4 of
   "Exposition formats" in its documentation). docs/metrics.md explains each
   metric. */
#ifndef FL_SERVICE_PROMETHEUS_H
#define FL_SERVICE_PROMETHEUS_H

#include "service/collect.h"

/* Returns a text owned by the caller (free), NULL when memory is out. */
char *fl_prometheus(const struct fl_instance *instance,
                    const struct fl_collected *found);

#endif
