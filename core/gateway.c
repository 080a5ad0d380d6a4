#include "core/gateway.h"

#include "core/client.h"
#include "core/gateway_state.h"
#include "core/listener.h"
#include "core/placement.h"
#include "core/relay.h"
#include "core/upstream.h"

#include <assert.h>
#include <stdlib.h>

/* Begin. */

static bool init_upstreams(struct fl_gateway *gateway,
                           const struct fl_gateway_setup *setup) {
  const struct fl_config *config = setup->config;
  for (uint32_t i = 0; i < config->upstream_count; i++) {
    struct fl_placement placement =
        fl_placement_upstream(config, i, setup->workers);
    uint32_t shard;
    if (fl_placement_has(placement, setup->worker, setup->workers, &shard) &&
        !fl_upstream_init(&gateway->upstreams[i], gateway,
                          &config->upstreams[i], shard, placement.count))
      return false;
  }
  return true;
}

static void init_listeners(struct fl_gateway *gateway,
                           const struct fl_gateway_setup *setup) {
  for (uint32_t i = 0; i < setup->config->listener_count; i++) {
    struct fl_listener *listener = &gateway->listeners[i];
    listener->gateway = gateway;
    listener->config = &setup->config->listeners[i];
    listener->occupancy = &setup->occupancy[i];
    if (listener->config->mode != FL_MODE_COMMAND)
      listener->upstream = &gateway->upstreams[listener->config->upstream];
    fl_list_init(&listener->clients);
  }
}

struct fl_gateway *fl_gateway_new(const struct fl_gateway_setup *setup) {
  const struct fl_config *config = setup->config;
  struct fl_gateway *gateway = calloc(1, sizeof *gateway);
  if (gateway == NULL)
    return NULL;
  gateway->config = config;
  gateway->io = setup->io;
  fl_list_init(&gateway->runnable);
  fl_list_init(&gateway->dispatch);
  fl_list_init(&gateway->dirty);
  fl_list_init(&gateway->late);
  gateway->listeners =
      calloc(config->listener_count + 1, sizeof *gateway->listeners);
  gateway->upstreams =
      calloc(config->upstream_count + 1, sizeof *gateway->upstreams);
  if (gateway->listeners == NULL || gateway->upstreams == NULL)
    goto failed;
  init_listeners(gateway, setup);
  if (!init_upstreams(gateway, setup))
    goto failed;
  return gateway;

failed:
  fl_gateway_free(gateway);
  return NULL;
}

void fl_gateway_free(struct fl_gateway *gateway) {
  if (gateway == NULL)
    return;
  for (uint32_t i = 0;
       gateway->upstreams != NULL && i < gateway->config->upstream_count; i++)
    fl_upstream_free(&gateway->upstreams[i]);
  free(gateway->upstreams);
  free(gateway->listeners);
  fl_deadlines_free(&gateway->deadlines);
  fl_spare_free(&gateway->spare);
  free(gateway);
}

/* Calls each upstream that lives on this worker. */
static void each_upstream(struct fl_gateway *gateway,
                          void (*call)(struct fl_upstream *, fl_time),
                          fl_time now) {
  for (uint32_t i = 0; i < gateway->config->upstream_count; i++)
    if (gateway->upstreams[i].servers != NULL)
      call(&gateway->upstreams[i], now);
}

static void dispatch(struct fl_upstream *upstream, fl_time now) {
  if (upstream->config->mode == FL_MODE_RELAY)
    fl_relay_dispatch(upstream, now);
  else
    fl_upstream_dispatch(upstream, now);
}

void fl_gateway_start(struct fl_gateway *gateway, fl_time now) {
  each_upstream(gateway, dispatch, now);
}

/* Driving. */

struct fl_conn *fl_gateway_accept(struct fl_gateway *gateway, uint32_t listener,
                                  struct fl_sock *sock,
                                  const struct fl_addr *peer, fl_time now) {
  assert(listener < gateway->config->listener_count);
  struct fl_listener *to = &gateway->listeners[listener];
  if (gateway->stopping)
    return NULL;
  if (to->config->mode == FL_MODE_RELAY) {
    struct fl_relay *relay = fl_relay_new(to, sock, peer, now);
    return relay == NULL ? NULL : &relay->client.conn;
  }
  struct fl_client *client = fl_client_new(to, sock, peer, now);
  return client == NULL ? NULL : &client->conn;
}

