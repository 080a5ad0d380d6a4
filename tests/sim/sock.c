#include "tests/sim/sock.h"

#include "core/conn.h"
#include "core/pool.h"
#include "core/transport.h"
#include "tests/sim/acceptor.h"
#include "tests/sim/client.h"
#include "tests/sim/name.h"
#include "tests/sim/server.h"

#include <stdlib.h>
#include <string.h>

/* What timers and turns may add to a deadline. */
#define SLACK (100 * FL_MILLISECOND)

struct fl_sock {
  struct fl_sock *next; /* of the worker's */
  struct sim_worker *worker;
  struct fl_conn *conn;
  struct sim_end *end;
  bool is_client;
  uint32_t listener; /* of a client */
  uint32_t slot;     /* a client: that of its listener then */
  uint32_t client;   /* the simulation's, or SIM_NOBODY */
  struct fl_addr from;
  uint32_t place;    /* of the listener's guard */
  uint32_t upstream; /* of an upstream connection */
  fl_time progress;  /* when it was made, or its kernel last took bytes */
  bool prompt;       /* its kernel takes everything at once */
  bool connected;
  bool shut;    /* FIN was sent */
  bool ended;   /* fl_conn_end was called */
  bool failed;  /* core knows that it is broken and has to close it */
  bool closing; /* io->close was called */
  /* A send_rest under way: where core keeps the bytes, what they were, and
     how many the kernel has taken. */
  struct fl_slice rest;
  uint8_t *copy;
  size_t taken;
  struct sim_lines in;
  struct sim_lines offered;
  struct sim_lines out;
};

static struct sim *sim_of(const struct fl_sock *sock) {
  return sock->worker->sim;
}

static fl_time now(const struct fl_sock *sock) {
  return sim_of(sock)->clock.now;
}

static uint64_t chance(const struct fl_sock *sock, uint64_t low,
                       uint64_t high) {
  return sim_random_between(&sim_of(sock)->random, low, high);
}

static const char *kind(const struct fl_sock *sock) {
  return sock->is_client ? "client" : "upstream connection";
}

/* What core must never do with a socket. */
static void require(const struct fl_sock *sock, bool kept, const char *call,
                    const char *promise) {
  if (!kept)
    sim_fail(sim_of(sock), "io->%s on a %s %s", call, kind(sock), promise);
}

static void require_open(const struct fl_sock *sock, const char *call) {
  require(sock, !sock->closing, call, "after io->close");
  require(sock, sock->connected, call, "before it was connected");
  require(sock, !sock->failed, call, "that was reported broken");
}

/* -- what crosses the seam -- */

static void on_assigned(void *ctx, uint32_t client, uint32_t number) {
  const struct fl_sock *sock = ctx;
  sim_ledger_assigned(sim_of(sock), client, number);
}

static void on_begun(void *ctx, uint32_t client, uint32_t number) {
  const struct fl_sock *sock = ctx;
  sim_ledger_begun(sim_of(sock), client, number);
}

static void count_in(struct fl_sock *sock, struct fl_slice bytes) {
  struct sim_tally *tally = &sock->worker->tally;
  sim_lines_feed(&sock->in, bytes, NULL, NULL);
  if (!sock->is_client)
    tally->upstream_bytes_in += bytes.size;
  else
    tally->client_bytes_in += bytes.size;
  if (sock->client != SIM_NOBODY)
    sim_ledger_delivered(sim_of(sock), sock->client, sock->in.lines);
}

static void count_offered(struct fl_sock *sock, struct fl_slice bytes) {
  if (!sock->is_client)
    sim_lines_feed(&sock->offered, bytes, on_assigned, sock);
}

static void count_out(struct fl_sock *sock, struct fl_slice bytes) {
  struct sim_tally *tally = &sock->worker->tally;
  sim_lines_feed(&sock->out, bytes, sock->is_client ? NULL : on_begun, sock);
  if (!sock->is_client)
    tally->upstream_bytes_out += bytes.size;
  else
    tally->client_bytes_out += bytes.size;
  if (sock->client != SIM_NOBODY)
    sim_ledger_answered(sim_of(sock), sock->client, sock->out.lines);
}

/* Or of a session. */
static bool of_relay(const struct fl_sock *sock) {
  const struct fl_config *config = sim_of(sock)->config;
  enum fl_mode mode = sock->is_client ? config->listeners[sock->listener].mode
                                      : config->upstreams[sock->upstream].mode;
  return mode == FL_MODE_RELAY || mode == FL_MODE_SESSION;
}

/* -- from the network -- */

