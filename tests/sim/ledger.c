#include "tests/sim/ledger.h"

#include "tests/sim/client.h"
#include "tests/sim/relay.h"
#include "tests/sim/server.h"
#include "tests/sim/session.h"
#include "tests/sim/worker.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MAX = 1024 };

struct account {
  uint32_t worker;
  bool known;
  uint64_t delivered;
  uint64_t answered;
  uint64_t assigned;
  bool stopped;
  uint32_t slot;   /* of its listener, when it came */
  uint64_t owed;   /* delivered when the stop came */
  uint64_t ticket; /* the worker's turn in which its oldest request that no
                      server has was decoded at the latest */
  bool waiting;    /* has such a request, and none with a server */
  uint64_t turn;   /* in which that began */
  bool passed;     /* by one that came later; who: */
  uint32_t by;
  uint64_t since[SIM_CLIENTS_MAX]; /* what others had been assigned then */
  uint8_t begun[REQUESTS_MAX];     /* how often */
};

struct sim_ledger {
  uint32_t open[SIM_UPSTREAMS_MAX];
  struct account accounts[SIM_CLIENTS_MAX];
};

/* -- lines -- */

static bool token(const char *head, uint32_t size, uint32_t *client,
                  uint32_t *number) {
  char text[sizeof((struct sim_lines *)0)->head + 1];
  char *end;
  memcpy(text, head, size);
  text[size] = '\0';
  if (strncmp(text, "tok-", 4) != 0)
    return false;
  *client = (uint32_t)strtoul(text + 4, &end, 10);
  if (*end != '-')
    return false;
  *number = (uint32_t)strtoul(end + 1, &end, 10);
  return *end == '\0' && *client < SIM_CLIENTS_MAX && *number < REQUESTS_MAX;
}

struct feeding {
  struct sim_lines *lines;
  void (*named)(void *ctx, uint32_t client, uint32_t number);
  void *ctx;
};

static void feed_byte(void *ctx, uint8_t byte) {
  const struct feeding *feeding = ctx;
  struct sim_lines *lines = feeding->lines;
  uint32_t client, number;
  if (!lines->named && (byte == ' ' || byte == '\n')) {
    lines->named = true;
    if (feeding->named != NULL &&
        token(lines->head, lines->size, &client, &number))
      feeding->named(feeding->ctx, client, number);
  }
  if (lines->size < sizeof lines->head)
    lines->head[lines->size++] = (char)byte;
  else
    lines->named = true; /* no token is that long */
  if (byte == '\n') {
    if (lines->size != 5 || memcmp(lines->head, "noop", 4) != 0)
      lines->lines++; /* else it is no request, nor a reply */
    lines->size = 0;
    lines->named = false;
  }
}

void sim_lines_feed(struct sim_lines *lines, struct fl_slice bytes,
                    void (*named)(void *ctx, uint32_t client, uint32_t number),
                    void *ctx) {
  struct feeding feeding = {lines, named, ctx};
  sim_wire_read(&lines->reader, bytes, feed_byte, &feeding);
}

/* -- connections -- */

struct sim_ledger *sim_ledger_new(struct sim *sim) {
  return sim_alloc(sim, sizeof(struct sim_ledger));
}

uint32_t sim_ledger_upstream_at(struct sim *sim, const struct fl_addr *addr) {
  struct sim_server *server = sim_server_at(sim, addr);
  if (server != NULL)
    return sim_server_upstream(server);
  if (sim_relay_at(sim, addr) || sim_session_at(sim, addr))
    return sim->relay_upstream;
  for (uint32_t i = 0; i < sim->config->upstream_count; i++)
    if (sim->upstreams[i].built_in)
      return i;
  sim_fail(sim, "a connect to an address that no upstream has");
}

void sim_ledger_opened(struct sim *sim, uint32_t upstream) {
  uint32_t open = ++sim->ledger->open[upstream];
  uint32_t max = sim->config->upstreams[upstream].pool.max_size;
  if (open > max && max > 0)
    sim_fail(sim, "upstream %u has %u connections, max_size is %u", upstream,
             open, max);
}

