#include "service/ping.h"

#include "platform/address.h"
#include "platform/clock.h"
#include "platform/error.h"
#include "platform/format.h"
#include "service/ping_link.h"
#include "service/ping_stats.h"
#include "service/process.h"
#include "service/status.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ADDRESSES_MAX = 16, EXCERPT = 32 };

enum state { LOOKUP, CONNECTING, WAITING, PAUSE };

struct ping {
  const struct fl_ping_options *options;
  uv_loop_t loop;
  uv_signal_t interrupt;
  uv_timer_t timer; /* when the state has lasted long enough */
  uv_getaddrinfo_t lookup;
  struct fl_addr addrs[ADDRESSES_MAX];
  uint32_t addr_count;
  uint32_t current; /* the address in use */
  bool settled;     /* a connection to it succeeded: no other is tried */
  struct fl_ping_link *link; /* NULL: none */
  enum state state;
  fl_time started; /* the first probe */
  fl_time began;   /* this probe */
  fl_time mark;    /* what is being measured */
  struct fl_ping_stats stats;
  bool muted; /* standard output failed */
  int status; /* that ends it whatever was answered; 0: none does */
};

/* --- output ------------------------------------------------------------- */

static void end(struct ping *ping);

/* Each line is flushed, for pipes and files that somebody watches. */
FL_FORMAT(2, 3)
static void say(struct ping *ping, const char *format, ...) {
  va_list arguments;
  if (ping->muted)
    return;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
  if (fflush(stdout) == 0 && !ferror(stdout))
    return;
  perror("fairlead: standard output");
  ping->muted = true;
  ping->status = FL_STATUS_SYSTEM;
}

static void say_header(struct ping *ping) {
  char list[ADDRESSES_MAX * (FL_ADDR_TEXT + 2)] = "";
  char text[FL_ADDR_TEXT];
  struct fl_addr numeric;
  size_t size = 0;
  if (fl_addr_parse(ping->options->host, 0, &numeric)) {
    say(ping, "PING %s", ping->options->target);
    return;
  }
  for (uint32_t i = 0; i < ping->addr_count; i++) {
    snprintf(list + size, sizeof list - size, "%s%s", i > 0 ? ", " : "",
             fl_addr_format(&ping->addrs[i], text));
    size += strlen(list + size);
  }
  say(ping, "PING %s (%s)", ping->options->target, list);
}

/* Begins the line of a probe: "127.0.0.1:8080: seq=1 ". */
static const char *subject(const struct ping *ping,
                           char text[FL_ADDR_TEXT + 32]) {
  char addr[FL_ADDR_TEXT];
  snprintf(text, FL_ADDR_TEXT + 32, "%s: seq=%" PRIu64,
           fl_addr_format(&ping->addrs[ping->current], addr), ping->stats.sent);
  return text;
}

static double in_ms(fl_time duration) {
  return (double)duration / (double)FL_MILLISECOND;
}

/* --- probes ------------------------------------------------------------- */

static void probe(struct ping *ping);
static void connect_failed(struct ping *ping, const char *failure);
static void lookup_late(struct ping *ping);

static void drop_link(struct ping *ping) {
  if (ping->link != NULL)
    fl_ping_link_close(ping->link);
  ping->link = NULL;
}

static void on_timer(uv_timer_t *timer);

/* Stays in the state for so long at most, in whole milliseconds or a part of
   one more. */
static void enter(struct ping *ping, enum state state, fl_time duration) {
  ping->state = state;
  uv_update_time(&ping->loop);
  (void)uv_timer_start(&ping->timer, on_timer,
                       (duration + FL_MILLISECOND - 1) / FL_MILLISECOND, 0);
}

/* The next probe begins an interval after this one began, or now. */
static void probe_done(struct ping *ping) {
  const struct fl_ping_options *options = ping->options;
  fl_time next = fl_time_add(ping->began, options->interval);
  fl_time now = fl_clock();
  if (ping->muted || ping->stats.sent == options->count)
    end(ping);
  else
    enter(ping, PAUSE, next > now ? next - now : 0);
}

static void probe_lost(struct ping *ping, const char *failure) {
  char text[FL_ADDR_TEXT + 32];
  drop_link(ping);
  if (!ping->options->quiet)
    say(ping, "%s %s", subject(ping, text), failure);
  probe_done(ping);
}

