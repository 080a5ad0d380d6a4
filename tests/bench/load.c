/* fl-load: drives a line server from one thread and checks every reply.

     fl-load --connect ADDRESS:PORT [options]
       --connections N     how many, default 50
       --pipeline N        requests sent at once on each, default 1
       --request ping      PING, answered by PONG (default)
       --request echo      a line unlike any other, answered by its echo
       --sources N         spread the connections over N addresses from
                           127.0.0.1 on, default 1
       --duration SECONDS  of a run, default 1
       --requests N        of a run, instead of a duration
       --hold              a run for each line that comes on standard input

   It connects, has one request answered on every connection, and does its
   run. Each connection sends a batch of `pipeline` requests with one write
   and sends the next one when all of them are answered. It prints one JSON
   line per run. With --hold it prints {"ready": connections} before the first
   run, and {"sent": requests} in each one when every connection has sent its
   first batch. A wrong reply, one nobody asked for, a lost connection or ten
   seconds without a reply end it with status 1 and a message. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* IP_BIND_ADDRESS_NO_PORT */
#endif

#include "tests/bench/load_histogram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  READ_SIZE = 64 * 1024,
  LINE_SIZE = 64, /* more than any request or reply */
  PIPELINE_MAX = 10000,
  EVENTS = 1024,
  SILENCE = 10000 /* milliseconds without any reply */
};

struct client {
  int fd;
  uint32_t number;
  uint32_t batch;    /* requests sent together, 0 when idle */
  uint32_t answered; /* of the batch */
  uint32_t matched;  /* bytes of the reply under way */
  uint32_t unsent;   /* bytes of the batch the kernel has not taken */
  uint64_t first;    /* the number of the batch's first request */
  uint64_t sent_at;  /* nanoseconds */
};

struct load {
  struct sockaddr_in server;
  uint32_t connections;
  uint32_t pipeline;
  uint32_t sources;
  bool echo;
  bool hold;
  double duration;
  uint64_t requests; /* of a run, 0: until the duration is over */

  struct client *clients;
  int epoll;
  uint32_t busy; /* clients that wait for replies */

  uint64_t budget; /* requests of this run not sent yet */
  uint64_t stop_at;
  struct histogram times;
};

static struct load load;

static _Noreturn void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("fl-load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

static uint64_t now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

/* Writes one request of a client, or the reply to it; returns its size. */
static size_t line_of(const struct client *client, uint64_t number, bool reply,
                      char line[LINE_SIZE]) {
  if (!load.echo) {
    const char *text = reply ? "PONG\n" : "PING\n";
    memcpy(line, text, 5);
    return 5;
  }
  return (size_t)snprintf(line, LINE_SIZE, "%sc%u r%llu\n",
                          reply ? "Echo: " : "", client->number,
                          (unsigned long long)number);
}

static void watch(struct client *client, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = client};
  if (epoll_ctl(load.epoll, operation, client->fd, &event) != 0)
    fail("epoll_ctl: %s", strerror(errno));
}

/* Sends what the kernel has not taken of the batch, which is written anew:
   nothing has to be kept. */