void sim_ledger_gone(struct sim *sim, uint32_t upstream) {
  sim->ledger->open[upstream]--;
}

/* -- turns -- */

/* Whether clients of one address have the same server all the time: none went,
   and none lets it pass the reconnect_delay after a close. */
static bool settled(const struct sim *sim, uint32_t upstream) {
  return sim->config->upstreams[upstream].reconnect_delay == 0 &&
         !sim->upstreams[upstream].shifted;
}

/* Whether they stand in the same queue. By address, each server has one; and a
   client with a request under way stays where that is, while another of its
   address that begins anew goes where that now leads. */
static bool comparable(const struct sim *sim, uint32_t a, uint32_t b) {
  const struct account *accounts = sim->ledger->accounts;
  const struct fl_listener_config *listeners = sim->config->listeners;
  const struct fl_listener_config *of_a =
      &listeners[sim_client_listener(sim->clients[a])];
  const struct fl_listener_config *of_b =
      &listeners[sim_client_listener(sim->clients[b])];
  return a != b && accounts[b].known &&
         accounts[a].worker == accounts[b].worker &&
         of_a->mode == FL_MODE_REQUEST && of_b->mode == FL_MODE_REQUEST &&
         of_a->upstream == of_b->upstream &&
         (sim->config->upstreams[of_a->upstream].balance !=
              FL_BALANCE_HASH_CLIENT ||
          (a % SIM_SOURCES == b % SIM_SOURCES && settled(sim, of_a->upstream)));
}

/* Whether nothing excuses that it is passed by. Equal keys may wait for each
   other; requests that are denied would be taken for those that wait; where
   buffers are short, who has left a byte unread is held. */
static bool clean(const struct sim *sim, uint32_t client) {
  const struct fl_listener_config *listener =
      &sim->config->listeners[sim_client_listener(sim->clients[client])];
  return listener->mode == FL_MODE_REQUEST &&
         sim->upstreams[listener->upstream].clean && !sim->scarce &&
         !sim->upstreams[listener->upstream].denies &&
         sim->upstreams[listener->upstream].wire.pair.by != FL_PAIR_KEY;
}

/* A client waits from when it has a whole request with the gateway and none
   with a server. */
static void look(struct sim *sim, uint32_t client) {
  struct account *accounts = sim->ledger->accounts;
  struct account *account = &accounts[client];
  if (account->answered > account->assigned ||
      account->delivered <= account->assigned)
    account->waiting = false;
  else if (account->answered == account->assigned && !account->waiting) {
    account->waiting = true;
    account->passed = false;
    account->turn = sim->workers[account->worker]->turn;
    for (uint32_t i = 0; i < sim->client_count; i++)
      account->since[i] = accounts[i].assigned;
  }
}

void sim_ledger_ended(struct sim *sim, uint32_t client) {
  struct account *account = &sim->ledger->accounts[client];
  account->waiting = false;
  if (!account->stopped)
    account->owed = account->delivered;
  account->stopped = true;
}

void sim_ledger_left(struct sim *sim, uint32_t client) {
  sim->ledger->accounts[client].known = false;
  sim->ledger->accounts[client].waiting = false;
}

void sim_ledger_accepted(struct sim *sim, uint32_t client, uint32_t worker,
                         uint32_t slot) {
  sim->ledger->accounts[client].known = true;
  sim->ledger->accounts[client].worker = worker;
  sim->ledger->accounts[client].slot = slot;
}

void sim_ledger_delivered(struct sim *sim, uint32_t client, uint64_t frames) {
  struct account *account = &sim->ledger->accounts[client];
  if (account->stopped) /* what comes now is not taken any more */
    return;
  if (account->delivered <= account->assigned && frames > account->assigned)
    account->ticket = sim->workers[account->worker]->turn;
  account->delivered = frames;
  look(sim, client);
}

