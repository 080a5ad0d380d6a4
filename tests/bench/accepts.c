/* How many clients a loop gets in a second by the two ways to accept them:
   `poll`, where the loop polls the listening socket and accepts, as the program
   does; and `thread`, where a thread waits in accept and sends sockets to the
   loop. Either way the loop opens each socket as a uv_tcp_t and closes it.
   Usage:
     fl-accepts [ROUNDS [MILLISECONDS [CLIENTS]]]
   Clients are threads of this process that connect, again and again. Prints a
   line for each round, which is both ways one after the other, and then the
   median of what `thread` got for each client of `poll`. */
#include "platform/listening.h"
#include "platform/mailbox.h"
#include "platform/socket.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef _WIN32
#include <fcntl.h>
#endif

enum { BATCH = 64, CLIENTS_MAX = 64, ROUNDS_MAX = 100 };

/* A client on its way to the loop. */
struct arrival {
  struct fl_message message; /* first */
  uv_os_sock_t socket;
};

static struct {
  uv_loop_t loop;
  uv_poll_t poll;
  uv_timer_t end;
  struct fl_mailbox mailbox;
  uv_os_sock_t socket;
  struct fl_addr addr;
  atomic_bool over;
  atomic_uint running; /* clients */
  unsigned long served;
} bench;

static void log_nothing(int level, enum fl_log_area area, const char *format,
                        ...) {
  (void)level;
  (void)area;
  (void)format;
}

static void check(int error, const char *what) {
  if (error == 0)
    return;
  (void)fprintf(stderr, "fl-accepts: %s: %s\n", what, uv_strerror(error));
  exit(1);
}

/* ---- serving ---- */

static void on_closed(uv_handle_t *handle) { free(handle); }

/* Clients leave when they are closed. */
static void serve(uv_os_sock_t socket) {
  uv_tcp_t *client = calloc(1, sizeof *client);
  check(client == NULL ? UV_ENOMEM : 0, "a client");
  check(uv_tcp_init(&bench.loop, client), "a client");
  if (uv_tcp_open(client, socket) != 0)
    fl_socket_close(socket);
  bench.served++;
  uv_close((uv_handle_t *)client, on_closed);
}

/* ---- the loop polls ---- */

static void on_ready(uv_poll_t *poll, int status, int events) {
  struct fl_addr peer;
  uv_os_sock_t socket;
  int error;
  (void)poll;
  (void)status;
  (void)events;
  for (int i = 0; i < BATCH; i++) {
    enum fl_accepted accepted =
        fl_listening_accept(bench.socket, &socket, &peer, &error);
    if (accepted == FL_ACCEPTED)
      serve(socket);
    else if (accepted != FL_ACCEPTED_GONE)
      return;
  }
}

/* ---- a thread waits ---- */

static void on_arrival(void *owner, struct fl_message *message) {
  struct arrival *arrival = (struct arrival *)message;
  (void)owner;
  serve(arrival->socket);
  free(arrival);
}

static void run_acceptor(void *context) {
  struct fl_addr peer;
  uv_os_sock_t socket;
  int error;
  (void)context;
  while (atomic_load(&bench.running) > 0) {
    if (fl_listening_accept(bench.socket, &socket, &peer, &error) !=
        FL_ACCEPTED)
      continue;
    struct arrival *arrival = malloc(sizeof *arrival);
    check(arrival == NULL ? UV_ENOMEM : 0, "a client");
    arrival->socket = socket;
    arrival->message.deliver = on_arrival;
    fl_mailbox_post(&bench.mailbox, &arrival->message);
  }
}

/* ---- clients ---- */

static void connect_once(bool waits) {
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons(bench.addr.port)};
  char byte;
  uv_os_sock_t client = socket(AF_INET, SOCK_STREAM, 0);
  memcpy(&to.sin_addr, bench.addr.ip, 4);
  if (connect(client, (struct sockaddr *)&to, sizeof to) == 0 && waits)
    (void)recv(client, &byte, 1, 0); /* until the other end closes */
  fl_socket_close(client);
}

static void run_client(void *context) {
  (void)context;
  while (!atomic_load(&bench.over))
    connect_once(true);
  atomic_fetch_sub(&bench.running, 1);
}

/* ---- a run ---- */

static void on_end(uv_timer_t *timer) {
  (void)timer;
  uv_stop(&bench.loop);
}

