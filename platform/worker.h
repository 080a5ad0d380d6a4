/* A thread with its own loop and gateway. */
#ifndef FL_PLATFORM_WORKER_H
#define FL_PLATFORM_WORKER_H

#include "core/gateway.h"
#include "platform/acceptor.h"
#include "platform/admission.h"
#include "platform/hooks.h"
#include "platform/mailbox.h"

struct fl_list;
struct fl_sock;
struct fl_worker;

/* A worker's life: START fills the pools; SERVE accepts clients; then the way
   to the end. A stage is done on a worker when
   QUIET     its listening sockets are closed, after what had queued up there
             was accepted and handed over;
   REQUESTS  fl_gateway_stop(FL_STOP_REQUESTS) left no request client, and
             no relay is left;
   COMMANDS  (FL_STOP_COMMANDS) no client at all;
   NOW       (FL_STOP_NOW) no connection at all;
   END       its thread ends. */
enum fl_stage {
  FL_STAGE_START,
  FL_STAGE_SERVE,
  FL_STAGE_QUIET,
  FL_STAGE_REQUESTS,
  FL_STAGE_COMMANDS,
  FL_STAGE_NOW,
  FL_STAGE_END,
  FL_STAGE_COUNT
};

/* Sent to the control mailbox when one of QUIET to NOW is done. A stage that
   a later one has overtaken may go without. */
struct fl_report {
  struct fl_message message;
  enum fl_stage stage;
};

struct fl_worker_setup {
  struct fl_generation *generation; /* all pointers outlive the worker */
  struct fl_admission *admission;
  const struct fl_hooks *hooks;
  struct fl_mailbox *control;
  fl_message_fn *report; /* takes struct fl_report on control's thread */
  uint32_t index;
};

/* Returns NULL with *error (of libuv) when that fails. */
struct fl_worker *fl_worker_new(const struct fl_worker_setup *setup,
                                int *error);

/* Where admission wakes its acceptors. */
struct fl_mailbox *fl_worker_mailbox(struct fl_worker *worker);

uv_loop_t *fl_worker_loop(struct fl_worker *worker);

/* The worker starts, retries and finishes this acceptor. Requires: it has not
   started. */
void fl_worker_add_acceptor(struct fl_worker *worker, struct fl_list *link);

/* Starts the thread in stage START. Returns 0 or an error. */
int fl_worker_start(struct fl_worker *worker);

/* From its own thread: a client with its arrival filled in comes here. */
void fl_worker_adopt(struct fl_worker *worker, struct fl_sock *sock);

/* From its own thread: a client of the listener with this slot was refused. */
void fl_worker_refused(struct fl_worker *worker, uint32_t slot,
                       const struct fl_addr *peer, enum fl_reason reason,
                       fl_time now);

/* From its own thread: an address of that listener could not be bound again
   (`first`: since it was closed); it could at last, or need not be. */
void fl_worker_rebind_failed(struct fl_worker *worker, uint32_t slot,
                             bool first);
void fl_worker_rebound(struct fl_worker *worker, uint32_t slot);

/* fl_worker_adopt from any thread. Requires: before stage QUIET is reported by
   the worker that calls. */
void fl_worker_hand_over(struct fl_worker *worker, struct fl_sock *sock);

/* Asks for a stage, from control's thread; each at most once and only
   forward. A worker takes the steps in between by itself. Requires: started.
   SERVE requires that every worker has started, since acceptors hand clients
   over; REQUESTS and later, where SERVE was asked for, that QUIET is done on
   every worker; END that NOW is done on every worker. */
void fl_worker_ask(struct fl_worker *worker, enum fl_stage stage);

/* Something to do with a worker's gateway on its thread. Embedded in what it
   carries, like a message. */
struct fl_call {
  struct fl_message message;
  void (*run)(struct fl_call *call, struct fl_gateway *gateway, fl_time now);
  fl_message_fn *done; /* on control's thread, with the message above */
  struct fl_worker *worker;
};

/* Has `run` called between two turns of the worker, and then `done`, with
   control as the owner. From control's thread. Requires: started; before END
   is asked for. What was called for comes back before the thread ends. */
void fl_worker_call(struct fl_worker *worker, struct fl_call *call);

/* ---- a reload ---- */

/* Its steps. Each is asked of every worker, and begins when all have done the
   one before. Only PREPARE can fail; then all do CANCEL, and nothing has
   changed.
   PREPARE  takes all the memory it needs, and the new acceptors;
   QUIET    acceptors that go accept what had queued up, hand it over, and
            close;
   COMMIT   the new configuration is in effect;
   START    new acceptors accept. */
enum fl_step {
  FL_STEP_PREPARE,
  FL_STEP_CANCEL,
  FL_STEP_QUIET,
  FL_STEP_COMMIT,
  FL_STEP_START
};

enum fl_acceptor_fate {
  FL_ACCEPTOR_STAYS,
  FL_ACCEPTOR_COMES, /* it was made for this reload */
  FL_ACCEPTOR_MOVES, /* a copy of it comes */
  FL_ACCEPTOR_GOES
};

struct fl_acceptor_change {
  struct fl_acceptor *acceptor;
  enum fl_acceptor_fate fate;
  uint32_t worker;                /* whose it is */
  struct fl_acceptor_setup setup; /* in the next configuration, if any */
  bool attached;                  /* the worker's own note */
};

/* A listener that stays. */
struct fl_guard_plan {
  struct fl_guard *guard;
  struct fl_guard_change *change; /* the worker takes it */
  const struct fl_listener_config *config;
  uint32_t worker; /* that accepts for it */
};

/* What is to change; the same for all workers. */
struct fl_change {
  struct fl_generation *next;
  struct fl_acceptor_change *acceptors;
  uint32_t acceptor_count;
  struct fl_guard_plan *guards;
  uint32_t guard_count;
};

/* A step for one worker, and its answer. */
struct fl_step_message {
  struct fl_message message;
  struct fl_change *change;
  fl_message_fn *done; /* takes this message on control's thread */
  enum fl_step step;
  uint32_t worker;
  int error; /* of PREPARE: 0, or one of libuv */
};

/* From control's thread, between stage SERVE and any later. The message is the
   worker's until `done`. */
void fl_worker_step(struct fl_worker *worker, struct fl_step_message *step);

/* Waits for the thread's end, after END. */
void fl_worker_join(struct fl_worker *worker);

/* Requires: joined or never started. */
const struct fl_metrics *fl_worker_metrics(struct fl_worker *worker);

/* Requires: joined or never started. Returns false, everything left as it
   is, when the system still works on a lookup for this worker: then its
   memory must stay and the process end without waiting (_exit). NULL is
   fine. */
bool fl_worker_free(struct fl_worker *worker);

#endif