void sim_ledger_answered(struct sim *sim, uint32_t client, uint64_t frames) {
  sim->ledger->accounts[client].answered = frames;
  look(sim, client);
}

/* How many requests of another client may pass one that waits: one that is
   ahead of it in the queue, and those that were given to a connection earlier
   in the turn in which it came and leave at the end of that turn. */
static uint64_t turns_ahead(const struct sim *sim, uint32_t client) {
  const struct fl_listener_config *listener =
      &sim->config->listeners[sim_client_listener(sim->clients[client])];
  return 1 + sim->config->upstreams[listener->upstream].in_flight;
}

/* First come, first served: whom does `client`, served now, pass? Those who
   are served in the same turn do not mind: it is written in any order. Served
   requests leave at the end of a turn, so tickets are known to one turn. */
static void pass(struct sim *sim, uint32_t client) {
  struct account *accounts = sim->ledger->accounts;
  for (uint32_t i = 0; i < sim->client_count; i++)
    if (accounts[i].waiting && comparable(sim, client, i) &&
        sim_client_reads(sim->clients[i]) &&
        accounts[i].turn + 1 < accounts[client].ticket) {
      accounts[i].passed = true;
      accounts[i].by = client;
    }
}

void sim_ledger_turn_ended(struct sim *sim, uint32_t worker) {
  const struct account *accounts = sim->ledger->accounts;
  for (uint32_t i = 0; i < sim->client_count; i++)
    if (accounts[i].worker == worker && accounts[i].waiting &&
        accounts[i].passed)
      sim_fail(sim,
               "client %u was served before client %u, who waits since "
               "turn %" PRIu64 " of worker %u",
               accounts[i].by, i, accounts[i].turn, worker);
}

static void check_share(struct sim *sim, uint32_t client, uint32_t number) {
  const struct account *accounts = sim->ledger->accounts;
  const struct account *account = &accounts[client];
  for (uint32_t i = 0; i < sim->client_count; i++)
    if (comparable(sim, client, i) &&
        accounts[i].assigned - account->since[i] > turns_ahead(sim, client))
      sim_fail(sim,
               "request %u of client %u waited while client %u was served "
               "%" PRIu64 " times",
               number, client, i, accounts[i].assigned - account->since[i]);
}

void sim_ledger_assigned(struct sim *sim, uint32_t client, uint32_t number) {
  struct account *account = &sim->ledger->accounts[client];
  account->assigned++;
  if (!account->known)
    return;
  if (clean(sim, client)) {
    pass(sim, client);
    if (account->waiting)
      check_share(sim, client, number);
  }
  account->waiting = false;
  account->ticket = sim->workers[account->worker]->turn;
  look(sim, client);
}

void sim_ledger_begun(struct sim *sim, uint32_t client, uint32_t number) {
  struct account *account = &sim->ledger->accounts[client];
  const struct fl_listener_config *listener =
      &sim->config->listeners[sim_client_listener(sim->clients[client])];
  uint8_t most = sim->upstreams[listener->upstream].idempotent ? 2 : 1;
  if (account->begun[number] == most)
    sim_fail(sim, "request %u of client %u was sent once too often", number,
             client);
  account->begun[number]++;
}

/* -- the end -- */

void sim_ledger_stop(struct sim *sim, uint32_t worker, enum fl_mode mode) {
  for (uint32_t i = 0; i < sim->client_count; i++) {
    struct account *account = &sim->ledger->accounts[i];
    uint32_t listener = sim_client_listener(sim->clients[i]);
    if (!account->known || account->worker != worker ||
        sim->config->listeners[listener].mode != mode || account->stopped)
      continue;
    account->stopped = true;
    account->owed = account->delivered;
  }
}

