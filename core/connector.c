#include "core/connector.h"

#include "core/gateway_state.h"
#include "core/rival.h"
#include "core/server.h"
#include "core/upstream.h"

#include <assert.h>

void fl_connector_init(struct fl_connector *connector, struct fl_conn *conn) {
  connector->conn = conn;
  fl_list_init(&connector->resolving);
  fl_list_init(&connector->rivals);
}

static const struct fl_upstream_config *
config_of(const struct fl_connector *connector) {
  return connector->server->upstream->config;
}

void fl_connector_arm(struct fl_connector *connector) {
  fl_transport_arm(connector->conn, fl_connector_due(connector));
}

/* None of the addresses will do. */
static void doubt(struct fl_connector *connector) {
  if (connector->server->endpoint->addr.family == FL_ADDR_NONE)
    fl_name_doubt(&connector->server->name);
}

enum fl_reason fl_connector_try(struct fl_connector *connector,
                                struct fl_conn *conn, fl_time *due,
                                fl_time now) {
  const struct fl_upstream_config *config = config_of(connector);
  const struct fl_name *name = &connector->server->name;
  const struct fl_io *io = conn->gateway->io;
  enum fl_reason reason = FL_RESOLVE_FAILED;
  connector->next_at = FL_NEVER;
  while (connector->next_addr < name->count) {
    struct fl_sock *sock = NULL;
    conn->peer = name->addrs[connector->next_addr++];
    reason = io->connect(io->ctx, conn, &conn->peer, &config->socket, &sock);
    if (reason != FL_OK)
      continue;
    conn->sock = sock;
    conn->reading = true;
    *due = fl_time_add(now, config->connect_timeout);
    if (config->resolve.head_start > 0 && connector->next_addr < name->count)
      connector->next_at = fl_time_add(now, config->resolve.head_start);
    return FL_OK;
  }
  return reason;
}

/* Tries the server's addresses from next_addr on. */
static void try_addresses(struct fl_connector *connector, fl_time now) {
  struct fl_conn *conn = connector->conn;
  enum fl_reason reason =
      fl_connector_try(connector, conn, &connector->due, now);
  if (reason == FL_OK) {
    fl_connector_arm(connector);
    return;
  }
  doubt(connector);
  conn->owner->connected(conn, reason, now);
}

static bool kept(const struct fl_connector *connector, fl_time now) {
  return fl_name_kept(&connector->server->name, &config_of(connector)->resolve,
                      now);
}

static void use_stale(struct fl_connector *connector, enum fl_reason reason,
                      fl_time now) {
  fl_list_remove(&connector->resolving);
  fl_server_stale(connector->server, reason, now);
  try_addresses(connector, now);
}

static void ask(struct fl_server *server, struct fl_gateway *gateway,
                fl_time now) {
  struct fl_name *name = &server->name;
  const struct fl_io *io = gateway->io;
  name->lookup = ++gateway->lookups; /* never given before */
  name->asked_at = now;
  server->upstream->metrics.lookups++;
  enum fl_reason reason = io->resolve(
      io->ctx, name->lookup, server->endpoint->host, server->endpoint->port);
  if (reason == FL_OK) {
    if (fl_list_empty(&server->looking))
      fl_list_push_back(&gateway->looking, &server->looking);
    return;
  }
  fl_list_remove(&server->looking);
  fl_server_resolved(server, NULL, 0, reason, now);
}

/* Shares a lookup under way. With an old answer it waits for a short time
   only, and not at all for a lookup that others waited for in vain. */
static void look_up(struct fl_connector *connector, fl_time now) {
  struct fl_server *server = connector->server;
  struct fl_name *name = &server->name;
  fl_time patience = config_of(connector)->connect_timeout;
  bool asked = fl_name_asked(name, now);
  if (kept(connector, now)) {
    patience = fl_time_min(patience, FL_NAME_PATIENCE);
    if (asked && now - name->asked_at >= patience) {
      use_stale(connector, FL_RESOLVE_TIMEOUT, now);
      return;
    }
  }
  connector->due = fl_time_add(now, patience);
  fl_list_push_back(&server->resolving, &connector->resolving);
  fl_connector_arm(connector);
  if (!asked)
    ask(server, connector->conn->gateway, now);
}

void fl_connector_start(struct fl_connector *connector,
                        struct fl_server *server, fl_time now) {
  assert(connector->conn->sock == NULL && !connector->next_after_close);
  assert(fl_list_empty(&connector->rivals));
  connector->server = server;
  connector->next_addr = 0;
  connector->next_at = FL_NEVER;
  if (fl_name_fresh(&server->name, now))
    try_addresses(connector, now);
  else
    look_up(connector, now);
}

enum fl_reason fl_connector_expired(struct fl_connector *connector,
                                    fl_time now) {
  if (fl_list_empty(&connector->resolving) && now >= connector->due)
    return FL_CONNECT_TIMEOUT;
  if (fl_list_empty(&connector->resolving)) {
    fl_rival_start(connector, now);
    fl_connector_arm(connector);
    return FL_OK;
  }
  if (!kept(connector, now))
    return FL_RESOLVE_TIMEOUT;
  use_stale(connector, FL_RESOLVE_TIMEOUT, now);
  return FL_OK;
}

bool fl_connector_next(struct fl_connector *connector) {
  if (connector->conn->sock == NULL)
    return false;
  if (fl_rival_succeed(connector))
    return true;
  fl_rivals_drop(connector);
  if (connector->next_addr >= connector->server->name.count) {
    doubt(connector);
    return false;
  }
  connector->next_after_close = true;
  fl_transport_close(connector->conn, true);
  return true;
}

void fl_connector_stands(struct fl_connector *connector) {
  fl_rivals_overtaken(connector);
}

void fl_connector_drop(struct fl_connector *connector) {
  fl_rivals_drop(connector);
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
  return fl_time_min(connector->due, connector->next_at);
}

void fl_connectors_resolved(struct fl_server *server, enum fl_reason reason,
                            fl_time now) {
  struct fl_list *node;
  /* Whoever fails here may ask anew only from a later turn's dispatch, so the
     list ends. */
  while ((node = fl_list_pop(&server->resolving)) != NULL) {
    struct fl_connector *connector =
        FL_CONTAINER(node, struct fl_connector, resolving);
    if (server->name.count > 0 && reason != FL_OK)
      use_stale(connector, reason, now);
    else if (server->name.count > 0)
      try_addresses(connector, now);
    else
      connector->conn->owner->connected(connector->conn, reason, now);
  }
}
