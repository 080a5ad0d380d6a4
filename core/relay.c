#include "core/relay.h"

#include "core/balance.h"
#include "core/gateway_state.h"
#include "core/upstream.h"

#include <assert.h>
#include <stdlib.h>

static struct fl_relay *of_client(struct fl_conn *conn) {
  return FL_CONTAINER(conn, struct fl_relay, client.conn);
}

static struct fl_relay *of_server(struct fl_conn *conn) {
  return FL_CONTAINER(conn, struct fl_relay, server.conn);
}

static struct fl_gateway *gateway_of(const struct fl_relay *relay) {
  return relay->client.conn.gateway;
}

static struct fl_metrics *metrics_of(const struct fl_relay *relay) {
  return &gateway_of(relay)->metrics;
}

static struct fl_upstream *upstream_of(const struct fl_relay *relay) {
  return relay->listener->upstream;
}

static struct fl_relay_side *other(struct fl_relay *relay,
                                   const struct fl_relay_side *side) {
  return side == &relay->client ? &relay->server : &relay->client;
}

static fl_time write_timeout(const struct fl_relay *relay,
                             const struct fl_relay_side *side) {
  return side == &relay->client ? relay->listener->config->write_timeout
                                : upstream_of(relay)->config->write_timeout;
}

/* Timeouts. */

/* Whether write_timeout governs. */
static bool stuck(const struct fl_relay *relay) {
  return relay->client.conn.rest != NULL || relay->server.conn.rest != NULL;
}

/* Silence counts for the half that is left once FIN was passed on. */
static fl_time half_close_due(const struct fl_relay *relay) {
  const struct fl_relay_side *speaks =
      relay->client.shut ? &relay->client : &relay->server;
  if (!speaks->shut || speaks->fin || stuck(relay))
    return FL_NEVER;
  return fl_time_add(relay->active,
                     relay->listener->config->half_close_timeout);
}

static fl_time idle_due(const struct fl_relay *relay) {
  if (stuck(relay))
    return FL_NEVER;
  return fl_time_add(relay->active, relay->listener->config->idle_timeout);
}

/* The client's deadline is also the relay's. */
static fl_time client_due(const struct fl_relay *relay) {
  fl_time due = fl_transport_write_due(&relay->client.conn,
                                       write_timeout(relay, &relay->client));
  switch ((enum fl_relay_state)relay->state) {
  case FL_RELAY_WAITING:
  case FL_RELAY_CONNECTING:
    return fl_time_add(relay->client.conn.opened,
                       upstream_of(relay)->config->pool.acquire_timeout);
  case FL_RELAY_OPEN:
    due = fl_time_min(due, idle_due(relay));
    return fl_time_min(due, half_close_due(relay));
  case FL_RELAY_DELIVERING:
    return due;
  case FL_RELAY_CLOSING:
    break;
  }
  return FL_NEVER;
}

static void arm(struct fl_relay *relay) {
  struct fl_conn *server = &relay->server.conn;
  if (relay->client.conn.sock != NULL)
    fl_transport_arm(&relay->client.conn, client_due(relay));
  if (server->sock != NULL && relay->state >= FL_RELAY_OPEN)
    fl_transport_arm(server, fl_transport_write_due(
                                 server, write_timeout(relay, &relay->server)));
}

/* The end of a side. */

static void tell_client_closed(struct fl_relay *relay, enum fl_reason reason,
                               const char *server, fl_time now) {
  const struct fl_conn *conn = &relay->client.conn;
  struct fl_event event = {.kind = FL_EVENT_CLIENT_CLOSED,
                           .reason = reason,
                           .listener = relay->listener->config->name,
                           .upstream = upstream_of(relay)->config->name,
                           .server = server,
                           .peer = conn->peer,
                           .bytes_in = conn->bytes_in,
                           .bytes_out = conn->bytes_out,
                           .raw = true,
                           .duration = now - conn->opened};
  metrics_of(relay)->clients_closed[reason]++;
  metrics_of(relay)->client_bytes_in += conn->bytes_in;
  metrics_of(relay)->client_bytes_out += conn->bytes_out;
  fl_gateway_event(gateway_of(relay), &event);
}

