#include "core/server.h"

#include "core/backoff.h"
#include "core/gate.h"
#include "core/gateway_state.h"
#include "core/hashing.h"
#include "core/health.h"
#include "core/relay.h"
#include "core/upstream.h"

#include <assert.h>
#include <stdlib.h>

struct fl_server *fl_server_new(struct fl_upstream *upstream,
                                const struct fl_generation *generation,
                                uint32_t upstream_index, uint32_t index) {
  const struct fl_endpoint *endpoint =
      &generation->config->upstreams[upstream_index].servers[index];
  struct fl_server *server = calloc(1, sizeof *server);
  if (server == NULL)
    return NULL;
  server->upstream = upstream;
  server->endpoint = endpoint;
  server->index = index;
  server->seed = fl_hashing_seed(endpoint->text);
  server->left_at = FL_NEVER;
  server->standing = generation->upstreams[upstream_index].standings[index];
  server->words = atomic_load(&server->standing->words);
  server->admin = fl_standing_admin(server->standing);
  fl_list_init(&server->looking);
  fl_list_init(&server->link);
  fl_list_push_back(&upstream->all_servers, &server->link);
  fl_list_init(&server->resolving);
  fl_list_init(&server->rivals);
  fl_list_init(&server->relays);
  for (int state = 0; state < FL_POOLED_STATES; state++)
    fl_list_init(&server->conns[state]);
  if (endpoint->addr.family != FL_ADDR_NONE) {
    server->name.addrs[0] = endpoint->addr;
    server->name.count = 1;
    server->name.fresh_until = FL_NEVER;
  }
  return server;
}

void fl_server_free(struct fl_server *server) {
  if (server == NULL)
    return;
  assert(server->size == 0 && server->kept == 0);
  fl_list_remove(&server->looking);
  fl_list_remove(&server->link);
  server->upstream->servers_gone -= server->gone != NULL;
  fl_generation_release(server->gone);
  free(server);
}

void fl_server_leave(struct fl_server *server, struct fl_generation *generation,
                     fl_time now) {
  server->gone = fl_generation_hold(generation);
  server->left_at = fl_time_min(server->left_at, now);
  server->upstream->servers_gone++;
  fl_pool_renew(server, FL_RELOAD, now);
  fl_upstream_wake(server->upstream);
}

void fl_server_drop(struct fl_server *server) {
  if (server == NULL)
    return;
  server->kept--;
  if (server->gone != NULL)
    fl_upstream_wake(server->upstream);
}

bool fl_server_may_connect(const struct fl_server *server, fl_time now) {
  if (now < server->rests_until)
    return false;
  if (server->failures == 0)
    return true;
  return now >= server->retry_at && server->connecting == 0;
}

void fl_server_worked(struct fl_server *server, fl_time opened) {
  if (opened > server->failed_at)
    server->failures = 0;
}

/* Whether a connection stands. */
static bool connected(const struct fl_server *server) {
  return server->quiet > 0 || server->relayed > 0 ||
         !fl_list_empty(&server->conns[FL_POOLED_RESET]) ||
         !fl_list_empty(&server->conns[FL_POOLED_IDLE]) ||
         !fl_list_empty(&server->conns[FL_POOLED_BUSY]) ||
         !fl_list_empty(&server->conns[FL_POOLED_FULL]);
}

static void tell(const struct fl_server *server, struct fl_event *event) {
  event->upstream = server->upstream->config->name;
  event->server = server->endpoint->text;
  fl_gateway_event(server->upstream->gateway, event);
}

bool fl_server_is_in(const struct fl_server *server) {
  return server->admin == FL_ADMIN_IN && !fl_standing_ejected(server->standing);
}

bool fl_server_may_use(const struct fl_server *server) {
  const struct fl_upstream *upstream = server->upstream;
  if (fl_server_is_in(server))
    return true;
  if (server->admin != FL_ADMIN_IN)
    return false;
  for (uint32_t i = 0; i < upstream->server_count; i++)
    if (fl_server_is_in(upstream->servers[i]))
      return false;
  return true;
}

/* Whether this worker is the first on which the word takes effect: it tells
   and counts it for all. */
static bool is_first(struct fl_server *server) {
  unsigned told = atomic_load(&server->standing->told);
  while (told < server->words)
    if (atomic_compare_exchange_weak(&server->standing->told, &told,
                                     server->words))
      return true;
  return false;
}

static void tell_taken_out(struct fl_server *server, fl_time now) {
  enum fl_reason reason =
      server->admin == FL_ADMIN_DRAINED ? FL_DRAINED : FL_EJECTED_BY_OPERATOR;
  struct fl_upstream *upstream = server->upstream;
  struct fl_event event = {
      .kind = FL_EVENT_SERVER_EJECTED, .reason = reason, .none_left = true};
  for (uint32_t i = 0; i < upstream->server_count; i++)
    event.none_left &= !fl_server_may_use(upstream->servers[i]);
  atomic_store(&server->standing->since, now);
  upstream->metrics.servers_ejected[reason]++;
  tell(server, &event);
}

static void tell_restored(struct fl_server *server, fl_time now) {
  fl_time since = atomic_load(&server->standing->since);
  struct fl_event event = {.kind = FL_EVENT_SERVER_RETURNED,
                           .duration = now > since ? now - since : 0};
  fl_standing_forget(server->standing);
  server->upstream->metrics.servers_returned++;
  tell(server, &event);
  fl_gate_stir(server->upstream);
}

