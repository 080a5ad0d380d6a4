#include "tests/sim/session.h"

#include "tests/sim/network.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS_MAX = 16, LINE_MAX = 128, QUEUE_MAX = 64, NOBODY = -1 };

enum manner {
  FINISHES, /* asks all, then FIN, and waits for the end */
  WAITS,    /* closes once all is answered */
  LEAVES,   /* closes in the middle */
  RESETS,   /* in the middle */
  HOLDS,    /* asks no more from the middle on, and stays */
  WRONG,    /* a line that is too long, in the middle */
  MANNERS
};

struct line { /* that is being read */
  char text[LINE_MAX];
  size_t size;
};

struct client {
  struct sim *sim;
  struct sim_end *end;
  int id;
  enum manner manner;
  unsigned total;
  unsigned middle;
  unsigned pipeline;
  fl_time think;
  unsigned asked;
  unsigned answered;
  struct line line;
  bool finished;
  bool over;
};

struct served { /* a connection at a server */
  struct sim *sim;
  struct sim_end *end;
  int owner;
  unsigned heard; /* the owner's last request */
  bool ending;    /* FIN came */
  bool dumb;      /* it says nothing any more */
  bool spoiled;   /* a reset failed: nobody may use it any more */
  struct line line;
  char replies[QUEUE_MAX][LINE_MAX]; /* a ring */
  unsigned queued;
  unsigned sent;
  fl_time ready; /* when the last one of them goes */
  bool over;
};

struct sim_sessions {
  struct sim_port *ports[4];
  uint32_t port_count;
  struct client *clients[CLIENTS_MAX];
  struct served *at[CLIENTS_MAX]; /* the connection a client has spoken on */
  uint32_t count;
};

static uint64_t chance(struct sim *sim, uint64_t low, uint64_t high) {
  return sim_random_between(&sim->random, low, high);
}

static bool percent(struct sim *sim, unsigned of_hundred) {
  return sim_random_chance(&sim->random, of_hundred);
}

static bool clean(const struct sim *sim) {
  return sim->upstreams[sim->relay_upstream].clean;
}

static void write_text(struct sim_end *end, const char *text) {
  sim_end_write(end, (struct fl_slice){(const uint8_t *)text, strlen(text)});
}

/* Calls take for each line, without its LF. */
static void read_lines(struct line *line, struct fl_slice bytes,
                       void (*take)(void *owner, char *text), void *owner) {
  for (size_t i = 0; i < bytes.size; i++) {
    if (bytes.bytes[i] != '\n') {
      if (line->size < LINE_MAX - 1)
        line->text[line->size++] = (char)bytes.bytes[i];
      continue;
    }
    line->text[line->size] = '\0';
    line->size = 0;
    take(owner, line->text);
  }
}

/* -- servers -- */

static void hang_up(struct served *served, bool reset) {
  if (served->over)
    return;
  served->over = true;
  sim_end_close(served->end, reset);
}

static void send_next(void *ctx, uint64_t arg) {
  struct served *served = ctx;
  (void)arg;
  if (!served->over && !served->dumb)
    write_text(served->end, served->replies[served->sent % QUEUE_MAX]);
  served->sent++;
  if (served->ending && served->sent == served->queued)
    hang_up(served, false);
}

/* Replies leave in order. */
static void reply(struct served *served, const char *text) {
  struct sim *sim = served->sim;
  fl_time after = percent(sim, 60) ? chance(sim, 0, 3000)
                                   : chance(sim, 0, 400 * FL_MILLISECOND);
  fl_time now = sim->clock.now;
  if (served->queued - served->sent >= QUEUE_MAX)
    sim_fail(sim, "a session asked for more than %d replies at once",
             QUEUE_MAX);
  snprintf(served->replies[served->queued++ % QUEUE_MAX], LINE_MAX, "%s\n",
           text);
  if (now + after < served->ready)
    after = served->ready - now;
  served->ready = now + after;
  sim_clock_after(&sim->clock, after, send_next, served, 0);
}

static void be_reset(struct served *served) {
  struct sim *sim = served->sim;
  served->owner = NOBODY;
  served->heard = 0;
  if (clean(sim) || percent(sim, 70)) {
    reply(served, "+RESET");
    return;
  }
  served->spoiled = true;
  if (percent(sim, 30))
    reply(served, "-ERR");
  else if (percent(sim, 50))
    hang_up(served, percent(sim, 50));
}

