#include "tests/sim/client.h"

#include "tests/sim/ledger.h"
#include "tests/sim/network.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What networks and turns may add to any deadline. */
#define SLACK (2 * FL_SECOND)

/* The source port of client 0. */
enum { FIRST_PORT = 40000 };

struct request {
  uint8_t *line; /* its LF included */
  size_t size;
  uint64_t id;
  fl_time sent;
  bool silent; /* has no reply */
  bool denied;
};

struct sim_client {
  struct sim *sim;
  uint32_t id;
  struct sim_client_plan plan;
  const struct fl_listener_config *listener;
  const struct fl_upstream_config *upstream; /* NULL in command mode */
  const struct sim_wire *wire;               /* of requests */
  struct sim_wire_reader reader;
  struct sim_end *end;
  struct request *requests;
  uint32_t sent;
  uint32_t outcomes;
  uint32_t silent;  /* requests without a reply */
  uint32_t skipped; /* of them, since the last outcome */
  bool finished;    /* sends nothing more */
  bool reading;
  bool done;
  bool excused; /* may be reset */
  bool accepted_yet;
  bool left;        /* a reload took its listener out */
  unsigned refused; /* while its listener was gone */
  bool send_planned;
  fl_time accepted;
  fl_time last; /* the latest outcome */
  fl_time finished_at;
  fl_time resumed; /* SIM_READS_LATE: when it read again */
  uint8_t *line;   /* what has come of the next outcome */
  size_t size;
  size_t capacity;
};

static fl_time now(const struct sim_client *client) {
  return client->sim->clock.now;
}

static uint64_t chance(struct sim_client *client, uint64_t low, uint64_t high) {
  return sim_random_between(&client->sim->random, low, high);
}

static void after(struct sim_client *client, fl_time delay,
                  sim_action *action) {
  sim_clock_after(&client->sim->clock, delay, action, client, 0);
}

static void leave(struct sim_client *client, bool reset) {
  if (client->done)
    return;
  client->done = true;
  client->sim->clients_left--;
  if (client->end != NULL)
    sim_end_close(client->end, reset);
  sim_trace(client->sim, "client %u leaves after %u of %u outcomes", client->id,
            client->outcomes, client->sent);
}

/* -- time -- */

static fl_time later(fl_time a, fl_time b) { return a > b ? a : b; }

/* When the oldest request without an outcome must have one at the latest:
   while a client has requests outstanding, its next wait in turn. */
static const struct sim_upstream_plan *
upstream_plan(const struct sim_client *client) {
  return &client->sim->upstreams[client->listener->upstream];
}

/* The longest that a request takes to have its outcome. */
static fl_time patience(const struct sim_client *client) {
  const struct fl_upstream_config *upstream = client->upstream;
  fl_time timeout =
      later(upstream->request_timeout, upstream_plan(client)->timeout);
  fl_time due =
      upstream->pool.acquire_timeout + upstream->write_timeout + timeout;
  if (upstream->in_flight > 1) /* behind another's bytes on a connection */
    due += timeout;
  return due;
}

static fl_time outcome_due(const struct sim_client *client) {
  const struct request *oldest = &client->requests[client->outcomes];
  fl_time due = later(later(oldest->sent, client->last), client->accepted);
  const struct fl_upstream_config *upstream = client->upstream;
  if (upstream == NULL)
    return due + SLACK;
  return due + (1 + client->skipped) * patience(client) + SLACK;
}

/* When a client that says nothing more must be gone at the latest. */
static fl_time quiet_limit(const struct sim_client *client) {
  fl_time most = client->sim->idle[client->plan.listener].most;
  if (client->plan.kind == SIM_STOPS_MID_FRAME)
    return fl_time_min(client->listener->frame_timeout, most);
  return most;
}

static bool waits_for_close(const struct sim_client *client) {
  return client->finished && (client->plan.kind == SIM_FALLS_SILENT ||
                              client->plan.kind == SIM_STOPS_MID_FRAME);
}

/* How long it may stay once it has all: as long as it is not idle for too long,
   or not at all where its listener has gone. */
static fl_time still_open(const struct sim_client *client) {
  return client->left ? 0 : quiet_limit(client);
}

