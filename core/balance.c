#include "core/balance.h"

#include "core/upstream.h"

/* An idle connection, the one used last (so that the others can age), else
   the one that has waited longest for another request. */
static struct fl_pooled *room(const struct fl_server *server) {
  struct fl_list *node = fl_list_first(&server->conns[FL_POOLED_IDLE]);
  if (node == NULL)
    node = fl_list_first(&server->conns[FL_POOLED_BUSY]);
  return node == NULL ? NULL : FL_CONTAINER(node, struct fl_pooled, conn.link);
}

static uint32_t turn(uint32_t next, uint32_t i, uint32_t count) {
  return (next + i) % count;
}

struct fl_pooled *fl_balance_request(struct fl_upstream *upstream) {
  uint32_t count = upstream->server_count;
  struct fl_server *best = NULL;
  for (uint32_t i = 0; i < count; i++) {
    struct fl_server *server =
        upstream->servers[turn(upstream->next_request, i, count)];
    if (room(server) == NULL)
      continue;
    if (best == NULL || server->in_flight < best->in_flight)
      best = server;
    if (upstream->config->balance == FL_BALANCE_ROUND_ROBIN)
      break;
  }
  if (best == NULL)
    return NULL;
  upstream->next_request = (best->index + 1) % count;
  return room(best);
}

struct fl_server *fl_balance_connect(struct fl_upstream *upstream,
                                     fl_time now) {
  uint32_t count = upstream->server_count;
  struct fl_server *best = NULL;
  for (uint32_t i = 0; i < count; i++) {
    struct fl_server *server =
        upstream->servers[turn(upstream->next_connect, i, count)];
    if (!fl_server_may_connect(server, now))
      continue;
    /* Of pools both policies spread connections evenly: requests can only be
       spread over servers that have some. */
    if (best == NULL || server->size < best->size)
      best = server;
    if (upstream->config->mode == FL_MODE_RELAY &&
        upstream->config->balance == FL_BALANCE_ROUND_ROBIN)
      break;
  }
  if (best != NULL)
    upstream->next_connect = (best->index + 1) % count;
  return best;
}

fl_time fl_balance_retry_at(const struct fl_upstream *upstream) {
  fl_time retry = FL_NEVER;
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    const struct fl_server *server = upstream->servers[i];
    if (server->failures == 0)
      retry = fl_time_min(retry, server->rests_until);
    else if (server->connecting == 0)
      retry = fl_time_min(retry,
                          fl_time_max(server->retry_at, server->rests_until));
  }
  return retry;
}