static void tell_server_closed(struct fl_relay *relay, enum fl_reason reason,
                               fl_time now) {
  const struct fl_conn *conn = &relay->server.conn;
  struct fl_event event = {.kind = FL_EVENT_UPSTREAM_CLOSED,
                           .reason = reason,
                           .upstream = upstream_of(relay)->config->name,
                           .server = relay->connector.server->endpoint->text,
                           .peer = conn->peer,
                           .bytes_in = conn->bytes_in,
                           .bytes_out = conn->bytes_out,
                           .raw = true,
                           .duration = now - conn->opened};
  metrics_of(relay)->upstream_closed[reason]++;
  metrics_of(relay)->upstream_bytes_in += conn->bytes_in;
  metrics_of(relay)->upstream_bytes_out += conn->bytes_out;
  fl_gateway_event(gateway_of(relay), &event);
}

/* A stop waits for both sides. */
static void free_if_gone(struct fl_relay *relay) {
  if (!relay->client.exists && !relay->server.exists) {
    fl_list_remove(&relay->link);
    gateway_of(relay)->clients[FL_MODE_RELAY]--;
    fl_transport_release(&relay->server.conn);
    free(relay);
  }
}

/* The place on the server is free again. */
static void give_place_back(struct fl_relay *relay, fl_time now) {
  struct fl_server *server = relay->connector.server;
  relay->server.exists = false;
  fl_list_remove(&relay->server.conn.link);
  server->size--;
  if (relay->server.conn.opened != 0)
    server->rests_until =
        fl_time_add(now, upstream_of(relay)->config->reconnect_delay);
  upstream_of(relay)->size--;
  gateway_of(relay)->upstream_conns--;
  fl_upstream_wake(upstream_of(relay));
}

static void stop_waiting(struct fl_relay *relay) {
  if (fl_list_empty(&relay->waiting))
    return;
  fl_list_remove(&relay->waiting);
  upstream_of(relay)->waiting--;
}

static void close_client(struct fl_relay *relay, enum fl_reason reason,
                         const char *server, bool reset, fl_time now) {
  if (relay->client.conn.sock != NULL)
    fl_transport_close(&relay->client.conn, reset);
  if (relay->client.told)
    return;
  relay->client.told = true;
  tell_client_closed(relay, reason, server, now);
}

/* Ends a connect, or what came of it. Frees the place where no socket has to
   close first, but never the relay. */
static void close_server(struct fl_relay *relay, enum fl_reason reason,
                         bool reset, fl_time now) {
  struct fl_conn *conn = &relay->server.conn;
  if (relay->state == FL_RELAY_CONNECTING) {
    relay->connector.server->connecting--;
    if (conn->sock != NULL)
      fl_transport_close(conn, true);
    else if (!fl_connector_cancel(&relay->connector))
      give_place_back(relay, now);
  } else if (relay->state >= FL_RELAY_OPEN && !relay->server.told) {
    relay->server.told = true;
    relay->connector.server->relayed--;
    fl_transport_close(conn, reset);
    tell_server_closed(relay, reason, now);
  }
}

/* What the client is told of the server's end. */
static enum fl_reason client_reason(enum fl_reason of_server) {
  return of_server == FL_PEER_RESET ? FL_UPSTREAM_RESET : of_server;
}

static bool is_ours(enum fl_reason reason) {
  return reason == FL_SHUTDOWN || reason == FL_IDLE_TIMEOUT;
}

/* Closes both. `guilty` is the side that the reason is about, NULL: both. The
   other one is reset, unless what came before a FIN is on its way to it. */
