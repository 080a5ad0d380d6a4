/* accept4 on a polled socket rather than uv_listen, which at the descriptor
   limit accepts clients and closes them without a word.

   Descriptors: the kernel gives the lowest free number (POSIX), so a client
   whose number lies in the reserve shows that all numbers below are taken.
   It is served; while such a client is open (fl_admission.over), each accept
   first asks whether a number below the reserve is free. */
#include "platform/acceptor.h"

#include "platform/address.h"
#include "platform/admission.h"
#include "platform/clock.h"
#include "platform/sock.h"
#include "platform/sockopts.h"
#include "platform/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  BATCH = 64,     /* accepts in a row before other connections get their turn */
  RESERVE = 64,   /* descriptors kept for upstreams and others */
  RETRY_MS = 1000 /* after an error that nothing here brings to an end */
};

/* What an acceptor waits for. */
enum wait { FOR_NOTHING, FOR_CLIENT, FOR_DESCRIPTOR, FOR_SYSTEM };

enum outcome { TAKEN, FAILED_ONE, EMPTY, NO_ROOM };

struct fl_acceptor {
  uv_poll_t poll;
  uv_timer_t retry;
  struct fl_list link; /* the worker's acceptors */
  struct fl_acceptor_setup setup;
  const struct fl_hooks *hooks;
  int fd;
  int backlog;
  int limit;        /* descriptors the process may have */
  int reserve;      /* the first number of the reserve */
  uint32_t turn;    /* accepted so far, to share them out */
  enum wait waits;  /* why it is paused */
  enum wait logged; /* the pause the log speaks of, until the queue is empty */
  bool started;
};

/* ---- opening ---- */

static int make_socket(const struct fl_addr *addr, bool ipv6_only, int *fd) {
  int family = addr->family == FL_ADDR_IP4 ? AF_INET : AF_INET6;
  int on = 1;
  int only = ipv6_only;
  *fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (*fd < 0)
    return -errno;
  /* The first lets a restart bind while old connections are in TIME_WAIT; it
     does not let two programs listen. */
  if (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      (family == AF_INET6 &&
       setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0))
    return -errno;
  return 0;
}

/* Whether somebody listens at the address already, who may or may not want to
   share it: only a bind without SO_REUSEPORT tells. */
static bool taken(const struct fl_addr *addr, bool ipv6_only) {
  struct sockaddr_storage to;
  socklen_t size = (socklen_t)fl_address_to_system(addr, &to);
  int fd = -1;
  bool found = make_socket(addr, ipv6_only, &fd) == 0 &&
               bind(fd, (struct sockaddr *)&to, size) != 0 &&
               errno == EADDRINUSE;
  if (fd >= 0)
    (void)close(fd);
  return found;
}

static void log_shared(const struct fl_addr *addr,
                       const struct fl_hooks *hooks) {
  char text[FL_ADDR_TEXT];
  hooks->log(FL_LOG_WARNING, "listener",
             "%s is shared with another program of this user that listens "
             "there (reuse_port)",
             fl_addr_format(addr, text));
}

static void find_reserve(struct fl_acceptor *acceptor) {
  struct rlimit limit = {0};
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  acceptor->limit =
      limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur;
  int quarter = acceptor->limit / 4;
  acceptor->reserve = acceptor->limit - (quarter < RESERVE ? quarter : RESERVE);
}

struct fl_acceptor *fl_acceptor_bind(const struct fl_addr *addr,
                                     const struct fl_sockopts *options,
                                     const struct fl_hooks *hooks, int *error) {
  struct sockaddr_storage to;
  socklen_t size = (socklen_t)fl_address_to_system(addr, &to);
  struct fl_acceptor *acceptor = calloc(1, sizeof *acceptor);
  *error = -ENOMEM;
  if (acceptor == NULL)
    return NULL;
  acceptor->hooks = hooks;
  acceptor->backlog =
      options->backlog > INT32_MAX ? INT32_MAX : (int)options->backlog;
  fl_list_init(&acceptor->link);
  find_reserve(acceptor);
  bool shared = options->reuse_port && taken(addr, options->ipv6_only);
  *error = make_socket(addr, options->ipv6_only, &acceptor->fd);
  if (*error == 0) {
    struct fl_socket_use use = {.family = addr->family, .listens = true};
    fl_sockopts_apply(acceptor->fd, options, use, hooks);
    if (bind(acceptor->fd, (struct sockaddr *)&to, size) == 0) {
      if (shared)
        log_shared(addr, hooks);
      return acceptor;
    }
    *error = -errno;
  }
  fl_acceptor_free(acceptor);
  return NULL;
}