void sim_ledger_leave(struct sim *sim, uint32_t worker, uint32_t slot,
                      uint32_t listener, bool forced) {
  for (uint32_t i = 0; i < sim->client_count; i++) {
    struct account *account = &sim->ledger->accounts[i];
    if (!account->known || account->worker != worker || account->stopped ||
        account->slot != slot ||
        (listener != SIM_NOBODY &&
         sim_client_listener(sim->clients[i]) != listener))
      continue;
    account->stopped = true;
    account->owed = account->delivered;
    sim_client_left(sim->clients[i]);
    if (forced)
      sim_client_excuse(sim->clients[i]);
  }
}

bool sim_ledger_stopped(const struct sim *sim, uint32_t client) {
  return sim->ledger->accounts[client].stopped;
}

uint64_t sim_ledger_owed(const struct sim *sim, uint32_t client) {
  const struct account *account = &sim->ledger->accounts[client];
  return account->stopped ? account->owed : account->delivered;
}

static uint64_t sum(const uint64_t by_reason[FL_REASON_COUNT]) {
  uint64_t total = 0;
  for (int i = 0; i < FL_REASON_COUNT; i++)
    total += by_reason[i];
  return total;
}

static void same(struct sim *sim, const char *what, uint64_t counted,
                 uint64_t seen) {
  if (counted != seen)
    sim_fail(sim, "%s: counted %" PRIu64 ", seen %" PRIu64, what, counted,
             seen);
}

void sim_ledger_settle(struct sim *sim, const struct fl_metrics *metrics,
                       const struct sim_tally *tally) {
  same(sim, "requests and outcomes", metrics->requests,
       metrics->replies + metrics->requests_sent +
           sum(metrics->requests_failed) + metrics->requests_abandoned);
  same(sim, "clients_opened", metrics->clients_opened, tally->clients_accepted);
  same(sim, "clients_closed", sum(metrics->clients_closed),
       tally->clients_closed);
  same(sim, "clients_refused", sum(metrics->clients_refused),
       tally->clients_refused);
  same(sim, "CLIENT_REFUSED", tally->events[FL_EVENT_CLIENT_REFUSED],
       tally->clients_refused);
  same(sim, "listener_closed", metrics->listener_closed,
       tally->events[FL_EVENT_LISTENER_CLOSED]);
  same(sim, "listener_opened", metrics->listener_opened,
       tally->events[FL_EVENT_LISTENER_OPENED]);
  same(sim, "listener_rebinds_failed", metrics->listener_rebinds_failed,
       tally->rebinds_failed);
  same(sim, "client_bytes_in", metrics->client_bytes_in,
       tally->client_bytes_in);
  same(sim, "client_bytes_out", metrics->client_bytes_out,
       tally->client_bytes_out);
  same(sim, "upstream_connects", metrics->upstream_connects, tally->connects);
  same(sim, "upstream_closed", sum(metrics->upstream_closed), tally->connects);
  same(sim, "upstream_bytes_in", metrics->upstream_bytes_in,
       tally->upstream_bytes_in);
  same(sim, "upstream_bytes_out", metrics->upstream_bytes_out,
       tally->upstream_bytes_out);
  same(sim, "CLIENT_OPENED", tally->events[FL_EVENT_CLIENT_OPENED],
       tally->clients_accepted);
  same(sim, "CLIENT_CLOSED", tally->events[FL_EVENT_CLIENT_CLOSED],
       tally->clients_accepted);
  same(sim, "UPSTREAM_CONNECTED", tally->events[FL_EVENT_UPSTREAM_CONNECTED],
       tally->connects);
  same(sim, "UPSTREAM_CLOSED", tally->events[FL_EVENT_UPSTREAM_CLOSED],
       tally->connects);
  same(sim, "REQUEST_FAILED", tally->events[FL_EVENT_REQUEST_FAILED],
       sum(metrics->requests_failed));
  same(sim, "REQUEST_DONE", tally->decoded, tally->told);
  for (uint32_t i = 0; i < sim->config->upstream_count; i++)
    if (sim->ledger->open[i] != 0)
      sim_fail(sim, "upstream %u still has %u connections", i,
               sim->ledger->open[i]);
}