static void send_request(struct ping *ping) {
  const struct fl_ping_bytes *request = &ping->options->send;
  ping->mark = fl_clock();
  fl_ping_link_send(ping->link,
                    (struct fl_slice){request->bytes, request->size});
  enter(ping, WAITING, ping->options->timeout);
}

static void connected(struct ping *ping) {
  fl_time rtt = fl_clock() - ping->mark;
  char text[FL_ADDR_TEXT + 32];
  ping->settled = true;
  if (ping->options->send.size > 0) {
    if (!ping->options->quiet)
      say(ping, "%s: connected in %.3f ms",
          fl_addr_format(&ping->addrs[ping->current], text), in_ms(rtt));
    send_request(ping);
    return;
  }
  drop_link(ping);
  fl_ping_stats_answered(&ping->stats, rtt);
  if (!ping->options->quiet)
    say(ping, "%s connected in %.3f ms", subject(ping, text), in_ms(rtt));
  probe_done(ping);
}

static bool is_expected(const struct ping *ping, struct fl_slice reply) {
  const struct fl_ping_bytes *expect = &ping->options->expect;
  reply = fl_frame_content(&ping->options->frames, reply);
  return reply.size >= expect->size &&
         memcmp(reply.bytes, expect->bytes, expect->size) == 0;
}

/* The start of a reply as a terminal may show it. */
static void excerpt(struct fl_slice reply, char text[EXCERPT + 1]) {
  size_t size = reply.size < EXCERPT ? reply.size : EXCERPT;
  while (size > 0 &&
         (reply.bytes[size - 1] == '\n' || reply.bytes[size - 1] == '\r'))
    size--;
  for (size_t i = 0; i < size; i++) {
    bool plain = reply.bytes[i] >= 0x20 && reply.bytes[i] < 0x7f;
    text[i] = plain ? (char)reply.bytes[i] : '?';
  }
  text[size] = '\0';
}

static void replied(struct ping *ping, struct fl_slice reply) {
  fl_time rtt = fl_clock() - ping->mark;
  char text[FL_ADDR_TEXT + 32];
  char begin[EXCERPT + 1];
  bool expected = is_expected(ping, reply);
  if (expected)
    fl_ping_stats_answered(&ping->stats, rtt);
  excerpt(reply, begin);
  if (!ping->options->quiet)
    say(ping, "%s %s in %.3f ms, %zu bytes%s%s%s", subject(ping, text),
        expected ? "reply" : "unexpected reply", in_ms(rtt), reply.size,
        expected ? "" : ": \"", expected ? "" : begin, expected ? "" : "\"");
  probe_done(ping);
}

static void on_link(void *context, enum fl_ping_event event,
                    struct fl_slice reply, const char *failure) {
  struct ping *ping = context;
  if (event == FL_PING_CONNECTED)
    connected(ping);
  else if (event == FL_PING_REPLY)
    replied(ping, reply);
  else if (event != FL_PING_FAILED)
    return; /* what was not asked for; a probe waits for its reply only */
  else if (ping->state == CONNECTING)
    connect_failed(ping, failure);
  else if (ping->state == WAITING)
    probe_lost(ping, failure);
  else
    drop_link(ping); /* the next probe opens another */
}

static void try_address(struct ping *ping) {
  ping->mark = fl_clock();
  ping->link = fl_ping_link_open(&ping->loop, &ping->addrs[ping->current],
                                 &ping->options->frames, on_link, ping);
  if (ping->link == NULL)
    probe_lost(ping, "out of memory");
  else
    enter(ping, CONNECTING, ping->options->timeout);
}

static void connect_failed(struct ping *ping, const char *failure) {
  char text[FL_ADDR_TEXT];
  if (ping->settled || ping->current + 1 == ping->addr_count) {
    probe_lost(ping, failure);
    return;
  }
  drop_link(ping);
  if (!ping->options->quiet)
    say(ping, "%s: %s; trying the next address",
        fl_addr_format(&ping->addrs[ping->current], text), failure);
  ping->current++;
  try_address(ping);
}

static void probe(struct ping *ping) {
  ping->stats.sent++;
  ping->began = fl_clock();
  if (ping->link != NULL) {
    send_request(ping);
    return;
  }
  if (!ping->settled)
    ping->current = 0;
  try_address(ping);
}

