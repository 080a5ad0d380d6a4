#include "tests/sim/server.h"

#include "tests/sim/network.h"
#include "tests/sim/own.h"

#include <string.h>

enum fate {
  REPLY,
  LATE,
  SILENT,
  EXTRA,
  SPLIT,
  WRONG,
  CLOSE_MID,
  RESET_MID,
  CLOSE_AFTER
};

struct link { /* one accepted connection */
  struct link *next;
  struct sim_server *server;
  struct sim_end *end;
  struct sim_wire_reader reader;
  char *line; /* what has come of the next request */
  size_t size;
  size_t capacity;
  fl_time busy; /* until when it works on what came so far */
  uint64_t received;
  uint64_t answered;
  bool signed_on;
  bool deaf; /* answers nothing more */
  bool closed;
};

struct sim_server {
  struct sim *sim;
  uint32_t upstream;
  struct sim_port *port;
  struct sim_server_plan plan;
  struct link *links;
  fl_time down_since;
  uint64_t attempts; /* since then */
};

struct reply {
  struct link *link;
  enum fate fate;
  const uint8_t *bytes;
  size_t size;
};

static uint64_t chance(struct sim_server *server, uint64_t low, uint64_t high) {
  return sim_random_between(&server->sim->random, low, high);
}

static const struct fl_upstream_config *
config_of(const struct sim_server *server) {
  return &server->sim->config->upstreams[server->upstream];
}

static void link_close(struct link *link, bool reset) {
  if (link->closed)
    return;
  link->closed = true;
  sim_end_close(link->end, reset);
}

/* -- replies -- */

static bool by_id(const struct sim_server *server) {
  return config_of(server)->pair.by == FL_PAIR_ID;
}

/* Whether replies may come in any order. */
static bool by_id_or_key(const struct sim_server *server) {
  return config_of(server)->pair.by != FL_PAIR_ORDER;
}

static void second_half(void *ctx, uint64_t arg) {
  struct reply *reply = ctx;
  (void)arg;
  size_t half = reply->size / 2;
  if (reply->link->closed)
    return;
  reply->link->answered++;
  sim_end_write(reply->link->end,
                (struct fl_slice){reply->bytes + half, reply->size - half});
}

static void repeat(void *ctx, uint64_t arg) {
  struct reply *reply = ctx;
  (void)arg;
  if (!reply->link->closed)
    sim_end_write(reply->link->end,
                  (struct fl_slice){reply->bytes, reply->size});
}

/* By id, the repeat may come at any time before the id may be another's. A key
   may be another request's as soon as its first reply has come, and a read may
   end within the repeat: so that has a key nobody has, where that can be. */
static void write_extra(struct reply *reply) {
  struct sim_server *server = reply->link->server;
  struct sim *sim = server->sim;
  if (by_id(server) && chance(server, 0, 1) == 0) {
    sim_end_write(reply->link->end,
                  (struct fl_slice){reply->bytes, reply->size});
    sim_clock_after(&sim->clock, chance(server, 0, 20000), repeat, reply, 0);
    return;
  }
  const struct sim_wire *wire = &sim->upstreams[server->upstream].reply_wire;
  uint8_t *twice = sim_alloc(sim, 2 * reply->size);
  memcpy(twice, reply->bytes, reply->size);
  memcpy(twice + reply->size, reply->bytes, reply->size);
  if (wire->pair.by == FL_PAIR_KEY && wire->pair.width == 0) {
    sim_end_write(reply->link->end,
                  (struct fl_slice){reply->bytes, reply->size});
    return;
  }
  if (wire->pair.by == FL_PAIR_KEY)
    memset(twice + reply->size + wire->pair.offset, 0xff, wire->pair.width);
  sim_end_write_glued(reply->link->end,
                      (struct fl_slice){twice, 2 * reply->size}, reply->size);
}

static void write_wrong(struct reply *reply) {
  struct sim_server *server = reply->link->server;
  sim_end_write(
      reply->link->end,
      sim_wire_wrong(server->sim,
                     &server->sim->upstreams[server->upstream].reply_wire,
                     config_of(server)->max_frame));
}

/* A frame that is to be passed over, now and then. */
static void write_noop(struct link *link) {
  struct sim *sim = link->server->sim;
  const struct sim_upstream_plan *plan =
      &sim->upstreams[link->server->upstream];
  if (plan->ignores && sim_random_chance(&sim->random, 15))
    sim_end_write(link->end, sim_wire_frame(sim, &plan->reply_wire, 0,
                                            (struct fl_slice){
                                                (const uint8_t *)"noop\n", 5}));
}