void fl_gateway_refused(struct fl_gateway *gateway, uint32_t listener,
                        const struct fl_addr *peer, enum fl_reason reason,
                        fl_time now) {
  assert(listener < gateway->config->listener_count);
  assert(reason >= FL_DENIED_ADDRESS && reason <= FL_ADDRESS_RATE);
  struct fl_listener *from = &gateway->listeners[listener];
  struct fl_refusals *refusals = &from->refusals[reason - FL_DENIED_ADDRESS];
  struct fl_event event = {.kind = FL_EVENT_CLIENT_REFUSED,
                           .reason = reason,
                           .listener = from->config->name,
                           .peer = *peer};
  gateway->metrics.clients_refused[reason]++;
  refusals->untold++;
  if (now >= refusals->quiet_until) {
    event.refused = refusals->untold;
    refusals->untold = 0;
    refusals->quiet_until = now + FL_REFUSED_INTERVAL;
  }
  fl_gateway_event(gateway, &event);
}

/* A token is a count of lookups and the place of a server, so that an answer
   finds its server, and a late one finds that nobody waits for it. */
fl_token fl_gateway_token(struct fl_gateway *gateway,
                          const struct fl_server *server) {
  uint64_t upstream = (uint64_t)(server->upstream - gateway->upstreams);
  uint64_t place = (uint64_t)(server - server->upstream->servers);
  gateway->lookups++;
  if (gateway->lookups == 0)
    gateway->lookups = 1;
  return (uint64_t)gateway->lookups << 32 | upstream << 16 | place;
}

void fl_gateway_resolved(struct fl_gateway *gateway, fl_token token,
                         const struct fl_addr *addrs, uint32_t count,
                         enum fl_reason reason, fl_time now) {
  uint32_t upstream = (uint32_t)(token >> 16 & 0xffff);
  uint32_t server = (uint32_t)(token & 0xffff);
  assert(upstream < gateway->config->upstream_count);
  assert(server < gateway->upstreams[upstream].server_count);
  struct fl_server *found = &gateway->upstreams[upstream].servers[server];
  if (found->lookup == token)
    fl_server_resolved(found, addrs, count, reason, now);
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

fl_time fl_gateway_turn(struct fl_gateway *gateway, fl_time now) {
  fl_time due;
  /* Writing comes last, so that a peer gets all of the turn in one write. A
     write that finds the peer gone, or a deadline, makes work for another
     round. */
  do {
    while (work(gateway, now))
      ;
    due = fl_deadlines_run(&gateway->deadlines, now);
  } while (work(gateway, now));
  return due;
}

/* Stopping. */

static void each_client(struct fl_gateway *gateway, enum fl_mode mode,
                        void (*call)(struct fl_client *, fl_time),
                        fl_time now) {
  for (uint32_t i = 0; i < gateway->config->listener_count; i++) {
    struct fl_listener *listener = &gateway->listeners[i];
    if (listener->config->mode != mode)
      continue;
    struct fl_list *node = listener->clients.next;
    /* A call never takes a client off the list: fl_conn_closed does. */
    for (; node != &listener->clients; node = node->next)
      call(FL_CONTAINER(node, struct fl_client, conn.link), now);
  }
}

static void shut_relays(struct fl_gateway *gateway, fl_time now) {
  for (uint32_t i = 0; i < gateway->config->listener_count; i++) {
    struct fl_listener *listener = &gateway->listeners[i];
    if (listener->config->mode != FL_MODE_RELAY)
      continue;
    struct fl_list *node = listener->clients.next;
    for (; node != &listener->clients; node = node->next)
      fl_relay_shut(FL_CONTAINER(node, struct fl_relay, link), now);
  }
}

void fl_gateway_stop(struct fl_gateway *gateway, enum fl_stop stage,
                     fl_time now) {
  assert((int)stage > gateway->stopping);
  gateway->stopping = (int)stage;
  switch (stage) {
  case FL_STOP_REQUESTS:
    each_client(gateway, FL_MODE_REQUEST, fl_client_drain, now);
    break;
  case FL_STOP_COMMANDS:
    each_upstream(gateway, fl_upstream_shut, now);
    each_client(gateway, FL_MODE_COMMAND, fl_client_drain, now);
    break;
  case FL_STOP_NOW:
    each_upstream(gateway, fl_upstream_shut, now);
    shut_relays(gateway, now);
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

const struct fl_metrics *fl_gateway_metrics(const struct fl_gateway *gateway) {
  return &gateway->metrics;
}

void fl_gateway_check(const struct fl_gateway *gateway) {
  for (uint32_t i = 0; i < gateway->config->upstream_count; i++)
    if (gateway->upstreams[i].servers == NULL)
      continue;
    else if (gateway->upstreams[i].config->mode == FL_MODE_RELAY)
      fl_relay_check(&gateway->upstreams[i]);
    else
      fl_upstream_check(&gateway->upstreams[i]);
}
