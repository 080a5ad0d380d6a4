#include "outside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct fl_sock *new_sock(struct fl_outside *outside) {
  assert(outside->sock_count < FL_OUTSIDE_SOCKS);
  struct fl_sock *sock = calloc(1, sizeof *sock);
  if (sock == NULL)
    return NULL;
  sock->sent = calloc(1, FL_OUTSIDE_BYTES);
  if (sock->sent == NULL) {
    free(sock);
    return NULL;
  }
  sock->reading = true;
  sock->window = FL_OUTSIDE_BYTES;
  outside->socks[outside->sock_count++] = sock;
  return sock;
}

static void record(struct fl_sock *sock, const uint8_t *bytes, size_t size) {
  assert(sock->sent_size + size < FL_OUTSIDE_BYTES);
  memcpy(sock->sent + sock->sent_size, bytes, size);
  sock->sent_size += size;
  sock->sent[sock->sent_size] = '\0';
}

static enum fl_reason io_connect(void *ctx, struct fl_conn *conn,
                                 const struct fl_addr *addr,
                                 const struct fl_sockopts *options,
                                 struct fl_sock **sock) {
  struct fl_outside *outside = ctx;
  assert(options != NULL);
  if (outside->connect_reason != FL_OK)
    return outside->connect_reason;
  *sock = new_sock(outside);
  if (*sock == NULL)
    return FL_OUT_OF_MEMORY;
  (*sock)->conn = conn;
  (*sock)->connecting = true;
  (*sock)->addr = *addr;
  return FL_OK;
}

/* The one outside of the running test; io calls on a sock need it too. */
static struct fl_outside *current;

static long io_send(struct fl_sock *sock, struct fl_slice bytes) {
  assert(!sock->closing && !sock->connecting && sock->rest.size == 0);
  if (current->send_reason != FL_OK)
    return -(long)current->send_reason;
  size_t taken = bytes.size < sock->window ? bytes.size : sock->window;
  sock->window -= taken;
  if (taken > 0)
    sock->writes++;
  record(sock, bytes.bytes, taken);
  return (long)taken;
}

static enum fl_reason io_send_rest(struct fl_sock *sock,
                                   struct fl_slice bytes) {
  assert(!sock->closing && sock->rest.size == 0 && bytes.size > 0);
  sock->rest = bytes;
  sock->rest_taken = 0;
  return FL_OK;
}

static size_t io_unsent(struct fl_sock *sock) {
  return sock->rest.size - sock->rest_taken;
}

static size_t io_unacked(struct fl_sock *sock) { return sock->unacked; }

static void io_read(struct fl_sock *sock, bool on) {
  assert(!sock->closing);
  sock->reading = on;
}

static void io_bulk(struct fl_sock *sock, bool on) {
  assert(!sock->closing && sock->bulk != on);
  sock->bulk = on;
}

static void io_attach(struct fl_sock *sock, struct fl_conn *conn) {
  assert(!sock->closing && sock->rest.size == 0);
  sock->conn = conn;
}

static void io_shutdown(struct fl_sock *sock) {
  assert(!sock->closing && !sock->shut && sock->rest.size == 0);
  sock->shut = true;
}

static void io_close(struct fl_sock *sock, bool reset) {
  assert(!sock->closing);
  sock->closing = true;
  sock->reset = reset;
}

static enum fl_reason io_resolve(void *ctx, fl_token token, const char *host,
                                 uint16_t port) {
  struct fl_outside *outside = ctx;
  assert(host != NULL && port > 0);
  outside->token = token;
  outside->lookups++;
  return outside->resolve_reason;
}

static uint64_t io_random(void *ctx) {
  return ((struct fl_outside *)ctx)->random;
}

static void io_listening(void *ctx, uint32_t slot, bool on) {
  struct fl_outside *outside = ctx;
  assert(slot == 1);
  outside->listening = on;
}

static void io_stir(void *ctx, uint32_t worker) {
  (void)worker;
  ((struct fl_outside *)ctx)->stirred++;
}

static void io_event(void *ctx, const struct fl_event *event) {
  struct fl_outside *outside = ctx;
  if (outside->event_count < 64)
    outside->events[outside->event_count++] = *event;
}

