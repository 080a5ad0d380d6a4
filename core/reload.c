#include "core/reload.h"

#include "core/gateway_state.h"
#include "core/listener.h"
#include "core/upstream_change.h"

#include <assert.h>
#include <stdlib.h>

/* What is prepared. Tables by index in the configuration; NULL where there is
   nothing to do on this worker. */
struct fl_reload {
  struct fl_generation *generation;
  struct fl_upstream **by_config; /* kept and made */
  struct fl_listener **listeners; /* made */
  struct fl_server ***servers;    /* of kept upstreams, where they change */
};

static struct fl_listener *listener_of(struct fl_list *link) {
  return FL_CONTAINER(link, struct fl_listener, link);
}

static bool is_here(const struct fl_gateway *gateway,
                    struct fl_placement placement) {
  return fl_placement_has(placement, gateway->worker,
                          gateway->generation->workers, NULL);
}

/* Whether the object of the generation before goes on. */
static bool upstream_kept(const struct fl_upstream_plan *plan) {
  return plan->before != FL_NONE && (plan->changes & FL_CHANGE_STREAM) == 0;
}

static bool listener_kept(const struct fl_listener_plan *plan) {
  return plan->before != FL_NONE &&
         (plan->changes & (FL_CHANGE_STREAM | FL_CHANGE_REPLACE)) == 0;
}

/* Preparing. */

static bool prepare_upstream(struct fl_gateway *gateway,
                             struct fl_reload *reload, uint32_t index) {
  const struct fl_upstream_plan *plan = &reload->generation->upstreams[index];
  if (!is_here(gateway, plan->placement))
    return true;
  if (!upstream_kept(plan)) {
    reload->by_config[index] =
        fl_upstream_new(gateway, reload->generation, index);
    return reload->by_config[index] != NULL;
  }
  struct fl_upstream *kept = gateway->by_config[plan->before];
  reload->by_config[index] = kept;
  if ((plan->changes & FL_CHANGE_SERVERS) == 0)
    return true;
  reload->servers[index] =
      fl_upstream_match_servers(kept, reload->generation, index);
  return reload->servers[index] != NULL;
}

static bool prepare_listener(struct fl_gateway *gateway,
                             struct fl_reload *reload, uint32_t index) {
  const struct fl_listener_plan *plan = &reload->generation->listeners[index];
  const struct fl_listener_config *config =
      &reload->generation->config->listeners[index];
  if (listener_kept(plan) || !is_here(gateway, plan->placement))
    return true;
  struct fl_upstream *upstream = config->mode == FL_MODE_COMMAND
                                     ? NULL
                                     : reload->by_config[config->upstream];
  reload->listeners[index] =
      fl_listener_new(gateway, reload->generation, index, upstream);
  return reload->listeners[index] != NULL;
}

static bool prepare_all(struct fl_gateway *gateway, struct fl_reload *reload) {
  const struct fl_config *config = reload->generation->config;
  for (uint32_t i = 0; i < config->upstream_count; i++)
    if (!prepare_upstream(gateway, reload, i))
      return false;
  for (uint32_t i = 0; i < config->listener_count; i++)
    if (!prepare_listener(gateway, reload, i))
      return false;
  return true;
}

bool fl_reload_prepare(struct fl_gateway *gateway, struct fl_generation *next) {
  const struct fl_config *config = next->config;
  struct fl_reload *reload = calloc(1, sizeof *reload);
  assert(gateway->reload == NULL && gateway->stopping == 0);
  if (reload == NULL)
    return false;
  gateway->reload = reload;
  reload->generation = fl_generation_hold(next);
  reload->by_config =
      calloc(config->upstream_count + 1, sizeof(struct fl_upstream *));
  reload->servers =
      calloc(config->upstream_count + 1, sizeof(struct fl_server **));
  reload->listeners =
      calloc(config->listener_count + 1, sizeof(struct fl_listener *));
  if (reload->by_config != NULL && reload->servers != NULL &&
      reload->listeners != NULL && prepare_all(gateway, reload))
    return true;
  fl_reload_cancel(gateway);
  return false;
}

static void discard(struct fl_gateway *gateway) {
  struct fl_reload *reload = gateway->reload;
  free(reload->by_config);
  free(reload->servers);
  free(reload->listeners);
  fl_generation_release(reload->generation);
  free(reload);
  gateway->reload = NULL;
}

static void cancel_upstream(struct fl_gateway *gateway, uint32_t index) {
  struct fl_reload *reload = gateway->reload;
  const struct fl_upstream_plan *plan = &reload->generation->upstreams[index];
  struct fl_upstream *upstream = reload->by_config[index];
  if (upstream == NULL)
    return;
  if (!upstream_kept(plan))
    fl_upstream_free(upstream);
  else if (reload->servers[index] != NULL)
    fl_upstream_unmatch_servers(
        upstream, reload->servers[index],
        reload->generation->config->upstreams[index].server_count);
}

