#include "service/measure.h"

#include <stdlib.h>

/* On its way from worker to worker: one after the other, for none should wait
   for the others' lists to be added up. */
struct measure {
  struct fl_call call; /* first */
  const struct fl_instance *instance;
  struct fl_connections found;
  fl_measured_fn *done;
  void *context;
  uint32_t worker; /* the one that is asked */
};

static void run(struct fl_call *call, struct fl_gateway *gateway, fl_time now) {
  struct measure *measure = (struct measure *)call;
  (void)gateway;
  (void)now;
  fl_connections_take(&measure->found, call->worker, measure->worker);
}

static void on_done(void *owner, struct fl_message *message);

/* Asks the next, or ends. A system that does not tell one tells none. */
static void go_on(struct measure *measure) {
  const struct fl_instance *instance = measure->instance;
  if (measure->found.error == 0 && measure->worker < instance->count &&
      fl_control_turns(instance->control)) {
    measure->call.run = run;
    measure->call.done = on_done;
    fl_worker_call(instance->workers[measure->worker], &measure->call);
    return;
  }
  measure->done(measure->context, &measure->found);
  free(measure);
}

static void on_done(void *owner, struct fl_message *message) {
  struct measure *measure = (struct measure *)message;
  (void)owner;
  measure->worker++;
  go_on(measure);
}

void fl_measure(const struct fl_instance *instance, fl_measured_fn *done,
                void *context) {
  struct fl_connections none = {0};
  struct measure *measure = calloc(1, sizeof *measure);
  if (measure == NULL) {
    done(context, &none);
    return;
  }
  measure->instance = instance;
  measure->done = done;
  measure->context = context;
  go_on(measure);
}
