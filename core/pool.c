#include "core/pool.h"

#include "core/balance.h"
#include "core/pool_parts.h"

#include <assert.h>

/* Returns whether a connect is under way. */
static bool open_to(struct fl_server *server, bool probe, fl_time now) {
  uint32_t failures = server->failures;
  struct fl_pooled *pooled = fl_pooled_new(server);
  if (pooled == NULL) {
    server->upstream->metrics.connects_failed[FL_OUT_OF_MEMORY]++;
    fl_server_failed(server, FL_OUT_OF_MEMORY, now);
    return false;
  }
  server->size++;
  server->upstream->size++;
  server->upstream->gateway->upstream_conns++;
  fl_pooled_enter(pooled, FL_POOLED_CONNECTING);
  pooled->probe = probe;
  fl_connector_start(&pooled->connector, server, now);
  return server->failures == failures;
}

void fl_pool_probe(struct fl_server *server, fl_time now) {
  assert(server->upstream->size < server->upstream->max_size);
  (void)open_to(server, true, now);
}

static bool wants_more(const struct fl_upstream *upstream) {
  uint32_t min = upstream->gateway->stopping ? 0 : upstream->min_size;
  uint64_t coming = 0;
  if (upstream->size >= upstream->max_size)
    return false;
  /* Attempts at a server that fails are no help to those that wait. */
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    const struct fl_server *server = upstream->servers[i];
    if (!fl_server_may_use(server))
      continue;
    coming += server->quiet + (server->failures == 0 ? server->connecting : 0);
  }
  return fl_pool_live(upstream) < min ||
         coming * upstream->config->in_flight < upstream->waiting;
}

/* Where clients wait and there is no room, idle connections of ejected servers
   make some. */
static void make_room(struct fl_upstream *upstream, fl_time now) {
  struct fl_list *node;
  if (upstream->waiting == 0 || upstream->size < upstream->max_size)
    return;
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    struct fl_server *server = upstream->servers[i];
    while (!fl_server_may_use(server) &&
           (node = fl_list_first(&server->conns[FL_POOLED_IDLE])) != NULL)
      fl_pooled_retire(FL_CONTAINER(node, struct fl_pooled, conn.link),
                       FL_EJECTED, now);
  }
}

void fl_pool_fill(struct fl_upstream *upstream, fl_time now) {
  struct fl_server *server;
  make_room(upstream, now);
  while (wants_more(upstream) &&
         (server = fl_balance_connect(upstream, now)) != NULL)
    if (!open_to(server, false, now))
      break;
  fl_deadline_set(&upstream->gateway->deadlines, &upstream->deadline,
                  wants_more(upstream) ? fl_balance_retry_at(upstream)
                                       : FL_NEVER);
}