static void watch(void *ctx, uint64_t arg) {
  struct sim_client *client = ctx;
  fl_time due = now(client) + FL_SECOND;
  (void)arg;
  if (client->done || client->sim->phase == SIM_FORCED)
    return;
  if (client->accepted_yet && sim_client_reads(client)) {
    if (client->outcomes < client->sent)
      due = outcome_due(client);
    else if (waits_for_close(client))
      due = later(later(client->finished_at, client->last), client->accepted) +
            still_open(client) + SLACK;
    if (client->skipped > 0)
      due += client->skipped * patience(client);
  }
  if (client->sim->phase != SIM_SERVING)
    due += 30 * FL_SECOND;
  if (now(client) > due)
    sim_fail(client->sim,
             "client %u has %u outcomes of %u requests and is not closed",
             client->id, client->outcomes, client->sent);
  after(client, due + 1 - now(client), watch);
}

/* -- outcomes -- */

static bool is_error(const struct sim_client *client, enum fl_reason reason) {
  char text[FL_ERROR_REPLY_MAX];
  int size = snprintf(text, sizeof text, "ERROR %s\n", fl_reason_name(reason));
  return client->size == (size_t)size &&
         memcmp(client->line, text, client->size) == 0;
}

/* What an exception may stand for. */
static enum fl_reason exception_of(const struct sim_client *client) {
  const struct request *request = &client->requests[client->outcomes - 1];
  if (client->size != 4 || client->line[0] != request->line[0] ||
      client->line[1] != (request->line[1] | 0x80) ||
      client->reader.id != request->id)
    return FL_OK;
  switch (client->line[2]) {
  case 'A': /* 0x01 */
    return FL_DENIED;
  case 'F': /* 0x06 */
    return FL_TOO_MANY_WAITERS;
  case 'J': /* 0x0a */
    return FL_ACQUIRE_TIMEOUT;
  case 'K': /* 0x0b */
    return FL_UPSTREAM_RETIRED;
  default:
    return FL_OK;
  }
}

static enum fl_reason error_of(const struct sim_client *client) {
  if (client->wire->modbus)
    return exception_of(client);
  for (int i = 1; i < FL_REASON_COUNT; i++)
    if (is_error(client, (enum fl_reason)i))
      return (enum fl_reason)i;
  return FL_OK;
}

static bool has_prefix(const struct sim_client *client, const char *prefix) {
  size_t size = strlen(prefix);
  return client->size >= size && memcmp(client->line, prefix, size) == 0;
}

static bool echoes(const struct sim_client *client, const char *prefix,
                   const struct request *request) {
  size_t size = strlen(prefix);
  return has_prefix(client, prefix) && client->size == size + request->size &&
         memcmp(client->line + size, request->line, request->size) == 0;
}

static bool is_reply(const struct sim_client *client,
                     const struct request *request) {
  if (client->upstream != NULL &&
      !client->sim->upstreams[client->listener->upstream].built_in)
    return echoes(client, "re:", request);
  if (request->size == 5 && memcmp(request->line, "PING\n", 5) == 0)
    return client->size == 5 && has_prefix(client, "PONG\n");
  if (request->size == 7 && memcmp(request->line, "STATUS\n", 7) == 0)
    return has_prefix(client, "Connected clients: ");
  return echoes(client, "Echo: ", request);
}

/* When the newest request with an outcome may get this error at the earliest.
   Of requests that come back together, all have the oldest's deadline. */
static fl_time earliest(const struct sim_client *client,
                        enum fl_reason reason) {
  uint32_t newest = client->outcomes - 1;
  uint32_t back = client->upstream->in_flight;
  uint32_t oldest = newest < back ? 0 : newest - back;
  if (reason == FL_ACQUIRE_TIMEOUT)
    return client->requests[oldest].sent +
           client->upstream->pool.acquire_timeout;
  if (reason == FL_REQUEST_TIMEOUT) {
    fl_time timeout = upstream_plan(client)->timeout;
    return client->requests[newest].sent +
           (timeout == 0
                ? client->upstream->request_timeout
                : fl_time_min(timeout, client->upstream->request_timeout));
  }
  return 0;
}