static void end(struct fl_relay *relay, const struct fl_relay_side *guilty,
                enum fl_reason reason, fl_time now) {
  bool reset = reason != FL_PEER_CLOSED && !is_ours(reason);
  bool gently = guilty != NULL && guilty->fin;
  const char *server = NULL;
  enum fl_reason of_client = reason;
  enum fl_reason of_server = reason;
  if (guilty == &relay->server) {
    of_client = client_reason(reason);
    server = relay->connector.server->endpoint->text;
  } else if (guilty == &relay->client) {
    of_server = FL_CLIENT_LEFT;
  }
  stop_waiting(relay);
  close_server(relay, of_server, reset && !(gently && guilty == &relay->client),
               now);
  relay->state = FL_RELAY_CLOSING;
  close_client(relay, of_client, server,
               reset && !(gently && guilty == &relay->server), now);
}

/* No server could be reached in time: the client has nothing to wait for.
   (What it has sent lies unread in the kernel, so this resets it where the
   system does that.) */
static void refuse(struct fl_relay *relay, enum fl_reason reason,
                   const char *server, fl_time now) {
  stop_waiting(relay);
  close_server(relay, reason, true, now);
  relay->state = FL_RELAY_CLOSING;
  close_client(relay, reason, server, false, now);
}

/* One side is gone. What it sent before its FIN is still delivered; else the
   other side ends at once. */
static void broken(struct fl_relay *relay, struct fl_relay_side *side,
                   enum fl_reason reason, fl_time now) {
  struct fl_relay_side *left = other(relay, side);
  if (relay->state == FL_RELAY_DELIVERING || !side->fin ||
      fl_transport_unsent(&left->conn) == 0) {
    end(relay, side, reason, now);
    return;
  }
  if (side == &relay->client)
    close_client(relay, reason, NULL, true, now);
  else
    close_server(relay, reason, true, now);
  relay->state = FL_RELAY_DELIVERING;
  relay->failed = (uint8_t)reason;
  fl_transport_read(&left->conn, false);
  arm(relay);
}

/* Passing on. */

/* Passes FIN on, or closes both, if all that comes before was delivered. */
static void pass_fin(struct fl_relay *relay, struct fl_relay_side *to,
                     fl_time now) {
  struct fl_relay_side *from = other(relay, to);
  if (!from->fin || fl_transport_unsent(&to->conn) > 0)
    return;
  if (relay->state == FL_RELAY_DELIVERING) {
    end(relay, from, (enum fl_reason)relay->failed, now);
    return;
  }
  if (to->fin && fl_transport_unsent(&from->conn) == 0) {
    end(relay, NULL, FL_PEER_CLOSED, now);
    return;
  }
  if (to->shut)
    return;
  to->shut = true;
  relay->active = now;
  gateway_of(relay)->io->shutdown(to->conn.sock);
}

static void side_data(struct fl_relay *relay, struct fl_relay_side *from,
                      struct fl_slice bytes, fl_time now) {
  struct fl_relay_side *to = other(relay, from);
  if (relay->state != FL_RELAY_OPEN)
    return; /* read before reading was switched off */
  relay->active = now;
  enum fl_reason reason = fl_transport_write(
      &to->conn, bytes, FL_HIGH_WATERMARK + (size_t)FL_READ_MAX, now);
  if (reason == FL_OUT_OF_MEMORY) {
    end(relay, NULL, reason, now);
    return;
  }
  if (reason != FL_OK) {
    broken(relay, to, reason, now);
    return;
  }
  size_t unsent = fl_transport_unsent(&to->conn);
  if (unsent == 0)
    return;
  if (unsent >= FL_HIGH_WATERMARK)
    fl_transport_read(&from->conn, false);
  arm(relay);
}

static void side_sent(struct fl_relay *relay, struct fl_relay_side *to,
                      fl_time now) {
  struct fl_relay_side *from = other(relay, to);
  relay->active = now;
  if (relay->state == FL_RELAY_OPEN &&
      fl_transport_unsent(&to->conn) < FL_LOW_WATERMARK)
    fl_transport_read(&from->conn, true);
  pass_fin(relay, to, now);
  arm(relay);
}