static void set_listener(struct fl_listener_config *config, char *name,
                         enum fl_mode mode) {
  *config = (struct fl_listener_config){.name = name,
                                        .mode = mode,
                                        .max_frame = 1024,
                                        .max_connections = 100,
                                        .idle_timeout = 300 * FL_SECOND,
                                        .frame_timeout = 60 * FL_SECOND,
                                        .write_timeout = 30 * FL_SECOND};
}

static void set_upstream(struct fl_outside *outside) {
  static char text[] = "192.0.2.1:7000", host[] = "192.0.2.1", name[] = "plc";
  for (int i = 0; i < 4; i++) {
    outside->servers[i] = (struct fl_endpoint){
        .text = text, .host = host, .port = (uint16_t)(7000 + i)};
    outside->servers[i].addr =
        (struct fl_addr){.family = FL_ADDR_IP4,
                         .port = (uint16_t)(7000 + i),
                         .ip = {192, 0, 2, (uint8_t)(1 + i)}};
  }
  outside->upstream = (struct fl_upstream_config){
      .name = name,
      .servers = outside->servers,
      .server_count = 1,
      .balance = FL_BALANCE_LEAST_IN_FLIGHT,
      .workers = 1,
      .max_frame = 1024,
      .in_flight = 1,
      .pool = {.min_size = 0,
               .max_size = 2,
               .max_waiters = 100,
               .acquire_timeout = 10 * FL_SECOND,
               .idle_timeout = 240 * FL_SECOND},
      .connect_timeout = 4 * FL_SECOND,
      .request_timeout = 5 * FL_SECOND,
      .write_timeout = 20 * FL_SECOND,
      .backoff = {.initial = FL_SECOND, .max = 30 * FL_SECOND, .factor = 2}};
}

void fl_outside_init(struct fl_outside *outside) {
  static char commands[] = "commands", gateway[] = "gateway";
  memset(outside, 0, sizeof *outside);
  set_listener(&outside->listeners[0], commands, FL_MODE_COMMAND);
  set_listener(&outside->listeners[1], gateway, FL_MODE_REQUEST);
  set_upstream(outside);
  outside->config.listeners = outside->listeners;
  outside->config.listener_count = 2;
  outside->config.upstreams = &outside->upstream;
  outside->config.upstream_count = 1;
  outside->io = (struct fl_io){.ctx = outside,
                               .connect = io_connect,
                               .send = io_send,
                               .send_rest = io_send_rest,
                               .unsent = io_unsent,
                               .unacked = io_unacked,
                               .read = io_read,
                               .bulk = io_bulk,
                               .attach = io_attach,
                               .shutdown = io_shutdown,
                               .close = io_close,
                               .resolve = io_resolve,
                               .random = io_random,
                               .listening = io_listening,
                               .stir = io_stir,
                               .event = io_event};
  outside->listening = -1;
  outside->random = UINT64_MAX; /* the longest backoff */
  outside->now = 1000 * FL_SECOND;
  current = outside;
}

void fl_outside_start(struct fl_outside *outside) {
  outside->generation = fl_generation_first(&outside->config, NULL, 1);
  assert(outside->generation != NULL);
  struct fl_gateway_setup setup = {.generation = outside->generation,
                                   .io = &outside->io,
                                   .occupancy = outside->occupancy,
                                   .memory = &outside->memory};
  outside->gateway = fl_gateway_new(&setup);
  assert(outside->gateway != NULL);
  fl_gateway_start(outside->gateway, outside->now);
  fl_outside_turn(outside);
}

static void report_closed(struct fl_outside *outside) {
  for (unsigned i = 0; i < outside->sock_count; i++) {
    struct fl_sock *sock = outside->socks[i];
    if (!sock->closing || sock->conn == NULL)
      continue;
    struct fl_conn *conn = sock->conn;
    sock->conn = NULL;
    fl_conn_closed(conn, outside->now);
  }
}

void fl_outside_turn(struct fl_outside *outside) {
  report_closed(outside);
  outside->due = fl_gateway_turn(outside->gateway, outside->now);
  fl_gateway_check(outside->gateway);
}

void fl_outside_pass(struct fl_outside *outside, fl_time duration) {
  outside->now += duration;
  fl_outside_turn(outside);
}

struct fl_sock *fl_outside_accept(struct fl_outside *outside,
                                  uint32_t listener) {
  struct fl_addr peer = {.family = FL_ADDR_IP4, .port = 9, .ip = {192, 0, 2}};
  return fl_outside_accept_from(outside, listener, &peer);
}