static void send_batch(struct client *client, bool again) {
  static char text[PIPELINE_MAX * LINE_SIZE];
  char *end = text;
  ssize_t taken;
  for (uint32_t i = 0; i < client->batch; i++)
    end += line_of(client, client->first + i, false, end);
  if (!again)
    client->unsent = (uint32_t)(end - text);
  taken = send(client->fd, end - client->unsent, client->unsent, MSG_NOSIGNAL);
  if (taken < 0 && errno == EAGAIN)
    taken = 0;
  if (taken < 0)
    fail("send: %s", strerror(errno));
  client->unsent -= (uint32_t)taken;
  if (again || client->unsent > 0)
    watch(client, EPOLL_CTL_MOD,
          client->unsent > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* Gives an idle client its next batch unless the run is over. */
static void next_batch(struct client *client, uint64_t at) {
  uint64_t size = load.pipeline < load.budget ? load.pipeline : load.budget;
  client->first += client->batch;
  client->batch = at < load.stop_at ? (uint32_t)size : 0;
  client->answered = 0;
  client->sent_at = at;
  load.budget -= client->batch;
  if (client->batch == 0)
    load.busy--;
  else
    send_batch(client, false);
}

/* Compares what came with the replies that are due. */
static void check_replies(struct client *client, const char *bytes,
                          size_t size) {
  char due[LINE_SIZE];
  while (size > 0) {
    size_t due_size, part;
    if (client->answered == client->batch)
      fail("connection %u got %zu bytes nobody asked for: %.*s", client->number,
           size, (int)(size < 80 ? size : 80), bytes);
    due_size = line_of(client, client->first + client->answered, true, due);
    part = due_size - client->matched;
    part = part < size ? part : size;
    if (memcmp(bytes, due + client->matched, part) != 0)
      fail("connection %u got a wrong reply: '%.*s' instead of '%.*s'",
           client->number, (int)(size < 80 ? size : 80), bytes,
           (int)(due_size - client->matched), due + client->matched);
    bytes += part;
    size -= part;
    client->matched += (uint32_t)part;
    if (client->matched == due_size) {
      client->matched = 0;
      client->answered++;
    }
  }
}

static void receive(struct client *client) {
  static char input[READ_SIZE];
  uint32_t before = client->answered;
  ssize_t got = recv(client->fd, input, sizeof input, 0);
  uint64_t at;
  if (got < 0 && errno == EAGAIN)
    return;
  if (got <= 0)
    fail("connection %u was lost: %s", client->number,
         got == 0 ? "closed by the server" : strerror(errno));
  at = now();
  check_replies(client, input, (size_t)got);
  histogram_add(&load.times, at - client->sent_at, client->answered - before);
  if (client->answered == client->batch)
    next_batch(client, at);
}

/* Tells whoever holds us how far we are. */
static void announce(const char *what, uint64_t count) {
  if (!load.hold)
    return;
  printf("{\"%s\": %llu}\n", what, (unsigned long long)count);
  fflush(stdout);
}

/* One run: up to `requests`, or until stop_at. Returns its nanoseconds. */
static uint64_t run(uint64_t requests, uint64_t stop_after) {
  static struct epoll_event events[EVENTS];
  uint64_t start = now();
  load.stop_at = stop_after == 0 ? UINT64_MAX : start + stop_after;
  load.budget = requests;
  load.times = (struct histogram){0};
  load.busy = load.connections;
  for (uint32_t i = 0; i < load.connections; i++)
    next_batch(&load.clients[i], now());
  announce("sent", requests - load.budget);
  while (load.busy > 0) {
    int count = epoll_wait(load.epoll, events, EVENTS, SILENCE);
    if (count == 0)
      fail("no reply for %d s, %u connections wait", SILENCE / 1000, load.busy);
    for (int i = 0; i < count; i++) {
      struct client *client = events[i].data.ptr;
      if (events[i].events & EPOLLOUT)
        send_batch(client, true);
      if (events[i].events & ~(uint32_t)EPOLLOUT)
        receive(client);
    }
  }
  return now() - start;
}

static void run_and_report(void) {
  uint64_t took =
      load.requests > 0
          ? run(load.requests, 0)
          : run(UINT64_MAX, (uint64_t)(load.duration * 1000000000.0));
  double seconds = (double)took / 1e9;
  printf("{\"connections\": %u, \"pipeline\": %u, \"requests\": %llu, "
         "\"seconds\": %.6f, \"requests_per_second\": %.0f, "
         "\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
         load.connections, load.pipeline, (unsigned long long)load.times.total,
         seconds, (double)load.times.total / seconds,
         histogram_percentile(&load.times, 0.5) / 1000,
         histogram_percentile(&load.times, 0.99) / 1000,
         (double)load.times.longest / 1000);
  fflush(stdout);
}

static void open_client(uint32_t number) {
  struct client *client = &load.clients[number];
  struct sockaddr_in source = {.sin_family = AF_INET};
  int on = 1;
  client->number = number;
  client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client->fd < 0)
    fail("socket: %s", strerror(errno));
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number % load.sources);
  setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (load.sources > 1 &&
      bind(client->fd, (struct sockaddr *)&source, sizeof source) != 0)
    fail("bind: %s", strerror(errno));
  setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(client->fd, (struct sockaddr *)&load.server,
              sizeof load.server) != 0)
    fail("connect: %s", strerror(errno));
  if (fcntl(client->fd, F_SETFL, O_NONBLOCK) != 0)
    fail("fcntl: %s", strerror(errno));
  watch(client, EPOLL_CTL_ADD, EPOLLIN);
}

