#include "core/gateway.h"

#include "core/client.h"
#include "core/gate.h"
#include "core/gateway_state.h"
#include "core/listener.h"
#include "core/placement.h"
#include "core/relay.h"
#include "core/relay_flow.h"
#include "core/reload.h"
#include "core/session.h"
#include "core/upstream_change.h"

#include <assert.h>
#include <stdlib.h>

/* How often it is looked whether another worker has begun or ended pressure. */
#define PRESSURE_INTERVAL (100 * FL_MILLISECOND)

/* Begin. */

static bool add_upstreams(struct fl_gateway *gateway) {
  struct fl_generation *generation = gateway->generation;
  for (uint32_t i = 0; i < generation->config->upstream_count; i++) {
    if (!fl_placement_has(generation->upstreams[i].placement, gateway->worker,
                          generation->workers, NULL))
      continue;
    gateway->by_config[i] = fl_upstream_new(gateway, generation, i);
    if (gateway->by_config[i] == NULL)
      return false;
    fl_list_push_back(&gateway->upstreams, &gateway->by_config[i]->link);
  }
  return true;
}

static bool add_listeners(struct fl_gateway *gateway) {
  struct fl_generation *generation = gateway->generation;
  for (uint32_t i = 0; i < generation->config->listener_count; i++) {
    const struct fl_listener_config *config = &generation->config->listeners[i];
    const struct fl_listener_plan *plan = &generation->listeners[i];
    struct fl_upstream *upstream = config->mode == FL_MODE_COMMAND
                                       ? NULL
                                       : gateway->by_config[config->upstream];
    if (!fl_placement_has(plan->placement, gateway->worker, generation->workers,
                          NULL))
      continue;
    gateway->slots[plan->slot] =
        fl_listener_new(gateway, generation, i, upstream);
    if (gateway->slots[plan->slot] == NULL)
      return false;
    fl_list_push_back(&gateway->listeners, &gateway->slots[plan->slot]->link);
  }
  return true;
}

static void init_lists(struct fl_gateway *gateway) {
  fl_list_init(&gateway->listeners);
  fl_list_init(&gateway->upstreams);
  fl_list_init(&gateway->gates);
  fl_list_init(&gateway->looking);
  fl_list_init(&gateway->runnable);
  fl_list_init(&gateway->dispatch);
  fl_list_init(&gateway->dirty);
  fl_list_init(&gateway->late);
}

struct fl_gateway *fl_gateway_new(const struct fl_gateway_setup *setup) {
  struct fl_gateway *gateway = calloc(1, sizeof *gateway);
  if (gateway == NULL)
    return NULL;
  init_lists(gateway);
  gateway->generation = fl_generation_hold(setup->generation);
  gateway->config = setup->generation->config;
  gateway->io = setup->io;
  fl_memory_join(setup->memory, &gateway->spare.share);
  gateway->occupancy = setup->occupancy;
  gateway->worker = setup->worker;
  gateway->slots = calloc(FL_LISTENER_SLOTS, sizeof(struct fl_listener *));
  gateway->by_config =
      calloc(gateway->config->upstream_count + 1, sizeof(struct fl_upstream *));
  if (gateway->slots != NULL && gateway->by_config != NULL &&
      add_upstreams(gateway) && add_listeners(gateway))
    return gateway;
  fl_gateway_free(gateway);
  return NULL;
}

static struct fl_listener *listener_of(struct fl_list *link) {
  return FL_CONTAINER(link, struct fl_listener, link);
}

static struct fl_upstream *upstream_of(struct fl_list *link) {
  return FL_CONTAINER(link, struct fl_upstream, link);
}

void fl_gateway_free(struct fl_gateway *gateway) {
  struct fl_list *link;
  if (gateway == NULL)
    return;
  fl_reload_cancel(gateway);
  while ((link = fl_list_first(&gateway->listeners)) != NULL)
    fl_listener_free(listener_of(link));
  while ((link = fl_list_first(&gateway->upstreams)) != NULL)
    fl_upstream_free(upstream_of(link));
  free(gateway->by_config);
  free(gateway->slots);
  fl_deadlines_free(&gateway->deadlines);
  fl_spare_free(&gateway->spare);
  fl_generation_release(gateway->generation);
  free(gateway);
}

/* Calls each upstream that lives on this worker. */
static void each_upstream(struct fl_gateway *gateway,
                          void (*call)(struct fl_upstream *, fl_time),
                          fl_time now) {
  struct fl_list *link = gateway->upstreams.next;
  for (; link != &gateway->upstreams; link = link->next)
    call(upstream_of(link), now);
}

static void dispatch(struct fl_upstream *upstream, fl_time now) {
  if (fl_pool_lends(upstream))
    fl_relay_dispatch(upstream, now);
  else
    fl_upstream_dispatch(upstream, now);
  if (upstream->leaving || upstream->servers_gone > 0)
    fl_upstream_tidy(upstream, now);
}

