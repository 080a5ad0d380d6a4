#include "tests/sim/scenario.h"

#include "tests/sim/client.h"
#include "tests/sim/name.h"
#include "tests/sim/own.h"
#include "tests/sim/relay.h"
#include "tests/sim/server.h"
#include "tests/sim/session.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct draft { /* of config.json */
  struct sim *sim;
  char text[32768];
  size_t size;
  enum { NO_RELAYS, RELAYS, RAW_SESSIONS, SESSIONS } relays;
};

static uint64_t chance(struct sim *sim, uint64_t low, uint64_t high) {
  return sim_random_between(&sim->random, low, high);
}

static bool percent(struct sim *sim, unsigned of_hundred) {
  return sim_random_chance(&sim->random, of_hundred);
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
add(struct draft *draft, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int size = vsnprintf(draft->text + draft->size,
                       sizeof draft->text - draft->size, format, list);
  va_end(list);
  if (size < 0 || (size_t)size >= sizeof draft->text - draft->size)
    sim_fail(draft->sim, "the drawn config.json is too long");
  draft->size += (size_t)size;
}

/* "key": a duration, then a comma. */
static void add_time(struct draft *draft, const char *key, uint64_t low,
                     uint64_t high) {
  add(draft, "\"%s\": \"%ums\", ", key,
      (unsigned)chance(draft->sim, low, high));
}

/* -- upstreams -- */

static void add_server(struct draft *draft, uint32_t upstream, uint32_t i) {
  if (percent(draft->sim, 25))
    add(draft, "\"s%u.u%u.test:7000\"", i, upstream);
  else if (percent(draft->sim, 20))
    add(draft, "\"[fd00::%u:%u]:7000\"", upstream + 1, i + 1);
  else
    add(draft, "\"10.%u.%u.1:7000\"", upstream + 1, i + 1);
}

static void add_servers(struct draft *draft, uint32_t upstream) {
  uint32_t count = (uint32_t)chance(draft->sim, 1, 3);
  add(draft, "\"servers\": [");
  if (draft->sim->upstreams[upstream].built_in)
    add(draft, "\"127.0.0.1:8080\"");
  else
    for (uint32_t i = 0; i < count; i++) {
      add(draft, "%s", i == 0 ? "" : ", ");
      add_server(draft, upstream, i);
    }
  add(draft, "], ");
}

static void add_pool(struct draft *draft, uint32_t upstream, unsigned max) {
  struct sim *sim = draft->sim;
  bool clean = sim->upstreams[upstream].clean;
  add(draft, "\"pool\": {\"min_size\": %u, \"max_size\": %u, ",
      (unsigned)chance(sim, 0, max < 4 ? max : 4), max);
  add(draft, "\"max_waiters\": %u, ",
      clean || percent(sim, 80) ? 1000 : (unsigned)chance(sim, 0, 20));
  if (clean)
    add_time(draft, "acquire_timeout", 600000, 600000);
  else
    add_time(draft, "acquire_timeout", 100, 4000);
  if (percent(sim, 30))
    add_time(draft, "max_lifetime", 500, 5000);
  if (sim->upstreams[upstream].asked && percent(sim, 60))
    add_time(draft, "validate_after", 1, 500);
  add(draft, "\"idle_timeout\": \"%ums\"}, ",
      (unsigned)chance(sim, 200, 10000));
}

static const char *draw_balance(struct sim *sim) {
  static const char *const names[] = {"round_robin", "least_in_flight",
                                      "hash_client"};
  return names[chance(sim, 0, 2)];
}

/* Times in which a connection, or a server, is left alone. */
static void add_quiet(struct draft *draft, unsigned in_flight) {
  struct sim *sim = draft->sim;
  if (percent(sim, 20))
    add_time(draft, "connect_settle", 1, 50);
  if (percent(sim, 20))
    add_time(draft, "reconnect_delay", 1, 100);
  if (in_flight == 1 && percent(sim, 20))
    add_time(draft, "request_gap", 1, 20);
}

/* Sometimes request_timeout leaves write_timeout room to come first. */
static void add_waits(struct draft *draft, bool clean, bool large) {
  bool patient = large && percent(draft->sim, 50);
  if (clean) {
    add_time(draft, "request_timeout", 60000, 60000);
    add_time(draft, "write_timeout", 2000, 5000);
  } else if (patient) {
    add_time(draft, "request_timeout", 3000, 8000);
    add_time(draft, "write_timeout", 100, 600);
  } else {
    add_time(draft, "request_timeout", 100, 2000);
    add_time(draft, "write_timeout", 100, 5000);
  }
}

/* The number of a client in "tok-NUMBER-", in requests and in replies. */
static void add_key(struct draft *draft, const char *side,
                    const struct fl_pair *pair) {
  if (pair->width == 0)
    add(draft,
        "\"%s\": {\"type\": \"field\", \"separator\": \"-\", "
        "\"field\": 1}, ",
        side);
  else
    add(draft, "\"%s\": {\"offset\": %u, \"width\": %u}, ", side,
        (unsigned)pair->offset, (unsigned)pair->width);
}

/* Returns how many requests may be in flight. */
static unsigned add_pair(struct draft *draft, const struct fl_pair *pair) {
  if (pair->by == FL_PAIR_KEY) {
    add(draft, "\"pair\": {\"by\": \"key\", ");
    add_key(draft, "request", pair);
    add_key(draft, "reply", pair);
    add(draft, "\"on_collision\": \"%s\", ",
        pair->on_collision == FL_COLLISION_REFUSE ? "refuse" : "wait");
  } else {
    add(draft, "\"pair\": {\"by\": \"id\", \"offset\": %u, \"width\": %u, ",
        (unsigned)pair->offset, (unsigned)pair->width);
  }
  add(draft, "\"on_late\": \"%s\"}, ",
      pair->on_late == FL_LATE_RETIRE ? "retire" : "discard");
  return (unsigned)chance(draft->sim, 1, 8);
}

/* "ignore" for the frame that says "noop", where it is short enough. */
static void add_ignore(struct draft *draft, struct sim_upstream_plan *plan) {
  struct fl_slice frame =
      sim_wire_frame(draft->sim, &plan->wire, 0,
                     (struct fl_slice){(const uint8_t *)"noop\n", 5});
  if (plan->wire.framing.type == FL_FRAMING_LINE)
    frame.size--;
  if (frame.size > FL_BYTES_MAX || !percent(draft->sim, 30))
    return;
  plan->ignores = true;
  add(draft, "\"ignore\": [\"hex:");
  for (size_t i = 0; i < frame.size; i++)
    add(draft, "%02x", frame.bytes[i]);
  add(draft, "\"], ");
}

/* A suffix is where the frame ends in a line and after a length. */
static void draw_rules(struct sim *sim, struct sim_upstream_plan *plan) {
  bool suffix = plan->wire.framing.type == FL_FRAMING_LINE ||
                plan->wire.framing.type == FL_FRAMING_LENGTH;
  bool ids = plan->wire.pair.by == FL_PAIR_ID;
  plan->idempotent = percent(sim, 30);
  if (plan->built_in)
    return;
  plan->silent = suffix && percent(sim, 30);
  plan->denies =
      suffix && sim_wire_says_errors(&plan->reply_wire) && percent(sim, 30);
  plan->timeout = suffix && !plan->clean && percent(sim, 30)
                      ? chance(sim, 50, 5000) * FL_MILLISECOND
                      : 0;
  /* An id of one byte is soon another request's. */
  plan->drops = percent(sim, 20) && (!ids || plan->wire.pair.width > 1);
}

static void add_rules(struct draft *draft, struct sim_upstream_plan *plan) {
  draw_rules(draft->sim, plan);
  add(draft, "\"requests\": [");
  if (plan->silent)
    add(draft,
        "{\"match\": {\"suffix\": \"!!\"}, \"reply\": \"none\", "
        "\"idempotent\": %s}, ",
        plan->idempotent ? "true" : "false");
  if (plan->denies)
    add(draft, "{\"match\": {\"suffix\": \"##\"}, \"deny\": true}, ");
  if (plan->timeout > 0)
    add(draft,
        "{\"match\": {\"suffix\": \"~~\"}, \"request_timeout\": \"%ums\"}, ",
        (unsigned)(plan->timeout / FL_MILLISECOND));
  add(draft, "{\"idempotent\": %s}], ", plan->idempotent ? "true" : "false");
  if (plan->drops)
    add(draft, "\"unsolicited\": \"drop\", ");
  if (!plan->built_in && plan->wire.pair.by != FL_PAIR_ID &&
      strcmp(plan->wire.text, plan->reply_wire.text) == 0)
    add_ignore(draft, plan);
}

static void add_upstream(struct draft *draft, uint32_t upstream) {
  struct sim *sim = draft->sim;
  struct sim_upstream_plan *plan = &sim->upstreams[upstream];
  unsigned max = percent(sim, 30) ? 1 : (unsigned)chance(sim, 1, 12);
  unsigned shards = (unsigned)chance(sim, 1, 3);
  /* Requests beyond the windows, and servers that may take them slowly. */
  bool large = percent(sim, 30);
  unsigned bytes = large ? (unsigned)chance(sim, 512, 16384)
                         : (unsigned)chance(sim, 128, 400);
  if (percent(sim, 60) || shards > sim->worker_count || shards > max)
    shards = 1;
  if (plan->wire.modbus && bytes > SIM_WIRE_MODBUS_MAX)
    bytes = SIM_WIRE_MODBUS_MAX;
  plan->bytes = bytes - 8 - SIM_WIRE_OVERHEAD;
  if (plan->wire.framing.type == FL_FRAMING_FIXED ||
      plan->reply_wire.framing.type == FL_FRAMING_FIXED)
    plan->bytes = SIM_WIRE_FIXED - 8;
  add(draft, "%s{\"name\": \"u%u\", ", upstream == 0 ? "" : ",\n", upstream);
  add_servers(draft, upstream);
  bool told = !plan->wire.modbus || percent(sim, 20);
  if (plan->wire.modbus)
    add(draft, "\"profile\": \"modbus-tcp\", ");
  if (told)
    add(draft, "\"framing\": %s, \"reply_framing\": %s, ", plan->wire.text,
        plan->reply_wire.text);
  add(draft, "\"balance\": \"%s\", \"workers\": %u, ", draw_balance(sim),
      shards);
  add_rules(draft, plan);
  unsigned in_flight = percent(sim, 60) ? 1 : (unsigned)chance(sim, 2, 4);
  if (plan->wire.pair.by != FL_PAIR_ORDER && told)
    in_flight = add_pair(draft, &plan->wire.pair);
  add(draft, "\"in_flight\": %u, \"max_frame\": \"%uB\", ", in_flight, bytes);
  add_quiet(draft, in_flight);
  add(draft, "%s", sim_own_config(sim, plan));
  add_pool(draft, upstream, max);
  add_time(draft, "connect_timeout", plan->clean ? 5000 : 200, 5000);
  if (percent(sim, 50))
    add(draft,
        "\"resolve\": {\"ttl\": \"%ums\", \"stale\": \"%ums\", "
        "\"head_start\": \"%ums\"}, ",
        (unsigned)chance(sim, 0, 3000), (unsigned)chance(sim, 0, 6000),
        percent(sim, 80) ? (unsigned)chance(sim, 1, 400) : 0);
  add_waits(draft, plan->clean, large);
  unsigned initial = (unsigned)chance(sim, 10, 500);
  unsigned factor = (unsigned)chance(sim, 1, 4);
  unsigned longest = initial + (unsigned)chance(sim, 0, 4000);
  add(draft,
      "\"backoff\": {\"initial\": \"%ums\", \"factor\": %u, "
      "\"max\": \"%ums\"}}",
      initial, factor, longest);
}

static void add_relay_upstream(struct draft *draft, uint32_t upstream) {
  struct sim *sim = draft->sim;
  bool ample = sim->upstreams[upstream].clean;
  unsigned servers = (unsigned)chance(sim, 1, 3);
  add(draft, ",\n{\"name\": \"u%u\", \"servers\": [\"10.200.0.1:7000\"",
      upstream);
  for (unsigned i = 1; i < servers; i++)
    add(draft, ", \"10.200.0.%u:7000\"", i + 1);
  add(draft, "], \"balance\": \"%s\", ", draw_balance(sim));
  add_time(draft, "write_timeout", ample ? 60000 : 500, 60000);
  add_time(draft, "connect_timeout", ample ? 5000 : 200, 5000);
  if (draft->relays == RAW_SESSIONS ||
      (draft->relays == SESSIONS && percent(sim, 40)))
    add(draft, "\"framing\": {\"type\": \"raw\"}, ");
  if (draft->relays != RELAYS && percent(sim, 30))
    add_time(draft, "connect_settle", 0, 500);
  if (draft->relays == SESSIONS)
    add_time(draft, "request_timeout", ample ? 60000 : 200, 60000);
  if (draft->relays == SESSIONS && percent(sim, 80))
    add(draft, "\"reset\": " SIM_SESSION_RESET ", ");
  if (sim->upstreams[upstream].watched)
    add(draft,
        "\"health\": {\"interval\": \"%ums\", \"rise\": %u, \"fall\": %u}, ",
        (unsigned)chance(sim, 5000, 20000), (unsigned)chance(sim, 1, 3),
        (unsigned)chance(sim, 1, 4));
  if (!ample && percent(sim, 50))
    add(draft, "\"drain_timeout\": \"%ums\", ",
        (unsigned)chance(sim, 1, 20000));
  add(draft, "\"pool\": {");
  unsigned max = (unsigned)chance(sim, 1, 4);
  bool limited = percent(sim, 50);
  if (limited)
    add(draft, "\"max_size\": %u, ", max);
  if (percent(sim, 40))
    add(draft, "\"min_size\": %u, ", (unsigned)chance(sim, 1, max));
  if (percent(sim, 30))
    add_time(draft, "max_lifetime", draft->relays == SESSIONS ? 100 : 10000,
             30000);
  if (draft->relays == SESSIONS && percent(sim, 50))
    add_time(draft, "hold_timeout", ample ? 10000 : 50, 20000);
  add(draft, "\"acquire_timeout\": \"%ums\"}}",
      ample ? 3000000 : (unsigned)chance(sim, 100, 20000));
}

/* -- listeners -- */

/* Who may connect. A pool of our own comes from elsewhere and may always. */
static void add_limits(struct draft *draft, uint32_t index) {
  struct sim *sim = draft->sim;
  if (percent(sim, 15)) {
    sim->denied[index] = 2;
    add(draft, "\"access\": {\"allow\": [\"192.168.0.0/16\"], "
               "\"deny\": [\"192.168.0.0/31\"]}, ");
  }
  unsigned most = (unsigned)chance(sim, 1, 2);
  if (percent(sim, 25))
    add(draft, "\"max_connections_per_address\": %u, ", most);
  if (percent(sim, 15))
    add(draft, "\"max_connection_rate\": %u, \"max_connection_burst\": %u, ",
        (unsigned)chance(sim, 1, 3), (unsigned)chance(sim, 1, 3));
}

static void add_relay_listener(struct draft *draft, uint32_t index,
                               uint32_t upstream) {
  struct sim *sim = draft->sim;
  bool ample = sim->upstreams[upstream].clean;
  add(draft,
      ",\n{\"name\": \"l%u\", \"listen\": [\"127.0.0.1:%u\"], "
      "\"mode\": \"%s\", ",
      index, 8080 + index, draft->relays == RELAYS ? "relay" : "session");
  if (draft->relays == SESSIONS)
    add(draft, "\"max_frame\": \"256B\", ");
  if (sim->upstreams[upstream].watched && percent(sim, 50))
    add(draft, "\"on_upstream_down\": \"close_listener\", ");
  add_time(draft, "half_close_timeout", ample ? 3600000 : 500,
           ample ? 3600000 : 5000);
  add_time(draft, "write_timeout", ample ? 60000 : 500, 60000);
  add(draft, "\"upstream\": \"u%u\"}", upstream);
  sim->relay_listener = index;
}

static void add_listener(struct draft *draft, uint32_t index, int upstream) {
  struct sim *sim = draft->sim;
  bool target = index == 0; /* a pool of our own may come here */
  add(draft, "%s{\"name\": \"l%u\", \"listen\": [\"127.0.0.1:%u\"",
      index == 0 ? "" : ",\n", index, 8080 + index);
  if (percent(sim, 30))
    add(draft, ", \"[::1]:%u\"", 8080 + index);
  add(draft, "], ");
  if (upstream >= 0)
    add(draft,
        "\"mode\": \"request\", \"upstream\": \"u%d\", "
        "\"access_log\": {\"target\": \"%s\", \"events\": \"requests\"}, ",
        upstream, percent(sim, 50) ? "./access" : "off");
  else if (percent(sim, 40))
    add(draft, "\"mode\": \"command\", \"workers\": %u, ",
        (unsigned)chance(sim, 1, sim->worker_count));
  else
    add(draft, "\"mode\": \"command\", ");
  if (upstream >= 0 && sim->upstreams[upstream].watched && percent(sim, 50))
    add(draft, "\"on_upstream_down\": \"close_listener\", ");
  add(draft, "\"max_frame\": \"%uB\", ",
      target ? 65536 : (unsigned)chance(sim, 128, 20000));
  add(draft, "\"max_connections\": %u, ",
      target || percent(sim, 80) ? 10000 : (unsigned)chance(sim, 2, 20));
  if (!target)
    add_limits(draft, index);
  add_time(draft, "idle_timeout", target ? 3600000 : 1000,
           target ? 3600000 : 5000);
  add_time(draft, "frame_timeout", 1000, 3000);
  add(draft, "\"write_timeout\": \"%ums\"}", (unsigned)chance(sim, 2000, 5000));
}

static void add_listeners(struct draft *draft, uint32_t upstreams) {
  uint32_t index = 0;
  add(draft, "\"listeners\": [\n");
  add_listener(draft, index++, -1);
  if (percent(draft->sim, 30))
    add_listener(draft, index++, -1);
  for (uint32_t i = 0; i < upstreams; i++) {
    add_listener(draft, index++, (int)i);
    if (percent(draft->sim, 20) && index + upstreams - i < SIM_LISTENERS_MAX)
      add_listener(draft, index++, (int)i);
  }
  if (draft->relays != NO_RELAYS)
    add_relay_listener(draft, index++, upstreams);
  add(draft, "],\n");
}

/* -- the file -- */

static void read_config(struct draft *draft) {
  struct sim *sim = draft->sim;
  struct fl_config_errors errors;
  char *text = sim_alloc(sim, draft->size + 1);
  memcpy(text, draft->text, draft->size);
  sim->text = text;
  sim_trace(sim, "%s", text);
  sim->config = fl_config_read(
      (struct fl_slice){(const uint8_t *)draft->text, draft->size}, &errors);
  if (sim->config == NULL)
    sim_fail(sim, "config.json was refused: %u: %s: found %s, allowed %s",
             errors.count == 0 ? 0 : errors.list[0].place.line,
             errors.count == 0 ? "" : errors.list[0].path,
             errors.count == 0 ? "" : errors.list[0].found,
             errors.count == 0 ? "" : errors.list[0].allowed);
  fl_config_errors_free(&errors);
}

static void draw_wires(struct sim *sim, struct sim_upstream_plan *plan) {
  plan->wire = plan->reply_wire = sim_wire_line();
  if (plan->built_in || percent(sim, 40))
    return;
  if (percent(sim, 20)) {
    plan->wire = plan->reply_wire = sim_wire_modbus();
    return;
  }
  if (percent(sim, 40)) {
    struct fl_pair pair = percent(sim, 50)
                              ? sim_wire_draw_pair(&sim->random)
                              : sim_wire_draw_keys(&sim->random, plan->clean);
    plan->wire = sim_wire_draw_for(&sim->random, &pair);
    plan->reply_wire = sim_wire_draw_for(&sim->random, &pair);
    return;
  }
  plan->wire = plan->reply_wire = sim_wire_draw(&sim->random);
  if (percent(sim, 30))
    plan->reply_wire = sim_wire_draw(&sim->random);
}

static void draw_config(struct sim *sim) {
  struct draft *draft = sim_alloc(sim, sizeof *draft);
  uint32_t upstreams = (uint32_t)chance(sim, 1, SIM_UPSTREAMS_MAX - 1);
  draft->sim = sim;
  sim->line = sim_wire_line();
  sim->worker_count = (uint32_t)chance(sim, 1, SIM_WORKERS_MAX);
  if (percent(sim, 60))
    draft->relays = chance(sim, RELAYS, SESSIONS);
  sim->numbered = draft->relays == SESSIONS;
  sim->relay_upstream = upstreams;
  sim->upstreams[upstreams].clean = percent(sim, 40);
  sim->upstreams[upstreams].watched =
      !sim->upstreams[upstreams].clean && percent(sim, 60);
  sim->upstreams[upstreams].wire = sim->line;
  sim->upstreams[upstreams].reply_wire = sim->line;
  for (uint32_t i = 0; i < upstreams; i++) {
    sim->upstreams[i].built_in = i == 0 && percent(sim, 15);
    sim->upstreams[i].clean = percent(sim, 40);
    draw_wires(sim, &sim->upstreams[i]);
    sim_own_draw(sim, &sim->upstreams[i]);
  }
  add(draft, "{\"workers\": %u, ", sim->worker_count);
  if (percent(sim, 20))
    add_time(draft, "shutdown_timeout", 0, 500);
  else
    add(draft, "\"shutdown_timeout\": \"1h\", ");
  add(draft, "\n");
  add_listeners(draft, upstreams);
  add(draft, "\"upstreams\": [\n");
  for (uint32_t i = 0; i < upstreams; i++)
    add_upstream(draft, i);
  if (draft->relays != NO_RELAYS)
    add_relay_upstream(draft, upstreams);
  add(draft, "]}\n");
  read_config(draft);
}

/* -- servers -- */

static unsigned sometimes(struct sim *sim, unsigned most) {
  return percent(sim, 35) ? (unsigned)chance(sim, 1, most) : 0;
}

static struct sim_server_plan draw_server(struct sim *sim, uint32_t upstream) {
  struct sim_server_plan plan = {
      .service = percent(sim, 70) ? 2000 : chance(sim, 0, 30000)};
  if (sim->upstreams[upstream].clean)
    return plan;
  plan.slow = sometimes(sim, 10);
  plan.late = sometimes(sim, 10);
  plan.silent = sometimes(sim, 10);
  plan.extra = sometimes(sim, 15);
  plan.split = sometimes(sim, 30);
  if (sim_wire_may_exceed(&sim->upstreams[upstream].reply_wire))
    plan.wrong = sometimes(sim, 5);
  plan.close_mid = sometimes(sim, 5);
  plan.reset_mid = sometimes(sim, 5);
  plan.close_after = sometimes(sim, 10);
  plan.unsolicited = sometimes(sim, 50);
  plan.hang_up = sometimes(sim, 20);
  plan.rude = sometimes(sim, 20);
  plan.stalls = sometimes(sim, 60);
  plan.falls = percent(sim, 35);
  return plan;
}

/* A name means several addresses; at the first there may be no server, which
   is no excuse. Others answer late, or never; but the last is in time, or a
   listener that is closed meanwhile would never open again. */
static void draw_name(struct sim *sim, uint32_t upstream,
                      const struct fl_endpoint *endpoint, uint32_t place) {
  struct sim_name *name = sim_name_new(sim, endpoint->host);
  unsigned in_time =
      (unsigned)(sim->config->upstreams[upstream].connect_timeout /
                 FL_MILLISECOND / 2);
  bool clean = sim->upstreams[upstream].clean;
  name->failures = clean ? 0 : sometimes(sim, 90);
  name->unknown = clean ? 0 : sometimes(sim, 30);
  name->changes = clean ? 0 : sometimes(sim, 100);
  name->extra = clean ? 0 : sometimes(sim, SIM_NAME_EXTRA);
  name->addr_count = (uint32_t)chance(sim, 1, SIM_NAME_ADDRS);
  for (uint32_t i = 0; i < name->addr_count; i++) {
    struct fl_addr *addr = &name->addrs[i];
    struct sim_server_plan plan = draw_server(sim, upstream);
    plan.absent = clean && i + 1 < name->addr_count && percent(sim, 50);
    plan.mute = !clean && i + 1 < name->addr_count && percent(sim, 40);
    plan.lag =
        percent(sim, 30) ? (unsigned)chance(sim, 0, clean ? 800 : 3000) : 0;
    if (i + 1 == name->addr_count && plan.lag > in_time)
      plan.lag = in_time;
    *addr = (struct fl_addr){.family = FL_ADDR_IP4,
                             .port = endpoint->port,
                             .ip = {10, (uint8_t)(100 + upstream),
                                    (uint8_t)place, (uint8_t)(i + 1)}};
    sim_server_new(sim, upstream, addr, &plan);
  }
}

static void draw_servers(struct sim *sim) {
  for (uint32_t i = 0; i < sim->config->upstream_count; i++) {
    const struct fl_upstream_config *upstream = &sim->config->upstreams[i];
    if (i == sim->relay_upstream) {
      if (sim->numbered)
        sim_session_servers(sim);
      else
        sim_relay_servers(sim);
    }
    if (i == sim->relay_upstream || sim->upstreams[i].built_in)
      continue;
    for (uint32_t j = 0; j < upstream->server_count; j++) {
      const struct fl_endpoint *endpoint = &upstream->servers[j];
      struct sim_server_plan plan = draw_server(sim, i);
      if (endpoint->addr.family == FL_ADDR_NONE)
        draw_name(sim, i, endpoint, j);
      else
        sim_server_new(sim, i, &endpoint->addr, &plan);
    }
  }
}

/* -- clients -- */

static uint32_t longest_request(const struct sim *sim,
                                const struct fl_listener_config *listener) {
  uint32_t longest = listener->max_frame - SIM_WIRE_OVERHEAD;
  if (listener->mode == FL_MODE_REQUEST &&
      longest > sim->upstreams[listener->upstream].bytes)
    longest = sim->upstreams[listener->upstream].bytes;
  return longest < 16384 ? longest : 16384;
}

static enum sim_client_kind draw_kind(struct sim *sim) {
  if (percent(sim, 50))
    return SIM_POLITE;
  return (enum sim_client_kind)chance(sim, 0, SIM_CLIENT_KINDS - 1);
}

/* One draw a statement: the order within an expression is the compiler's. */
static void draw_client(struct sim *sim) {
  struct sim_client_plan plan = {.kind = draw_kind(sim)};
  uint32_t listeners = sim->config->listener_count -
                       (sim->relays != NULL || sim->sessions != NULL);
  plan.listener = (uint32_t)chance(sim, 0, listeners - 1);
  plan.total = (uint32_t)chance(sim, 1, percent(sim, 30) ? 400 : 60);
  plan.pipeline = percent(sim, 50) ? 1 : (uint32_t)chance(sim, 2, 50);
  plan.start = chance(sim, 0, percent(sim, 50) ? 10000 : 2 * FL_SECOND);
  plan.think = percent(sim, 60) ? 0 : chance(sim, 0, 200000);
  plan.pause = chance(sim, 100000, 15 * FL_SECOND);
  plan.mishap = (uint32_t)chance(sim, 0, plan.total - 1);
  const struct fl_listener_config *listener =
      &sim->config->listeners[plan.listener];
  uint32_t size = longest_request(sim, listener);
  plan.size = percent(sim, 50) ? 64 : (uint32_t)chance(sim, 64, size);
  if (plan.kind == SIM_READS_LATE && percent(sim, 50))
    plan.size = size; /* enough to fill windows and watermarks */
  plan.binary =
      percent(sim, 20) && (listener->mode == FL_MODE_COMMAND ||
                           !sim->upstreams[listener->upstream].built_in);
  if (plan.kind == SIM_WRONG &&
      !sim_wire_may_exceed(sim_wire_of(sim, listener)))
    plan.kind = SIM_POLITE;
  (void)sim_client_new(sim, &plan);
}

void sim_scenario_clients(struct sim *sim) {
  uint32_t count =
      (uint32_t)chance(sim, 1, percent(sim, 50) ? SIM_CLIENTS_MAX : 16);
  for (uint32_t i = 0; i < count; i++)
    draw_client(sim);
  if (sim->relays != NULL)
    sim_relay_clients(sim);
  if (sim->sessions != NULL)
    sim_session_clients(sim);
}

void sim_scenario_draw(struct sim *sim) {
  draw_config(sim);
  draw_servers(sim);
  sim->memory_short = percent(sim, 10);
  sim->scarce = sim->relays == NULL && percent(sim, 20);
  if (sim->scarce) {
    uint64_t limit = chance(sim, 16000, percent(sim, 50) ? 60000 : 300000);
    sim_trace(sim, "max_buffered is %" PRIu64, limit);
    fl_memory_init(&sim->memory, limit, sim->worker_count);
  }
  sim->stop_at = percent(sim, 60)
                     ? FL_NEVER
                     : sim->clock.now + chance(sim, 0, 4 * FL_SECOND);
}
