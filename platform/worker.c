#include "platform/worker.h"

#include "core/list.h"
#include "platform/acceptor.h"
#include "platform/clock.h"
#include "platform/worker_state.h"

#include <assert.h>
#include <stdlib.h>

/* ---- struct fl_io ---- */

static enum fl_reason io_connect(void *ctx, struct fl_conn *conn,
                                 const struct fl_addr *addr,
                                 const struct fl_sockopts *options,
                                 struct fl_sock **sock) {
  struct fl_worker *worker = ctx;
  return fl_sock_connect(&worker->sockets, conn, addr, options, sock);
}

static enum fl_reason io_resolve(void *ctx, fl_token token, const char *host,
                                 uint16_t port) {
  struct fl_worker *worker = ctx;
  return fl_names_resolve(&worker->names, token, host, port);
}

static uint64_t io_random(void *ctx) {
  struct fl_worker *worker = ctx;
  return fl_random_next(&worker->random);
}

static void io_event(void *ctx, const struct fl_event *event) {
  struct fl_worker *worker = ctx;
  worker->hooks->event(event);
}

static void io_listening(void *ctx, uint32_t slot, bool on) {
  struct fl_worker *worker = ctx;
  (void)slot, (void)on; /* what holds at the end of the turn counts */
  worker->listening_changed = true;
}

static void io_stir(void *ctx, uint32_t other) {
  struct fl_worker *worker = ctx;
  fl_mailbox_wake(worker->sockets.admission->mailboxes[other]);
}

static struct fl_io io_of(struct fl_worker *worker) {
  return (struct fl_io){.ctx = worker,
                        .connect = io_connect,
                        .send = fl_sock_send,
                        .send_rest = fl_sock_send_rest,
                        .unsent = fl_sock_unsent,
                        .unacked = fl_sock_unacked,
                        .read = fl_sock_read,
                        .bulk = fl_sock_bulk,
                        .attach = fl_sock_attach,
                        .shutdown = fl_sock_shutdown,
                        .close = fl_sock_close,
                        .resolve = io_resolve,
                        .random = io_random,
                        .listening = io_listening,
                        .stir = io_stir,
                        .event = io_event};
}

/* ---- the loop's turn ---- */

/* The timer only ends the poll: on_prepare does what is due. */
static void on_timer(uv_timer_t *timer) {
  struct fl_worker *worker = timer->data;
  worker->due = FL_NEVER;
}

/* libuv's clock counts milliseconds from the same zero; rounded up, so that
   the moment has come when the timer fires. */
static void arm(struct fl_worker *worker, fl_time due) {
  worker->due = due;
  if (due == FL_NEVER) {
    (void)uv_timer_stop(&worker->timer);
    return;
  }
  uint64_t at = due / 1000 + (due % 1000 != 0);
  uint64_t now = uv_now(&worker->loop);
  (void)uv_timer_start(&worker->timer, on_timer, at > now ? at - now : 0, 0);
}

static bool listens(const struct fl_worker *worker,
                    const struct fl_acceptor *acceptor) {
  return fl_gateway_listens(worker->gateway, fl_acceptor_slot(acceptor));
}

static void apply_listening(struct fl_worker *worker) {
  struct fl_list *link = worker->acceptors.next;
  worker->listening_changed = false;
  for (; link != &worker->acceptors; link = link->next) {
    struct fl_acceptor *acceptor = fl_acceptor_of_link(link);
    fl_acceptor_listens(acceptor, listens(worker, acceptor));
  }
}

static void end_turn(struct fl_worker *worker, fl_time now) {
  fl_time due = fl_gateway_turn(worker->gateway, now);
  while (worker->listening_changed) {
    apply_listening(worker); /* it may bring clients */
    due = fl_gateway_turn(worker->gateway, now);
  }
  worker->sockets.reads = 0;
  if (due != worker->due)
    arm(worker, due);
}

static void relieve(struct fl_sockets *sockets, fl_time now) {
  struct fl_worker *worker = FL_CONTAINER(sockets, struct fl_worker, sockets);
  sockets->reads = 0;
  fl_gateway_relieve(worker->gateway, now);
}

/* ---- stages ---- */

static bool stage_done(const struct fl_worker *worker) {
  const struct fl_gateway *gateway = worker->gateway;
  if (fl_gateway_clients(gateway, FL_MODE_REQUEST) > 0 ||
      fl_gateway_clients(gateway, FL_MODE_RELAY) > 0 ||
      fl_gateway_clients(gateway, FL_MODE_SESSION) > 0)
    return false;
  if (worker->stage < FL_STAGE_COMMANDS)
    return true;
  if (fl_gateway_clients(gateway, FL_MODE_COMMAND) > 0)
    return false;
  return worker->stage < FL_STAGE_NOW ||
         fl_gateway_upstream_connections(gateway) == 0;
}

static void report(struct fl_worker *worker, enum fl_stage stage) {
  worker->reported = stage;
  fl_mailbox_post(worker->control, &worker->reports[stage].message);
}

