#include "core/server.h"

#include "core/backoff.h"
#include "core/gateway_state.h"
#include "core/health.h"
#include "core/upstream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
  server->standing = generation->upstreams[upstream_index].standings[index];
  fl_list_init(&server->looking);
  fl_list_init(&server->link);
  fl_list_push_back(&upstream->all_servers, &server->link);
  fl_list_init(&server->resolving);
  fl_list_init(&server->relays);
  for (int state = 0; state < FL_POOLED_STATES; state++)
    fl_list_init(&server->conns[state]);
  if (endpoint->addr.family != FL_ADDR_NONE) {
    server->addrs[0] = endpoint->addr;
    server->addr_count = 1;
  }
  return server;
}

void fl_server_free(struct fl_server *server) {
  if (server == NULL)
    return;
  assert(server->size == 0 && server->kept == 0);
  fl_list_remove(&server->looking);
  fl_list_remove(&server->link);
  fl_generation_release(server->gone);
  free(server);
}

void fl_server_leave(struct fl_server *server, struct fl_generation *generation,
                     fl_time now) {
  server->gone = fl_generation_hold(generation);
  fl_pool_renew(server, now);
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

bool fl_server_may_use(const struct fl_server *server) {
  const struct fl_upstream *upstream = server->upstream;
  if (!fl_standing_ejected(server->standing))
    return true;
  for (uint32_t i = 0; i < upstream->server_count; i++)
    if (!fl_standing_ejected(upstream->servers[i]->standing))
      return false;
  return true;
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

void fl_server_connected(struct fl_server *server, fl_time now) {
  server->retry_at = now;
  if (!server->down)
    return;
  server->down = false;
  struct fl_event event = {.kind = FL_EVENT_SERVER_UP,
                           .duration = now - server->down_since};
  tell(server, &event);
}

void fl_server_resolved(struct fl_server *server, const struct fl_addr *addrs,
                        uint32_t count, enum fl_reason reason, fl_time now) {
  server->lookup = 0;
  if (count > FL_SERVER_ADDRS)
    count = FL_SERVER_ADDRS;
  if (count > 0)
    memcpy(server->addrs, addrs, count * sizeof *addrs);
  server->addr_count = count;
  if (count == 0 && reason == FL_OK)
    reason = FL_RESOLVE_FAILED;
  fl_connectors_resolved(server, reason, now);
}