static void side_ended(struct fl_relay *relay, struct fl_relay_side *side,
                       enum fl_reason reason, fl_time now) {
  if (reason != FL_PEER_CLOSED) {
    broken(relay, side, reason, now);
    return;
  }
  side->fin = true;
  relay->active = now;
  if (relay->state == FL_RELAY_OPEN) {
    pass_fin(relay, other(relay, side), now);
    arm(relay);
  }
}

/* A side's deadline while the relay is open. */
static void side_expired(struct fl_relay *relay, struct fl_relay_side *side,
                         fl_time now) {
  if (fl_transport_stalled(&side->conn, write_timeout(relay, side), now))
    broken(relay, side, FL_WRITE_TIMEOUT, now);
  else if (relay->state == FL_RELAY_OPEN && now >= half_close_due(relay))
    end(relay, NULL, FL_HALF_CLOSE_TIMEOUT, now);
  else if (relay->state == FL_RELAY_OPEN && now >= idle_due(relay))
    end(relay, NULL, FL_IDLE_TIMEOUT, now);
  arm(relay);
}

/* The client's side. */

static void client_connected(struct fl_conn *conn, enum fl_reason reason,
                             fl_time now) {
  (void)conn, (void)reason, (void)now;
  assert(false); /* a client is accepted */
}

static void client_data(struct fl_conn *conn, struct fl_slice bytes,
                        fl_time now) {
  struct fl_relay *relay = of_client(conn);
  side_data(relay, &relay->client, bytes, now);
}

static void client_sent(struct fl_conn *conn, fl_time now) {
  struct fl_relay *relay = of_client(conn);
  side_sent(relay, &relay->client, now);
}

static void client_ended(struct fl_conn *conn, enum fl_reason reason,
                         fl_time now) {
  struct fl_relay *relay = of_client(conn);
  side_ended(relay, &relay->client, reason, now);
}

static void client_closed(struct fl_conn *conn, fl_time now) {
  struct fl_relay *relay = of_client(conn);
  (void)now;
  relay->client.exists = false;
  fl_transport_release(conn);
  free_if_gone(relay);
}

static void client_expired(struct fl_deadline *deadline, fl_time now) {
  struct fl_relay *relay =
      of_client(FL_CONTAINER(deadline, struct fl_conn, deadline));
  if (relay->state >= FL_RELAY_OPEN)
    side_expired(relay, &relay->client, now);
  else
    refuse(relay,
           relay->failed == FL_OK ? FL_ACQUIRE_TIMEOUT
                                  : (enum fl_reason)relay->failed,
           NULL, now);
}

static const struct fl_owner client_owner = {.connected = client_connected,
                                             .data = client_data,
                                             .sent = client_sent,
                                             .ended = client_ended,
                                             .closed = client_closed};

/* The server's side. */

static void wait_in_turn(struct fl_relay *relay, bool first) {
  struct fl_upstream *upstream = upstream_of(relay);
  relay->state = FL_RELAY_WAITING;
  upstream->waiting++;
  if (first)
    fl_list_push_front(&upstream->waiters, &relay->waiting);
  else
    fl_list_push_back(&upstream->waiters, &relay->waiting);
  fl_upstream_wake(upstream);
}

/* Its turn comes again, but not more often than there are servers. */
static void attempt_failed(struct fl_relay *relay, fl_time now) {
  if (relay->attempts >= upstream_of(relay)->server_count)
    refuse(relay, (enum fl_reason)relay->failed,
           relay->connector.server->endpoint->text, now);
  else
    wait_in_turn(relay, true);
}