static void hear_request(struct served *served, int id, unsigned number) {
  struct sim *sim = served->sim;
  struct sim_sessions *sessions = sim->sessions;
  if (served->spoiled)
    sim_fail(sim, "session %d goes on a connection that was not reset", id);
  if (served->owner != NOBODY && served->owner != id)
    sim_fail(sim, "session %d speaks on the connection of %d", id,
             served->owner);
  if (sessions->at[id] != NULL && sessions->at[id] != served)
    sim_fail(sim, "session %d has two connections", id);
  if (number != served->heard + 1)
    sim_fail(sim, "request %u of session %d comes after %u", number, id,
             served->heard);
  sessions->at[id] = served;
  served->owner = id;
  served->heard = number;
}

static void serve(void *owner, char *text) {
  struct served *served = owner;
  struct sim *sim = served->sim;
  char *end;
  if (served->over)
    return;
  if (strcmp(text, "RESET") == 0) {
    be_reset(served);
    return;
  }
  if (text[0] != 'c') { /* half a line of a raw session, then another */
    served->spoiled = true;
    return;
  }
  unsigned long id = strtoul(text + 1, &end, 10);
  unsigned long number = strtoul(end, &end, 10);
  if (*end != '\0' || id >= sim->sessions->count) {
    served->spoiled = true;
    return;
  }
  hear_request(served, (int)id, (unsigned)number);
  if (!clean(sim) && percent(sim, 2))
    hang_up(served, percent(sim, 50));
  else if (!clean(sim) && percent(sim, 2))
    served->dumb = true;
  else {
    text[0] = 's';
    reply(served, text);
  }
}

static void served_data(void *owner, struct fl_slice bytes) {
  struct served *served = owner;
  read_lines(&served->line, bytes, serve, served);
}

static void served_end(void *owner, enum fl_reason reason) {
  struct served *served = owner;
  served->ending = true;
  if (reason != FL_PEER_CLOSED || served->sent == served->queued)
    hang_up(served, reason != FL_PEER_CLOSED);
}

static const struct sim_end_ops served_ops = {.data = served_data,
                                              .end = served_end};

static void on_accept(void *owner, struct sim_end *end,
                      const struct fl_addr *from) {
  struct sim *sim = owner;
  struct served *served = sim_alloc(sim, sizeof *served);
  (void)from;
  served->sim = sim;
  served->end = end;
  served->owner = NOBODY;
  sim_end_own(end, &served_ops, served);
}

/* -- clients -- */

static void leave(struct client *client, bool reset) {
  if (client->over)
    return;
  client->over = true;
  sim_trace(client->sim, "session %d leaves: asked %u, answered %u%s",
            client->id, client->asked, client->answered,
            reset ? ", reset" : "");
  client->sim->clients_left--;
  sim_end_close(client->end, reset);
}

static void ask(void *ctx, uint64_t arg);

static void ask_later(struct client *client) {
  struct sim *sim = client->sim;
  sim_clock_after(&sim->clock,
                  percent(sim, 60) ? 0 : chance(sim, 0, client->think), ask,
                  client, 0);
}

static void leave_later(void *ctx, uint64_t arg) {
  (void)arg;
  leave(ctx, false);
}

static void do_mischief(struct client *client) {
  struct sim *sim = client->sim;
  char line[301];
  switch (client->manner) {
  case LEAVES:
  case RESETS:
    leave(client, client->manner == RESETS);
    break;
  case HOLDS:
    sim_clock_after(&sim->clock, chance(sim, 0, 20 * FL_SECOND), leave_later,
                    client, 0);
    break;
  default:
    memset(line, 'x', 300);
    line[300] = '\0';
    write_text(client->end, line);
    sim_clock_after(&sim->clock, 30 * FL_SECOND, leave_later, client, 0);
    break;
  }
}

/* One line at a time, as long as the pipeline has room. */
static void ask(void *ctx, uint64_t arg) {
  struct client *client = ctx;
  char line[LINE_MAX];
  (void)arg;
  if (client->over || client->finished)
    return;
  if (client->manner >= LEAVES && client->asked >= client->middle) {
    client->finished = true;
    do_mischief(client);
    return;
  }
  if (client->asked == client->total) {
    client->finished = client->manner == FINISHES;
    if (client->finished)
      sim_end_finish(client->end);
    return;
  }
  if (client->asked - client->answered >= client->pipeline)
    return; /* the next answer goes on */
  snprintf(line, sizeof line, "c%d %u\n", client->id, ++client->asked);
  write_text(client->end, line);
  ask_later(client);
}

static void hear_reply(void *owner, char *text) {
  struct client *client = owner;
  char expected[LINE_MAX];
  if (client->over)
    return;
  snprintf(expected, sizeof expected, "s%d %u", client->id,
           client->answered + 1);
  if (strcmp(text, expected) != 0 || client->answered == client->asked)
    sim_fail(client->sim, "session %d hears \"%s\" and not \"%s\"", client->id,
             text, expected);
  client->answered++;
  if (client->answered == client->total && client->manner == WAITS)
    leave(client, false);
  else
    ask_later(client);
}