static void on_timer(uv_timer_t *timer) {
  struct ping *ping = timer->data;
  switch (ping->state) {
  case LOOKUP:
    lookup_late(ping);
    break;
  case CONNECTING:
    connect_failed(ping, "timed out");
    break;
  case WAITING:
    probe_lost(ping, "timed out");
    break;
  case PAUSE:
    probe(ping);
    break;
  }
}

/* --- begin and end ------------------------------------------------------ */

static void end(struct ping *ping) {
  char text[FL_PING_STATS_TEXT];
  drop_link(ping);
  uv_close((uv_handle_t *)&ping->timer, NULL);
  uv_close((uv_handle_t *)&ping->interrupt, NULL);
  if (ping->stats.sent == 0)
    return;
  fl_ping_stats_format(&ping->stats, fl_clock() - ping->started, text);
  say(ping, "\n--- %s ping statistics ---\n%s", ping->options->target, text);
}

static void on_interrupt(uv_signal_t *handle, int number) {
  struct ping *ping = handle->data;
  (void)number;
  if (ping->state == LOOKUP)
    fl_process_exit(FL_STATUS_UNANSWERED); /* a lookup cannot be stopped */
  end(ping);
}

static void begin(struct ping *ping) {
  say_header(ping);
  ping->started = fl_clock();
  if (ping->muted)
    end(ping);
  else
    probe(ping);
}

static void lookup_late(struct ping *ping) {
  fprintf(stderr, "fairlead: %s: no answer about this name in time\n",
          ping->options->host);
  fl_process_exit(FL_STATUS_UNANSWERED); /* a lookup cannot be stopped */
}

static void add_address(struct ping *ping, const struct sockaddr *from) {
  struct fl_addr addr;
  if (ping->addr_count == ADDRESSES_MAX || !fl_address_from_system(from, &addr))
    return;
  addr.port = ping->options->port;
  for (uint32_t i = 0; i < ping->addr_count; i++)
    if (fl_addr_equal(&ping->addrs[i], &addr))
      return;
  ping->addrs[ping->addr_count++] = addr;
}

static void no_address(struct ping *ping, int error) {
  char text[FL_ERROR_TEXT];
  fprintf(stderr, "fairlead: %s has no address (%s)\n", ping->options->host,
          error == 0 ? "neither IPv4 nor IPv6" : fl_error_text(error, text));
  ping->status = FL_STATUS_UNANSWERED;
  end(ping);
}

static void on_resolved(uv_getaddrinfo_t *request, int status,
                        struct addrinfo *info) {
  struct ping *ping = request->data;
  for (struct addrinfo *at = info; at != NULL; at = at->ai_next)
    add_address(ping, at->ai_addr);
  uv_freeaddrinfo(info);
  if (ping->addr_count == 0)
    no_address(ping, status);
  else
    begin(ping);
}

static void resolve(struct ping *ping) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  const char *host = ping->options->host;
  if (fl_addr_parse(host, ping->options->port, &ping->addrs[0])) {
    ping->addr_count = 1;
    begin(ping);
    return;
  }
  enter(ping, LOOKUP, ping->options->timeout);
  ping->lookup.data = ping;
  int error = uv_getaddrinfo(&ping->loop, &ping->lookup, on_resolved, host,
                             NULL, &hints);
  if (error != 0)
    no_address(ping, error);
}

static int refused_by_system(const char *what, int error) {
  char text[FL_ERROR_TEXT];
  fprintf(stderr, "fairlead: %s: %s\n", what, fl_error_text(error, text));
  return FL_STATUS_SYSTEM;
}

int fl_ping(const struct fl_ping_options *options) {
  struct ping ping = {.options = options};
  fl_process_prepare_client();
  int error = uv_loop_init(&ping.loop);
  if (error != 0)
    return refused_by_system("event loop", error);
  (void)uv_timer_init(&ping.loop, &ping.timer);
  (void)uv_signal_init(&ping.loop, &ping.interrupt);
  ping.timer.data = &ping;
  ping.interrupt.data = &ping;
  error = uv_signal_start(&ping.interrupt, on_interrupt, SIGINT);
  if (error != 0)
    fl_process_exit(refused_by_system("SIGINT", error));
  resolve(&ping);
  (void)uv_run(&ping.loop, UV_RUN_DEFAULT);
  (void)uv_loop_close(&ping.loop);
  if (ping.status != FL_STATUS_OK)
    return ping.status;
  return ping.stats.answered > 0 ? FL_STATUS_OK : FL_STATUS_UNANSWERED;
}