/* How much of a line a message shows, without its LF. */
static int shown(size_t size) { return size > 61 ? 60 : (int)size - 1; }

/* Whether nothing is wrong that could excuse an error. (Our own listener
   takes no connection any more once we stop.) */
static bool must_succeed(const struct sim_client *client) {
  const struct sim *sim = client->sim;
  if (sim->phase == SIM_FORCED || sim->scarce)
    return false;
  if (client->excused && sim_ledger_stopped(sim, client->id))
    return false; /* a reload had no time for it */
  if (client->upstream == NULL)
    return true;
  const struct sim_upstream_plan *plan =
      &sim->upstreams[client->listener->upstream];
  return plan->clean && !(plan->built_in && sim->phase != SIM_SERVING);
}

static void take_error(struct sim_client *client,
                       const struct request *request) {
  struct sim *sim = client->sim;
  enum fl_reason reason = error_of(client);
  if (reason == FL_OK)
    sim_fail(sim, "client %u: request \"%.*s\" got \"%.*s\"", client->id,
             shown(request->size), (const char *)request->line,
             shown(client->size), (const char *)client->line);
  if (client->plan.kind == SIM_WRONG && client->finished &&
      client->outcomes == client->sent) {
    if (reason != FL_FRAME_TOO_LONG && reason != FL_BAD_FRAME)
      sim_fail(sim, "client %u: what is no frame got %s", client->id,
               fl_reason_name(reason));
    return;
  }
  if (client->upstream == NULL && reason == FL_NOT_TEXT && client->plan.binary)
    return;
  if (reason == FL_DENIED && request->denied)
    return;
  if (must_succeed(client))
    sim_fail(sim, "client %u: request %u got %s though nothing is wrong",
             client->id, client->outcomes - 1, fl_reason_name(reason));
  if (client->upstream != NULL && now(client) < earliest(client, reason))
    sim_fail(sim, "client %u: request %u got %s too early", client->id,
             client->outcomes - 1, fl_reason_name(reason));
}

static void plan_send(struct sim_client *client);

/* What has no reply is done, as far as the client can tell. */
static void skip_silent(struct sim_client *client) {
  while (client->outcomes < client->sent &&
         client->requests[client->outcomes].silent) {
    client->outcomes++;
    client->skipped++;
  }
}

static void leave_or_go_on(struct sim_client *client) {
  if (client->outcomes == client->plan.total && client->finished &&
      (client->plan.kind == SIM_POLITE || client->plan.kind == SIM_READS_LATE))
    leave(client, false);
  else
    plan_send(client);
}

static void take_outcome(struct sim_client *client) {
  struct sim *sim = client->sim;
  if (client->outcomes == client->sent)
    sim_fail(sim, "client %u: more outcomes than requests: \"%.*s\"",
             client->id, shown(client->size), (const char *)client->line);
  const struct request *request = &client->requests[client->outcomes];
  if (now(client) > outcome_due(client) && sim_client_reads(client))
    sim_fail(sim, "client %u: request %u got its outcome late", client->id,
             client->outcomes);
  client->outcomes++;
  client->skipped = 0;
  client->last = now(client);
  if (request->denied && error_of(client) == FL_OK)
    sim_fail(sim, "client %u: request %u was not denied", client->id,
             client->outcomes - 1);
  if (!is_reply(client, request))
    take_error(client, request);
  else if (client->reader.id != request->id)
    sim_fail(sim, "client %u: the reply to request %u has another id",
             client->id, client->outcomes - 1);
  skip_silent(client);
  leave_or_go_on(client);
}

static void take_byte(void *ctx, uint8_t byte) {
  struct sim_client *client = ctx;
  if (client->done)
    return;
  if (client->size == client->capacity) {
    client->capacity = 2 * client->size + 64;
    uint8_t *grown = sim_alloc(client->sim, client->capacity);
    if (client->size > 0)
      memcpy(grown, client->line, client->size);
    client->line = grown;
  }
  client->line[client->size++] = byte;
  if (byte == '\n') {
    take_outcome(client);
    client->size = 0;
  }
}

