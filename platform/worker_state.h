/* A worker's inside. Only worker.c and worker_change.c include this. */
#ifndef FL_PLATFORM_WORKER_STATE_H
#define FL_PLATFORM_WORKER_STATE_H

#include "platform/names.h"
#include "platform/random.h"
#include "platform/sock.h"
#include "platform/worker.h"

struct fl_worker {
  uv_loop_t loop;
  uv_prepare_t prepare; /* the end of every turn */
  uv_timer_t timer;     /* the gateway's next moment */
  uv_idle_t idle;       /* runs while turns must not wait */
  uv_thread_t thread;
  struct fl_mailbox mailbox;
  struct fl_mailbox *control;
  struct fl_io io;
  struct fl_gateway *gateway;
  const struct fl_hooks *hooks;
  struct fl_names names;
  struct fl_random random;
  struct fl_list acceptors;
  fl_time due; /* the timer's moment; FL_NEVER: it is off */
  struct fl_message asked[FL_STAGE_COUNT];
  struct fl_report reports[FL_STAGE_COUNT];
  enum fl_stage wanted;   /* to be entered when `turns` are over */
  enum fl_stage stage;    /* the last entered, of REQUESTS to NOW */
  enum fl_stage reported; /* the last done */
  unsigned turns;         /* to go before `wanted` is entered, or `commit` */
  struct fl_step_message *commit; /* to be done then; NULL: none */
  bool listening_changed;         /* in this turn: see io->listening */
  bool started;
  bool closed; /* handles and loop */
  struct fl_sockets sockets;
};

/* The idle handle keeps the loop from waiting: in the turn after the next,
   fl_worker_commit is called. */
void fl_worker_commit_soon(struct fl_worker *worker,
                           struct fl_step_message *step);

/* It accepts from now on, if its listener is to listen. */
void fl_worker_start_acceptor(struct fl_worker *worker,
                              struct fl_acceptor *acceptor);

/* Ends the steps CANCEL and COMMIT, if one of them waits for it. */
void fl_worker_commit(struct fl_worker *worker, fl_time now);

#endif
