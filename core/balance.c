#include "core/balance.h"

#include "core/hashing.h"
#include "core/upstream.h"

static struct fl_pooled *of(struct fl_list *node) {
  return FL_CONTAINER(node, struct fl_pooled, conn.link);
}

/* The first idle connection that has to be checked first, or need not be. */
static struct fl_pooled *idle(const struct fl_server *server, bool stale,
                              fl_time now) {
  const struct fl_list *list = &server->conns[FL_POOLED_IDLE];
  if (server->upstream->config->pool.validate_after == 0) /* none has to be */
    return stale || fl_list_empty(list) ? NULL : of(list->next);
  for (struct fl_list *node = list->next; node != list; node = node->next)
    if (fl_pooled_stale(of(node), now) == stale)
      return of(node);
  return NULL;
}

/* An idle connection, the one used last (so that the others can age), else
   the one that has waited longest for another request. */
struct fl_pooled *fl_balance_room(const struct fl_server *server, fl_time now) {
  struct fl_pooled *found = idle(server, false, now);
  struct fl_list *node = fl_list_first(&server->conns[FL_POOLED_BUSY]);
  return found != NULL || node == NULL ? found : of(node);
}

/* Has stale connections checked, as many as those that wait need. */
static void revive(struct fl_upstream *upstream, fl_time now) {
  uint64_t wanted = upstream->waiting > 0 ? upstream->waiting : 1;
  uint64_t coming = 0;
  if (upstream->config->pool.validate_after == 0)
    return;
  for (uint32_t i = 0; i < upstream->server_count; i++)
    if (fl_server_may_use(upstream->servers[i]))
      coming += upstream->servers[i]->quiet;
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    struct fl_server *server = upstream->servers[i];
    struct fl_pooled *pooled;
    while (fl_server_may_use(server) &&
           coming * upstream->config->in_flight < wanted &&
           (pooled = idle(server, true, now)) != NULL) {
      fl_pooled_check(pooled, now);
      coming++;
    }
  }
}

void fl_balance_revive(struct fl_server *server, uint64_t waiting,
                       fl_time now) {
  const struct fl_upstream_config *config = server->upstream->config;
  struct fl_pooled *pooled;
  while (config->pool.validate_after != 0 &&
         (uint64_t)server->quiet * config->in_flight < waiting &&
         (pooled = idle(server, true, now)) != NULL)
    fl_pooled_check(pooled, now);
}

/* A division is only needed at the end of a round. */
static uint32_t turn(uint32_t next, uint32_t i, uint32_t count) {
  return next + i < count ? next + i : (next + i) % count;
}

struct fl_pooled *fl_balance_request(struct fl_upstream *upstream,
                                     const struct fl_addr *client,
                                     fl_time now) {
  if (fl_hashing_is_on(upstream)) {
    struct fl_server *server = fl_hashing_server(upstream, client, now);
    return server == NULL ? NULL : fl_balance_room(server, now);
  }
  uint32_t count = upstream->server_count;
  struct fl_server *best = NULL;
  struct fl_pooled *place = NULL;
  for (uint32_t i = 0; i < count; i++) {
    struct fl_server *server =
        upstream->servers[turn(upstream->next_request, i, count)];
    struct fl_pooled *found = fl_balance_room(server, now);
    if (found == NULL || !fl_server_may_use(server))
      continue;
    if (best == NULL ||
        server->in_flight + server->relayed < best->in_flight + best->relayed) {
      best = server;
      place = found;
    }
    if (upstream->config->balance == FL_BALANCE_ROUND_ROBIN)
      break;
  }
  if (best == NULL) {
    revive(upstream, now);
    return NULL;
  }
  upstream->next_request = turn(best->index, 1, count);
  return place;
}

struct fl_server *fl_balance_connect(struct fl_upstream *upstream,
                                     fl_time now) {
  uint32_t count = upstream->server_count;
  struct fl_server *best = NULL;
  for (uint32_t i = 0; i < count; i++) {
    struct fl_server *server =
        upstream->servers[turn(upstream->next_connect, i, count)];
    if (!fl_server_may_use(server) || !fl_server_may_connect(server, now))
      continue;
    /* Of pools both policies spread connections evenly: requests can only be
       spread over servers that have some. */
    if (best == NULL || server->size < best->size)
      best = server;
    if (fl_pool_lends(upstream) &&
        upstream->config->balance == FL_BALANCE_ROUND_ROBIN)
      break;
  }
  if (best != NULL)
    upstream->next_connect = turn(best->index, 1, count);
  return best;
}

/* When backoff lets this one be tried; FL_NEVER while it is. */
static fl_time retry_at(const struct fl_server *server) {
  if (server->failures == 0)
    return server->rests_until;
  return server->connecting > 0
             ? FL_NEVER
             : fl_time_max(server->retry_at, server->rests_until);
}

fl_time fl_balance_retry_at(const struct fl_upstream *upstream, fl_time now) {
  /* Clients wait for one server while others need not be waited for. */
  bool later = fl_hashing_is_on(upstream);
  fl_time retry = FL_NEVER;
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    const struct fl_server *server = upstream->servers[i];
    if (fl_server_may_use(server) && (!later || retry_at(server) > now))
      retry = fl_time_min(retry, retry_at(server));
  }
  return retry;
}