void fl_server_take_word(struct fl_server *server, fl_time now) {
  enum fl_admin_state was = server->admin;
  bool was_out = !fl_server_is_in(server);
  server->words = atomic_load(&server->standing->words);
  enum fl_admin_state admin = fl_standing_admin(server->standing);
  server->admin = admin;
  if (is_first(server) && (admin != was || was_out)) {
    if (admin == FL_ADMIN_IN)
      tell_restored(server, now);
    else if (admin != was)
      tell_taken_out(server, now);
  }
  if (admin == FL_ADMIN_DRAINED)
    fl_pool_renew(server, FL_DRAINED, now);
  else if (admin == FL_ADMIN_EJECTED)
    fl_pool_cut(server, FL_EJECTED_BY_OPERATOR, now);
  if (admin != FL_ADMIN_IN) {
    server->left_at = fl_time_min(server->left_at, now);
    fl_relays_leave(server, admin == FL_ADMIN_EJECTED, now);
  } else {
    server->left_at = FL_NEVER;
    server->failures = 0;
    fl_server_left(server, now);
    server->upstream->probe_at = now;
  }
  fl_upstream_wake(server->upstream);
}

bool fl_server_failed(struct fl_server *server, enum fl_reason reason,
                      fl_time now) {
  const struct fl_io *io = server->upstream->gateway->io;
  if (server->failures > 0 && now < server->retry_at)
    return false;
  fl_health_failure(server, reason, now);
  if (server->failures < UINT32_MAX)
    server->failures++;
  server->failed_at = now;
  server->failure = reason;
  server->retry_at =
      fl_time_add(now, fl_backoff_delay(&server->upstream->config->backoff,
                                        server->failures, io->random(io->ctx)));
  /* In a stop, servers of the same process end, too. */
  if (server->down || connected(server) || server->upstream->gateway->stopping)
    return true;
  server->down = true;
  server->down_since = now;
  struct fl_event event = {.kind = FL_EVENT_SERVER_DOWN,
                           .reason = reason,
                           .retry_in = server->retry_at - now};
  tell(server, &event);
  return true;
}

const struct fl_server *fl_server_failing(const struct fl_upstream *upstream) {
  const struct fl_server *last = NULL;
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    const struct fl_server *server = upstream->servers[i];
    if (server->failures > 0 && server->admin == FL_ADMIN_IN &&
        (last == NULL || server->failed_at > last->failed_at))
      last = server;
  }
  return last;
}

void fl_server_connected(struct fl_server *server, fl_time now) {
  server->retry_at = now;
  if (!server->down)
    return;
  server->down = false;
  struct fl_event event = {.kind = FL_EVENT_SERVER_UP,
                           .duration = now - server->down_since};
  tell(server, &event);
}

/* Names. */

void fl_server_stale(struct fl_server *server, enum fl_reason reason,
                     fl_time now) {
  struct fl_event event = {.kind = FL_EVENT_NAME_STALE,
                           .reason = reason,
                           .duration = now - server->name.found_at};
  server->upstream->metrics.lookups_stale++;
  if (server->name.stale)
    return;
  server->name.stale = true;
  tell(server, &event);
}

/* Takes an answer, and tells what an operator may want to know of it. */
static void found(struct fl_server *server, const struct fl_addr *addrs,
                  uint32_t count, fl_time now) {
  struct fl_name *name = &server->name;
  struct fl_event event = {.addresses = count};
  bool was_cut = name->cut;
  bool changed = fl_name_found(name, &server->upstream->config->resolve, addrs,
                               count, now);
  if (name->cut)
    server->upstream->metrics.addresses_ignored += count - FL_NAME_ADDRS;
  if (name->stale) {
    event.kind = FL_EVENT_NAME_FRESH;
    tell(server, &event);
  }
  if (changed && !was_cut) { /* of so many each answer may have others */
    event.kind = FL_EVENT_NAME_CHANGED;
    tell(server, &event);
  }
  if (name->cut && !was_cut) {
    event.kind = FL_EVENT_NAME_CUT;
    tell(server, &event);
  }
  name->stale = false;
}

/* A session's connection that is not given back ends with the session. */
static void leave_sessions(struct fl_server *server,
                           const struct fl_addr *addrs, uint32_t count,
                           fl_time now) {
  const struct fl_list *list = &server->relays;
  for (struct fl_list *node = list->next; node != list; node = node->next) {
    struct fl_relay *relay =
        FL_CONTAINER(node, struct fl_relay, server.conn.link);
    if (!fl_name_has(addrs, count, &relay->server.conn.peer))
      relay->expires = fl_time_min(relay->expires, now);
  }
}

/* Connections to addresses that are gone from the answer end after use. */
static void leave_addresses(struct fl_server *server,
                            const struct fl_addr *addrs, uint32_t count,
                            fl_time now) {
  for (int state = FL_POOLED_QUIET; state <= FL_POOLED_CHECKING; state++) {
    const struct fl_list *list = &server->conns[state];
    for (struct fl_list *node = list->next; node != list; node = node->next) {
      struct fl_pooled *pooled =
          FL_CONTAINER(node, struct fl_pooled, conn.link);
      if (!fl_name_has(addrs, count, &pooled->conn.peer))
        fl_pooled_moved(pooled, now);
    }
  }
}

void fl_server_resolved(struct fl_server *server, const struct fl_addr *addrs,
                        uint32_t count, enum fl_reason reason, fl_time now) {
  const struct fl_resolve_config *config = &server->upstream->config->resolve;
  if (count > 0) {
    found(server, addrs, count, now);
    leave_addresses(server, addrs, count, now);
    leave_sessions(server, addrs, count, now);
  } else {
    if (reason == FL_OK)
      reason = FL_NO_ADDRESS;
    server->upstream->metrics.lookups_failed[reason]++;
    fl_name_failed(&server->name, config, reason, now);
  }
  fl_connectors_resolved(server, count > 0 ? FL_OK : reason, now);
}
