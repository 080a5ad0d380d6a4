#include "core/relay.h"

#include "core/balance.h"
#include "core/gateway_state.h"
#include "core/hashing.h"
#include "core/health.h"
#include "core/relay_drain.h"
#include "core/relay_end.h"
#include "core/relay_flow.h"
#include "core/rival.h"
#include "core/session.h"
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

static struct fl_metrics *of_listener(const struct fl_relay *relay) {
  return &relay->listener->metrics;
}

static struct fl_metrics *of_upstream(const struct fl_relay *relay) {
  return &relay->listener->upstream->metrics;
}

static struct fl_upstream *upstream_of(const struct fl_relay *relay) {
  return relay->listener->upstream;
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
  if (relay->state == FL_RELAY_WAITING)
    fl_session_keep(relay, bytes, now);
  else
    fl_relay_pass(relay, &relay->client, bytes, now);
}

static void client_sent(struct fl_conn *conn, fl_time now) {
  struct fl_relay *relay = of_client(conn);
  fl_relay_sent(relay, &relay->client, now);
}

static void client_ended(struct fl_conn *conn, enum fl_reason reason,
                         fl_time now) {
  struct fl_relay *relay = of_client(conn);
  fl_relay_side_ended(relay, &relay->client, reason, now);
}

static void client_closed(struct fl_conn *conn, fl_time now) {
  struct fl_relay *relay = of_client(conn);
  (void)now;
  relay->client.exists = false;
  fl_transport_release(conn);
  fl_relay_free_if_gone(relay);
}

