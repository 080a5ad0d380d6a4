/* Asking every worker at once: what they answer is gathered on the main
   thread, and none of them waits. */
#ifndef FL_SERVICE_COLLECT_H
#define FL_SERVICE_COLLECT_H

#include "core/snapshot.h"
#include "service/instance.h"

struct fl_collected {
  struct fl_snapshot sum;
  const fl_time *lags; /* for how long each worker let the question wait; as
                          many as there are workers */
};

/* Takes what was collected, which is freed after the call. sum.failed is set
   when memory was out, and when the workers were past their end; then there
   are no lags. On the main thread. */
typedef void fl_collected_fn(void *context, const struct fl_collected *found);

/* Collects `what` (FL_SNAPSHOT_*) and calls `done` once, perhaps before this
   returns. */
void fl_collect(const struct fl_instance *instance, unsigned what,
                fl_collected_fn *done, void *context);

#endif
