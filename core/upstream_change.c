#include "core/upstream_change.h"

#include "core/config_endpoint.h"
#include "core/gateway_state.h"

#include <stdlib.h>
#include <string.h>

/* Servers. */

static struct fl_server *find(const struct fl_upstream *upstream,
                              const struct fl_endpoint *endpoint) {
  for (uint32_t i = 0; i < upstream->server_count; i++)
    if (fl_endpoint_equal(upstream->servers[i]->endpoint, endpoint))
      return upstream->servers[i];
  return NULL;
}

struct fl_server **
fl_upstream_match_servers(struct fl_upstream *upstream,
                          const struct fl_generation *generation,
                          uint32_t index) {
  const struct fl_upstream_config *config =
      &generation->config->upstreams[index];
  struct fl_server **servers =
      calloc(config->server_count, sizeof(struct fl_server *));
  if (servers == NULL)
    return NULL;
  for (uint32_t i = 0; i < config->server_count; i++) {
    servers[i] = find(upstream, &config->servers[i]);
    if (servers[i] == NULL)
      servers[i] = fl_server_new(upstream, generation, index, i);
    if (servers[i] == NULL) {
      fl_upstream_unmatch_servers(upstream, servers, i);
      return NULL;
    }
  }
  return servers;
}

static bool is_current(const struct fl_upstream *upstream,
                       const struct fl_server *server) {
  return server->index < upstream->server_count &&
         upstream->servers[server->index] == server;
}

void fl_upstream_unmatch_servers(struct fl_upstream *upstream,
                                 struct fl_server **servers, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (!is_current(upstream, servers[i]))
      fl_server_free(servers[i]);
  free(servers);
}

static void take_servers(struct fl_upstream *upstream,
                         struct fl_server **servers) {
  if (servers != NULL) {
    free(upstream->servers);
    upstream->servers = servers;
    upstream->server_count = upstream->config->server_count;
  }
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    upstream->servers[i]->index = i;
    upstream->servers[i]->endpoint = &upstream->config->servers[i];
    upstream->servers[i]->standing =
        upstream->generation->upstreams[upstream->index].standings[i];
    if (upstream->config->health.interval == 0)
      fl_standing_forget(upstream->servers[i]->standing);
  }
}

/* Those that have no place in the table any more. */
static void leave_servers(struct fl_upstream *upstream,
                          struct fl_generation *before, fl_time now) {
  struct fl_list *link = upstream->all_servers.next;
  for (; link != &upstream->all_servers; link = link->next) {
    struct fl_server *server = FL_CONTAINER(link, struct fl_server, link);
    if (server->gone == NULL && !is_current(upstream, server))
      fl_server_leave(server, before, now);
  }
}

/* The whole. */

void fl_upstream_adopt(struct fl_upstream *upstream,
                       struct fl_generation *generation, uint32_t index,
                       struct fl_server **servers, fl_time now) {
  struct fl_generation *before = fl_generation_hold(upstream->generation);
  const struct fl_upstream_config *was = upstream->config;
  unsigned changes = generation->upstreams[index].changes;
  fl_upstream_configure(upstream, generation, index);
  take_servers(upstream, servers);
  leave_servers(upstream, before, now);
  if ((changes & FL_CHANGE_RECONNECT) != 0)
    for (uint32_t i = 0; i < upstream->server_count; i++)
      fl_pool_renew(upstream->servers[i], FL_RELOAD, now);
  fl_pool_adjust(upstream, was);
  fl_generation_release(before);
  if (changes == 0)
    return;
  upstream->probe_at = now; /* health.interval may be another */
  upstream->changed = true;
  fl_pool_shrink(upstream, now);
  fl_upstream_wake(upstream);
}

void fl_upstream_leave(struct fl_upstream *upstream) {
  upstream->leaving = true;
  fl_upstream_wake(upstream);
}

static bool has_clients(const struct fl_upstream *upstream) {
  const struct fl_list *listeners = &upstream->gateway->listeners;
  struct fl_list *link = listeners->next;
  for (; link != listeners; link = link->next) {
    const struct fl_listener *listener =
        FL_CONTAINER(link, struct fl_listener, link);
    if (listener->upstream == upstream && fl_listener_may_submit(listener))
      return true;
  }
  return false;
}

static void free_servers(struct fl_upstream *upstream) {
  struct fl_list *link = upstream->all_servers.next;
  while (link != &upstream->all_servers) {
    struct fl_server *server = FL_CONTAINER(link, struct fl_server, link);
    link = link->next;
    if (server->gone != NULL && server->size == 0 && server->kept == 0)
      fl_server_free(server);
  }
}

/* Counters never go back: those of one that was replaced go to its successor,
   which is on the same workers. */
static void bequeath(struct fl_upstream *upstream) {
  const struct fl_list *all = &upstream->gateway->upstreams;
  struct fl_upstream *heir = NULL;
  for (struct fl_list *link = all->next; link != all; link = link->next) {
    struct fl_upstream *other = FL_CONTAINER(link, struct fl_upstream, link);
    if (other != upstream && (heir == NULL || heir->leaving) &&
        strcmp(other->config->name, upstream->config->name) == 0)
      heir = other;
  }
  if (heir == NULL)
    return;
  fl_metrics_add(&heir->metrics, &upstream->metrics);
  fl_histogram_merge(&heir->acquire, &upstream->acquire);
  fl_histogram_merge(&heir->serve, &upstream->serve);
  upstream->metrics = (struct fl_metrics){0};
}

void fl_upstream_tidy(struct fl_upstream *upstream, fl_time now) {
  free_servers(upstream);
  if (!upstream->leaving)
    return;
  if (!upstream->drained) {
    if (upstream->waiting + upstream->following + upstream->parked > 0 ||
        has_clients(upstream))
      return;
    upstream->drained = true;
    fl_upstream_shut(upstream, FL_RELOAD, now);
    fl_budget_wake(upstream->budget);
  }
  if (upstream->size > 0 || upstream->listeners > 0)
    return;
  bequeath(upstream);
  fl_upstream_free(upstream);
}