static void give(void *ctx, uint64_t pause) {
  struct reply *reply = ctx;
  struct link *link = reply->link;
  struct fl_slice whole = {reply->bytes, reply->size};
  struct fl_slice half = {reply->bytes, reply->size / 2};
  if (link->closed || link->deaf)
    return;
  sim_trace(link->server->sim, "upstream %u: fate %d for %.*s",
            link->server->upstream, (int)reply->fate,
            (int)(reply->size < 24 ? reply->size - 1 : 24),
            (const char *)reply->bytes);
  write_noop(link);
  if (reply->fate != SILENT && reply->fate != SPLIT)
    link->answered++;
  switch (reply->fate) {
  case REPLY:
  case LATE:
    sim_end_write(link->end, whole);
    break;
  case SILENT:
    link->deaf =
        config_of(link->server)->in_flight > 1 && !by_id_or_key(link->server);
    break;
  case EXTRA:
    write_extra(reply);
    break;
  case SPLIT:
    sim_end_write(link->end, half);
    sim_clock_after(&link->server->sim->clock, pause, second_half, reply, 0);
    break;
  case WRONG:
    write_wrong(reply);
    break;
  case CLOSE_MID:
    sim_end_write(link->end, half);
    link_close(link, false);
    break;
  case RESET_MID:
    link_close(link, true);
    break;
  case CLOSE_AFTER:
    sim_end_write(link->end, whole);
    link_close(link, false);
    break;
  }
}

static enum fate draw(struct sim_server *server) {
  const struct sim_server_plan *plan = &server->plan;
  bool safe = config_of(server)->in_flight == 1 || by_id_or_key(server);
  const struct {
    enum fate fate;
    unsigned percent;
  } fates[] = {{LATE, plan->late},
               {SILENT, plan->silent},
               {EXTRA, safe ? plan->extra : 0},
               {SPLIT, by_id_or_key(server) ? 0 : plan->split},
               {WRONG, plan->wrong},
               {CLOSE_MID, plan->close_mid},
               {RESET_MID, plan->reset_mid},
               {CLOSE_AFTER, plan->close_after}};
  for (size_t i = 0; i < sizeof fates / sizeof fates[0]; i++)
    if (sim_random_chance(&server->sim->random, fates[i].percent))
      return fates[i].fate;
  return REPLY;
}

/* How long the server takes over this request. */
static fl_time service(struct sim_server *server, enum fate fate) {
  fl_time timeout = config_of(server)->request_timeout;
  if (fate == LATE)
    return timeout + chance(server, 0, timeout);
  if (sim_random_chance(&server->sim->random, server->plan.slow))
    return chance(server, 0, timeout / 2);
  return chance(server, 0, server->plan.service);
}

/* "re:" and the line, or what answers a line of the gateway's own. */
static struct fl_slice reply_line(struct link *link) {
  struct sim *sim = link->server->sim;
  const char *own = sim_own_answer(link->line, link->size);
  struct fl_slice line = {(const uint8_t *)own, 3 + link->size};
  if (own == NULL && sim->upstreams[link->server->upstream].signs_on &&
      !link->signed_on)
    sim_fail(sim, "upstream %u got a request before a sign-on",
             link->server->upstream);
  if (own != NULL) {
    link->signed_on = true;
    line.size = strlen(own);
    return line;
  }
  uint8_t *bytes = sim_alloc(link->server->sim, line.size);
  memcpy(bytes, "re:", 3);
  memcpy(bytes + 3, link->line, link->size);
  line.bytes = bytes;
  return line;
}

static void take_request(struct link *link) {
  struct sim_server *server = link->server;
  if (server->sim->upstreams[server->upstream].silent &&
      sim_line_ends(link->line, link->size, '!'))
    return;
  struct sim_clock *clock = &server->sim->clock;
  struct reply *reply = sim_alloc(server->sim, sizeof *reply);
  struct fl_slice line = reply_line(link);
  if (line.size == 0) { /* a farewell */
    link->deaf = true;
    if (sim_random_chance(&server->sim->random, 50))
      link_close(link, false);
    return;
  }
  line = sim_wire_frame(server->sim,
                        &server->sim->upstreams[server->upstream].reply_wire,
                        link->reader.id, line);
  reply->link = link;
  reply->fate = draw(server);
  reply->bytes = line.bytes;
  reply->size = line.size;
  link->received++;
  if (link->busy < clock->now || by_id_or_key(server)) /* each on its own */
    link->busy = clock->now;
  link->busy += service(server, reply->fate);
  fl_time pause = reply->fate == SPLIT ? chance(server, 0, 50000) : 0;
  sim_clock_after(clock, link->busy - clock->now, give, reply, pause);
  link->busy += pause + 1; /* the next reply comes after all of this one */
}