static void close_handle(uv_handle_t *handle, void *context) {
  (void)context;
  if (!uv_is_closing(handle))
    uv_close(handle, handle->type == UV_TCP ? on_closed : NULL);
}

static void listen_somewhere(void) {
  static const struct fl_hooks hooks = {.log = log_nothing};
  const struct fl_sockopts options = {.nodelay = true, .backlog = 4096};
  check(fl_addr_parse("127.0.0.1", 0, &bench.addr) ? 0 : UV_EINVAL,
        "listening");
  check(fl_listening_bind(&bench.addr, &options, &hooks, &bench.socket),
        "listening");
  check(fl_listening_start(bench.socket, options.backlog, &bench.addr),
        "listening");
}

static void poll_it(void) {
  check(uv_poll_init_socket(&bench.loop, &bench.poll, bench.socket), "polling");
  check(uv_poll_start(&bench.poll, UV_READABLE, on_ready), "polling");
}

static void wait_in(uv_thread_t *acceptor) {
#ifndef _WIN32 /* there it blocks as it comes */
  (void)fcntl(bench.socket, F_SETFL, 0);
#endif
  check(fl_mailbox_open(&bench.mailbox, &bench.loop, NULL, NULL), "a mailbox");
  check(uv_thread_create(acceptor, run_acceptor, NULL), "a thread");
}

/* Clients per second. */
static double run(bool polls, unsigned milliseconds, unsigned count) {
  uv_thread_t clients[CLIENTS_MAX];
  uv_thread_t acceptor;
  bench.served = 0;
  atomic_store(&bench.over, false);
  atomic_store(&bench.running, count);
  check(uv_loop_init(&bench.loop), "the loop");
  listen_somewhere();
  if (polls)
    poll_it();
  else
    wait_in(&acceptor);
  check(uv_timer_init(&bench.loop, &bench.end), "the timer");
  check(uv_timer_start(&bench.end, on_end, milliseconds, 0), "the timer");
  for (unsigned i = 0; i < count; i++)
    check(uv_thread_create(&clients[i], run_client, NULL), "a thread");
  uint64_t begin = uv_hrtime();
  (void)uv_run(&bench.loop, UV_RUN_DEFAULT);
  double seconds = (double)(uv_hrtime() - begin) / 1e9;
  double rate = (double)bench.served / seconds;
  atomic_store(&bench.over, true);
  while (atomic_load(&bench.running) > 0)
    (void)uv_run(&bench.loop, UV_RUN_NOWAIT);
  if (!polls) {
    connect_once(false); /* so that it looks again */
    (void)uv_thread_join(&acceptor);
  }
  for (unsigned i = 0; i < count; i++)
    (void)uv_thread_join(&clients[i]);
  uv_walk(&bench.loop, close_handle, NULL);
  (void)uv_run(&bench.loop, UV_RUN_DEFAULT);
  fl_socket_close(bench.socket);
  (void)uv_loop_close(&bench.loop);
  return rate;
}

static int compare(const void *a, const void *b) {
  double one = *(const double *)a;
  double two = *(const double *)b;
  return (one > two) - (one < two);
}

static unsigned number(int count, char *words[], int at, unsigned otherwise,
                       unsigned most) {
  unsigned long value = count > at ? strtoul(words[at], NULL, 10) : otherwise;
  return value == 0 ? 1 : value > most ? most : (unsigned)value;
}

int main(int count, char *words[]) {
  unsigned rounds = number(count, words, 1, 11, ROUNDS_MAX);
  unsigned milliseconds = number(count, words, 2, 1000, 60000);
  unsigned clients = number(count, words, 3, 4, CLIENTS_MAX);
  double ratios[ROUNDS_MAX] = {0};
#ifdef _WIN32
  WSADATA data;
  (void)WSAStartup(MAKEWORD(2, 2), &data);
#endif
  for (unsigned i = 0; i < rounds; i++) {
    bool first = i % 2 == 0; /* each way goes first in turn */
    double one = run(first, milliseconds, clients);
    double two = run(!first, milliseconds, clients);
    double polls = first ? one : two;
    double waits = first ? two : one;
    ratios[i] = waits / polls;
    printf("poll %.0f/s, thread %.0f/s, ratio %.2f\n", polls, waits, ratios[i]);
    (void)fflush(stdout);
  }
  qsort(ratios, rounds, sizeof ratios[0], compare);
  printf("median ratio %.2f\n", ratios[rounds / 2]);
  return 0;
}
