#include "core/snapshot.h"

#include "core/client.h"
#include "core/gateway_state.h"
#include "core/relay.h"
#include "core/snapshot_server.h"
#include "core/standing.h"
#include "core/text.h"
#include "core/upstream.h"

#include <stdlib.h>
#include <string.h>

/* A snapshot while it is taken. */
struct taking {
  struct fl_snapshot *snapshot;
  const struct fl_gateway *gateway;
  uint32_t capacity; /* of the connections */
  bool connections;
  fl_time now;
};

static char *copy(struct fl_snapshot *snapshot, const char *text) {
  char *made = fl_text_copy(text, strlen(text));
  snapshot->failed |= made == NULL;
  return made;
}

/* Room for one connection more, or NULL. */
static struct fl_snapshot_conn *new_conn(struct taking *taking) {
  struct fl_snapshot *snapshot = taking->snapshot;
  if (snapshot->conn_count >= FL_SNAPSHOT_CONNECTIONS_MAX) {
    snapshot->conns_omitted++;
    return NULL;
  }
  if (snapshot->conn_count == taking->capacity) {
    uint32_t capacity = taking->capacity == 0 ? 64 : taking->capacity * 2;
    struct fl_snapshot_conn *grown =
        realloc(snapshot->conns, capacity * sizeof *grown);
    snapshot->failed |= grown == NULL;
    if (grown == NULL)
      return NULL;
    snapshot->conns = grown;
    taking->capacity = capacity;
  }
  return &snapshot->conns[snapshot->conn_count++];
}

static void list_conn(struct taking *taking, const struct fl_conn *conn,
                      const struct fl_listener *listener,
                      const struct fl_server *server, const char *state,
                      uint32_t in_flight) {
  if (!taking->connections)
    return;
  struct fl_snapshot_conn *to = new_conn(taking);
  if (to == NULL)
    return;
  *to = (struct fl_snapshot_conn){
      .id = fl_transport_id(conn),
      .of_client = server == NULL,
      .name = copy(taking->snapshot, server == NULL
                                         ? listener->config->name
                                         : server->upstream->config->name),
      .state = state,
      .peer = conn->peer,
      .age = conn->opened == 0 ? 0 : taking->now - conn->opened,
      .bytes_in = conn->bytes_in,
      .bytes_out = fl_transport_taken(conn),
      .frames = conn->frames,
      .in_flight = in_flight};
  if (server != NULL)
    to->server = copy(taking->snapshot, server->endpoint->text);
}

/* ---- listeners ---- */

const char *fl_client_shown_name(int state) {
  static const char *const names[FL_SHOWN_STATES] = {
      [FL_SHOWN_IDLE] = "idle",           [FL_SHOWN_WAITING] = "waiting",
      [FL_SHOWN_IN_FLIGHT] = "in_flight", [FL_SHOWN_CONNECTING] = "connecting",
      [FL_SHOWN_OPEN] = "open",           [FL_SHOWN_DELIVERING] = "delivering",
      [FL_SHOWN_FLUSHING] = "flushing",   [FL_SHOWN_LINGERING] = "lingering",
      [FL_SHOWN_CLOSING] = "closing",
  };
  return names[state];
}

static enum fl_client_shown client_state(const struct fl_client *client) {
  switch ((enum fl_client_state)client->state) {
  case FL_CLIENT_OPEN:
    break;
  case FL_CLIENT_FLUSHING:
    return FL_SHOWN_FLUSHING;
  case FL_CLIENT_LINGERING:
    return FL_SHOWN_LINGERING;
  case FL_CLIENT_CLOSING:
    return FL_SHOWN_CLOSING;
  }
  if (client->frame_size > 0)
    return FL_SHOWN_WAITING;
  return client->outstanding > 0 ? FL_SHOWN_IN_FLIGHT : FL_SHOWN_IDLE;
}

static enum fl_client_shown relay_state(const struct fl_relay *relay) {
  static const enum fl_client_shown states[] = {
      [FL_RELAY_WAITING] = FL_SHOWN_WAITING,
      [FL_RELAY_CONNECTING] = FL_SHOWN_CONNECTING,
      [FL_RELAY_OPEN] = FL_SHOWN_OPEN,
      [FL_RELAY_DELIVERING] = FL_SHOWN_DELIVERING,
      [FL_RELAY_CLOSING] = FL_SHOWN_CLOSING,
  };
  return states[relay->state];
}

/* What a client that is open has moved is counted when it is closed. */
static void add_client_bytes(struct fl_metrics *metrics,
                             const struct fl_conn *conn, bool closing) {
  if (closing)
    return;
  metrics->client_bytes_in += conn->bytes_in;
  metrics->client_bytes_out += fl_transport_taken(conn);
}