static void on_data(void *owner, struct fl_slice bytes) {
  struct sim_client *client = owner;
  sim_wire_read(&client->reader, bytes, take_byte, client);
  if (client->reader.dead)
    sim_fail(client->sim, "client %u was sent what is no frame", client->id);
}

/* -- the end -- */

/* The earliest moment at which a quiet client may be closed. */
static fl_time quiet_from(const struct sim_client *client) {
  fl_time idle = client->accepted;
  if (client->outcomes > 0)
    idle = later(idle, client->requests[client->outcomes - 1].sent);
  idle += client->sim->idle[client->plan.listener].least;
  if (client->plan.kind != SIM_STOPS_MID_FRAME)
    return idle;
  return fl_time_min(idle,
                     client->finished_at + client->listener->frame_timeout);
}

/* Where no reply can say that a request failed, the end of the stream does.
   Returns whether it may do so now. */
static bool means_error(const struct sim_client *client, bool reset) {
  if (!reset && client->silent > 0 && client->reader.length == 0 &&
      !must_succeed(client))
    return true; /* of one that has no reply it is the only sign */
  bool says = sim_wire_says_errors(client->reader.wire);
  if (reset || client->outcomes == client->sent || client->reader.length > 0)
    return false;
  if (client->plan.kind == SIM_WRONG && client->finished &&
      client->outcomes + 1 == client->sent)
    return !says || client->wire->modbus; /* which tells of requests only */
  return !says && !must_succeed(client);
}

static bool may_close(const struct sim_client *client, bool reset) {
  if (client->excused || client->sim->scarce || means_error(client, reset))
    return true;
  switch (client->plan.kind) {
  case SIM_HALF_CLOSES:
  case SIM_WRONG:
    return !reset && client->finished && client->outcomes == client->sent;
  case SIM_FALLS_SILENT:
  case SIM_STOPS_MID_FRAME:
    return !reset && client->finished && client->outcomes == client->sent &&
           now(client) >= quiet_from(client);
  case SIM_READS_LATE: /* write_timeout, or idle_timeout while it paused */
    return reset || client->outcomes == client->sent ||
           client->requests[client->outcomes].sent >= client->resumed;
  default:
    return false;
  }
}

static void on_end(void *owner, enum fl_reason reason) {
  struct sim_client *client = owner;
  struct sim *sim = client->sim;
  bool reset = reason != FL_PEER_CLOSED;
  uint64_t owed = sim_ledger_owed(sim, client->id);
  bool stopped = sim_ledger_stopped(sim, client->id);
  if (sim->phase == SIM_SERVING && !stopped) {
    if (!may_close(client, reset))
      sim_fail(sim, "client %u was %s with %u outcomes of %u requests",
               client->id, reset ? "reset" : "closed", client->outcomes,
               client->sent);
  } else if (sim->phase != SIM_FORCED && sim_client_reads(client) &&
             !client->excused && !sim->scarce && client->outcomes < owed &&
             !means_error(client, reset)) {
    sim_fail(sim,
             "client %u was %s with %u outcomes of %" PRIu64
             " requests that had been read",
             client->id, reset ? "reset" : "closed", client->outcomes, owed);
  }
  leave(client, false);
}

/* -- requests -- */

static void command_line(struct sim_client *client, char *line, size_t size) {
  unsigned kind = (unsigned)chance(client, 0, 3);
  if (kind == 0)
    snprintf(line, size, "PING");
  else if (kind == 1)
    snprintf(line, size, "STATUS");
  else
    snprintf(line, size, "tok-%u-%u", client->id, client->sent);
}

/* Clients know nothing of each other's ids, nor need theirs differ. */
static uint64_t draw_id(struct sim_client *client) {
  const struct fl_pair *pair = &client->wire->pair;
  if (pair->width == 0)
    return 0;
  return chance(client, 0, 1) == 0
             ? client->sent % 2
             : chance(client, 0,
                      sim_wire_id_max(pair) - (pair->by == FL_PAIR_KEY));
}

