#include "core/gate.h"

#include "core/gateway_state.h"
#include "core/listener.h"
#include "core/upstream.h"

#include <assert.h>

void fl_gate_configure(struct fl_listener *listener) {
  const struct fl_generation *generation = listener->generation;
  const struct fl_listener_plan *plan =
      &generation->listeners[listener->config - generation->config->listeners];
  if (listener->config->on_upstream_down == FL_UPSTREAM_DOWN_CLOSE &&
      plan->placement.first == listener->gateway->worker &&
      fl_list_empty(&listener->gate))
    fl_list_push_back(&listener->gateway->gates, &listener->gate);
}

/* Whether it is to listen. */
static bool wanted(const struct fl_listener *listener) {
  const struct fl_upstream *upstream = listener->upstream;
  if (listener->config->on_upstream_down != FL_UPSTREAM_DOWN_CLOSE)
    return true;
  for (uint32_t i = 0; i < upstream->server_count; i++)
    if (fl_server_is_in(upstream->servers[i]) &&
        atomic_load_explicit(&upstream->servers[i]->standing->heard,
                             memory_order_relaxed))
      return true;
  return false;
}

static bool any_ejected(const struct fl_upstream *upstream) {
  for (uint32_t i = 0; i < upstream->server_count; i++)
    if (!fl_server_is_in(upstream->servers[i]))
      return true;
  return false;
}

static void shut(struct fl_listener *listener, fl_time now) {
  struct fl_event event = {.kind = FL_EVENT_LISTENER_CLOSED,
                           .listener = listener->config->name,
                           .upstream = listener->upstream->config->name,
                           .none_left = any_ejected(listener->upstream)};
  listener->shut = true;
  listener->shut_since = now;
  listener->unbound = 0;
  listener->metrics.listener_closed++;
  fl_gateway_event(listener->gateway, &event);
}

static void reopen(struct fl_listener *listener, fl_time now) {
  struct fl_event event = {.kind = FL_EVENT_LISTENER_OPENED,
                           .listener = listener->config->name,
                           .upstream = listener->upstream->config->name,
                           .duration = now - listener->shut_since};
  listener->shut = false;
  listener->metrics.listener_opened++;
  fl_gateway_event(listener->gateway, &event);
}

static void look(struct fl_listener *listener, fl_time now) {
  const struct fl_gateway *gateway = listener->gateway;
  bool open = wanted(listener);
  if (open == listener->shut) {
    if (open)
      reopen(listener, now);
    else
      shut(listener, now);
    gateway->io->listening(gateway->io->ctx, listener->slot, open);
  }
  if (listener->config->on_upstream_down != FL_UPSTREAM_DOWN_CLOSE)
    fl_list_remove(&listener->gate); /* a reload has said so */
}

void fl_gate_turn(struct fl_gateway *gateway, fl_time now) {
  struct fl_list *link = gateway->gates.next;
  if (gateway->stopping)
    return;
  while (link != &gateway->gates) {
    struct fl_listener *listener = FL_CONTAINER(link, struct fl_listener, gate);
    link = link->next;
    /* Not one that a reload prepares or has taken out. */
    if (gateway->slots[listener->slot] == listener)
      look(listener, now);
  }
}

void fl_gate_stir(const struct fl_upstream *upstream) {
  const struct fl_gateway *gateway = upstream->gateway;
  const struct fl_upstream_plan *plan =
      &upstream->generation->upstreams[upstream->index];
  if (plan->placement.first != gateway->worker)
    gateway->io->stir(gateway->io->ctx, plan->placement.first);
}

bool fl_gateway_listens(const struct fl_gateway *gateway, uint32_t slot) {
  const struct fl_listener *listener = gateway->slots[slot];
  return listener == NULL || !listener->shut;
}

void fl_gateway_rebind_failed(struct fl_gateway *gateway, uint32_t slot,
                              bool first) {
  struct fl_listener *listener = gateway->slots[slot];
  assert(listener != NULL);
  listener->metrics.listener_rebinds_failed++;
  listener->unbound += first;
}

void fl_gateway_rebound(struct fl_gateway *gateway, uint32_t slot) {
  struct fl_listener *listener = gateway->slots[slot];
  if (listener != NULL && listener->unbound > 0)
    listener->unbound--;
}