static void take_relay(struct taking *taking, struct fl_snapshot_listener *to,
                       const struct fl_listener *listener,
                       const struct fl_relay *relay) {
  enum fl_client_shown state = relay_state(relay);
  to->states[state]++;
  add_client_bytes(&to->metrics, &relay->client.conn, relay->client.told);
  if (relay->client.exists)
    list_conn(taking, &relay->client.conn, listener, NULL,
              fl_client_shown_name((int)state), 0);
}

static void take_client(struct taking *taking, struct fl_snapshot_listener *to,
                        const struct fl_listener *listener,
                        const struct fl_client *client) {
  enum fl_client_shown state = client_state(client);
  to->states[state]++;
  add_client_bytes(&to->metrics, &client->conn,
                   client->state == FL_CLIENT_CLOSING);
  list_conn(taking, &client->conn, listener, NULL,
            fl_client_shown_name((int)state), client->outstanding);
}

static void take_listener(struct taking *taking,
                          const struct fl_listener *listener) {
  struct fl_snapshot *snapshot = taking->snapshot;
  struct fl_snapshot_listener *to =
      &snapshot->listeners[snapshot->listener_count++];
  const struct fl_listener_config *config = listener->config;
  to->name = copy(snapshot, config->name);
  to->mode = config->mode;
  to->max_connections = config->max_connections;
  to->left = listener->left;
  to->shut = listener->shut;
  to->unbound = listener->unbound;
  to->metrics = listener->metrics;
  to->total = fl_histogram_copy(&listener->total);
  to->generation = listener->generation->number;
  to->held = fl_span_total(&listener->held, taking->now);
  to->index = (uint32_t)(config - listener->generation->config->listeners);
  if (listener->upstream != NULL)
    to->upstream = copy(snapshot, listener->upstream->config->name);
  const struct fl_list *list = &listener->clients;
  for (struct fl_list *node = list->next; node != list; node = node->next) {
    to->clients++;
    if (config->mode == FL_MODE_RELAY || config->mode == FL_MODE_SESSION)
      take_relay(taking, to, listener,
                 FL_CONTAINER(node, struct fl_relay, link));
    else
      take_client(taking, to, listener,
                  FL_CONTAINER(node, struct fl_client, conn.link));
  }
}

/* ---- upstreams ---- */

static const char *const pooled_states[FL_POOLED_STATES] = {
    [FL_POOLED_CONNECTING] = "connecting",
    [FL_POOLED_QUIET] = "quiet",
    [FL_POOLED_SIGNING_ON] = "signing_on",
    [FL_POOLED_RESET] = "reset",
    [FL_POOLED_IDLE] = "idle",
    [FL_POOLED_BUSY] = "busy",
    [FL_POOLED_FULL] = "full",
    [FL_POOLED_CHECKING] = "checking",
    [FL_POOLED_LEAVING] = "leaving",
    [FL_POOLED_CLOSING] = "closing",
};

const char *fl_pooled_state_name(int state) { return pooled_states[state]; }

const char *fl_server_state_name(enum fl_server_state state) {
  static const char *const names[FL_SERVER_STATES] = {
      [FL_SERVER_REMOVED] = "removed",
      [FL_SERVER_UNUSED] = "unused",
      [FL_SERVER_DOWN] = "down",
      [FL_SERVER_UP] = "up",
      [FL_SERVER_EJECTED] = "ejected",
      [FL_SERVER_DRAINED] = "drained",
      [FL_SERVER_OPERATOR_EJECTED] = "ejected_by_operator",
  };
  return names[state];
}

static void add_upstream_bytes(struct fl_metrics *metrics,
                               const struct fl_conn *conn) {
  metrics->upstream_bytes_in += conn->bytes_in;
  metrics->upstream_bytes_out += fl_transport_taken(conn);
}

static void take_pooled(struct taking *taking, struct fl_snapshot_upstream *up,
                        struct fl_snapshot_server *to,
                        const struct fl_server *server, int state) {
  const struct fl_list *list = &server->conns[state];
  for (struct fl_list *node = list->next; node != list; node = node->next) {
    const struct fl_pooled *pooled =
        FL_CONTAINER(node, struct fl_pooled, conn.link);
    to->conns[state]++;
    if (state != FL_POOLED_CLOSING && state != FL_POOLED_CONNECTING)
      add_upstream_bytes(&up->metrics, &pooled->conn);
    list_conn(taking, &pooled->conn, NULL, server, pooled_states[state],
              pooled->exchanges.count);
  }
}

