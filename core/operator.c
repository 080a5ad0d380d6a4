#include "core/operator.h"

#include "core/client_parts.h"
#include "core/gateway_state.h"
#include "core/relay_end.h"
#include "core/upstream.h"

#include <string.h>

/* Closing a connection. */

static bool has_relays(const struct fl_listener *listener) {
  return listener->config->mode == FL_MODE_RELAY ||
         listener->config->mode == FL_MODE_SESSION;
}

static bool close_relay(struct fl_relay *relay, uint64_t id, fl_time now) {
  bool of_server =
      relay->server.exists && fl_transport_id(&relay->server.conn) == id;
  if (!of_server && fl_transport_id(&relay->client.conn) != id)
    return false;
  if (relay->state != FL_RELAY_CLOSING)
    fl_relay_end(relay, NULL, FL_CLOSED_BY_OPERATOR, now);
  return true;
}

static bool close_client(struct fl_client *client, uint64_t id, fl_time now) {
  if (fl_transport_id(&client->conn) != id)
    return false;
  fl_client_close(client, FL_CLOSED_BY_OPERATOR, false, now);
  return true;
}

static bool close_of_listener(struct fl_listener *listener, uint64_t id,
                              fl_time now) {
  struct fl_list *link = listener->clients.next;
  for (; link != &listener->clients; link = link->next)
    if (has_relays(listener)
            ? close_relay(FL_CONTAINER(link, struct fl_relay, link), id, now)
            : close_client(FL_CONTAINER(link, struct fl_client, conn.link), id,
                           now))
      return true;
  return false;
}

static bool close_of_server(struct fl_server *server, uint64_t id,
                            fl_time now) {
  for (int state = 0; state < FL_POOLED_STATES; state++) {
    struct fl_list *list = &server->conns[state];
    for (struct fl_list *node = list->next; node != list; node = node->next) {
      struct fl_pooled *pooled =
          FL_CONTAINER(node, struct fl_pooled, conn.link);
      if (fl_transport_id(&pooled->conn) != id)
        continue;
      if (state < FL_POOLED_LEAVING)
        fl_pooled_retire(pooled, FL_CLOSED_BY_OPERATOR, now);
      return true;
    }
  }
  return false;
}

bool fl_operator_close(struct fl_gateway *gateway, uint64_t id, fl_time now) {
  struct fl_list *at = gateway->listeners.next;
  for (; at != &gateway->listeners; at = at->next)
    if (close_of_listener(FL_CONTAINER(at, struct fl_listener, link), id, now))
      return true;
  for (at = gateway->upstreams.next; at != &gateway->upstreams; at = at->next) {
    struct fl_list *servers =
        &FL_CONTAINER(at, struct fl_upstream, link)->all_servers;
    for (struct fl_list *link = servers->next; link != servers;
         link = link->next)
      if (close_of_server(FL_CONTAINER(link, struct fl_server, link), id, now))
        return true;
  }
  return false;
}

/* Servers. */

/* Whether text means this server, alone or as UPSTREAM/SERVER. */
static bool means(const char *text, const struct fl_server *server) {
  const char *upstream = server->upstream->config->name;
  const char *address = server->endpoint->text;
  size_t size = strlen(upstream);
  if (strcmp(text, address) == 0)
    return true;
  return strncmp(text, upstream, size) == 0 && text[size] == '/' &&
         strcmp(text + size + 1, address) == 0;
}

bool fl_operator_eject_removed(struct fl_gateway *gateway, const char *text,
                               fl_time now) {
  bool found = false;
  struct fl_list *at = gateway->upstreams.next;
  for (; at != &gateway->upstreams; at = at->next) {
    struct fl_upstream *upstream = FL_CONTAINER(at, struct fl_upstream, link);
    struct fl_list *link = upstream->all_servers.next;
    for (; link != &upstream->all_servers; link = link->next) {
      struct fl_server *server = FL_CONTAINER(link, struct fl_server, link);
      if ((server->gone == NULL && !upstream->leaving) || server->size == 0 ||
          !means(text, server))
        continue;
      found = true;
      fl_pool_cut(server, FL_EJECTED_BY_OPERATOR, now);
      fl_relays_leave(server, true, now);
    }
  }
  return found;
}

void fl_operator_apply(struct fl_gateway *gateway, fl_time now) {
  struct fl_list *at = gateway->upstreams.next;
  for (; at != &gateway->upstreams; at = at->next) {
    const struct fl_upstream *upstream =
        FL_CONTAINER(at, struct fl_upstream, link);
    for (uint32_t i = 0; i < upstream->server_count; i++) {
      struct fl_server *server = upstream->servers[i];
      if (server->words != atomic_load(&server->standing->words))
        fl_server_take_word(server, now);
    }
  }
}

struct fl_operator_load fl_operator_load(const struct fl_gateway *gateway,
                                         const struct fl_standing *standing) {
  struct fl_operator_load load = {0};
  const struct fl_list *all = &gateway->upstreams;
  for (struct fl_list *at = all->next; at != all; at = at->next) {
    const struct fl_upstream *upstream =
        FL_CONTAINER(at, struct fl_upstream, link);
    for (uint32_t i = 0; i < upstream->server_count; i++) {
      const struct fl_server *server = upstream->servers[i];
      if (server->standing != standing)
        continue;
      load.requests += server->in_flight;
      load.lent += server->relayed;
    }
  }
  return load;
}
