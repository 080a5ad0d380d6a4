/* Accepts on a polled socket rather than by uv_listen, which at the descriptor
   limit accepts clients and closes them without a word, and on Windows ties
   them to the loop that accepts.

   A client whose descriptor lies in the reserve is served; while such a client
   is open (fl_admission.over), each accept first asks whether a number below
   the reserve is free. */
#include "platform/acceptor.h"

#include "core/config_diff.h"
#include "platform/admission.h"
#include "platform/clock.h"
#include "platform/descriptors.h"
#include "platform/error.h"
#include "platform/listening.h"
#include "platform/sock.h"
#include "platform/socket.h"
#include "platform/sockopts.h"
#include "platform/worker.h"

#include <assert.h>
#include <stdlib.h>

enum {
  BATCH = 64,     /* accepts in a row before other connections get their turn */
  RETRY_MS = 1000 /* after an error that nothing here brings to an end */
};

/* What an acceptor waits for. */
enum wait { FOR_NOTHING, FOR_CLIENT, FOR_DESCRIPTOR, FOR_SYSTEM };

enum outcome { TAKEN, FAILED_ONE, EMPTY, NO_ROOM };

struct fl_acceptor {
  uv_poll_t *poll; /* while open and attached; it outlives its socket */
  uv_timer_t retry;
  struct fl_list link; /* the worker's acceptors */
  struct fl_acceptor_setup setup;
  const struct fl_hooks *hooks;
  uv_mutex_t lock;     /* of socket and open, against fl_acceptor_copy */
  uv_os_sock_t socket; /* while open */
  struct fl_addr addr; /* in effect */
  uint32_t backlog;
  struct fl_descriptors descriptors;
  uint32_t turn;    /* accepted so far, to share them out */
  enum wait waits;  /* why it is paused */
  enum wait logged; /* the pause the log speaks of, until the queue is empty */
  bool open;
  bool started;
  bool kept;    /* by somebody else, too */
  bool unbound; /* it could not be bound again so far */
};

/* ---- opening ---- */

static struct fl_acceptor *make(int *error) {
  struct fl_acceptor *acceptor = calloc(1, sizeof *acceptor);
  *error = UV_ENOMEM;
  if (acceptor == NULL)
    return NULL;
  *error = uv_mutex_init(&acceptor->lock);
  if (*error == 0)
    return acceptor;
  free(acceptor);
  return NULL;
}

/* For an address, nothing opened. */
static struct fl_acceptor *make_for(const struct fl_addr *addr,
                                    const struct fl_sockopts *options,
                                    const struct fl_hooks *hooks, int *error) {
  struct fl_acceptor *acceptor = make(error);
  if (acceptor == NULL)
    return NULL;
  acceptor->hooks = hooks;
  acceptor->backlog = options->backlog;
  acceptor->addr = *addr;
  fl_list_init(&acceptor->link);
  acceptor->descriptors = fl_descriptors();
  return acceptor;
}

struct fl_acceptor *fl_acceptor_bind(const struct fl_addr *addr,
                                     const struct fl_sockopts *options,
                                     const struct fl_hooks *hooks, int *error) {
  struct fl_acceptor *acceptor = make_for(addr, options, hooks, error);
  if (acceptor == NULL)
    return NULL;
  *error = fl_listening_bind(addr, options, hooks, &acceptor->socket);
  acceptor->open = *error == 0;
  if (acceptor->open)
    return acceptor;
  fl_acceptor_free(acceptor);
  return NULL;
}

struct fl_acceptor *fl_acceptor_take(uv_os_sock_t socket,
                                     const struct fl_addr *addr,
                                     const struct fl_sockopts *options,
                                     const struct fl_hooks *hooks, int *error) {
  struct fl_socket_use use = {.family = addr->family, .listens = true};
  struct fl_acceptor *acceptor = make_for(addr, options, hooks, error);
  if (acceptor == NULL) {
    fl_socket_close(socket);
    return NULL;
  }
  fl_sockopts_apply(socket, options, use, hooks);
  acceptor->socket = socket;
  acceptor->open = true;
  return acceptor;
}

uv_os_sock_t fl_acceptor_socket(const struct fl_acceptor *acceptor) {
  return acceptor->socket;
}

void fl_acceptor_keep(struct fl_acceptor *acceptor, bool kept) {
  acceptor->kept = kept;
}