static int state_of_relayed(const struct fl_relay *relay) {
  if (relay->server.told || relay->state == FL_RELAY_CLOSING ||
      relay->state == FL_RELAY_WAITING)
    return FL_POOLED_CLOSING;
  return relay->state == FL_RELAY_CONNECTING ? FL_POOLED_CONNECTING
                                             : FL_POOLED_FULL;
}

static void take_relayed(struct taking *taking, struct fl_snapshot_upstream *up,
                         struct fl_snapshot_server *to,
                         const struct fl_server *server) {
  const struct fl_list *list = &server->relays;
  for (struct fl_list *node = list->next; node != list; node = node->next) {
    const struct fl_relay *relay =
        FL_CONTAINER(node, struct fl_relay, server.conn.link);
    int state = state_of_relayed(relay);
    to->conns[state]++;
    if (state == FL_POOLED_FULL)
      add_upstream_bytes(&up->metrics, &relay->server.conn);
    list_conn(taking, &relay->server.conn, NULL, server,
              state == FL_POOLED_FULL
                  ? fl_client_shown_name((int)relay_state(relay))
                  : pooled_states[state],
              0);
  }
}

/* One that is on its way, or gone but for its socket, does not count. */
static bool stands(int state) {
  return state != FL_POOLED_CONNECTING && state != FL_POOLED_LEAVING &&
         state != FL_POOLED_CLOSING;
}

static bool reached(const struct fl_server *server) {
  const struct fl_list *relays = &server->relays;
  for (int state = 0; state < FL_POOLED_STATES; state++)
    if (stands(state) && !fl_list_empty(&server->conns[state]))
      return true;
  for (struct fl_list *node = relays->next; node != relays; node = node->next)
    if (stands(state_of_relayed(
            FL_CONTAINER(node, struct fl_relay, server.conn.link))))
      return true;
  return false;
}

static enum fl_server_state state_of(const struct fl_server *server) {
  if (server->gone != NULL || server->upstream->leaving)
    return FL_SERVER_REMOVED;
  if (server->admin != FL_ADMIN_IN)
    return server->admin == FL_ADMIN_DRAINED ? FL_SERVER_DRAINED
                                             : FL_SERVER_OPERATOR_EJECTED;
  if (fl_standing_ejected(server->standing))
    return FL_SERVER_EJECTED;
  if (reached(server))
    return FL_SERVER_UP;
  return server->failures > 0 ? FL_SERVER_DOWN : FL_SERVER_UNUSED;
}

/* For how long, and why where the state does not say so. */
static void take_out(struct fl_snapshot_server *to,
                     const struct fl_server *server, fl_time now) {
  const struct fl_standing *standing = server->standing;
  fl_time since = atomic_load(&standing->since);
  to->out_for = now > since ? now - since : 0;
  if (to->state == FL_SERVER_EJECTED)
    to->reason = (enum fl_reason)atomic_load(&standing->reason);
}

static void take_server(struct taking *taking, struct fl_snapshot_upstream *up,
                        const struct fl_server *server) {
  struct fl_snapshot_server *to = &up->servers[up->server_count++];
  to->address = copy(taking->snapshot, server->endpoint->text);
  to->in_flight = server->in_flight;
  to->failures = server->failures;
  for (int state = 0; state < FL_POOLED_STATES; state++)
    take_pooled(taking, up, to, server, state);
  take_relayed(taking, up, to, server);
  to->state = state_of(server);
  if (to->state >= FL_SERVER_EJECTED)
    take_out(to, server, taking->now);
  if (to->state != FL_SERVER_DOWN)
    return;
  to->reason = server->failure;
  if (server->down)
    to->down_for = taking->now - server->down_since;
  if (server->retry_at > taking->now)
    to->retry_in = server->retry_at - taking->now;
}

/* It may have come again meanwhile: then it is shown as the one that is
   there. */
static void take_removed(struct taking *taking, struct fl_snapshot_upstream *up,
                         const struct fl_server *server) {
  if (server->gone == NULL || server->size == 0)
    return;
  take_server(taking, up, server);
  if (taking->snapshot->failed)
    return;
  struct fl_snapshot_server *last = &up->servers[up->server_count - 1];
  struct fl_snapshot_server *same = fl_snapshot_server_same(up, last->address);
  if (same == last)
    return;
  fl_snapshot_server_add(same, last);
  fl_snapshot_server_clear(last);
  up->server_count--;
}

