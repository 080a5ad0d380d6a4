#include "tests/sim/relay.h"

#include "tests/sim/network.h"

#include <inttypes.h>

enum { TALKERS_MAX = 1 << 16, NAME_SIZE = 4, UNKNOWN = -1 };

enum manner {
  FINISHES, /* says all, then FIN; closes when the peer's FIN came, too */
  RESETS,   /* in the middle */
  LEAVES,   /* closes in the middle, whether it has read all or not */
  STAYS     /* says all and never ends by itself */
};

enum start { AT_ONCE, AFTER_A_BYTE, AFTER_FIN };

struct talker { /* one end of one connection */
  struct sim *sim;
  struct sim_end *end;
  uint32_t id;
  bool is_client;
  enum manner manner;
  enum start start;
  uint32_t total;
  uint32_t middle; /* where RESETS and LEAVES happen */
  uint32_t chunk;
  fl_time pause; /* the longest between two writes */
  unsigned naps; /* so often may it stop to read for a while */
  uint32_t said;
  uint32_t heard;
  int peer; /* the talker that is heard */
  uint8_t name[NAME_SIZE];
  bool talking;
  bool finished; /* FIN was sent after `said` bytes */
  bool fin_heard;
  bool over;
};

struct sim_relays {
  struct sim_port *ports[4];
  uint32_t port_count;
  struct talker *talkers[TALKERS_MAX];
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

/* -- streams -- */

static uint8_t byte_of(uint32_t id, uint32_t at) {
  if (at < NAME_SIZE)
    return (uint8_t)(id >> 8 * at);
  uint32_t mixed = (id + 1) * UINT32_C(2654435761) ^ at * UINT32_C(40503);
  return (uint8_t)(mixed >> 11);
}

static void recognize(struct talker *talker) {
  struct sim *sim = talker->sim;
  uint32_t id = 0;
  for (uint32_t i = 0; i < NAME_SIZE; i++)
    id |= (uint32_t)talker->name[i] << 8 * i;
  if (id >= sim->relays->count ||
      sim->relays->talkers[id]->is_client == talker->is_client)
    sim_fail(sim, "relay peer %u hears somebody who does not exist",
             talker->id);
  struct talker *peer = sim->relays->talkers[id];
  if (peer->peer != UNKNOWN && (uint32_t)peer->peer != talker->id)
    sim_fail(sim, "relay peer %u hears %u, who hears %d", talker->id, id,
             peer->peer);
  for (uint32_t i = 0; i < sim->relays->count; i++)
    if (i != talker->id && sim->relays->talkers[i]->peer == (int)id)
      sim_fail(sim, "relay peers %u and %u both hear %u", talker->id, i, id);
  talker->peer = (int)id;
}

static void hear(struct talker *talker, uint8_t byte) {
  uint32_t at = talker->heard++;
  if (at < NAME_SIZE) {
    talker->name[at] = byte;
    if (talker->heard == NAME_SIZE)
      recognize(talker);
    return;
  }
  if (byte != byte_of((uint32_t)talker->peer, at))
    sim_fail(talker->sim, "relay peer %u hears a wrong byte %u of %d",
             talker->id, at, talker->peer);
}

/* -- talking -- */

static void leave(struct talker *talker, bool reset) {
  if (talker->over)
    return;
  talker->over = true;
  sim_trace(talker->sim, "relay peer %u leaves: said %u, heard %u of %d%s",
            talker->id, talker->said, talker->heard, talker->peer,
            reset ? ", reset" : "");
  talker->sim->clients_left -= talker->is_client;
  sim_end_close(talker->end, reset);
}

static void leave_if_done(struct talker *talker) {
  if (talker->finished && talker->fin_heard)
    leave(talker, false);
}

static void talk(void *ctx, uint64_t arg);

static void talk_later(struct talker *talker) {
  struct sim *sim = talker->sim;
  sim_clock_after(&sim->clock,
                  percent(sim, 70) ? 0 : chance(sim, 0, talker->pause), talk,
                  talker, 0);
}

static void say(struct talker *talker) {
  uint8_t bytes[32768];
  uint32_t size = (uint32_t)chance(talker->sim, 1, talker->chunk);
  if (size > talker->total - talker->said)
    size = talker->total - talker->said;
  for (uint32_t i = 0; i < size; i++)
    bytes[i] = byte_of(talker->id, talker->said + i);
  talker->said += size;
  sim_end_write(talker->end, (struct fl_slice){bytes, size});
}

static void talk(void *ctx, uint64_t arg) {
  struct talker *talker = ctx;
  (void)arg;
  if (talker->over)
    return;
  if (talker->manner == RESETS && talker->said >= talker->middle) {
    leave(talker, true);
  } else if (talker->manner == LEAVES && talker->said >= talker->middle) {
    talker->total = talker->said;
    talker->finished = true;
    leave(talker, false);
  } else if (talker->said < talker->total) {
    say(talker);
    talk_later(talker);
  } else if (talker->manner == FINISHES) {
    talker->finished = true;
    sim_trace(talker->sim, "relay peer %u finishes: said %u", talker->id,
              talker->said);
    sim_end_finish(talker->end);
    leave_if_done(talker);
  }
}

static void begin_to_talk(struct talker *talker) {
  if (talker->talking)
    return;
  talker->talking = true;
  talk_later(talker);
}

/* -- hearing -- */

static void read_again(void *ctx, uint64_t arg) {
  struct talker *talker = ctx;
  (void)arg;
  if (!talker->over)
    sim_end_read(talker->end, true);
}

static void on_data(void *owner, struct fl_slice bytes) {
  struct talker *talker = owner;
  struct sim *sim = talker->sim;
  for (size_t i = 0; i < bytes.size; i++)
    hear(talker, bytes.bytes[i]);
  if (talker->start == AFTER_A_BYTE)
    begin_to_talk(talker);
  if (talker->naps > 0 && percent(sim, 3)) {
    talker->naps--;
    sim_end_read(talker->end, false);
    sim_clock_after(&sim->clock, chance(sim, 0, 8 * FL_SECOND), read_again,
                    talker, 0);
  }
}

/* Nobody may hear FIN before all that its peer has said. Who hears nothing at
   all had no connection, or the peer had nothing to say. */
static void hear_fin(struct talker *talker) {
  struct sim *sim = talker->sim;
  /* A stop ends sessions of which no byte has arrived. */
  bool relays =
      sim->config->listeners[sim->relay_listener].mode == FL_MODE_RELAY;
  bool complete;
  talker->fin_heard = true;
  if (sim->phase == SIM_FORCED)
    return;
  if (talker->peer == UNKNOWN) {
    complete = talker->heard == 0 && !(clean(sim) && talker->is_client &&
                                       (sim->phase == SIM_SERVING || relays));
  } else {
    const struct talker *peer = sim->relays->talkers[talker->peer];
    complete = peer->finished && talker->heard == peer->total;
  }
  if (!complete)
    sim_fail(sim, "relay peer %u hears FIN of %d after %u bytes", talker->id,
             talker->peer, talker->heard);
}

/* Where nobody resets and timeouts are ample, nobody hears a reset; but for
   clients that were never accepted. */
static void hear_reset(struct talker *talker) {
  struct sim *sim = talker->sim;
  bool turned_away = sim->phase != SIM_SERVING && talker->heard == 0;
  bool spare = !talker->is_client && talker->heard == 0; /* nobody had it */
  if (clean(sim) && sim->phase != SIM_FORCED && !turned_away && !spare)
    sim_fail(sim, "relay peer %u was reset", talker->id);
  leave(talker, true);
}

static void on_end(void *owner, enum fl_reason reason) {
  struct talker *talker = owner;
  sim_trace(talker->sim, "relay peer %u: %s after %u of %d", talker->id,
            fl_reason_name(reason), talker->heard, talker->peer);
  if (reason != FL_PEER_CLOSED) {
    hear_reset(talker);
    return;
  }
  hear_fin(talker);
  begin_to_talk(talker);
  leave_if_done(talker);
}

static void on_connected(void *owner, enum fl_reason reason) {
  struct talker *talker = owner;
  if (reason != FL_OK) { /* the listener is closed */
    leave(talker, false);
    return;
  }
  sim_end_read(talker->end, true);
  if (talker->start == AT_ONCE)
    begin_to_talk(talker);
}

static const struct sim_end_ops ops = {
    .connected = on_connected, .data = on_data, .end = on_end};

/* -- drawing -- */

static struct talker *talker_new(struct sim *sim, bool is_client) {
  struct sim_relays *relays = sim->relays;
  struct talker *talker = sim_alloc(sim, sizeof *talker);
  if (relays->count == TALKERS_MAX)
    sim_fail(sim, "more than %d relay peers", TALKERS_MAX);
  talker->sim = sim;
  talker->id = relays->count;
  talker->is_client = is_client;
  talker->peer = UNKNOWN;
  talker->total =
      (uint32_t)chance(sim, NAME_SIZE, percent(sim, 30) ? 400000 : 3000);
  talker->chunk = (uint32_t)chance(sim, 1, 32768);
  if (talker->total / talker->chunk > 200)
    talker->chunk = talker->total / 200;
  talker->middle = (uint32_t)chance(sim, 0, talker->total);
  talker->naps = 4;
  talker->pause = chance(sim, 0, 500 * FL_MILLISECOND);
  if (!clean(sim) && percent(sim, 40))
    talker->manner =
        (enum manner)chance(sim, RESETS, is_client ? LEAVES : STAYS);
  if (!clean(sim) && percent(sim, 10))
    talker->total = talker->middle = 0;
  relays->talkers[relays->count++] = talker;
  return talker;
}

static void rise(void *ctx, uint64_t arg) {
  struct sim_port *port = ctx;
  (void)arg;
  port->state = SIM_PORT_OPEN;
}

static void on_accept(void *owner, struct sim_end *end,
                      const struct fl_addr *from) {
  struct sim *sim = owner;
  struct sim_port *port =
      sim->relays->ports[chance(sim, 0, sim->relays->port_count - 1)];
  struct talker *talker = talker_new(sim, false);
  (void)from;
  talker->end = end;
  talker->start = (enum start)chance(sim, AT_ONCE, AFTER_FIN);
  if (talker->id > TALKERS_MAX / 2) /* or spare connections go on for ever */
    talker->start = AFTER_A_BYTE;
  sim_end_own(end, &ops, talker);
  if (talker->start == AT_ONCE)
    begin_to_talk(talker);
  if (clean(sim) || !percent(sim, 10))
    return;
  port->state =
      (enum sim_port_state)chance(sim, SIM_PORT_REFUSES, SIM_PORT_UNREACHABLE);
  sim_clock_after(&sim->clock, chance(sim, 0, 3 * FL_SECOND), rise, port, 0);
}

static void set_off(void *ctx, uint64_t id) {
  struct sim *sim = ctx;
  struct talker *talker = sim->relays->talkers[id];
  const struct fl_listener_config *listener =
      &sim->config->listeners[sim->relay_listener];
  struct fl_addr from = {
      .family = FL_ADDR_IP4, .port = 1024, .ip = {10, 250, 0, (uint8_t)id}};
  talker->end =
      sim_connect(sim, &from, &listener->listen[0].addr, &ops, talker);
}

void sim_relay_servers(struct sim *sim) {
  const struct fl_upstream_config *upstream =
      &sim->config->upstreams[sim->relay_upstream];
  sim->relays = sim_alloc(sim, sizeof *sim->relays);
  for (uint32_t i = 0; i < upstream->server_count; i++)
    sim->relays->ports[sim->relays->port_count++] =
        sim_port_new(sim, &upstream->servers[i].addr, sim, on_accept);
}

void sim_relay_clients(struct sim *sim) {
  uint32_t count = (uint32_t)chance(sim, 1, SIM_RELAYS_MAX);
  for (uint32_t i = 0; i < count; i++) {
    struct talker *talker = talker_new(sim, true);
    sim->clients_left++;
    sim_clock_after(&sim->clock, chance(sim, 0, 2 * FL_SECOND), set_off, sim,
                    talker->id);
  }
}

bool sim_relay_at(const struct sim *sim, const struct fl_addr *addr) {
  for (uint32_t i = 0; sim->relays != NULL && i < sim->relays->port_count; i++)
    if (fl_addr_equal(&sim->relays->ports[i]->addr, addr))
      return true;
  return false;
}
