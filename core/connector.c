#include "core/connector.h"

#include "core/gateway_state.h"
#include "core/server.h"
#include "core/upstream.h"

#include <assert.h>

void fl_connector_init(struct fl_connector *connector, struct fl_conn *conn) {
  connector->conn = conn;
  fl_list_init(&connector->resolving);
}

static const struct fl_upstream_config *
config_of(const struct fl_connector *connector) {
  return connector->server->upstream->config;
}

static void arm(struct fl_connector *connector) {
  fl_transport_arm(connector->conn, fl_connector_due(connector));
}

/* Tries the server's addresses from next_addr on. */
static void try_addresses(struct fl_connector *connector, fl_time now) {
  struct fl_conn *conn = connector->conn;
  const struct fl_server *server = connector->server;
  const struct fl_io *io = conn->gateway->io;
  enum fl_reason reason = FL_RESOLVE_FAILED;
  connector->began = now;
  for (; connector->next_addr < server->addr_count; connector->next_addr++) {
    struct fl_sock *sock = NULL;
    conn->peer = server->addrs[connector->next_addr];
    reason = io->connect(io->ctx, conn, &conn->peer,
                         &config_of(connector)->socket, &sock);
    if (reason == FL_OK) {
      conn->sock = sock;
      conn->reading = true;
      arm(connector);
      return;
    }
  }
  conn->owner->connected(conn, reason, now);
}

/* Shares a lookup under way, unless it takes so long that it may never be
   answered. */
static void look_up(struct fl_connector *connector, fl_time now) {
  struct fl_server *server = connector->server;
  struct fl_conn *conn = connector->conn;
  const struct fl_io *io = conn->gateway->io;
  fl_time patience = config_of(connector)->connect_timeout;
  connector->began = now;
  fl_list_push_back(&server->resolving, &connector->resolving);
  arm(connector);
  if (server->lookup != 0 && now - server->asked_at < patience)
    return;
  server->lookup = ++conn->gateway->lookups; /* never given before */
  server->asked_at = now;
  enum fl_reason reason = io->resolve(
      io->ctx, server->lookup, server->endpoint->host, server->endpoint->port);
  if (reason == FL_OK) {
    if (fl_list_empty(&server->looking))
      fl_list_push_back(&conn->gateway->looking, &server->looking);
    return;
  }
  server->lookup = 0;
  fl_list_remove(&server->looking);
  fl_list_remove(&connector->resolving);
  conn->owner->connected(conn, reason, now);
}

void fl_connector_start(struct fl_connector *connector,
                        struct fl_server *server, fl_time now) {
  assert(connector->conn->sock == NULL && !connector->next_after_close);
  connector->server = server;
  connector->next_addr = 0;
  if (server->endpoint->addr.family == FL_ADDR_NONE)
    look_up(connector, now);
  else
    try_addresses(connector, now);
}

bool fl_connector_next(struct fl_connector *connector) {
  if (connector->next_addr + 1 >= connector->server->addr_count ||
      connector->conn->sock == NULL)
    return false;
  connector->next_addr++;
  connector->next_after_close = true;
  fl_transport_close(connector->conn, true);
  return true;
}

bool fl_connector_closed(struct fl_connector *connector, fl_time now) {
  if (!connector->next_after_close)
    return false;
  connector->next_after_close = false;
  try_addresses(connector, now);
  return true;
}

bool fl_connector_cancel(struct fl_connector *connector) {
  bool closes = connector->next_after_close;
  assert(connector->conn->sock == NULL);
  connector->next_after_close = false;
  fl_list_remove(&connector->resolving);
  return closes;
}

fl_time fl_connector_due(const struct fl_connector *connector) {
  if (connector->next_after_close)
    return FL_NEVER;
  return fl_time_add(connector->began, config_of(connector)->connect_timeout);
}

void fl_connectors_resolved(struct fl_server *server, enum fl_reason reason,
                            fl_time now) {
  struct fl_list *node;
  /* Whoever fails here may ask anew only from a later turn's dispatch, so the
     list ends. */
  while ((node = fl_list_pop(&server->resolving)) != NULL) {
    struct fl_connector *connector =
        FL_CONTAINER(node, struct fl_connector, resolving);
    if (server->addr_count > 0)
      try_addresses(connector, now);
    else
      connector->conn->owner->connected(connector->conn, reason, now);
  }
}