void fl_reload_cancel(struct fl_gateway *gateway) {
  struct fl_reload *reload = gateway->reload;
  if (reload == NULL)
    return;
  const struct fl_config *config = reload->generation->config;
  for (uint32_t i = 0; reload->listeners != NULL && i < config->listener_count;
       i++)
    if (reload->listeners[i] != NULL)
      fl_listener_free(reload->listeners[i]);
  if (reload->by_config != NULL && reload->servers != NULL)
    for (uint32_t i = 0; i < config->upstream_count; i++)
      cancel_upstream(gateway, i);
  discard(gateway);
}

/* Committing. */

static void commit_upstream(struct fl_gateway *gateway, uint32_t index,
                            fl_time now) {
  struct fl_reload *reload = gateway->reload;
  const struct fl_upstream_plan *plan = &reload->generation->upstreams[index];
  struct fl_upstream *upstream = reload->by_config[index];
  if (upstream == NULL)
    return;
  if (upstream_kept(plan)) {
    gateway->by_config[plan->before] = NULL;
    fl_upstream_adopt(upstream, reload->generation, index,
                      reload->servers[index], now);
    return;
  }
  if (plan->before != FL_NONE)
    fl_budget_join(upstream, gateway->by_config[plan->before]);
  fl_list_push_back(&gateway->upstreams, &upstream->link);
  fl_upstream_wake(upstream);
}

static void commit_upstreams(struct fl_gateway *gateway, fl_time now) {
  struct fl_reload *reload = gateway->reload;
  for (uint32_t i = 0; i < reload->generation->config->upstream_count; i++)
    commit_upstream(gateway, i, now);
  for (uint32_t i = 0; i < gateway->config->upstream_count; i++)
    if (gateway->by_config[i] != NULL) /* nobody took it over */
      fl_upstream_leave(gateway->by_config[i]);
  free(gateway->by_config);
  gateway->by_config = reload->by_config;
  reload->by_config = NULL;
}

/* Empties the slots of listeners that are not in the new configuration. */
static void remove_listeners(struct fl_gateway *gateway) {
  const struct fl_generation *next = gateway->reload->generation;
  bool kept[FL_LISTENER_SLOTS] = {false};
  for (uint32_t i = 0; i < next->config->listener_count; i++)
    kept[next->listeners[i].slot] = true;
  struct fl_list *link = gateway->listeners.next;
  for (; link != &gateway->listeners; link = link->next) {
    struct fl_listener *listener = listener_of(link);
    if (kept[listener->slot])
      continue;
    listener->left = true;
    listener->drains = true;
    gateway->slots[listener->slot] = NULL;
  }
}

static void commit_listener(struct fl_gateway *gateway, uint32_t index) {
  struct fl_reload *reload = gateway->reload;
  const struct fl_listener_plan *plan = &reload->generation->listeners[index];
  struct fl_listener *old = gateway->slots[plan->slot];
  if (listener_kept(plan)) {
    if (old == NULL)
      return;
    fl_listener_configure(old, reload->generation, index);
    old->changed |= plan->changes != 0;
    return;
  }
  if (old != NULL) {
    old->left = true;
    old->drains = (plan->changes & FL_CHANGE_STREAM) != 0;
  }
  gateway->slots[plan->slot] = reload->listeners[index];
  if (reload->listeners[index] != NULL)
    fl_list_push_back(&gateway->listeners, &reload->listeners[index]->link);
}

/* Tells clients what has become of their listener or upstream, and frees
   listeners that nobody needs. */
static void settle_listeners(struct fl_gateway *gateway, fl_time now) {
  fl_time until = fl_time_add(now, gateway->config->shutdown_timeout);
  struct fl_list *link = gateway->listeners.next;
  while (link != &gateway->listeners) {
    struct fl_listener *listener = listener_of(link);
    struct fl_upstream *upstream = listener->upstream;
    link = link->next;
    if (listener->drains || (upstream != NULL && upstream->leaving))
      fl_listener_drain(listener, until, now);
    else if (listener->changed || (upstream != NULL && upstream->changed))
      fl_listener_adjust(listener, now);
    listener->changed = false;
    fl_listener_client_gone(listener);
  }
}

void fl_reload_commit(struct fl_gateway *gateway, fl_time now) {
  struct fl_reload *reload = gateway->reload;
  struct fl_generation *before = gateway->generation;
  commit_upstreams(gateway, now);
  remove_listeners(gateway);
  for (uint32_t i = 0; i < reload->generation->config->listener_count; i++)
    commit_listener(gateway, i);
  gateway->generation = fl_generation_hold(reload->generation);
  gateway->config = reload->generation->config;
  settle_listeners(gateway, now);
  gateway->spare.share.attentive = true; /* max_buffered may be another */
  struct fl_list *link = gateway->upstreams.next;
  for (; link != &gateway->upstreams; link = link->next)
    FL_CONTAINER(link, struct fl_upstream, link)->changed = false;
  discard(gateway);
  fl_generation_release(before);
}