static uint8_t pad_byte(struct sim_client *client, bool last) {
  if (!client->plan.binary)
    return (uint8_t)chance(client, last ? '!' : ' ', '~');
  if (last) /* not white space, which a command would be trimmed of */
    return '!';
  uint8_t byte = (uint8_t)chance(client, 0, 255);
  bool forbidden = sim_wire_forbids(client->wire, byte) ||
                   sim_wire_forbids(client->reader.wire, byte);
  return forbidden ? 0 : byte;
}

/* So that rules match; by chance, other lines end so, too. */
static void end_specially(struct sim_client *client, uint8_t end[2]) {
  static const char ends[] = "!#~";
  uint64_t which = chance(client, 0, 8);
  if (which < 3)
    end[0] = end[1] = (uint8_t)ends[which];
}

static void note_rules(struct sim_client *client, struct request *request) {
  const struct sim_upstream_plan *plan = upstream_plan(client);
  if (client->upstream == NULL)
    return;
  request->silent =
      plan->silent && sim_line_ends(request->line, request->size, '!');
  request->denied =
      plan->denies && sim_line_ends(request->line, request->size, '#');
  client->silent += request->silent;
  if (plan->ignores && chance(client, 0, 9) == 0)
    sim_end_write(
        client->end,
        sim_wire_frame(client->sim, client->wire, 0,
                       (struct fl_slice){(const uint8_t *)"noop\n", 5}));
}

static void make_request(struct sim_client *client) {
  struct request *request = &client->requests[client->sent];
  char head[40];
  snprintf(head, sizeof head, "tok-%u-%u", client->id, client->sent);
  if (client->upstream == NULL)
    command_line(client, head, sizeof head);
  size_t size = strlen(head);
  size_t pad = 0;
  if (head[0] == 't' && chance(client, 0, 1) == 0)
    pad = (size_t)chance(client, 0, client->plan.size - 42);
  request->line = sim_alloc(client->sim, size + pad + 2);
  memcpy(request->line, head, size);
  if (pad > 0)
    request->line[size++] = ' ';
  for (size_t i = 0; i < pad; i++)
    request->line[size++] = pad_byte(client, i + 1 == pad);
  if (pad > 3)
    end_specially(client, request->line + size - 2);
  request->line[size++] = '\n';
  request->size = size;
  request->sent = now(client);
  note_rules(client, request);
  request->id = draw_id(client);
  client->sent++;
  sim_end_write(client->end,
                sim_wire_frame(client->sim, client->wire, request->id,
                               (struct fl_slice){request->line, size}));
  skip_silent(client);
}

static void send_wrong(struct sim_client *client) {
  struct request *request = &client->requests[client->sent++];
  struct fl_slice bytes =
      sim_wire_wrong(client->sim, client->wire, client->listener->max_frame);
  request->line = sim_alloc(client->sim, bytes.size);
  memcpy(request->line, bytes.bytes, bytes.size);
  request->size = bytes.size;
  request->sent = now(client);
  sim_end_write(client->end, bytes);
}

/* Not the last byte of a frame. */
static void send_beginning(struct sim_client *client) {
  struct fl_slice bytes =
      sim_wire_frame(client->sim, client->wire, 0,
                     (struct fl_slice){(const uint8_t *)"tok\n", 4});
  bytes.size--;
  sim_end_write(client->end, bytes);
}

/* After the last request, or in the middle. */
static void finish(struct sim_client *client) {
  client->finished = true;
  client->finished_at = now(client);
  switch (client->plan.kind) {
  case SIM_HALF_CLOSES:
    sim_end_finish(client->end);
    break;
  case SIM_RESETS:
    leave(client, true);
    break;
  case SIM_LEAVES:
    leave(client, false);
    break;
  case SIM_WRONG:
    send_wrong(client);
    break;
  case SIM_STOPS_MID_FRAME:
    send_beginning(client);
    break;
  default:
    break;
  }
}

static void read_again(void *ctx, uint64_t arg) {
  struct sim_client *client = ctx;
  (void)arg;
  if (client->done)
    return;
  client->resumed = now(client);
  sim_end_read(client->end, true);
}