/* -- connections -- */

static void take_byte(void *ctx, uint8_t byte) {
  struct link *link = ctx;
  if (link->size == link->capacity) {
    link->capacity = 2 * link->size + 64;
    char *grown = sim_alloc(link->server->sim, link->capacity);
    if (link->size > 0)
      memcpy(grown, link->line, link->size);
    link->line = grown;
  }
  link->line[link->size++] = (char)byte;
  if (byte == '\n') {
    take_request(link);
    link->size = 0;
  }
}

static void on_data(void *owner, struct fl_slice bytes) {
  struct link *link = owner;
  sim_wire_read(&link->reader, bytes, take_byte, link);
  if (link->reader.dead)
    sim_fail(link->server->sim, "upstream %u was sent what is no frame",
             link->server->upstream);
}

static void on_end(void *owner, enum fl_reason reason) {
  (void)reason;
  link_close(owner, false);
}

static const struct sim_end_ops ops = {.data = on_data, .end = on_end};

/* Only while the connection is quiet, for bytes that cross a request look
   like its reply. */
static void speak_unasked(void *ctx, uint64_t arg) {
  static const uint8_t words[] = "421 busy\r\n\0\xff";
  struct link *link = ctx;
  (void)arg;
  if (link->closed || link->deaf || link->received != link->answered ||
      link->reader.length > 0 || !sim_end_quiet(link->end))
    return;
  struct fl_slice bytes = {words,
                           (size_t)chance(link->server, 1, sizeof words - 1)};
  const struct sim_upstream_plan *plan =
      &link->server->sim->upstreams[link->server->upstream];
  if (plan->drops || plan->ignores)
    bytes = sim_wire_frame(
        link->server->sim, &plan->reply_wire, 0,
        (struct fl_slice){(const uint8_t *)(plan->ignores ? "noop\n" : "421\n"),
                          plan->ignores ? 5 : 4});
  sim_end_inject(link->end, bytes);
}

static void read_again(void *ctx, uint64_t arg) {
  struct link *link = ctx;
  (void)arg;
  if (!link->closed)
    sim_end_read(link->end, true);
}

static void stall(void *ctx, uint64_t arg) {
  struct link *link = ctx;
  (void)arg;
  if (link->closed)
    return;
  sim_end_read(link->end, false);
  sim_clock_after(&link->server->sim->clock,
                  chance(link->server, 0, 8 * FL_SECOND), read_again, link, 0);
}

/* The greeting of a server that greets; or none, another, or more. */
static void greet(struct link *link) {
  struct sim_server *server = link->server;
  const struct sim_upstream_plan *plan =
      &server->sim->upstreams[server->upstream];
  if (!plan->greets)
    return;
  struct fl_slice frame = sim_own_greeting(server->sim, plan);
  if (!sim_random_chance(&server->sim->random, server->plan.rude)) {
    sim_end_write(link->end, frame);
    return;
  }
  size_t size = (size_t)chance(server, 0, 2 * frame.size);
  uint8_t *bytes = sim_alloc(server->sim, 2 * frame.size);
  memcpy(bytes, frame.bytes, frame.size);
  memcpy(bytes + frame.size, frame.bytes, frame.size);
  if (size == frame.size)
    bytes[0] ^= 1;
  if (size > 0)
    sim_end_write_glued(link->end, (struct fl_slice){bytes, size},
                        size > frame.size ? frame.size : 0);
}