struct fl_acceptor *fl_acceptor_copy(const struct fl_acceptor *acceptor,
                                     int *error) {
  struct fl_acceptor *copy = make(error);
  uv_mutex_t *lock = (uv_mutex_t *)(uintptr_t)&acceptor->lock;
  if (copy == NULL)
    return NULL;
  copy->hooks = acceptor->hooks;
  copy->backlog = acceptor->backlog;
  copy->addr = acceptor->addr;
  copy->descriptors = acceptor->descriptors;
  fl_list_init(&copy->link);
  uv_mutex_lock(lock);
  if (acceptor->open)
    *error = fl_listening_duplicate(acceptor->socket, &copy->socket);
  copy->open = acceptor->open && *error == 0;
  uv_mutex_unlock(lock);
  if (*error == 0)
    return copy;
  fl_acceptor_free(copy);
  return NULL;
}

int fl_acceptor_listen(struct fl_acceptor *acceptor, struct fl_addr *addr) {
  int error = fl_listening_start(acceptor->socket, acceptor->backlog, addr);
  if (error == 0)
    acceptor->addr = *addr;
  return error;
}

void fl_acceptor_hold(struct fl_acceptor *acceptor) {
  fl_socket_close(acceptor->socket);
  acceptor->open = false;
}

/* Returns 0, or an error without a poll. */
static int make_poll(struct fl_acceptor *acceptor, uv_os_sock_t socket) {
  const struct fl_acceptor_setup *setup = &acceptor->setup;
  uv_loop_t *loop = fl_worker_loop(setup->workers[setup->placement.first]);
  uv_poll_t *poll = malloc(sizeof *poll);
  int error =
      poll == NULL ? UV_ENOMEM : uv_poll_init_socket(loop, poll, socket);
  if (error != 0) {
    free(poll);
    return error;
  }
  poll->data = acceptor;
  acceptor->poll = poll;
  return 0;
}

int fl_acceptor_attach(struct fl_acceptor *acceptor,
                       const struct fl_acceptor_setup *setup) {
  struct fl_worker *worker = setup->workers[setup->placement.first];
  acceptor->setup = *setup;
  int error = acceptor->open ? make_poll(acceptor, acceptor->socket) : 0;
  if (error != 0)
    return error;
  (void)uv_timer_init(fl_worker_loop(worker), &acceptor->retry);
  acceptor->retry.data = acceptor;
  fl_worker_add_acceptor(worker, &acceptor->link);
  return 0;
}

struct fl_acceptor *fl_acceptor_of_link(struct fl_list *link) {
  return FL_CONTAINER(link, struct fl_acceptor, link);
}

/* ---- room ---- */

static bool clients_full(const struct fl_acceptor *acceptor) {
  const struct fl_acceptor_setup *setup = &acceptor->setup;
  return atomic_load(&setup->admission->occupancy[setup->slot].open) >=
         setup->config->max_connections;
}

/* Whether a client would get a descriptor it may have. */
static bool descriptor_free(const struct fl_acceptor *acceptor) {
  bool any;
  return fl_descriptors_free(&acceptor->descriptors, acceptor->socket, &any) ||
         (any && atomic_load(&acceptor->setup.admission->over) == 0);
}

/* What another accept would have to wait for. */
static enum wait wanting(const struct fl_acceptor *acceptor) {
  if (clients_full(acceptor))
    return FOR_CLIENT;
  if (atomic_load(&acceptor->setup.admission->over) > 0 &&
      !descriptor_free(acceptor))
    return FOR_DESCRIPTOR;
  return FOR_NOTHING;
}

/* ---- pausing ---- */

static void on_ready(uv_poll_t *poll, int status, int events);

static void resume(struct fl_acceptor *acceptor) {
  acceptor->waits = FOR_NOTHING;
  atomic_fetch_sub(&acceptor->setup.admission->paused, 1);
  (void)uv_timer_stop(&acceptor->retry);
  (void)uv_poll_start(acceptor->poll, UV_READABLE, on_ready);
}

static bool over_by_now(const struct fl_acceptor *acceptor) {
  switch (acceptor->waits) {
  case FOR_CLIENT:
    return !clients_full(acceptor);
  case FOR_DESCRIPTOR:
    return descriptor_free(acceptor);
  default:
    return false; /* the timer tries */
  }
}

void fl_acceptor_retry(struct fl_acceptor *acceptor) {
  if (over_by_now(acceptor))
    resume(acceptor);
}

static void rebind(struct fl_acceptor *acceptor);

static void on_retry(uv_timer_t *timer) {
  struct fl_acceptor *acceptor = timer->data;
  if (acceptor->open)
    resume(acceptor);
  else
    rebind(acceptor);
}