void fl_gateway_start(struct fl_gateway *gateway, fl_time now) {
  each_upstream(gateway, dispatch, now);
}

/* Driving. */

/* Relays or sessions; else its clients are struct fl_client. */
static bool has_relays(const struct fl_listener *listener) {
  return listener->config->mode == FL_MODE_RELAY ||
         listener->config->mode == FL_MODE_SESSION;
}

struct fl_conn *fl_gateway_accept(struct fl_gateway *gateway, uint32_t slot,
                                  struct fl_sock *sock,
                                  const struct fl_addr *peer, fl_time now) {
  assert(slot < FL_LISTENER_SLOTS && gateway->slots[slot] != NULL);
  struct fl_listener *to = gateway->slots[slot];
  if (gateway->stopping)
    return NULL;
  if (has_relays(to)) {
    struct fl_relay *relay = fl_relay_new(to, sock, peer, now);
    return relay == NULL ? NULL : &relay->client.conn;
  }
  struct fl_client *client = fl_client_new(to, sock, peer, now);
  return client == NULL ? NULL : &client->conn;
}

void fl_gateway_refused(struct fl_gateway *gateway, uint32_t slot,
                        const struct fl_addr *peer, enum fl_reason reason,
                        fl_time now) {
  assert(slot < FL_LISTENER_SLOTS && gateway->slots[slot] != NULL);
  assert(reason >= FL_DENIED_ADDRESS && reason <= FL_ADDRESS_RATE);
  struct fl_listener *from = gateway->slots[slot];
  struct fl_refusals *refusals = &from->refusals[reason - FL_DENIED_ADDRESS];
  struct fl_event event = {.kind = FL_EVENT_CLIENT_REFUSED,
                           .reason = reason,
                           .listener = from->config->name,
                           .peer = *peer};
  from->metrics.clients_refused[reason]++;
  refusals->untold++;
  if (now >= refusals->quiet_until) {
    event.refused = refusals->untold;
    refusals->untold = 0;
    refusals->quiet_until = now + FL_REFUSED_INTERVAL;
  }
  fl_gateway_event(gateway, &event);
}

/* A late answer finds that nobody waits for it. */
void fl_gateway_resolved(struct fl_gateway *gateway, fl_token token,
                         const struct fl_addr *addrs, uint32_t count,
                         enum fl_reason reason, fl_time now) {
  struct fl_list *link = gateway->looking.next;
  for (; link != &gateway->looking; link = link->next) {
    struct fl_server *server = FL_CONTAINER(link, struct fl_server, looking);
    if (server->name.lookup != token)
      continue;
    fl_list_remove(&server->looking);
    fl_server_resolved(server, addrs, count, reason, now);
    return;
  }
}

static void write_out(struct fl_list *dirty, fl_time now) {
  struct fl_list *node;
  while ((node = fl_list_pop(dirty)) != NULL)
    fl_transport_flush(FL_CONTAINER(node, struct fl_conn, dirty), now);
}

void fl_gateway_relieve(struct fl_gateway *gateway, fl_time now) {
  write_out(&gateway->dirty, now);
}

/* Returns whether there was something to do. */
static bool work(struct fl_gateway *gateway, fl_time now) {
  struct fl_list *node;
  if ((node = fl_list_pop(&gateway->runnable)) != NULL)
    fl_client_run(FL_CONTAINER(node, struct fl_client, runnable), now);
  else if ((node = fl_list_pop(&gateway->dispatch)) != NULL)
    dispatch(FL_CONTAINER(node, struct fl_upstream, dispatch), now);
  else if (!fl_list_empty(&gateway->dirty))
    write_out(&gateway->dirty, now);
  else if (!fl_list_empty(&gateway->late))
    write_out(&gateway->late, now);
  else
    return false;
  return true;
}

static void each_client(struct fl_gateway *gateway, enum fl_mode mode,
                        void (*call)(struct fl_client *, fl_time),
                        fl_time now) {
  struct fl_list *link = gateway->listeners.next;
  for (; link != &gateway->listeners; link = link->next) {
    struct fl_listener *listener = listener_of(link);
    if (listener->config->mode != mode)
      continue;
    struct fl_list *node = listener->clients.next;
    /* A call never takes a client off the list: fl_conn_closed does. */
    for (; node != &listener->clients; node = node->next)
      call(FL_CONTAINER(node, struct fl_client, conn.link), now);
  }
}