static void client_expired(struct fl_deadline *deadline, fl_time now) {
  struct fl_relay *relay =
      of_client(FL_CONTAINER(deadline, struct fl_conn, deadline));
  if (relay->state >= FL_RELAY_OPEN)
    fl_relay_side_expired(relay, &relay->client, now);
  else if (fl_session_silent(relay))
    fl_relay_end(relay, NULL, FL_IDLE_TIMEOUT, now);
  else
    fl_relay_refuse(relay,
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

void fl_relay_wait(struct fl_relay *relay, bool first) {
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
    fl_relay_refuse(relay, (enum fl_reason)relay->failed,
                    relay->connector.server->endpoint->text, now);
  else
    fl_relay_wait(relay, true);
}

static void connect_failed(struct fl_relay *relay, enum fl_reason reason,
                           fl_time now) {
  struct fl_conn *conn = &relay->server.conn;
  of_upstream(relay)->connects_failed[reason]++;
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
  fl_relay_give_place_back(relay, now);
  attempt_failed(relay, now);
}

static void open(struct fl_relay *relay, fl_time now) {
  relay->state = FL_RELAY_OPEN;
  fl_histogram_add(&upstream_of(relay)->acquire, now - relay->active);
  relay->active = now;
  relay->connector.server->relayed++;
  relay->framed = fl_session_framed(relay);
  fl_transport_bulk(&relay->client.conn, !relay->framed);
  fl_transport_bulk(&relay->server.conn, !relay->framed);
  fl_transport_read(&relay->client.conn, true);
  fl_transport_read(&relay->server.conn, true);
  fl_relay_arm(relay);
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
  fl_connector_stands(&relay->connector);
  conn->opened = now;
  server->connecting--;
  of_upstream(relay)->upstream_connects++;
  fl_server_connected(server, now);
  fl_server_worked(server, now);
  fl_health_success(server, now);
  struct fl_event event = {.kind = FL_EVENT_UPSTREAM_CONNECTED,
                           .upstream = upstream_of(relay)->config->name,
                           .server = server->endpoint->text,
                           .peer = conn->peer};
  fl_gateway_event(conn->gateway, &event);
  fl_transport_arm(conn, FL_NEVER);
  open(relay, now);
  fl_upstream_wake(upstream_of(relay));
}

static void server_data(struct fl_conn *conn, struct fl_slice bytes,
                        fl_time now) {
  struct fl_relay *relay = of_server(conn);
  fl_relay_pass(relay, &relay->server, bytes, now);
}

static void server_sent(struct fl_conn *conn, fl_time now) {
  struct fl_relay *relay = of_server(conn);
  fl_relay_sent(relay, &relay->server, now);
}

static void server_ended(struct fl_conn *conn, enum fl_reason reason,
                         fl_time now) {
  struct fl_relay *relay = of_server(conn);
  if (relay->state == FL_RELAY_CONNECTING)
    connect_failed(relay, reason, now);
  else
    fl_relay_side_ended(relay, &relay->server, reason, now);
}

static void server_closed(struct fl_conn *conn, fl_time now) {
  struct fl_relay *relay = of_server(conn);
  if (fl_connector_closed(&relay->connector, now))
    return;
  fl_relay_give_place_back(relay, now);
  if (relay->state == FL_RELAY_WAITING)
    attempt_failed(relay, now);
  fl_relay_free_if_gone(relay);
}

static void server_expired(struct fl_deadline *deadline, fl_time now) {
  struct fl_relay *relay =
      of_server(FL_CONTAINER(deadline, struct fl_conn, deadline));
  enum fl_reason reason;
  if (relay->state != FL_RELAY_CONNECTING)
    fl_relay_side_expired(relay, &relay->server, now);
  else if ((reason = fl_connector_expired(&relay->connector, now)) != FL_OK)
    connect_failed(relay, reason, now);
}

static const struct fl_owner server_owner = {.connected = server_connected,
                                             .data = server_data,
                                             .sent = server_sent,
                                             .ended = server_ended,
                                             .closed = server_closed};

/* Turns. */

static void occupy(struct fl_relay *relay, struct fl_server *server) {
  fl_server_drop(relay->connector.server); /* of an attempt before */
  server->kept++;
  relay->server.exists = true;
  fl_list_push_back(&server->relays, &relay->server.conn.link);
}

/* Takes a place on a server and sets off. */
static void begin(struct fl_relay *relay, struct fl_server *server,
                  fl_time now) {
  occupy(relay, server);
  relay->state = FL_RELAY_CONNECTING;
  server->size++;
  server->connecting++;
  upstream_of(relay)->lent++;
  fl_budget_took(upstream_of(relay));
  gateway_of(relay)->upstream_conns++;
  fl_connector_start(&relay->connector, server, now);
}

/* Takes a connection out of the pool. */
static void take(struct fl_relay *relay, struct fl_pooled *pooled,
                 fl_time now) {
  struct fl_server *server = pooled->server;
  struct fl_conn *conn = &relay->server.conn;
  fl_pooled_lend(pooled, conn, &relay->expires);
  occupy(relay, server);
  relay->connector.server = server;
  relay->frames_before = conn->frames;
  fl_server_worked(server, conn->opened);
  open(relay, now);
  fl_relay_pass_kept(relay, &relay->client, now);
  if (relay->state == FL_RELAY_OPEN)
    fl_relay_pass_kept(relay, &relay->server, now);
}

static struct fl_relay *waiter(struct fl_list *node) {
  return FL_CONTAINER(node, struct fl_relay, waiting);
}

static struct fl_relay *first_in_turn(struct fl_upstream *upstream) {
  struct fl_relay *relay = waiter(fl_list_first(&upstream->waiters));
  fl_relay_stop_waiting(relay);
  return relay;
}

/* With hash_client. */
static void serve_by_hash(struct fl_upstream *upstream, fl_time now) {
  struct fl_pooled *pooled;
  struct fl_server *server;
  struct fl_list *node;
  while (upstream->waiting > 0 &&
         (node = fl_hashing_next(upstream, &pooled, &server, now)) != NULL) {
    fl_relay_stop_waiting(waiter(node));
    if (pooled != NULL)
      take(waiter(node), pooled, now);
    else
      begin(waiter(node), server, now);
  }
}

static void serve(struct fl_upstream *upstream, fl_time now) {
  struct fl_pooled *pooled;
  struct fl_server *server;
  while (upstream->waiting > 0 &&
         (pooled = fl_balance_request(upstream, NULL, now)) != NULL)
    take(first_in_turn(upstream), pooled, now);
  while (upstream->waiting > 0 && fl_budget_allows(upstream) &&
         upstream->config->mode == FL_MODE_RELAY &&
         (server = fl_balance_connect(upstream, now)) != NULL)
    begin(first_in_turn(upstream), server, now);
}

void fl_relay_dispatch(struct fl_upstream *upstream, fl_time now) {
  if (fl_hashing_is_on(upstream))
    serve_by_hash(upstream, now);
  else
    serve(upstream, now);
  if (upstream->waiting > 0 && !fl_budget_allows(upstream) &&
      upstream->config->mode == FL_MODE_RELAY) /* else the pool looks at it */
    fl_rivals_yield(upstream);
  while (upstream->waiting > upstream->max_waiters) /* the newest go */
    fl_relay_refuse(waiter(upstream->waiters.prev), FL_TOO_MANY_WAITERS, NULL,
                    now);
  fl_pool_fill(upstream, now);
  fl_health_run(upstream, now);
  fl_time due =
      fl_time_min(upstream->deadline.due, fl_session_relieve(upstream, now));
  due = fl_time_min(due, fl_relay_drain(upstream, now));
  if (upstream->waiting > 0 && fl_budget_allows(upstream) &&
      upstream->config->mode == FL_MODE_RELAY) /* else the pool connects */
    due = fl_time_min(due, fl_balance_retry_at(upstream, now));
  fl_deadline_set(&upstream->gateway->deadlines, &upstream->deadline, due);
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
  of_listener(relay)->clients_opened++;
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
  relay->framed = fl_session_framed(relay);
  relay->client.conn.sock = sock;
  relay->client.conn.peer = *peer;
  relay->client.conn.opened = relay->active = now;
  relay->client.exists = true;
  fl_list_push_back(&listener->clients, &relay->link);
  gateway->clients[listener->config->mode]++;
  tell_opened(relay);
  relay->expires = FL_NEVER;
  if (listener->config->mode == FL_MODE_RELAY) {
    fl_transport_read(&relay->client.conn, false);
    fl_relay_wait(relay, false);
  }
  fl_relay_arm(relay);
  return relay;
}

void fl_relay_shut(struct fl_relay *relay, fl_time now) {
  if (relay->state == FL_RELAY_CLOSING)
    return;
  fl_relay_end(relay, NULL, fl_listener_end_reason(relay->listener), now);
}

/* It goes to another server, in the turn it had. */
static void turn_back(struct fl_relay *relay, fl_time now) {
  struct fl_conn *conn = &relay->server.conn;
  relay->connector.server->connecting--;
  relay->state = FL_RELAY_WAITING; /* in turn once the socket is closed */
  fl_connector_drop(&relay->connector);
  if (conn->sock != NULL) {
    fl_transport_close(conn, true);
    return;
  }
  fl_transport_arm(conn, FL_NEVER);
  if (fl_connector_cancel(&relay->connector))
    return;
  fl_relay_give_place_back(relay, now);
  attempt_failed(relay, now);
}

void fl_relays_leave(struct fl_server *server, bool cut, fl_time now) {
  struct fl_list *link = server->relays.next;
  while (link != &server->relays) {
    struct fl_relay *relay =
        FL_CONTAINER(link, struct fl_relay, server.conn.link);
    link = link->next; /* the relay may leave the list */
    relay->expires = now;
    if (relay->state == FL_RELAY_CONNECTING)
      turn_back(relay, now);
    else if (cut && (relay->state == FL_RELAY_OPEN ||
                     relay->state == FL_RELAY_DELIVERING))
      fl_relay_end(relay, NULL, FL_EJECTED_BY_OPERATOR, now);
  }
}

/* Checking. */

void fl_relay_check(const struct fl_upstream *upstream) {
  uint32_t lent = 0, waiting = 0;
  struct fl_list *link = upstream->all_servers.next;
  for (; link != &upstream->all_servers; link = link->next) {
    const struct fl_server *server = FL_CONTAINER(link, struct fl_server, link);
    const struct fl_list *list = &server->relays;
    uint32_t connecting = fl_list_size(&server->conns[FL_POOLED_CONNECTING]);
    uint32_t relayed = 0;
    for (struct fl_list *node = list->next; node != list; node = node->next) {
      const struct fl_relay *relay =
          FL_CONTAINER(node, struct fl_relay, server.conn.link);
      assert(relay->server.exists && relay->connector.server == server);
      connecting += relay->state == FL_RELAY_CONNECTING;
      relayed += (relay->state == FL_RELAY_OPEN ||
                  relay->state == FL_RELAY_DELIVERING) &&
                 !relay->server.told;
      lent++;
    }
    assert(connecting == server->connecting && relayed == server->relayed);
  }
  assert(lent == upstream->lent);
  const struct fl_list *list = &upstream->waiters;
  for (struct fl_list *node = list->next; node != list; node = node->next) {
    const struct fl_relay *relay = FL_CONTAINER(node, struct fl_relay, waiting);
    assert(relay->state == FL_RELAY_WAITING && !relay->server.exists);
    waiting++;
  }
  assert(waiting == upstream->waiting);
}
