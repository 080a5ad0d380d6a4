#include "core/relay_end.h"

#include "core/gateway_state.h"
#include "core/session.h"
#include "core/upstream.h"

#include <stdlib.h>

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

static void tell_client_closed(struct fl_relay *relay, enum fl_reason reason,
                               const char *server, fl_time now) {
  const struct fl_conn *conn = &relay->client.conn;
  struct fl_event event = {.kind = FL_EVENT_CLIENT_CLOSED,
                           .reason = reason,
                           .listener = relay->listener->config->name,
                           .access = &relay->listener->config->access_log,
                           .upstream = upstream_of(relay)->config->name,
                           .server = server,
                           .peer = conn->peer,
                           .bytes_in = conn->bytes_in,
                           .bytes_out = conn->bytes_out,
                           .frames = conn->frames,
                           .raw = !relay->framed,
                           .duration = now - conn->opened};
  of_listener(relay)->clients_closed[reason]++;
  of_listener(relay)->client_bytes_in += conn->bytes_in;
  of_listener(relay)->client_bytes_out += conn->bytes_out;
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
                           .frames = conn->frames,
                           .raw = !relay->framed,
                           .duration = now - conn->opened};
  of_upstream(relay)->upstream_closed[reason]++;
  of_upstream(relay)->upstream_bytes_in += conn->bytes_in;
  of_upstream(relay)->upstream_bytes_out += conn->bytes_out;
  fl_gateway_event(gateway_of(relay), &event);
}

void fl_relay_free_if_gone(struct fl_relay *relay) {
  if (!relay->client.exists && !relay->server.exists) {
    struct fl_listener *listener = relay->listener;
    fl_list_remove(&relay->link);
    gateway_of(relay)->clients[relay->listener->config->mode]--;
    fl_transport_release(&relay->server.conn);
    fl_server_drop(relay->connector.server);
    free(relay);
    fl_listener_client_gone(listener);
  }
}

void fl_relay_give_place_back(struct fl_relay *relay, fl_time now) {
  struct fl_server *server = relay->connector.server;
  relay->server.exists = false;
  fl_list_remove(&relay->server.conn.link);
  server->size--;
  if (relay->server.conn.opened != 0)
    server->rests_until =
        fl_time_add(now, upstream_of(relay)->config->reconnect_delay);
  upstream_of(relay)->lent--;
  gateway_of(relay)->upstream_conns--;
  fl_budget_gave(upstream_of(relay));
}

void fl_relay_stop_waiting(struct fl_relay *relay) {
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
    fl_connector_drop(&relay->connector);
    if (conn->sock != NULL)
      fl_transport_close(conn, true);
    else if (!fl_connector_cancel(&relay->connector))
      fl_relay_give_place_back(relay, now);
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

/* Ends that leave a peer the bytes that are on their way to it. */
static bool is_orderly(enum fl_reason reason) {
  switch (reason) {
  case FL_PEER_CLOSED:
  case FL_SHUTDOWN:
  case FL_RELOAD:
  case FL_IDLE_TIMEOUT:
  case FL_HOLD_TIMEOUT:
  case FL_BAD_FRAME:
  case FL_FRAME_TOO_LONG:
    return true;
  default:
    return false;
  }
}

void fl_relay_let_go(struct fl_relay *relay, fl_time now) {
  if (relay->client.held)
    fl_span_leave(&relay->listener->held, now);
  if (relay->server.held)
    fl_span_leave(&relay->listener->held, now);
  relay->client.held = relay->server.held = false;
}

void fl_relay_end(struct fl_relay *relay, const struct fl_relay_side *guilty,
                  enum fl_reason reason, fl_time now) {
  bool reset = !is_orderly(reason);
  bool gently = guilty != NULL && guilty->fin;
  const char *server = NULL;
  enum fl_reason of_client = reason;
  enum fl_reason of_server = reason;
  fl_relay_let_go(relay, now);
  if (guilty == &relay->server) {
    of_client = client_reason(reason);
    server = relay->connector.server->endpoint->text;
  } else if (guilty == &relay->client) {
    of_server = FL_CLIENT_LEFT;
  }
  fl_relay_stop_waiting(relay);
  if (relay->state != FL_RELAY_OPEN || guilty == &relay->server ||
      !fl_session_give_back(relay, reason, now))
    close_server(relay, of_server,
                 reset && !(gently && guilty == &relay->client), now);
  relay->state = FL_RELAY_CLOSING;
  close_client(relay, of_client, server,
               reset && !(gently && guilty == &relay->server), now);
}

void fl_relay_refuse(struct fl_relay *relay, enum fl_reason reason,
                     const char *server, fl_time now) {
  fl_relay_stop_waiting(relay);
  close_server(relay, reason, true, now);
  relay->state = FL_RELAY_CLOSING;
  close_client(relay, reason, server, false, now);
}

void fl_relay_close_side(struct fl_relay *relay, struct fl_relay_side *side,
                         enum fl_reason reason, fl_time now) {
  if (side == &relay->client)
    close_client(relay, reason, NULL, !is_orderly(reason), now);
  else
    close_server(relay, reason, true, now);
}