static void take_upstream(struct taking *taking,
                          const struct fl_upstream *upstream) {
  struct fl_snapshot *snapshot = taking->snapshot;
  struct fl_snapshot_upstream *to =
      &snapshot->upstreams[snapshot->upstream_count++];
  to->name = copy(snapshot, upstream->config->name);
  to->index =
      (uint32_t)(upstream->config - upstream->generation->config->upstreams);
  to->generation = upstream->generation->number;
  to->mode = upstream->config->mode;
  to->size = upstream->size;
  to->max_size =
      upstream->budget->max == UINT32_MAX ? 0 : upstream->budget->max;
  to->waiting = upstream->waiting + upstream->following + upstream->parked;
  to->metrics = upstream->metrics;
  to->acquire = fl_histogram_copy(&upstream->acquire);
  to->serve = fl_histogram_copy(&upstream->serve);
  to->servers =
      calloc(fl_list_size(&upstream->all_servers) + 1, sizeof *to->servers);
  snapshot->failed |= to->servers == NULL;
  for (uint32_t i = 0; to->servers != NULL && i < upstream->server_count; i++)
    take_server(taking, to, upstream->servers[i]);
  const struct fl_list *all = &upstream->all_servers;
  for (struct fl_list *at = all->next; to->servers != NULL && at != all;
       at = at->next)
    take_removed(taking, to, FL_CONTAINER(at, struct fl_server, link));
}

/* ---- addresses ---- */

static void take_server_addresses(struct fl_snapshot *snapshot,
                                  struct fl_snapshot_server *to,
                                  const struct fl_server *server) {
  to->address = copy(snapshot, server->endpoint->text);
  to->state = state_of(server);
  to->addrs = calloc(FL_NAME_ADDRS, sizeof *to->addrs);
  snapshot->failed |= to->addrs == NULL;
  if (to->addrs == NULL)
    return;
  memcpy(to->addrs, server->name.addrs, server->name.count * sizeof *to->addrs);
  to->addr_count = server->name.count;
}

static void take_upstream_addresses(struct fl_snapshot *snapshot,
                                    const struct fl_upstream *upstream) {
  struct fl_snapshot_upstream *to =
      &snapshot->upstreams[snapshot->upstream_count++];
  to->name = copy(snapshot, upstream->config->name);
  to->servers = calloc(upstream->server_count, sizeof *to->servers);
  snapshot->failed |= to->servers == NULL;
  for (uint32_t i = 0; to->servers != NULL && i < upstream->server_count; i++)
    take_server_addresses(snapshot, &to->servers[to->server_count++],
                          upstream->servers[i]);
}

static void take_addresses(struct fl_snapshot *snapshot,
                           const struct fl_gateway *gateway) {
  const struct fl_list *list = &gateway->upstreams;
  snapshot->upstreams =
      calloc(fl_list_size(list) + 1, sizeof *snapshot->upstreams);
  snapshot->failed |= snapshot->upstreams == NULL;
  if (snapshot->upstreams == NULL)
    return;
  for (struct fl_list *at = list->next; at != list; at = at->next)
    take_upstream_addresses(snapshot,
                            FL_CONTAINER(at, struct fl_upstream, link));
}

/* ---- the whole ---- */

static uint32_t length(const struct fl_list *list) {
  uint32_t count = 0;
  for (const struct fl_list *node = list->next; node != list; node = node->next)
    count++;
  return count;
}

static void take_state(struct taking *taking) {
  struct fl_snapshot *snapshot = taking->snapshot;
  const struct fl_list *listeners = &taking->gateway->listeners;
  const struct fl_list *upstreams = &taking->gateway->upstreams;
  snapshot->listeners =
      calloc(length(listeners) + 1, sizeof *snapshot->listeners);
  snapshot->upstreams =
      calloc(length(upstreams) + 1, sizeof *snapshot->upstreams);
  snapshot->failed |=
      snapshot->listeners == NULL || snapshot->upstreams == NULL;
  if (snapshot->failed)
    return;
  for (struct fl_list *at = listeners->next; at != listeners; at = at->next)
    take_listener(taking, FL_CONTAINER(at, struct fl_listener, link));
  for (struct fl_list *at = upstreams->next; at != upstreams; at = at->next)
    take_upstream(taking, FL_CONTAINER(at, struct fl_upstream, link));
}

void fl_snapshot_take(struct fl_snapshot *snapshot,
                      const struct fl_gateway *gateway, unsigned what,
                      fl_time now) {
  struct taking taking = {.snapshot = snapshot,
                          .gateway = gateway,
                          .connections = (what & FL_SNAPSHOT_CONNECTIONS) != 0,
                          .now = now};
  *snapshot = (struct fl_snapshot){0};
  if (what == FL_SNAPSHOT_ADDRESSES)
    take_addresses(snapshot, gateway);
  else if (what != 0)
    take_state(&taking);
}

/* ---- adding ---- */