static void log_pause(const struct fl_acceptor *acceptor, int error) {
  const struct fl_listener_config *config = acceptor->setup.config;
  void (*const log)(int, enum fl_log_area, const char *, ...) =
      acceptor->hooks->log;
  char text[FL_ERROR_TEXT];
  switch (acceptor->waits) {
  case FOR_CLIENT:
    log(FL_LOG_WARNING, FL_LOG_LISTENER,
        "%s: accepting pauses: max_connections (%u) are open; new clients "
        "wait until one leaves",
        config->name, config->max_connections);
    break;
  case FOR_DESCRIPTOR:
    log(FL_LOG_WARNING, FL_LOG_LISTENER,
        "%s: accepting pauses: of %d descriptors the process may have, only "
        "a reserve for upstreams is left; new clients wait until others "
        "leave; raise the limit (LimitNOFILE=, ulimit -n)",
        config->name, acceptor->descriptors.limit);
    break;
  default:
    log(FL_LOG_WARNING, FL_LOG_LISTENER,
        "%s: accepting pauses: %s; new clients wait, next attempt every "
        "second",
        config->name, fl_error_text(error, text));
    break;
  }
}

/* Stops polling until there is room. Having said that it waits, it looks
   once more: see fl_admission_left. */
static void pause_for(struct fl_acceptor *acceptor, enum wait wait, int error) {
  acceptor->waits = wait;
  (void)uv_poll_stop(acceptor->poll);
  atomic_fetch_add(&acceptor->setup.admission->paused, 1);
  if (acceptor->logged != wait)
    log_pause(acceptor, error);
  acceptor->logged = wait;
  if (wait != FOR_CLIENT)
    (void)uv_timer_start(&acceptor->retry, on_retry, RETRY_MS, 0);
  fl_acceptor_retry(acceptor);
}

/* Called when the queue was seen empty: whoever had to wait is in. */
static void nobody_waits(struct fl_acceptor *acceptor) {
  if (acceptor->logged == FOR_NOTHING)
    return;
  acceptor->logged = FOR_NOTHING;
  acceptor->hooks->log(FL_LOG_INFO, FL_LOG_LISTENER, "%s: accepting again",
                       acceptor->setup.config->name);
}

/* ---- accepting ---- */

/* To the workers in turn; its own share without a detour. */
static void deliver(struct fl_acceptor *acceptor, struct fl_sock *sock) {
  const struct fl_acceptor_setup *setup = &acceptor->setup;
  uint32_t shard = acceptor->turn++ % setup->placement.count;
  uint32_t index = (setup->placement.first + shard) % setup->worker_count;
  if (shard == 0)
    fl_worker_adopt(setup->workers[index], sock);
  else
    fl_worker_hand_over(setup->workers[index], sock);
}

/* Counts a new client. Only this thread enters clients of this listener, so
   the place found free before the accept is still free. */
static void enter(struct fl_acceptor *acceptor, struct fl_sock *sock) {
  const struct fl_acceptor_setup *setup = &acceptor->setup;
  bool entered = fl_occupancy_enter(&setup->admission->occupancy[setup->slot],
                                    setup->config->max_connections);
  assert(entered);
  (void)entered;
  sock->over =
      fl_descriptors_reserved(&acceptor->descriptors, sock->arrival.socket);
  if (sock->over)
    atomic_fetch_add(&setup->admission->over, 1);
}

/* Asks the guard. Who may not come in is reset: the kernel forgets a reset
   connection at once, so a scan leaves nothing behind, and the peer sees that
   it was refused and not served to its end. */
static bool admit(struct fl_acceptor *acceptor, struct fl_sock *sock) {
  const struct fl_acceptor_setup *setup = &acceptor->setup;
  struct fl_guard *guard = setup->admission->guards[setup->slot];
  const struct fl_addr *peer = &sock->arrival.peer;
  fl_time now = fl_clock();
  enum fl_reason reason = fl_guard_enter(guard, peer, now, &sock->place);
  uint32_t known = fl_guard_overflow(guard);
  if (known != 0)
    acceptor->hooks->log(
        FL_LOG_WARNING, FL_LOG_LISTENER,
        "%s: more client addresses than the %u kept for max_connection_rate; "
        "those unseen for longest are forgotten and may begin a burst anew",
        setup->config->name, known);
  if (reason == FL_OK)
    return true;
  fl_socket_reset(sock->arrival.socket);
  fl_worker_refused(setup->workers[setup->placement.first], setup->slot, peer,
                    reason, now);
  return false;
}