static void client_data(void *owner, struct fl_slice bytes) {
  struct client *client = owner;
  read_lines(&client->line, bytes, hear_reply, client);
}

/* Where servers are right and timeouts ample, a session ends with its last
   reply. */
static void client_end(void *owner, enum fl_reason reason) {
  struct client *client = owner;
  struct sim *sim = client->sim;
  bool whole = client->finished && client->manner == FINISHES &&
               client->answered == client->total && reason == FL_PEER_CLOSED &&
               client->line.size == 0;
  bool excused = client->manner == WRONG || client->manner == HOLDS ||
                 sim->phase != SIM_SERVING || sim->scarce;
  if (clean(sim) && !whole && !excused)
    sim_fail(sim, "session %d ends (%s) with %u of %u answered", client->id,
             fl_reason_name(reason), client->answered, client->total);
  leave(client, reason != FL_PEER_CLOSED);
}

/* Nobody waits for ever. */
static void lose_patience(void *ctx, uint64_t arg) {
  struct client *client = ctx;
  (void)arg;
  if (clean(client->sim) && !client->over)
    sim_fail(client->sim, "session %d is stuck: asked %u, answered %u",
             client->id, client->asked, client->answered);
  leave(client, false);
}

static void client_connected(void *owner, enum fl_reason reason) {
  struct client *client = owner;
  if (reason != FL_OK) { /* the listener is closed */
    leave(client, false);
    return;
  }
  sim_end_read(client->end, true);
  sim_clock_after(&client->sim->clock,
                  (clean(client->sim) ? 3600 : 60) * FL_SECOND, lose_patience,
                  client, 0);
  ask_later(client);
}

static const struct sim_end_ops client_ops = {
    .connected = client_connected, .data = client_data, .end = client_end};

static void set_off(void *ctx, uint64_t id) {
  struct sim *sim = ctx;
  struct client *client = sim->sessions->clients[id];
  const struct fl_listener_config *listener =
      &sim->config->listeners[sim->relay_listener];
  struct fl_addr from = {
      .family = FL_ADDR_IP4, .port = 1024, .ip = {10, 251, 0, (uint8_t)id}};
  client->end =
      sim_connect(sim, &from, &listener->listen[0].addr, &client_ops, client);
}

/* -- drawing -- */

void sim_session_servers(struct sim *sim) {
  const struct fl_upstream_config *upstream =
      &sim->config->upstreams[sim->relay_upstream];
  sim->sessions = sim_alloc(sim, sizeof *sim->sessions);
  for (uint32_t i = 0; i < upstream->server_count; i++)
    sim->sessions->ports[sim->sessions->port_count++] =
        sim_port_new(sim, &upstream->servers[i].addr, sim, on_accept);
}

/* Of raw bytes nobody but the client knows whether all replies are there. */
static bool fin_is_leaving(const struct sim *sim) {
  const struct fl_upstream_config *upstream =
      &sim->config->upstreams[sim->relay_upstream];
  return upstream->framing.type == FL_FRAMING_RAW &&
         upstream->reset.send.size > 0;
}

void sim_session_clients(struct sim *sim) {
  struct sim_sessions *sessions = sim->sessions;
  uint32_t count = (uint32_t)chance(sim, 1, CLIENTS_MAX);
  for (uint32_t i = 0; i < count; i++) {
    struct client *client = sim_alloc(sim, sizeof *client);
    client->sim = sim;
    client->id = (int)i;
    client->manner = percent(sim, 60)
                         ? (enum manner)chance(sim, 0, 1)
                         : (enum manner)chance(sim, 0, MANNERS - 1);
    if (client->manner == FINISHES && fin_is_leaving(sim))
      client->manner = WAITS;
    client->total = (unsigned)chance(sim, 1, 20);
    client->middle = (unsigned)chance(sim, 0, client->total);
    client->pipeline = percent(sim, 50) ? 1 : (unsigned)chance(sim, 2, 8);
    client->think = chance(sim, 0, FL_SECOND);
    sessions->clients[sessions->count++] = client;
    sim->clients_left++;
    sim_clock_after(&sim->clock, chance(sim, 0, 4 * FL_SECOND), set_off, sim,
                    i);
  }
}

bool sim_session_at(const struct sim *sim, const struct fl_addr *addr) {
  const struct sim_sessions *sessions = sim->sessions;
  for (uint32_t i = 0; sessions != NULL && i < sessions->port_count; i++)
    if (fl_addr_equal(&sessions->ports[i]->addr, addr))
      return true;
  return false;
}