struct fl_sock *fl_outside_accept_from(struct fl_outside *outside,
                                       uint32_t listener,
                                       const struct fl_addr *peer) {
  struct fl_sock *sock = new_sock(outside);
  assert(sock != NULL);
  sock->conn =
      fl_gateway_accept(outside->gateway, listener, sock, peer, outside->now);
  if (sock->conn == NULL)
    return NULL;
  fl_occupancy_enter(&outside->occupancy[listener], 100);
  fl_outside_turn(outside);
  return sock;
}

struct fl_sock *fl_outside_connect(struct fl_outside *outside, unsigned i) {
  for (unsigned at = 0; at < outside->sock_count; at++)
    if (outside->socks[at]->addr.family != FL_ADDR_NONE && i-- == 0)
      return outside->socks[at];
  return NULL;
}

unsigned fl_outside_open(const struct fl_outside *outside) {
  unsigned count = 0;
  for (unsigned at = 0; at < outside->sock_count; at++)
    count += outside->socks[at]->addr.family != FL_ADDR_NONE &&
             outside->socks[at]->conn != NULL;
  return count;
}

void fl_outside_connected(struct fl_outside *outside, struct fl_sock *sock,
                          enum fl_reason reason) {
  assert(sock != NULL && sock->connecting);
  sock->connecting = false;
  fl_conn_connected(sock->conn, reason, outside->now);
  fl_outside_turn(outside);
}

void fl_outside_data(struct fl_outside *outside, struct fl_sock *sock,
                     const char *text) {
  struct fl_slice bytes = {(const uint8_t *)text, strlen(text)};
  fl_conn_data(sock->conn, bytes, outside->now);
  fl_outside_turn(outside);
}

void fl_outside_finish(struct fl_outside *outside, struct fl_sock *sock,
                       enum fl_reason reason) {
  fl_conn_end(sock->conn, reason, outside->now);
  fl_outside_turn(outside);
}

void fl_outside_take(struct fl_outside *outside, struct fl_sock *sock,
                     size_t n) {
  assert(n <= sock->rest.size - sock->rest_taken);
  record(sock, sock->rest.bytes + sock->rest_taken, n);
  sock->rest_taken += n;
  if (sock->rest_taken == sock->rest.size) {
    sock->rest = (struct fl_slice){NULL, 0};
    sock->rest_taken = 0;
    fl_conn_sent(sock->conn, outside->now);
  }
  fl_outside_turn(outside);
}

const char *fl_outside_sent(struct fl_sock *sock) {
  static char text[FL_OUTSIDE_BYTES];
  memcpy(text, sock->sent, sock->sent_size + 1);
  sock->sent_size = 0;
  sock->sent[0] = '\0';
  return text;
}

unsigned fl_outside_events(const struct fl_outside *outside,
                           enum fl_event_kind kind, enum fl_reason reason) {
  unsigned count = 0;
  for (unsigned i = 0; i < outside->event_count; i++)
    count +=
        outside->events[i].kind == kind && outside->events[i].reason == reason;
  return count;
}

void fl_outside_stop(struct fl_outside *outside, enum fl_stop stage) {
  outside->stopped = (int)stage;
  fl_gateway_stop(outside->gateway, stage, outside->now);
  fl_outside_turn(outside);
}

void fl_outside_end(struct fl_outside *outside) {
  if (outside->stopped != FL_STOP_NOW)
    fl_outside_stop(outside, FL_STOP_NOW);
  fl_outside_turn(outside);
  fl_outside_turn(outside);
  assert(fl_gateway_upstream_connections(outside->gateway) == 0);
  assert(fl_gateway_clients(outside->gateway, FL_MODE_COMMAND) == 0);
  assert(fl_gateway_clients(outside->gateway, FL_MODE_REQUEST) == 0);
  assert(fl_gateway_clients(outside->gateway, FL_MODE_RELAY) == 0);
  assert(fl_gateway_clients(outside->gateway, FL_MODE_SESSION) == 0);
  fl_gateway_free(outside->gateway);
  fl_generation_release(outside->generation);
  for (unsigned i = 0; i < outside->sock_count; i++) {
    free(outside->socks[i]->sent);
    free(outside->socks[i]);
  }
}