static enum outcome not_accepted(struct fl_acceptor *acceptor,
                                 enum fl_accepted accepted, int error) {
  switch (accepted) {
  case FL_ACCEPTED_NOBODY:
    nobody_waits(acceptor);
    return EMPTY;
  case FL_ACCEPTED_NO_DESCRIPTOR:
    pause_for(acceptor, FOR_DESCRIPTOR, error);
    return NO_ROOM;
  case FL_ACCEPTED_FAILED:
    pause_for(acceptor, FOR_SYSTEM, error);
    return NO_ROOM;
  default:
    return FAILED_ONE;
  }
}

/* Memory first, then the client: nobody is accepted to be dropped. */
static enum outcome accept_one(struct fl_acceptor *acceptor) {
  int error = UV_ENOMEM;
  enum wait wait = wanting(acceptor);
  if (wait != FOR_NOTHING) {
    pause_for(acceptor, wait, 0);
    return NO_ROOM;
  }
  struct fl_sock *sock = fl_sock_new(acceptor->setup.slot);
  if (sock == NULL)
    return not_accepted(acceptor, FL_ACCEPTED_FAILED, error);
  enum fl_accepted accepted = fl_listening_accept(
      acceptor->socket, &sock->arrival.socket, &sock->arrival.peer, &error);
  if (accepted != FL_ACCEPTED) {
    free(sock);
    return not_accepted(acceptor, accepted, error);
  }
  if (!admit(acceptor, sock)) {
    free(sock);
    return FAILED_ONE;
  }
  enter(acceptor, sock);
  deliver(acceptor, sock);
  return TAKEN;
}

/* The last free place was taken. That alone is no reason to pause, for nobody
   may be waiting; if somebody is, the poll comes back. */
static void last_taken(struct fl_acceptor *acceptor) {
  if (acceptor->logged != FOR_NOTHING && !fl_listening_queued(acceptor->socket))
    nobody_waits(acceptor);
}

/* A bounded number a turn: the poll is level-triggered and comes back. */
static void on_ready(uv_poll_t *poll, int status, int events) {
  struct fl_acceptor *acceptor = poll->data;
  (void)status; /* accepting says what is wrong */
  (void)events;
  for (int i = 0; i < BATCH; i++) {
    if (i > 0 && wanting(acceptor) != FOR_NOTHING) {
      last_taken(acceptor);
      return;
    }
    enum outcome outcome = accept_one(acceptor);
    if (outcome == EMPTY || outcome == NO_ROOM)
      return;
  }
}

void fl_acceptor_configure(struct fl_acceptor *acceptor,
                           const struct fl_listener_config *config) {
  struct fl_socket_use use = {.family = acceptor->addr.family, .listens = true};
  struct fl_addr addr;
  if (acceptor->open && fl_config_diff(&fl_config_listener_socket,
                                       &acceptor->setup.config->socket,
                                       &config->socket, NULL, NULL) != 0)
    fl_sockopts_apply(acceptor->socket, &config->socket, use, acceptor->hooks);
  if (acceptor->open && acceptor->backlog != config->socket.backlog)
    (void)fl_listening_start(acceptor->socket, config->socket.backlog, &addr);
  acceptor->backlog = config->socket.backlog;
  acceptor->setup.config = config;
  if (acceptor->waits != FOR_NOTHING)
    fl_acceptor_retry(acceptor);
}

uint32_t fl_acceptor_slot(const struct fl_acceptor *acceptor) {
  return acceptor->setup.slot;
}

/* ---- closed for a while, and the end ---- */

static void drain(struct fl_acceptor *acceptor) {
  for (uint32_t i = 0; i < acceptor->backlog; i++) {
    if (wanting(acceptor) != FOR_NOTHING)
      return;
    enum outcome outcome = accept_one(acceptor);
    if (outcome == EMPTY || outcome == NO_ROOM)
      return;
  }
}

static void on_poll_closed(uv_handle_t *poll) { free(poll); }

/* Requires: open. */
static void close_socket(struct fl_acceptor *acceptor) {
  if (acceptor->waits != FOR_NOTHING)
    resume(acceptor);
  uv_close((uv_handle_t *)acceptor->poll, on_poll_closed);
  acceptor->poll = NULL;
  uv_mutex_lock(&acceptor->lock);
  fl_socket_close(acceptor->socket);
  acceptor->open = false;
  uv_mutex_unlock(&acceptor->lock);
}