int fl_acceptor_listen(struct fl_acceptor *acceptor, struct fl_addr *addr) {
  struct sockaddr_storage name;
  socklen_t size = sizeof name;
  if (listen(acceptor->fd, acceptor->backlog) != 0 ||
      getsockname(acceptor->fd, (struct sockaddr *)&name, &size) != 0)
    return -errno;
  (void)fl_address_from_system((struct sockaddr *)&name, addr);
  return 0;
}

int fl_acceptor_attach(struct fl_acceptor *acceptor,
                       const struct fl_acceptor_setup *setup) {
  struct fl_worker *worker = setup->workers[setup->placement.first];
  uv_loop_t *loop = fl_worker_loop(worker);
  int error = uv_poll_init_socket(loop, &acceptor->poll, acceptor->fd);
  if (error != 0)
    return error;
  (void)uv_timer_init(loop, &acceptor->retry);
  acceptor->poll.data = acceptor;
  acceptor->retry.data = acceptor;
  acceptor->setup = *setup;
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

/* By libuv's call: like its sockets', that close is unseen by the thread
   sanitizer, which else takes a number given out again for a race. */
static void close_descriptor(int fd) {
  uv_fs_t request;
  (void)uv_fs_close(NULL, &request, fd, NULL);
  uv_fs_req_cleanup(&request);
}

/* The number a client's descriptor would get, negative if none. */
static int lowest_descriptor(const struct fl_acceptor *acceptor) {
  int lowest = fcntl(acceptor->fd, F_DUPFD_CLOEXEC, 0);
  if (lowest >= 0)
    close_descriptor(lowest);
  return lowest;
}

/* Whether a client would get a descriptor it may have. */
static bool descriptor_free(const struct fl_acceptor *acceptor) {
  int lowest = lowest_descriptor(acceptor);
  return lowest >= 0 && (lowest < acceptor->reserve ||
                         atomic_load(&acceptor->setup.admission->over) == 0);
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
  (void)uv_poll_start(&acceptor->poll, UV_READABLE, on_ready);
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

static void on_retry(uv_timer_t *timer) { resume(timer->data); }

static void log_pause(const struct fl_acceptor *acceptor, int error) {
  const struct fl_listener_config *config = acceptor->setup.config;
  void (*const log)(int, const char *, const char *, ...) =
      acceptor->hooks->log;
  switch (acceptor->waits) {
  case FOR_CLIENT:
    log(FL_LOG_WARNING, "listener",
        "%s: accepting pauses: max_connections (%u) are open; new clients "
        "wait until one leaves",
        config->name, config->max_connections);
    break;
  case FOR_DESCRIPTOR:
    log(FL_LOG_WARNING, "listener",
        "%s: accepting pauses: of %d descriptors the process may have, only "
        "a reserve for upstreams is left; new clients wait until others "
        "leave; raise the limit (LimitNOFILE=, ulimit -n)",
        config->name, acceptor->limit);
    break;
  default:
    log(FL_LOG_WARNING, "listener",
        "%s: accepting pauses: %s; new clients wait, next attempt every "
        "second",
        config->name, uv_strerror(-error));
    break;
  }
}

/* Stops polling until there is room. Having said that it waits, it looks
   once more: see fl_admission_left. */
static void pause_for(struct fl_acceptor *acceptor, enum wait wait, int error) {
  acceptor->waits = wait;
  (void)uv_poll_stop(&acceptor->poll);
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
  acceptor->hooks->log(FL_LOG_INFO, "listener", "%s: accepting again",
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
  sock->over = sock->arrival.socket >= acceptor->reserve;
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
  const struct linger reset = {.l_onoff = 1, .l_linger = 0};
  fl_time now = fl_clock();
  enum fl_reason reason = fl_guard_enter(guard, peer, now, &sock->place);
  uint32_t known = fl_guard_overflow(guard);
  if (known != 0)
    acceptor->hooks->log(
        FL_LOG_WARNING, "listener",
        "%s: more client addresses than the %u kept for max_connection_rate; "
        "those unseen for longest are forgotten and may begin a burst anew",
        setup->config->name, known);
  if (reason == FL_OK)
    return true;
  int fd = sock->arrival.socket;
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close_descriptor(fd);
  fl_worker_refused(setup->workers[setup->placement.first], setup->slot, peer,
                    reason, now);
  return false;
}

static enum outcome accept_failed(struct fl_acceptor *acceptor, int error) {
  switch (error) {
  case EAGAIN:
    nobody_waits(acceptor);
    return EMPTY;
  case EMFILE:
    pause_for(acceptor, FOR_DESCRIPTOR, error);
    return NO_ROOM;
  case ENFILE:
  case ENOBUFS:
  case ENOMEM:
  case EBADF:
  case EINVAL:
  case ENOTSOCK:
    pause_for(acceptor, FOR_SYSTEM, error);
    return NO_ROOM;
  default: /* that client is gone already: accept(2), "Error handling" */
    return FAILED_ONE;
  }
}

/* Memory first, then the client: nobody is accepted to be dropped. */
static enum outcome accept_one(struct fl_acceptor *acceptor) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  enum wait wait = wanting(acceptor);
  if (wait != FOR_NOTHING) {
    pause_for(acceptor, wait, 0);
    return NO_ROOM;
  }
  struct fl_sock *sock = fl_sock_new(acceptor->setup.slot);
  if (sock == NULL)
    return accept_failed(acceptor, ENOMEM);
  int fd = accept4(acceptor->fd, (struct sockaddr *)&peer, &size,
                   SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    int error = errno;
    free(sock);
    return accept_failed(acceptor, error);
  }
  sock->arrival.socket = fd;
  (void)fl_address_from_system((struct sockaddr *)&peer, &sock->arrival.peer);
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
  struct pollfd queue = {.fd = acceptor->fd, .events = POLLIN};
  if (acceptor->logged != FOR_NOTHING && poll(&queue, 1, 0) == 0)
    nobody_waits(acceptor);
}

/* A bounded number a turn: the poll is level-triggered and comes back. */
static void on_ready(uv_poll_t *poll, int status, int events) {
  struct fl_acceptor *acceptor = poll->data;
  (void)status; /* accept4 says what is wrong */
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

void fl_acceptor_start(struct fl_acceptor *acceptor) {
  acceptor->started = true;
  (void)uv_poll_start(&acceptor->poll, UV_READABLE, on_ready);
}

/* ---- the end ---- */

static void drain(struct fl_acceptor *acceptor) {
  for (int i = 0; i < acceptor->backlog; i++) {
    if (wanting(acceptor) != FOR_NOTHING)
      return;
    enum outcome outcome = accept_one(acceptor);
    if (outcome == EMPTY || outcome == NO_ROOM)
      return;
  }
}

void fl_acceptor_finish(struct fl_acceptor *acceptor) {
  if (acceptor->started && acceptor->waits == FOR_NOTHING)
    drain(acceptor);
  if (acceptor->waits != FOR_NOTHING)
    resume(acceptor);
  uv_close((uv_handle_t *)&acceptor->poll, NULL);
  uv_close((uv_handle_t *)&acceptor->retry, NULL);
  (void)close(acceptor->fd);
  acceptor->fd = -1;
}

void fl_acceptor_free(struct fl_acceptor *acceptor) {
  if (acceptor == NULL)
    return;
  if (acceptor->fd >= 0)
    (void)close(acceptor->fd);
  free(acceptor);
}
