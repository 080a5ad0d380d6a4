/* A worker's part in a reload. */
#include "core/reload.h"
#include "platform/acceptor.h"
#include "platform/worker_state.h"

static void answer(struct fl_worker *worker, struct fl_step_message *step,
                   int error) {
  step->error = error;
  step->message.deliver = step->done;
  fl_mailbox_post(worker->control, &step->message);
}

/* The i-th change that concerns an acceptor of this worker; NULL: not his. */
static struct fl_acceptor_change *change_at(const struct fl_step_message *step,
                                            uint32_t i,
                                            enum fl_acceptor_fate fate) {
  struct fl_acceptor_change *change = &step->change->acceptors[i];
  return change->worker == step->worker && change->fate == fate ? change : NULL;
}

static void cancel(struct fl_worker *worker,
                   const struct fl_step_message *step) {
  for (uint32_t i = 0; i < step->change->acceptor_count; i++) {
    struct fl_acceptor_change *change = change_at(step, i, FL_ACCEPTOR_COMES);
    if (change != NULL && change->attached)
      fl_acceptor_leave(change->acceptor);
  }
  fl_reload_cancel(worker->gateway);
}

static int prepare(struct fl_worker *worker,
                   const struct fl_step_message *step) {
  if (!fl_reload_prepare(worker->gateway, step->change->next))
    return UV_ENOMEM;
  for (uint32_t i = 0; i < step->change->acceptor_count; i++) {
    struct fl_acceptor_change *change = change_at(step, i, FL_ACCEPTOR_COMES);
    if (change == NULL)
      continue;
    int error = fl_acceptor_attach(change->acceptor, &change->setup);
    if (error != 0)
      return error;
    change->attached = true;
  }
  return 0;
}

static void quiet(const struct fl_step_message *step) {
  for (uint32_t i = 0; i < step->change->acceptor_count; i++) {
    if (change_at(step, i, FL_ACCEPTOR_GOES) != NULL)
      fl_acceptor_finish(step->change->acceptors[i].acceptor);
    if (change_at(step, i, FL_ACCEPTOR_MOVES) != NULL)
      fl_acceptor_leave(step->change->acceptors[i].acceptor);
  }
}

static void commit(struct fl_worker *worker, const struct fl_step_message *step,
                   fl_time now) {
  fl_reload_commit(worker->gateway, now);
  for (uint32_t i = 0; i < step->change->guard_count; i++) {
    const struct fl_guard_plan *plan = &step->change->guards[i];
    if (plan->worker == step->worker)
      fl_guard_configure(plan->guard, plan->config, plan->change);
  }
  for (uint32_t i = 0; i < step->change->acceptor_count; i++) {
    struct fl_acceptor_change *change = change_at(step, i, FL_ACCEPTOR_STAYS);
    if (change != NULL)
      fl_acceptor_configure(change->acceptor, change->setup.config);
  }
}

void fl_worker_commit(struct fl_worker *worker, fl_time now) {
  struct fl_step_message *step = worker->commit;
  if (step == NULL)
    return;
  worker->commit = NULL;
  if (step->step == FL_STEP_COMMIT)
    commit(worker, step, now);
  answer(worker, step, 0);
}

static void start(struct fl_worker *worker,
                  const struct fl_step_message *step) {
  for (uint32_t i = 0; i < step->change->acceptor_count; i++)
    if (change_at(step, i, FL_ACCEPTOR_COMES) != NULL)
      fl_worker_start_acceptor(worker, step->change->acceptors[i].acceptor);
}

static void on_step(void *owner, struct fl_message *message) {
  struct fl_worker *worker = owner;
  struct fl_step_message *step = (struct fl_step_message *)message;
  int error = 0;
  switch (step->step) {
  case FL_STEP_PREPARE:
    error = prepare(worker, step);
    break;
  case FL_STEP_CANCEL:
    cancel(worker, step);
    fl_worker_commit_soon(worker, step); /* what it closed is closed then */
    return;
  case FL_STEP_QUIET:
    quiet(step);
    break;
  case FL_STEP_COMMIT:
    /* What had arrived for clients that are to be drained is read first. */
    fl_worker_commit_soon(worker, step);
    return;
  case FL_STEP_START:
    start(worker, step);
    break;
  }
  answer(worker, step, error);
}

void fl_worker_step(struct fl_worker *worker, struct fl_step_message *step) {
  step->message.deliver = on_step;
  fl_mailbox_post(&worker->mailbox, &step->message);
}