static void connect_failed(struct fl_relay *relay, enum fl_reason reason,
                           fl_time now) {
  struct fl_conn *conn = &relay->server.conn;
  metrics_of(relay)->connects_failed[reason]++;
  if (fl_connector_next(&relay->connector))
    return;
  fl_server_failed(relay->connector.server, reason, now);
  relay->failed = (uint8_t)reason;
  relay->attempts++;
  if (relay->attempts >= upstream_of(relay)->server_count) {
    attempt_failed(relay, now); /* the client need not wait for the close */
    return;
  }
  relay->connector.server->connecting--;
  relay->state = FL_RELAY_WAITING; /* in turn once the socket is closed */
  if (conn->sock != NULL) {
    fl_transport_close(conn, true);
    return;
  }
  give_place_back(relay, now);
  attempt_failed(relay, now);
}

static void server_connected(struct fl_conn *conn, enum fl_reason reason,
                             fl_time now) {
  struct fl_relay *relay = of_server(conn);
  struct fl_server *server = relay->connector.server;
  assert(relay->state == FL_RELAY_CONNECTING);
  if (reason != FL_OK) {
    connect_failed(relay, reason, now);
    return;
  }
  conn->opened = relay->active = now;
  server->connecting--;
  server->relayed++;
  relay->state = FL_RELAY_OPEN;
  metrics_of(relay)->upstream_connects++;
  fl_server_connected(server, now);
  fl_server_worked(server, now);
  struct fl_event event = {.kind = FL_EVENT_UPSTREAM_CONNECTED,
                           .upstream = upstream_of(relay)->config->name,
                           .server = server->endpoint->text,
                           .peer = conn->peer};
  fl_gateway_event(conn->gateway, &event);
  fl_transport_arm(conn, FL_NEVER);
  fl_transport_read(&relay->client.conn, true);
  fl_upstream_wake(upstream_of(relay));
  arm(relay);
}

static void server_data(struct fl_conn *conn, struct fl_slice bytes,
                        fl_time now) {
  struct fl_relay *relay = of_server(conn);
  side_data(relay, &relay->server, bytes, now);
}

static void server_sent(struct fl_conn *conn, fl_time now) {
  struct fl_relay *relay = of_server(conn);
  side_sent(relay, &relay->server, now);
}

static void server_ended(struct fl_conn *conn, enum fl_reason reason,
                         fl_time now) {
  struct fl_relay *relay = of_server(conn);
  if (relay->state == FL_RELAY_CONNECTING)
    connect_failed(relay, reason, now);
  else
    side_ended(relay, &relay->server, reason, now);
}

static void server_closed(struct fl_conn *conn, fl_time now) {
  struct fl_relay *relay = of_server(conn);
  if (fl_connector_closed(&relay->connector, now))
    return;
  give_place_back(relay, now);
  if (relay->state == FL_RELAY_WAITING)
    attempt_failed(relay, now);
  free_if_gone(relay);
}

static void server_expired(struct fl_deadline *deadline, fl_time now) {
  struct fl_relay *relay =
      of_server(FL_CONTAINER(deadline, struct fl_conn, deadline));
  if (relay->state == FL_RELAY_CONNECTING)
    connect_failed(relay, FL_CONNECT_TIMEOUT, now);
  else
    side_expired(relay, &relay->server, now);
}

static const struct fl_owner server_owner = {.connected = server_connected,
                                             .data = server_data,
                                             .sent = server_sent,
                                             .ended = server_ended,
                                             .closed = server_closed};

/* Turns. */

/* Takes a place on a server and sets off. */
static void begin(struct fl_relay *relay, struct fl_server *server,
                  fl_time now) {
  relay->state = FL_RELAY_CONNECTING;
  relay->server.exists = true;
  fl_list_push_back(&server->relays, &relay->server.conn.link);
  server->size++;
  server->connecting++;
  upstream_of(relay)->size++;
  gateway_of(relay)->upstream_conns++;
  fl_connector_start(&relay->connector, server, now);
}

static struct fl_relay *waiter(struct fl_list *node) {
  return FL_CONTAINER(node, struct fl_relay, waiting);
}

