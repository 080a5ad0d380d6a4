/* Asking every worker what TCP has measured on its connections to servers:
   like service/collect.h. */
#ifndef FL_SERVICE_MEASURE_H
#define FL_SERVICE_MEASURE_H

#include "platform/connections.h"
#include "service/instance.h"

/* Takes what was found, which is the taker's to free. On the main thread. */
typedef void fl_measured_fn(void *context, struct fl_connections *found);

/* Calls `done` once, perhaps before this returns. Nothing is found when memory
   is out, and when the workers are past their end. */
void fl_measure(const struct fl_instance *instance, fl_measured_fn *done,
                void *context);

#endif