static void on_accept(void *owner, struct sim_end *end,
                      const struct fl_addr *from) {
  struct sim_server *server = owner;
  struct link *link = sim_alloc(server->sim, sizeof *link);
  (void)from;
  link->server = server;
  link->end = end;
  link->reader.wire = &server->sim->upstreams[server->upstream].wire;
  link->next = server->links;
  server->links = link;
  sim_end_own(end, &ops, link);
  greet(link);
  if (sim_random_chance(&server->sim->random, server->plan.stalls))
    sim_clock_after(&server->sim->clock, chance(server, 0, FL_SECOND), stall,
                    link, 0);
  if (sim_random_chance(&server->sim->random, server->plan.hang_up))
    link_close(link, false);
  else if (sim_random_chance(&server->sim->random, server->plan.unsolicited))
    sim_clock_after(&server->sim->clock, chance(server, 0, 2 * FL_SECOND),
                    speak_unasked, link, 0);
}

/* -- being down -- */

static void rise(void *ctx, uint64_t arg);

static void fall(void *ctx, uint64_t arg) {
  struct sim_server *server = ctx;
  struct sim *sim = server->sim;
  (void)arg;
  server->port->state = (enum sim_port_state)chance(server, SIM_PORT_REFUSES,
                                                    SIM_PORT_UNREACHABLE);
  server->down_since = sim->clock.now;
  server->attempts = 0;
  if (sim_random_chance(&sim->random, 70))
    for (struct link *link = server->links; link != NULL; link = link->next)
      link_close(link, true);
  sim_trace(sim, "server of upstream %u is down (%d)", server->upstream,
            (int)server->port->state);
  sim_clock_after(&sim->clock, chance(server, 100000, 10 * FL_SECOND), rise,
                  server, 0);
}

static void rise(void *ctx, uint64_t arg) {
  struct sim_server *server = ctx;
  (void)arg;
  server->port->state = SIM_PORT_OPEN;
  sim_clock_after(&server->sim->clock, chance(server, 0, 10 * FL_SECOND), fall,
                  server, 0);
}

/* The mean wait is half the longest; six times as many attempts as that makes
   would hardly ever happen by chance. All connects that were under way may
   fail first. */
static uint64_t attempts_allowed(const struct sim_server *server) {
  const struct fl_upstream_config *config = config_of(server);
  const struct fl_backoff *backoff = &config->backoff;
  fl_time longest = backoff->factor == 1 ? backoff->initial : backoff->max;
  uint64_t steps = 1;
  for (fl_time wait = backoff->initial; wait < longest; steps++)
    wait *= backoff->factor;
  fl_time down = server->sim->clock.now - server->down_since;
  uint64_t probes =
      config->health.interval == 0 ? 0 : 1 + down / config->health.interval;
  return probes + config->pool.max_size +
         (20 + 4 * steps + 12 * down / longest) * config->workers;
}

void sim_server_attempt(struct sim *sim, const struct fl_addr *addr) {
  struct sim_server *server = sim_server_at(sim, addr);
  if (server == NULL || server->port->state == SIM_PORT_OPEN ||
      server->plan.absent || server->plan.mute)
    return;
  server->attempts++;
  if (server->attempts > attempts_allowed(server))
    sim_fail(sim,
             "a server of upstream %u that is down got %u connects in %u ms",
             server->upstream, (unsigned)server->attempts,
             (unsigned)((sim->clock.now - server->down_since) / 1000));
}

/* -- begin -- */

struct sim_server *sim_server_new(struct sim *sim, uint32_t upstream,
                                  const struct fl_addr *addr,
                                  const struct sim_server_plan *plan) {
  struct sim_server *server = sim_alloc(sim, sizeof *server);
  server->sim = sim;
  server->upstream = upstream;
  server->plan = *plan;
  server->port = sim_port_new(sim, addr, server, on_accept);
  server->port->slow = plan->lag * FL_MILLISECOND;
  if (plan->absent)
    server->port->state = SIM_PORT_REFUSES;
  else if (plan->mute)
    server->port->state = SIM_PORT_SILENT;
  else if (plan->falls && sim_random_chance(&sim->random, 30))
    fall(server, 0);
  else if (plan->falls)
    sim_clock_after(&sim->clock, chance(server, 0, 5 * FL_SECOND), fall, server,
                    0);
  sim->servers[sim->server_count++] = server;
  return server;
}

struct sim_server *sim_server_at(struct sim *sim, const struct fl_addr *addr) {
  for (uint32_t i = 0; i < sim->server_count; i++)
    if (fl_addr_equal(&sim->servers[i]->port->addr, addr))
      return sim->servers[i];
  return NULL;
}

uint32_t sim_server_upstream(const struct sim_server *server) {
  return server->upstream;
}