void fl_relay_dispatch(struct fl_upstream *upstream, fl_time now) {
  struct fl_server *server;
  while (upstream->waiting > 0 && upstream->size < upstream->max_size &&
         (server = fl_balance_connect(upstream, now)) != NULL) {
    struct fl_relay *relay = waiter(fl_list_first(&upstream->waiters));
    stop_waiting(relay);
    begin(relay, server, now);
  }
  while (upstream->waiting > upstream->max_waiters) /* the newest go */
    refuse(waiter(upstream->waiters.prev), FL_TOO_MANY_WAITERS, NULL, now);
  bool backoff = upstream->waiting > 0 && upstream->size < upstream->max_size;
  fl_deadline_set(&upstream->gateway->deadlines, &upstream->deadline,
                  backoff ? fl_balance_retry_at(upstream) : FL_NEVER);
}

/* Begin and end. */

static struct fl_relay *make(struct fl_gateway *gateway) {
  struct fl_relay *relay = calloc(1, sizeof *relay);
  if (relay == NULL)
    return NULL;
  fl_list_init(&relay->waiting);
  if (!fl_transport_init(&relay->client.conn, gateway, &client_owner,
                         client_expired)) {
    free(relay);
    return NULL;
  }
  if (!fl_transport_init(&relay->server.conn, gateway, &server_owner,
                         server_expired)) {
    fl_transport_release(&relay->client.conn);
    free(relay);
    return NULL;
  }
  fl_connector_init(&relay->connector, &relay->server.conn);
  return relay;
}

static void tell_opened(const struct fl_relay *relay) {
  struct fl_event event = {.kind = FL_EVENT_CLIENT_OPENED,
                           .listener = relay->listener->config->name,
                           .peer = relay->client.conn.peer};
  metrics_of(relay)->clients_opened++;
  fl_gateway_event(gateway_of(relay), &event);
}

struct fl_relay *fl_relay_new(struct fl_listener *listener,
                              struct fl_sock *sock, const struct fl_addr *peer,
                              fl_time now) {
  struct fl_gateway *gateway = listener->gateway;
  struct fl_relay *relay = make(gateway);
  if (relay == NULL)
    return NULL;
  relay->listener = listener;
  relay->client.conn.sock = sock;
  relay->client.conn.peer = *peer;
  relay->client.conn.opened = relay->active = now;
  relay->client.exists = true;
  fl_list_push_back(&listener->clients, &relay->link);
  gateway->clients[FL_MODE_RELAY]++;
  tell_opened(relay);
  fl_transport_read(&relay->client.conn, false);
  wait_in_turn(relay, false);
  arm(relay);
  return relay;
}

void fl_relay_shut(struct fl_relay *relay, fl_time now) {
  if (relay->state == FL_RELAY_CLOSING)
    return;
  end(relay, NULL, FL_SHUTDOWN, now);
}

/* Checking. */

void fl_relay_check(const struct fl_upstream *upstream) {
  uint32_t size = 0, waiting = 0;
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    const struct fl_server *server = &upstream->servers[i];
    const struct fl_list *list = &server->relays;
    uint32_t of_server = 0, connecting = 0, relayed = 0;
    for (struct fl_list *node = list->next; node != list; node = node->next) {
      const struct fl_relay *relay =
          FL_CONTAINER(node, struct fl_relay, server.conn.link);
      assert(relay->server.exists && relay->connector.server == server);
      connecting += relay->state == FL_RELAY_CONNECTING;
      relayed += (relay->state == FL_RELAY_OPEN ||
                  relay->state == FL_RELAY_DELIVERING) &&
                 !relay->server.told;
      of_server++;
    }
    assert(of_server == server->size && connecting == server->connecting);
    assert(relayed == server->relayed);
    size += of_server;
  }
  assert(size == upstream->size && size <= upstream->max_size);
  const struct fl_list *list = &upstream->waiters;
  for (struct fl_list *node = list->next; node != list; node = node->next) {
    const struct fl_relay *relay = FL_CONTAINER(node, struct fl_relay, waiting);
    assert(relay->state == FL_RELAY_WAITING && !relay->server.exists);
    waiting++;
  }
  assert(waiting == upstream->waiting);
}