static void on_connected(void *owner, enum fl_reason reason) {
  struct fl_sock *sock = owner;
  sock->connected = reason == FL_OK;
  sock->failed = reason != FL_OK;
  if (reason == FL_OK)
    sock->worker->tally.connects++;
  fl_conn_connected(sock->conn, reason, now(sock));
  sim_worker_event(sock->worker);
}

static void on_data(void *owner, struct fl_slice bytes) {
  struct fl_sock *sock = owner;
  if (sock->failed)
    return;
  count_in(sock, bytes);
  fl_conn_data(sock->conn, bytes, now(sock));
  sim_worker_event(sock->worker);
}

static void on_end(void *owner, enum fl_reason reason) {
  struct fl_sock *sock = owner;
  if (sock->failed)
    return;
  sock->ended = true;
  sock->failed = reason != FL_PEER_CLOSED;
  fl_conn_end(sock->conn, reason, now(sock));
  sim_worker_event(sock->worker);
}

static const struct sim_end_ops ops = {
    .connected = on_connected, .data = on_data, .end = on_end};

/* -- sending -- */

static void check_rest(const struct fl_sock *sock) {
  require(sock,
          sock->copy == NULL ||
              memcmp(sock->copy, sock->rest.bytes, sock->rest.size) == 0,
          "send_rest", "whose bytes did not stay put");
}

static long offer(struct fl_sock *sock, struct fl_slice bytes) {
  long taken;
  if (sock->prompt) {
    taken = sim_end_offer(sock->end, (struct fl_slice){bytes.bytes, 0});
    sim_end_write(sock->end, bytes);
    taken = taken < 0 ? taken : (long)bytes.size;
  } else {
    if (sim_random_chance(&sim_of(sock)->random, 20))
      bytes.size = (size_t)chance(sock, 0, bytes.size);
    taken = sim_end_offer(sock->end, bytes);
  }
  if (taken > 0)
    count_out(sock, (struct fl_slice){bytes.bytes, (size_t)taken});
  return taken;
}

static long io_send(struct fl_sock *sock, struct fl_slice bytes) {
  require_open(sock, "send");
  require(sock, sock->copy == NULL, "send", "during a send_rest");
  require(sock, !sock->shut, "send", "after io->shutdown");
  require(sock, bytes.size > 0, "send", "of no bytes");
  sock->worker->stirred++;
  count_offered(sock, bytes);
  long taken = offer(sock, bytes);
  if (taken >= 0)
    return taken;
  sock->failed = true;
  (void)sim_end_take_break(sock->end);
  return -(long)FL_PEER_RESET;
}

static void forget_rest(struct fl_sock *sock) {
  free(sock->copy);
  sock->copy = NULL;
}

/* The kernel takes the rest bit by bit. */
static void pump(void *ctx, uint64_t arg) {
  struct fl_sock *sock = ctx;
  if (sock->closing || sock->failed || sock->copy == NULL)
    return;
  check_rest(sock);
  long taken = offer(sock, (struct fl_slice){sock->rest.bytes + sock->taken,
                                             sock->rest.size - sock->taken});
  if (taken < 0) {
    (void)sim_end_take_break(sock->end);
    on_end(sock, FL_PEER_RESET);
    return;
  }
  sock->taken += (size_t)taken;
  if (taken > 0)
    sock->progress = now(sock);
  if (sock->taken < sock->rest.size) {
    sim_clock_after(&sim_of(sock)->clock, chance(sock, 500, 20000), pump, sock,
                    arg);
    return;
  }
  forget_rest(sock);
  fl_conn_sent(sock->conn, now(sock));
  sim_worker_event(sock->worker);
}

/* At times the outside has no memory to send the rest. A request that this
   costs must not be one that has no excuse to fail. */
static bool may_fail(const struct fl_sock *sock) {
  struct sim *sim = sim_of(sock);
  if (!sim->memory_short || !sim_random_chance(&sim->random, 2))
    return false;
  if (!sock->is_client)
    return !sim->upstreams[sock->upstream].clean;
  if (sock->client == SIM_NOBODY)
    return false;
  sim_client_excuse(sim->clients[sock->client]);
  return true;
}

static enum fl_reason io_send_rest(struct fl_sock *sock,
                                   struct fl_slice bytes) {
  require_open(sock, "send_rest");
  require(sock, sock->copy == NULL, "send_rest", "during another");
  require(sock, !sock->shut, "send_rest", "after io->shutdown");
  require(sock, bytes.size > 0, "send_rest", "of no bytes");
  require(sock,
          !of_relay(sock) || bytes.size <= FL_HIGH_WATERMARK + FL_BULK_READ_MAX,
          "send_rest", "of more than a relay may keep");
  sock->worker->stirred++;
  if (may_fail(sock)) {
    sock->failed = true;
    return FL_OUT_OF_MEMORY;
  }
  sock->rest = bytes;
  sock->progress = now(sock);
  sock->taken = 0;
  sock->copy = sim_buffer(bytes.size);
  memcpy(sock->copy, bytes.bytes, bytes.size);
  sim_clock_after(&sim_of(sock)->clock, chance(sock, 1, 5000), pump, sock, 0);
  return FL_OK;
}