static void each_relay(struct fl_gateway *gateway,
                       void (*call)(struct fl_relay *, fl_time), fl_time now) {
  struct fl_list *link = gateway->listeners.next;
  for (; link != &gateway->listeners; link = link->next) {
    struct fl_listener *listener = listener_of(link);
    if (!has_relays(listener))
      continue;
    struct fl_list *node = listener->clients.next;
    for (; node != &listener->clients; node = node->next)
      call(FL_CONTAINER(node, struct fl_relay, link), now);
  }
}

static void look_again(struct fl_gateway *gateway, fl_time now) {
  each_client(gateway, FL_MODE_COMMAND, fl_client_look_again, now);
  each_client(gateway, FL_MODE_REQUEST, fl_client_look_again, now);
  each_relay(gateway, fl_relay_look_again, now);
}

void fl_gateway_look_at_memory(struct fl_gateway *gateway, fl_time now) {
  struct fl_memory_share *share = &gateway->spare.share;
  bool pressed = share->pressed;
  enum fl_memory_news news = fl_memory_look(share);
  if (pressed != share->pressed)
    look_again(gateway, now);
  if (news == FL_MEMORY_NOTHING)
    return;
  struct fl_event event = {
      .kind = news == FL_MEMORY_PRESSED ? FL_EVENT_BUFFERS_HIGH
                                        : FL_EVENT_BUFFERS_LOW,
      .bytes_in =
          atomic_load_explicit(&share->memory->drawn, memory_order_relaxed)};
  fl_gateway_event(gateway, &event);
}

/* Keeps nothing that others may need. While peers hold any buffer, each turn
   looks; while they hold much, so does time. Returns when. */
static fl_time watch_memory(struct fl_gateway *gateway, fl_time now) {
  struct fl_spare *spare = &gateway->spare;
  if (fl_memory_watches(&spare->share))
    fl_spare_trim(spare);
  bool watches = fl_memory_watches(&spare->share);
  spare->share.attentive =
      watches || spare->share.used > (uint64_t)spare->count * FL_SPARE_SIZE;
  return watches ? fl_time_add(now, PRESSURE_INTERVAL) : FL_NEVER;
}

fl_time fl_gateway_turn(struct fl_gateway *gateway, fl_time now) {
  fl_time due;
  if (fl_memory_may_have_turned(&gateway->spare.share))
    fl_gateway_look_at_memory(gateway, now);
  /* Writing comes last, so that a peer gets all of the turn in one write. A
     write that finds the peer gone, or a deadline, makes work for another
     round. */
  do {
    while (work(gateway, now))
      ;
    due = fl_deadlines_run(&gateway->deadlines, now);
  } while (work(gateway, now));
  if (!fl_list_empty(&gateway->gates))
    fl_gate_turn(gateway, now);
  if (gateway->spare.share.attentive)
    due = fl_time_min(due, watch_memory(gateway, now));
  return due;
}

/* Stopping. */

static void shut(struct fl_upstream *upstream, fl_time now) {
  fl_upstream_shut(upstream, FL_SHUTDOWN, now);
}

void fl_gateway_stop(struct fl_gateway *gateway, enum fl_stop stage,
                     fl_time now) {
  assert((int)stage > gateway->stopping);
  gateway->stopping = (int)stage;
  switch (stage) {
  case FL_STOP_REQUESTS:
    each_client(gateway, FL_MODE_REQUEST, fl_client_drain, now);
    each_relay(gateway, fl_session_drain, now);
    break;
  case FL_STOP_COMMANDS:
    each_upstream(gateway, shut, now);
    each_client(gateway, FL_MODE_COMMAND, fl_client_drain, now);
    break;
  case FL_STOP_NOW:
    each_upstream(gateway, shut, now);
    each_relay(gateway, fl_relay_shut, now);
    each_client(gateway, FL_MODE_REQUEST, fl_client_shut, now);
    each_client(gateway, FL_MODE_COMMAND, fl_client_shut, now);
    break;
  }
}

/* Looking. */

uint32_t fl_gateway_clients(const struct fl_gateway *gateway,
                            enum fl_mode mode) {
  return gateway->clients[mode];
}

uint32_t fl_gateway_upstream_connections(const struct fl_gateway *gateway) {
  return gateway->upstream_conns;
}

const struct fl_metrics *fl_gateway_metrics(struct fl_gateway *gateway) {
  struct fl_list *link = gateway->listeners.next;
  gateway->totals = gateway->gone;
  for (; link != &gateway->listeners; link = link->next)
    fl_metrics_add(&gateway->totals, &listener_of(link)->metrics);
  for (link = gateway->upstreams.next; link != &gateway->upstreams;
       link = link->next)
    fl_metrics_add(&gateway->totals, &upstream_of(link)->metrics);
  return &gateway->totals;
}

void fl_gateway_check(const struct fl_gateway *gateway) {
  struct fl_list *link = gateway->upstreams.next;
  for (; link != &gateway->upstreams; link = link->next)
    fl_upstream_check(upstream_of(link));
}