/* Mishaps that do not need that all was sent. */
static bool mishap(struct sim_client *client) {
  if (client->sent != client->plan.mishap)
    return false;
  if (client->plan.kind == SIM_READS_LATE) {
    sim_end_read(client->end, false);
    after(client, client->plan.pause, read_again);
  }
  return client->plan.kind == SIM_RESETS || client->plan.kind == SIM_LEAVES;
}

static void send_more(void *ctx, uint64_t arg) {
  struct sim_client *client = ctx;
  (void)arg;
  client->send_planned = false;
  while (!client->done && !client->finished &&
         client->sent - client->outcomes < client->plan.pipeline) {
    bool stop = mishap(client);
    if (stop || client->sent == client->plan.total)
      finish(client);
    else
      make_request(client);
  }
  if (!client->done && !client->finished && client->sent == client->plan.total)
    finish(client);
  if (client->finished)
    leave_or_go_on(client);
}

static void plan_send(struct sim_client *client) {
  if (client->send_planned || client->done || client->finished)
    return;
  client->send_planned = true;
  after(client, chance(client, 0, client->plan.think), send_more);
}

/* -- begin -- */

static void begin(void *ctx, uint64_t arg);

static void on_connected(void *owner, enum fl_reason reason) {
  struct sim_client *client = owner;
  bool may_close = client->listener->on_upstream_down == FL_UPSTREAM_DOWN_CLOSE;
  bool went = client->sim->went[client->plan.listener];
  if (reason != FL_OK && client->sim->phase == SIM_SERVING &&
      (may_close || (went && client->refused++ < 5))) {
    sim_end_close(client->end, false);
    after(client, chance(client, 1, FL_SECOND), begin);
    return;
  }
  if (reason != FL_OK && client->sim->phase == SIM_SERVING && !went)
    sim_fail(client->sim, "client %u could not connect", client->id);
  if (reason != FL_OK) {
    leave(client, false);
    return;
  }
  plan_send(client);
  watch(client, 0);
}

static const struct sim_end_ops ops = {
    .connected = on_connected, .data = on_data, .end = on_end};

static void begin(void *ctx, uint64_t arg) {
  struct sim_client *client = ctx;
  struct fl_addr from = {
      .family = FL_ADDR_IP4,
      .port = (uint16_t)(FIRST_PORT + client->id),
      .ip = {192, 168, 0, (uint8_t)(client->id % SIM_SOURCES)}};
  (void)arg;
  const struct fl_endpoint *to =
      &client->listener
           ->listen[chance(client, 0, client->listener->listen_count - 1)];
  client->end = sim_connect(client->sim, &from, &to->addr, &ops, client);
}

struct sim_client *sim_client_new(struct sim *sim,
                                  const struct sim_client_plan *plan) {
  struct sim_client *client = sim_alloc(sim, sizeof *client);
  client->sim = sim;
  client->plan = *plan;
  client->listener = &sim->config->listeners[plan->listener];
  client->wire = sim_wire_of(sim, client->listener);
  client->reader.wire = sim_reply_wire_of(sim, client->listener);
  if (client->listener->mode == FL_MODE_REQUEST)
    client->upstream = &sim->config->upstreams[client->listener->upstream];
  client->requests =
      sim_alloc(sim, (plan->total + 1) * sizeof *client->requests);
  client->id = sim->client_count;
  sim->clients[sim->client_count++] = client;
  sim->clients_left++;
  after(client, plan->start, begin);
  return client;
}

uint32_t sim_client_listener(const struct sim_client *client) {
  return client->plan.listener;
}

bool sim_client_reads(const struct sim_client *client) {
  return client->plan.kind != SIM_READS_LATE;
}

uint32_t sim_client_from(const struct fl_addr *addr) {
  return addr->ip[0] == 192 ? (uint32_t)(addr->port - FIRST_PORT) : SIM_NOBODY;
}

void sim_client_accepted(struct sim_client *client) {
  client->accepted_yet = true;
  client->accepted = now(client);
}

void sim_client_excuse(struct sim_client *client) { client->excused = true; }

void sim_client_left(struct sim_client *client) {
  client->left = true;
  client->last = later(client->last, now(client));
  after(client, SLACK + FL_MILLISECOND, watch);
}