static size_t io_unsent(struct fl_sock *sock) {
  require(sock, !sock->closing, "unsent", "after io->close");
  return sock->copy == NULL ? 0 : sock->rest.size - sock->taken;
}

/* -- the rest of the seam -- */

static void io_read(struct fl_sock *sock, bool on) {
  require_open(sock, "read");
  sock->worker->stirred++;
  sim_end_read(sock->end, on);
}

static void io_bulk(struct fl_sock *sock, bool on) {
  require_open(sock, "bulk");
  require(sock, !on || of_relay(sock), "bulk", "for a client of requests");
  sim_end_bulk(sock->end, on);
}

static void io_attach(struct fl_sock *sock, struct fl_conn *conn) {
  require(sock, !sock->closing, "attach", "after io->close");
  require(sock, sock->copy == NULL, "attach", "during a send_rest");
  sock->conn = conn;
}

static void io_shutdown(struct fl_sock *sock) {
  require_open(sock, "shutdown");
  require(sock, sock->copy == NULL, "shutdown", "during a send_rest");
  require(sock, !sock->shut, "shutdown", "a second time");
  sock->worker->stirred++;
  sock->shut = true;
  if (sock->client != SIM_NOBODY)
    sim_ledger_ended(sim_of(sock), sock->client);
  sim_end_finish(sock->end);
}

static void unlink_sock(struct fl_sock *sock) {
  struct fl_sock **at = &sock->worker->socks;
  while (*at != sock)
    at = &(*at)->next;
  *at = sock->next;
}

static void closed(void *ctx, uint64_t arg) {
  struct fl_sock *sock = ctx;
  struct sim *sim = sim_of(sock);
  (void)arg;
  check_rest(sock);
  forget_rest(sock);
  unlink_sock(sock);
  if (!sock->is_client) /* core may connect again out of fl_conn_closed */
    sim_ledger_gone(sim, sock->upstream);
  fl_conn_closed(sock->conn, now(sock));
  if (sock->is_client) {
    sock->worker->tally.clients_closed++;
    sim_acceptor_left(sim->acceptors[sock->listener], sock->slot, &sock->from,
                      sock->place);
  }
  sim_worker_event(sock->worker);
}

static void io_close(struct fl_sock *sock, bool reset) {
  require(sock, !sock->closing, "close", "a second time");
  sock->worker->stirred++;
  sock->closing = true;
  if (sock->client != SIM_NOBODY)
    sim_ledger_left(sim_of(sock), sock->client);
  sim_end_close(sock->end, reset);
  sim_clock_after(&sim_of(sock)->clock, chance(sock, 0, 5000), closed, sock, 0);
}

static struct fl_sock *sock_new(struct sim_worker *worker) {
  struct fl_sock *sock = sim_alloc(worker->sim, sizeof *sock);
  sock->worker = worker;
  sock->client = SIM_NOBODY;
  sock->progress = now(sock);
  sock->next = worker->socks;
  worker->socks = sock;
  return sock;
}

static enum fl_reason refuse_at_once(struct sim_worker *worker) {
  static const enum fl_reason reasons[] = {FL_UNREACHABLE, FL_NO_DESCRIPTORS,
                                           FL_NO_PORTS, FL_NOT_PERMITTED};
  return reasons[sim_random_between(&worker->sim->random, 0, 3)];
}

static bool are_options_of(const struct fl_generation *generation,
                           uint32_t upstream,
                           const struct fl_sockopts *options) {
  return generation != NULL &&
         options == &generation->config->upstreams[upstream].socket;
}