/* Takes every step up to the stage that is wanted. */
static void enter_stages(struct fl_worker *worker, fl_time now) {
  static const enum fl_stop stops[FL_STAGE_COUNT] = {
      [FL_STAGE_REQUESTS] = FL_STOP_REQUESTS,
      [FL_STAGE_COMMANDS] = FL_STOP_COMMANDS,
      [FL_STAGE_NOW] = FL_STOP_NOW};
  while (worker->stage < worker->wanted) {
    worker->stage++;
    if (stops[worker->stage] != 0)
      fl_gateway_stop(worker->gateway, stops[worker->stage], now);
  }
}

/* Directly before the loop polls: after timers, and after everything the
   last poll brought, closed handles included. */
static void on_prepare(uv_prepare_t *prepare) {
  struct fl_worker *worker = prepare->data;
  fl_time now = fl_clock();
  if (worker->turns > 0 && --worker->turns == 0) {
    (void)uv_idle_stop(&worker->idle);
    fl_worker_commit(worker, now);
    enter_stages(worker, now);
  }
  end_turn(worker, now);
  if (worker->stage > worker->reported && stage_done(worker))
    report(worker, worker->stage);
}

static void on_idle(uv_idle_t *idle) { (void)idle; }

void fl_worker_start_acceptor(struct fl_worker *worker,
                              struct fl_acceptor *acceptor) {
  fl_acceptor_start(acceptor, listens(worker, acceptor));
}

static void start_acceptors(struct fl_worker *worker) {
  struct fl_list *link = worker->acceptors.next;
  for (; link != &worker->acceptors; link = link->next)
    fl_worker_start_acceptor(worker, fl_acceptor_of_link(link));
}

static void finish_acceptors(struct fl_worker *worker) {
  struct fl_list *link;
  while ((link = fl_list_first(&worker->acceptors)) != NULL)
    fl_acceptor_finish(fl_acceptor_of_link(link));
}

/* Connections may have bytes that were not read yet, and clients handed over
   just before (the mailbox keeps order) are polled for the first time in the
   next turn: so the stage is entered in the turn after that. The idle handle
   keeps that poll from waiting. */
static void after_poll(struct fl_worker *worker) {
  worker->turns = 2;
  (void)uv_idle_start(&worker->idle, on_idle);
}

void fl_worker_commit_soon(struct fl_worker *worker,
                           struct fl_step_message *step) {
  worker->commit = step;
  after_poll(worker);
}

static void on_asked(void *owner, struct fl_message *message) {
  struct fl_worker *worker = owner;
  enum fl_stage stage = (enum fl_stage)(message - worker->asked);
  if (stage == FL_STAGE_SERVE) {
    start_acceptors(worker);
    return;
  }
  finish_acceptors(worker);
  if (stage == FL_STAGE_QUIET)
    report(worker, stage);
  else if (stage == FL_STAGE_END)
    uv_stop(&worker->loop);
  else {
    worker->wanted = stage;
    after_poll(worker);
  }
}

static void on_call(void *owner, struct fl_message *message) {
  struct fl_worker *worker = owner;
  struct fl_call *call = (struct fl_call *)message;
  call->run(call, worker->gateway, fl_clock());
  call->message.deliver = call->done;
  fl_mailbox_post(worker->control, &call->message);
}

void fl_worker_call(struct fl_worker *worker, struct fl_call *call) {
  call->worker = worker;
  call->message.deliver = on_call;
  fl_mailbox_post(&worker->mailbox, &call->message);
}

void fl_worker_ask(struct fl_worker *worker, enum fl_stage stage) {
  fl_mailbox_post(&worker->mailbox, &worker->asked[stage]);
}

/* ---- clients ---- */

void fl_worker_adopt(struct fl_worker *worker, struct fl_sock *sock) {
  struct fl_addr peer = sock->arrival.peer;
  if (!fl_sock_open(&worker->sockets, sock))
    return;
  struct fl_conn *conn =
      fl_gateway_accept(worker->gateway, sock->slot, sock, &peer, fl_clock());
  if (conn == NULL)
    fl_sock_close(sock, false);
  else
    fl_sock_attach(sock, conn);
}

void fl_worker_refused(struct fl_worker *worker, uint32_t slot,
                       const struct fl_addr *peer, enum fl_reason reason,
                       fl_time now) {
  fl_gateway_refused(worker->gateway, slot, peer, reason, now);
}

void fl_worker_rebind_failed(struct fl_worker *worker, uint32_t slot,
                             bool first) {
  fl_gateway_rebind_failed(worker->gateway, slot, first);
}

void fl_worker_rebound(struct fl_worker *worker, uint32_t slot) {
  fl_gateway_rebound(worker->gateway, slot);
}

static void on_arrival(void *owner, struct fl_message *message) {
  struct fl_arrival *arrival = (struct fl_arrival *)message;
  fl_worker_adopt(owner, (struct fl_sock *)arrival);
}

void fl_worker_hand_over(struct fl_worker *worker, struct fl_sock *sock) {
  sock->arrival.message.deliver = on_arrival;
  fl_mailbox_post(&worker->mailbox, &sock->arrival.message);
}

