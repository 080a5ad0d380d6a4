#include "service/collect.h"

#include "platform/clock.h"

#include <assert.h>
#include <stdlib.h>

struct collection;

/* One worker's part. */
struct part {
  struct fl_call call; /* first */
  struct collection *collection;
  struct fl_snapshot snapshot;
};

struct collection {
  unsigned what;
  fl_collected_fn *done;
  void *context;
  uint32_t missing;
  fl_time asked;
  struct fl_collected found;
  fl_time lags[FL_CONFIG_WORKERS_MAX];
  struct part parts[];
};

static void run(struct fl_call *call, struct fl_gateway *gateway, fl_time now) {
  struct part *part = (struct part *)call;
  struct collection *collection = part->collection;
  collection->lags[part - collection->parts] = now - collection->asked;
  fl_snapshot_take(&part->snapshot, gateway, collection->what, now);
}

static void finish(struct collection *collection) {
  collection->found.lags = collection->lags;
  fl_snapshot_sort(&collection->found.sum);
  collection->done(collection->context, &collection->found);
  fl_snapshot_free(&collection->found.sum);
  free(collection);
}

static void on_part(void *owner, struct fl_message *message) {
  struct part *part = (struct part *)message;
  struct collection *collection = part->collection;
  (void)owner;
  fl_snapshot_add(&collection->found.sum, &part->snapshot);
  if (--collection->missing == 0)
    finish(collection);
}

void fl_collect(const struct fl_instance *instance, unsigned what,
                fl_collected_fn *done, void *context) {
  struct collection *collection = NULL;
  assert(instance->count > 0 && instance->count <= FL_CONFIG_WORKERS_MAX);
  if (fl_control_turns(instance->control))
    collection = calloc(1, sizeof *collection +
                               instance->count * sizeof collection->parts[0]);
  if (collection == NULL) {
    const struct fl_collected none = {.sum.failed = true};
    done(context, &none);
    return;
  }
  collection->what = what;
  collection->done = done;
  collection->context = context;
  collection->missing = instance->count;
  collection->asked = fl_clock();
  for (uint32_t i = 0; i < instance->count; i++) {
    struct part *part = &collection->parts[i];
    part->collection = collection;
    part->call.run = run;
    part->call.done = on_part;
    fl_worker_call(instance->workers[i], &part->call);
  }
}