/* Those that are queued have connected already: they are served as those that
   came before them. */
static void close_for_now(struct fl_acceptor *acceptor) {
  (void)uv_timer_stop(&acceptor->retry);
  acceptor->unbound = false; /* core knows */
  if (!acceptor->open)
    return;
  if (acceptor->waits == FOR_NOTHING)
    drain(acceptor);
  close_socket(acceptor);
  acceptor->logged = FOR_NOTHING;
}

/* Returns 0 or an error. */
static int bind_again(struct fl_acceptor *acceptor) {
  uv_os_sock_t socket;
  struct fl_addr addr;
  int error =
      fl_listening_bind(&acceptor->addr, &acceptor->setup.config->socket,
                        acceptor->hooks, &socket);
  if (error != 0)
    return error;
  error = fl_listening_start(socket, acceptor->backlog, &addr);
  if (error == 0)
    error = make_poll(acceptor, socket);
  if (error != 0) {
    fl_socket_close(socket);
    return error;
  }
  uv_mutex_lock(&acceptor->lock);
  acceptor->socket = socket;
  acceptor->open = true;
  uv_mutex_unlock(&acceptor->lock);
  return 0;
}

static void not_bound(struct fl_acceptor *acceptor, int error) {
  const struct fl_acceptor_setup *setup = &acceptor->setup;
  char text[FL_ADDR_TEXT];
  char why[FL_ERROR_TEXT];
  fl_worker_rebind_failed(setup->workers[setup->placement.first], setup->slot,
                          !acceptor->unbound);
  if (!acceptor->unbound)
    acceptor->hooks->log(
        FL_LOG_WARNING, FL_LOG_LISTENER,
        "%s: cannot listen on %s again: %s; next attempt every second%s",
        setup->config->name, fl_addr_format(&acceptor->addr, text),
        fl_error_text(error, why),
        error == UV_EADDRINUSE ? "; stop the program that has the address"
                               : "");
  acceptor->unbound = true;
  (void)uv_timer_start(&acceptor->retry, on_retry, RETRY_MS, 0);
}

static void bound_at_last(struct fl_acceptor *acceptor) {
  const struct fl_acceptor_setup *setup = &acceptor->setup;
  char text[FL_ADDR_TEXT];
  acceptor->unbound = false;
  fl_worker_rebound(setup->workers[setup->placement.first], setup->slot);
  acceptor->hooks->log(FL_LOG_INFO, FL_LOG_LISTENER,
                       "%s: listening on %s again", setup->config->name,
                       fl_addr_format(&acceptor->addr, text));
}

/* Requires: not open. */
static void rebind(struct fl_acceptor *acceptor) {
  int error = bind_again(acceptor);
  if (error != 0) {
    not_bound(acceptor, error);
    return;
  }
  if (acceptor->unbound)
    bound_at_last(acceptor);
  (void)uv_poll_start(acceptor->poll, UV_READABLE, on_ready);
}

void fl_acceptor_listens(struct fl_acceptor *acceptor, bool listen) {
  if (!acceptor->started)
    return;
  if (!listen)
    close_for_now(acceptor);
  else if (!acceptor->open && !acceptor->unbound)
    rebind(acceptor);
}

void fl_acceptor_start(struct fl_acceptor *acceptor, bool listen) {
  acceptor->started = true;
  if (listen && acceptor->open)
    (void)uv_poll_start(acceptor->poll, UV_READABLE, on_ready);
  else
    fl_acceptor_listens(acceptor, listen);
}

void fl_acceptor_finish(struct fl_acceptor *acceptor) {
  if (acceptor->open && acceptor->started && !acceptor->kept &&
      acceptor->waits == FOR_NOTHING)
    drain(acceptor);
  fl_acceptor_leave(acceptor);
}

void fl_acceptor_leave(struct fl_acceptor *acceptor) {
  const struct fl_acceptor_setup *setup = &acceptor->setup;
  fl_list_remove(&acceptor->link);
  if (acceptor->open)
    close_socket(acceptor);
  if (acceptor->unbound)
    fl_worker_rebound(setup->workers[setup->placement.first], setup->slot);
  uv_close((uv_handle_t *)&acceptor->retry, NULL);
}

void fl_acceptor_free(struct fl_acceptor *acceptor) {
  if (acceptor == NULL)
    return;
  if (acceptor->open)
    fl_socket_close(acceptor->socket);
  uv_mutex_destroy(&acceptor->lock);
  free(acceptor);
}
