/* Asking every worker at once: what they answer is gathered on the main
   thread, and none of them waits. */
#ifndef FL_SERVICE_COLLECT_H
#define FL_SERVICE_COLLECT_H

#include "core/snapshot.h"
#include "service/instance.h"

/* Takes the sum of all workers' snapshots; it is freed after the call. Its
   `failed` is set when memory was out, and when the workers were past their
   end. On the main thread. */
typedef void fl_collected_fn(void *context, const struct fl_snapshot *sum);

/* Collects `what` (FL_SNAPSHOT_*) and calls `done` once, perhaps before this
   returns. */
void fl_collect(const struct fl_instance *instance, unsigned what,
                fl_collected_fn *done, void *context);

#endif
