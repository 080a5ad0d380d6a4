#include "core/rival.h"

#include "core/connector.h"
#include "core/gateway_state.h"
#include "core/server.h"
#include "core/upstream.h"

#include <assert.h>
#include <stdlib.h>

/* How soon it is looked at again whether there is a place, at the least. */
#define LOOK_INTERVAL (100 * FL_MILLISECOND)

struct fl_rival {
  struct fl_conn conn; /* conn.link is on the server's list */
  struct fl_server *server;
  struct fl_connector *connector; /* NULL: it only closes */
  struct fl_list link;            /* on the connector's list */
  fl_time due;
};

static struct fl_rival *rival_of(struct fl_conn *conn) {
  return FL_CONTAINER(conn, struct fl_rival, conn);
}

static struct fl_rival *linked(struct fl_list *link) {
  return FL_CONTAINER(link, struct fl_rival, link);
}

/* Its place. */

static void take_place(struct fl_rival *rival) {
  struct fl_server *server = rival->server;
  fl_list_push_back(&server->rivals, &rival->conn.link);
  server->size++;
  server->upstream->racing++;
  server->upstream->gateway->upstream_conns++;
  fl_budget_took(server->upstream);
}

static void give_place_back(struct fl_rival *rival) {
  struct fl_server *server = rival->server;
  server->size--;
  server->upstream->racing--;
  server->upstream->gateway->upstream_conns--;
  fl_budget_gave(server->upstream);
  fl_list_remove(&rival->link);
  fl_transport_release(&rival->conn);
  free(rival);
}

/* Closes its socket. Then it tries the next address, unless its connector has
   let it go. */
static void shut(struct fl_rival *rival) {
  fl_transport_close(&rival->conn, true);
}

static void let_go(struct fl_rival *rival) {
  fl_list_remove(&rival->link);
  rival->connector = NULL;
  if (rival->conn.sock != NULL)
    shut(rival);
}

static bool set_off(struct fl_rival *rival, fl_time now) {
  if (fl_connector_try(rival->connector, &rival->conn, &rival->due, now) !=
      FL_OK)
    return false;
  fl_transport_arm(&rival->conn, rival->due);
  fl_connector_arm(rival->connector);
  return true;
}

/* Its connector's attempt and its own change places. */
static void swap(struct fl_rival *rival) {
  struct fl_connector *connector = rival->connector;
  struct fl_conn *conn = connector->conn;
  const struct fl_io *io = conn->gateway->io;
  struct fl_sock *sock = conn->sock;
  struct fl_addr peer = conn->peer;
  fl_time due = connector->due;
  assert(sock != NULL && rival->conn.sock != NULL);
  conn->sock = rival->conn.sock;
  conn->peer = rival->conn.peer;
  connector->due = rival->due;
  rival->conn.sock = sock;
  rival->conn.peer = peer;
  rival->due = due;
  io->attach(conn->sock, conn);
  io->attach(sock, &rival->conn);
  fl_transport_arm(&rival->conn, rival->due);
  fl_connector_arm(connector);
}

/* What it is told. */

static void fail(struct fl_rival *rival, enum fl_reason reason) {
  rival->server->upstream->metrics.connects_failed[reason]++;
  shut(rival);
}

static void rival_connected(struct fl_conn *conn, enum fl_reason reason,
                            fl_time now) {
  struct fl_rival *rival = rival_of(conn);
  struct fl_conn *winner = rival->connector->conn;
  if (reason != FL_OK) {
    fail(rival, reason);
    return;
  }
  swap(rival);
  winner->owner->connected(winner, FL_OK, now);
}

static void rival_data(struct fl_conn *conn, struct fl_slice bytes,
                       fl_time now) {
  (void)conn, (void)bytes, (void)now;
  assert(false); /* as soon as it stands it is no rival any more */
}

static void rival_sent(struct fl_conn *conn, fl_time now) {
  (void)conn, (void)now;
  assert(false);
}

static void rival_ended(struct fl_conn *conn, enum fl_reason reason,
                        fl_time now) {
  (void)now;
  fail(rival_of(conn), reason);
}

static void rival_closed(struct fl_conn *conn, fl_time now) {
  struct fl_rival *rival = rival_of(conn);
  if (rival->connector == NULL || rival->connector->conn->sock == NULL ||
      !set_off(rival, now))
    give_place_back(rival);
}