static enum fl_reason io_connect(void *ctx, struct fl_conn *conn,
                                 const struct fl_addr *addr,
                                 const struct fl_sockopts *options,
                                 struct fl_sock **out) {
  struct sim_worker *worker = ctx;
  struct sim *sim = worker->sim;
  worker->stirred++;
  if (addr->ip[0] == SIM_NAME_NOBODY)
    return refuse_at_once(worker);
  uint32_t upstream = sim_ledger_upstream_at(sim, addr);
  struct fl_addr from = {.family = FL_ADDR_IP4,
                         .port = (uint16_t)(worker->connects++ % 60000 + 1024),
                         .ip = {10, 255, 0, (uint8_t)worker->index}};
  if (!are_options_of(sim->latest, upstream, options) &&
      !are_options_of(sim->coming, upstream, options))
    sim_fail(sim, "io->connect with the socket options of another upstream");
  sim_server_attempt(sim, addr);
  struct fl_sock *sock = sock_new(worker);
  sock->conn = conn;
  sock->upstream = upstream;
  sock->prompt = sim->upstreams[upstream].clean && !of_relay(sock);
  sock->offered.reader.wire = &sim->upstreams[upstream].wire;
  sock->out.reader.wire = &sim->upstreams[upstream].wire;
  sock->in.reader.wire = &sim->upstreams[upstream].reply_wire;
  sock->end = sim_connect(sim, &from, addr, &ops, sock);
  if (sock->end == NULL) {
    unlink_sock(sock);
    return refuse_at_once(worker);
  }
  sim_ledger_opened(sim, upstream);
  *out = sock;
  return FL_OK;
}

const struct fl_io sim_sock_io = {.connect = io_connect,
                                  .send = io_send,
                                  .send_rest = io_send_rest,
                                  .unsent = io_unsent,
                                  .read = io_read,
                                  .bulk = io_bulk,
                                  .attach = io_attach,
                                  .shutdown = io_shutdown,
                                  .close = io_close};

/* -- for the worker -- */

void sim_sock_accept(struct sim_worker *worker, uint32_t listener,
                     struct sim_end *end, const struct fl_addr *from,
                     uint32_t place) {
  struct sim *sim = worker->sim;
  struct fl_sock *sock = sock_new(worker);
  sock->is_client = true;
  sock->connected = true;
  sock->listener = listener;
  sock->slot = sim_acceptor_slot(sim->acceptors[listener]);
  sock->client = sim_client_from(from);
  sock->from = *from;
  sock->place = place;
  sock->in.reader.wire = sim_wire_of(sim, &sim->config->listeners[listener]);
  sock->in.reader.max = sim->config->listeners[listener].max_frame;
  sock->out.reader.wire =
      sim_reply_wire_of(sim, &sim->config->listeners[listener]);
  sock->end = end;
  sim_end_own(end, &ops, sock); /* core may switch reading off at once */
  sock->conn =
      fl_gateway_accept(worker->gateway, sock->slot, sock, from, now(sock));
  if (sock->conn == NULL) {
    if (sim->phase == SIM_SERVING)
      sim_fail(sim, "a client was not taken");
    unlink_sock(sock);
    sim_end_close(end, false);
    sim_acceptor_left(sim->acceptors[listener],
                      sim_acceptor_slot(sim->acceptors[listener]), from, place);
    return;
  }
  worker->tally.clients_accepted++;
  if (sock->client != SIM_NOBODY) {
    sim_ledger_accepted(sim, sock->client, worker->index, sock->slot);
    sim_client_accepted(sim->clients[sock->client]);
  }
  sim_worker_event(worker);
}

void sim_sock_read_all(struct sim_worker *worker) {
  struct fl_sock *sock = worker->socks;
  while (sock != NULL) {
    if (sock->connected && !sock->closing)
      sim_end_read_all(sock->end);
    sock = sock->next;
  }
}

static fl_time larger(fl_time a, fl_time b) { return a > b ? a : b; }

/* How long core may leave a connection whose kernel does nothing. (It looks
   for progress once per write_timeout, so two may pass; what a pool says of
   its own has times of its own.) */
static fl_time patience(const struct fl_sock *sock) {
  const struct fl_config *config = sim_of(sock)->config;
  if (sock->is_client)
    return 2 * config->listeners[sock->listener].write_timeout;
  if (!sock->connected)
    return config->upstreams[sock->upstream].connect_timeout;
  const struct fl_upstream_config *upstream =
      &config->upstreams[sock->upstream];
  fl_time most = larger(2 * upstream->write_timeout, FL_POOL_LINGER);
  if (upstream->on_connect_count > 0)
    most = larger(most, upstream->connect_timeout);
  if (upstream->keepalive.send.size > 0)
    most = larger(most, upstream->request_timeout);
  return larger(most, upstream->health.timeout);
}

void sim_sock_check_all(struct sim_worker *worker) {
  for (struct fl_sock *sock = worker->socks; sock != NULL; sock = sock->next) {
    if (sock->closing)
      continue;
    if (sock->failed)
      sim_fail(worker->sim, "a broken %s was not closed", kind(sock));
    if ((sock->copy != NULL || !sock->connected) &&
        now(sock) > sock->progress + patience(sock) + SLACK)
      sim_fail(worker->sim, "a stuck %s was not closed", kind(sock));
  }
}