/* Connects everything; afterwards every connection has been served once. */
static void open_all(void) {
  uint32_t pipeline = load.pipeline;
  load.epoll = epoll_create1(EPOLL_CLOEXEC);
  load.clients = calloc(load.connections, sizeof *load.clients);
  if (load.epoll < 0 || load.clients == NULL)
    fail("%s", strerror(errno));
  for (uint32_t i = 0; i < load.connections; i++)
    open_client(i);
  load.pipeline = 1;
  run(load.connections, 0);
  load.pipeline = pipeline;
}

static _Noreturn void usage(const char *what) {
  fprintf(stderr, "fl-load: %s; its options are at the top of load.c\n", what);
  exit(2);
}

static double number_option(const char *text, double low, double high) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= low && value <= high))
    usage("a number is not one, or out of range");
  return value;
}

static void parse_server(char *text) {
  char *colon = strchr(text, ':');
  if (colon == NULL)
    usage("--connect wants ADDRESS:PORT");
  *colon = '\0';
  load.server.sin_family = AF_INET;
  load.server.sin_port =
      htons((uint16_t)number_option(colon + 1, 1, UINT16_MAX));
  if (inet_pton(AF_INET, text, &load.server.sin_addr) != 1)
    usage("--connect wants a numeric address");
}

static void parse_request(const char *text) {
  load.echo = strcmp(text, "echo") == 0;
  if (!load.echo && strcmp(text, "ping") != 0)
    usage("--request wants ping or echo");
}

static void parse_options(int argc, char **argv) {
  static const struct option options[] = {
      {"connect", required_argument, NULL, 'c'},
      {"connections", required_argument, NULL, 'n'},
      {"pipeline", required_argument, NULL, 'p'},
      {"request", required_argument, NULL, 'w'},
      {"sources", required_argument, NULL, 's'},
      {"duration", required_argument, NULL, 'd'},
      {"requests", required_argument, NULL, 'r'},
      {"hold", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0}};
  int key;
  while ((key = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (key == 'c')
      parse_server(optarg);
    else if (key == 'n')
      load.connections = (uint32_t)number_option(optarg, 1, 100000);
    else if (key == 'p')
      load.pipeline = (uint32_t)number_option(optarg, 1, PIPELINE_MAX);
    else if (key == 'w')
      parse_request(optarg);
    else if (key == 's')
      load.sources = (uint32_t)number_option(optarg, 1, 254);
    else if (key == 'd')
      load.duration = number_option(optarg, 0.001, 86400);
    else if (key == 'r')
      load.requests = (uint64_t)number_option(optarg, 1, 1e12);
    else if (key == 'h')
      load.hold = true;
    else
      usage("an option is unknown");
  }
  if (optind != argc || load.server.sin_port == 0)
    usage("--connect ADDRESS:PORT is needed");
}

int main(int argc, char **argv) {
  char line[LINE_SIZE];
  load.connections = 50;
  load.pipeline = load.sources = 1;
  load.duration = 1;
  parse_options(argc, argv);
  open_all();
  if (!load.hold) {
    run_and_report();
    return 0;
  }
  announce("ready", load.connections);
  while (fgets(line, sizeof line, stdin) != NULL)
    run_and_report();
  return 0;
}