static void rival_expired(struct fl_deadline *deadline, fl_time now) {
  (void)now;
  fail(rival_of(FL_CONTAINER(deadline, struct fl_conn, deadline)),
       FL_CONNECT_TIMEOUT);
}

static const struct fl_owner owner = {.connected = rival_connected,
                                      .data = rival_data,
                                      .sent = rival_sent,
                                      .ended = rival_ended,
                                      .closed = rival_closed};

/* What the connector does. */

static struct fl_rival *make(struct fl_connector *connector) {
  struct fl_rival *rival = calloc(1, sizeof *rival);
  if (rival == NULL)
    return NULL;
  if (!fl_transport_init(&rival->conn, connector->conn->gateway, &owner,
                         rival_expired)) {
    free(rival);
    return NULL;
  }
  rival->server = connector->server;
  rival->connector = connector;
  fl_list_init(&rival->link);
  fl_list_push_back(&connector->rivals, &rival->link);
  take_place(rival);
  return rival;
}

void fl_rival_start(struct fl_connector *connector, fl_time now) {
  struct fl_upstream *upstream = connector->server->upstream;
  fl_time head_start = upstream->config->resolve.head_start;
  struct fl_rival *rival = fl_budget_allows(upstream) ? make(connector) : NULL;
  if (rival == NULL) {
    connector->next_at =
        fl_time_add(now, fl_time_max(head_start, LOOK_INTERVAL));
    return;
  }
  connector->next_at = fl_time_add(now, head_start);
  if (!set_off(rival, now))
    give_place_back(rival);
}

bool fl_rival_succeed(struct fl_connector *connector) {
  struct fl_list *link = connector->rivals.next;
  while (link != &connector->rivals && linked(link)->conn.sock == NULL)
    link = link->next;
  if (link == &connector->rivals)
    return false;
  swap(linked(link));
  shut(linked(link));
  return true;
}

static void tell_overtaken(const struct fl_rival *rival) {
  struct fl_upstream *upstream = rival->server->upstream;
  struct fl_event event = {.kind = FL_EVENT_CONNECT_OVERTAKEN,
                           .upstream = upstream->config->name,
                           .server = rival->server->endpoint->text,
                           .peer = rival->conn.peer};
  upstream->metrics.connects_overtaken++;
  fl_gateway_event(upstream->gateway, &event);
}

void fl_rivals_overtaken(struct fl_connector *connector) {
  struct fl_list *link = connector->rivals.next;
  for (; link != &connector->rivals; link = link->next)
    if (linked(link)->conn.sock != NULL)
      tell_overtaken(linked(link));
  fl_rivals_drop(connector);
}

void fl_rivals_drop(struct fl_connector *connector) {
  struct fl_list *link;
  while ((link = fl_list_first(&connector->rivals)) != NULL)
    let_go(linked(link));
}

/* It can be tried later, for none after it was. */
static bool is_last(const struct fl_rival *rival) {
  const struct fl_connector *connector = rival->connector;
  const struct fl_name *name = &rival->server->name;
  return connector != NULL && rival->conn.sock != NULL &&
         connector->next_addr <= name->count &&
         fl_addr_equal(&rival->conn.peer,
                       &name->addrs[connector->next_addr - 1]);
}

/* Returns whether a place of this server's comes back. */
static bool yield(struct fl_server *server) {
  struct fl_list *link = server->rivals.next;
  for (; link != &server->rivals; link = link->next) {
    struct fl_rival *rival = rival_of(FL_CONTAINER(link, struct fl_conn, link));
    if (rival->conn.sock == NULL && rival->connector == NULL)
      return true;
    if (is_last(rival)) {
      rival->connector->next_addr--;
      let_go(rival);
      return true;
    }
  }
  return false;
}

void fl_rivals_yield(struct fl_upstream *upstream) {
  struct fl_list *link = upstream->all_servers.next;
  if (upstream->racing == 0)
    return;
  for (; link != &upstream->all_servers; link = link->next)
    if (yield(FL_CONTAINER(link, struct fl_server, link)))
      return;
}

void fl_rivals_clear(struct fl_upstream *upstream) {
  struct fl_list *link = upstream->all_servers.next;
  for (; link != &upstream->all_servers; link = link->next) {
    struct fl_list *list = &FL_CONTAINER(link, struct fl_server, link)->rivals;
    for (struct fl_list *node = list->next; node != list; node = node->next) {
      struct fl_rival *rival =
          rival_of(FL_CONTAINER(node, struct fl_conn, link));
      if (rival->connector != NULL)
        let_go(rival);
    }
  }
}