static void on_woken(void *owner) {
  struct fl_worker *worker = owner;
  struct fl_list *link = worker->acceptors.next;
  for (; link != &worker->acceptors; link = link->next)
    fl_acceptor_retry(fl_acceptor_of_link(link));
}

/* ---- life ---- */

/* The handles that cannot fail to open. */
static void open_handles(struct fl_worker *worker) {
  uv_loop_t *loop = &worker->loop;
  loop->data = &worker->sockets;
  worker->sockets.loop = loop;
  (void)uv_prepare_init(loop, &worker->prepare);
  worker->prepare.data = worker;
  (void)uv_prepare_start(&worker->prepare, on_prepare);
  (void)uv_timer_init(loop, &worker->timer);
  worker->timer.data = worker;
  (void)uv_idle_init(loop, &worker->idle);
}

/* Closes the handles and the loop, unless a lookup is still running. */
static void close_all(struct fl_worker *worker) {
  fl_names_cancel(&worker->names);
  fl_mailbox_close(&worker->mailbox);
  uv_close((uv_handle_t *)&worker->prepare, NULL);
  uv_close((uv_handle_t *)&worker->timer, NULL);
  uv_close((uv_handle_t *)&worker->idle, NULL);
  /* One turn for cancelled lookups to come back, one for good measure: a
     close takes effect at the end of the turn in which it was asked for. */
  (void)uv_run(&worker->loop, UV_RUN_NOWAIT);
  (void)uv_run(&worker->loop, UV_RUN_NOWAIT);
  worker->closed = uv_loop_close(&worker->loop) == 0;
}

static void fill(struct fl_worker *worker,
                 const struct fl_worker_setup *setup) {
  worker->control = setup->control;
  worker->hooks = setup->hooks;
  worker->sockets.admission = setup->admission;
  worker->sockets.hooks = setup->hooks;
  worker->sockets.relieve = relieve;
  worker->io = io_of(worker);
  worker->due = FL_NEVER;
  fl_list_init(&worker->acceptors);
  for (int stage = 0; stage < FL_STAGE_COUNT; stage++) {
    worker->asked[stage].deliver = on_asked;
    worker->reports[stage].message.deliver = setup->report;
    worker->reports[stage].stage = (enum fl_stage)stage;
  }
}

static struct fl_gateway *new_gateway(struct fl_worker *worker,
                                      const struct fl_worker_setup *setup) {
  struct fl_gateway_setup gateway = {.generation = setup->generation,
                                     .io = &worker->io,
                                     .occupancy = setup->admission->occupancy,
                                     .memory = &setup->admission->memory,
                                     .worker = setup->index};
  return fl_gateway_new(&gateway);
}

struct fl_worker *fl_worker_new(const struct fl_worker_setup *setup,
                                int *error) {
  struct fl_worker *worker = calloc(1, sizeof *worker);
  *error = UV_ENOMEM;
  if (worker == NULL)
    return NULL;
  fill(worker, setup);
  *error = fl_random_seed(&worker->random);
  if (*error != 0)
    goto no_loop;
  *error = uv_loop_init(&worker->loop);
  if (*error != 0)
    goto no_loop;
  *error = fl_mailbox_open(&worker->mailbox, &worker->loop, worker, on_woken);
  if (*error != 0)
    goto no_mailbox;
  open_handles(worker);
  worker->gateway = new_gateway(worker, setup);
  fl_names_init(&worker->names, &worker->loop, worker->gateway);
  if (worker->gateway != NULL)
    return worker;
  *error = UV_ENOMEM;
  close_all(worker);
  free(worker);
  return NULL;
no_mailbox:
  (void)uv_loop_close(&worker->loop);
no_loop:
  free(worker);
  return NULL;
}

struct fl_mailbox *fl_worker_mailbox(struct fl_worker *worker) {
  return &worker->mailbox;
}

uv_loop_t *fl_worker_loop(struct fl_worker *worker) { return &worker->loop; }

void fl_worker_add_acceptor(struct fl_worker *worker, struct fl_list *link) {
  fl_list_push_back(&worker->acceptors, link);
}

static void on_thread(void *arg) {
  struct fl_worker *worker = arg;
  uv_update_time(&worker->loop);
  fl_gateway_start(worker->gateway, fl_clock());
  (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
  close_all(worker);
}

int fl_worker_start(struct fl_worker *worker) {
  int error = uv_thread_create(&worker->thread, on_thread, worker);
  worker->started = error == 0;
  return error;
}

void fl_worker_join(struct fl_worker *worker) {
  (void)uv_thread_join(&worker->thread);
}

const struct fl_metrics *fl_worker_metrics(struct fl_worker *worker) {
  return fl_gateway_metrics(worker->gateway);
}

bool fl_worker_free(struct fl_worker *worker) {
  if (worker == NULL)
    return true;
  if (!worker->started) {
    finish_acceptors(worker);
    close_all(worker);
  }
  if (!worker->closed)
    return false;
  fl_gateway_free(worker->gateway);
  free(worker);
  return true;
}
