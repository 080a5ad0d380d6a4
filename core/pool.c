#include "core/pool.h"

#include "core/balance.h"
#include "core/hashing.h"
#include "core/pool_parts.h"
#include "core/relay.h"
#include "core/rival.h"

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
  fl_budget_took(server->upstream);
  server->upstream->gateway->upstream_conns++;
  fl_pooled_enter(pooled, FL_POOLED_CONNECTING);
  pooled->probe = probe;
  fl_connector_start(&pooled->connector, server, now);
  return server->failures == failures;
}

void fl_pool_probe(struct fl_server *server, fl_time now) {
  assert(fl_budget_allows(server->upstream));
  (void)open_to(server, true, now);
}

/* Requires: it lacks some. */
static bool needs_more(const struct fl_upstream *upstream) {
  bool too_few = fl_pool_live(upstream) < upstream->min_size;
  uint64_t coming = 0;
  if (upstream->gateway->stopping || upstream->leaving)
    too_few = false;
  /* Attempts at a server that fails are no help to those that wait. */
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    const struct fl_server *server = upstream->servers[i];
    if (!fl_server_may_use(server))
      continue;
    coming += server->quiet + (server->failures == 0 ? server->connecting : 0);
  }
  return too_few || (!fl_hashing_is_on(upstream) &&
                     coming * upstream->config->in_flight < upstream->waiting);
}

static bool lacks_some(const struct fl_upstream *upstream) {
  return upstream->waiting > 0 || fl_pool_live(upstream) < upstream->min_size;
}

static bool wants_more(const struct fl_upstream *upstream) {
  return lacks_some(upstream) && fl_budget_allows(upstream) &&
         needs_more(upstream);
}

/* Where clients wait and there is no room, idle connections of ejected servers
   make some. */
static void make_room(struct fl_upstream *upstream, fl_time now) {
  struct fl_list *node;
  if (upstream->waiting == 0 || fl_budget_allows(upstream))
    return;
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    struct fl_server *server = upstream->servers[i];
    while (!fl_server_may_use(server) &&
           (node = fl_list_first(&server->conns[FL_POOLED_IDLE])) != NULL)
      fl_pooled_retire(FL_CONTAINER(node, struct fl_pooled, conn.link),
                       FL_EJECTED, now);
  }
}

/* With hash_client: what those that wait need. One that cannot have its server
   yet looks again: for another, if this connect is one that may fail. */
static void keep_promises(struct fl_upstream *upstream, fl_time now) {
  if (!fl_hashing_is_on(upstream) || upstream->waiting == 0 ||
      upstream->config->mode == FL_MODE_RELAY)
    return;
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    struct fl_server *server = upstream->servers[i];
    if (server->promised > 0 && !fl_budget_allows(upstream))
      fl_rivals_yield(upstream);
    while (server->promised > 0 && fl_budget_allows(upstream) &&
           fl_server_may_connect(server, now)) {
      server->promised--;
      if (!open_to(server, false, now) || server->failures > 0)
        fl_upstream_wake(upstream);
    }
  }
}

static fl_time retry_at(const struct fl_upstream *upstream, bool more,
                        fl_time now) {
  bool waited_for = fl_hashing_is_on(upstream) && upstream->waiting > 0;
  return more || waited_for ? fl_balance_retry_at(upstream, now) : FL_NEVER;
}

void fl_pool_fill(struct fl_upstream *upstream, fl_time now) {
  struct fl_server *server;
  bool more;
  make_room(upstream, now);
  if (upstream->racing > 0 && lacks_some(upstream) &&
      !fl_budget_allows(upstream) && needs_more(upstream))
    fl_rivals_yield(upstream);
  keep_promises(upstream, now);
  while ((more = wants_more(upstream)) &&
         (server = fl_balance_connect(upstream, now)) != NULL)
    if (!open_to(server, false, now)) {
      more = wants_more(upstream);
      break;
    }
  fl_deadline_set(&upstream->gateway->deadlines, &upstream->deadline,
                  retry_at(upstream, more, now));
}

/* After a reload. */

static void renew(struct fl_pooled *pooled, enum fl_reason reason,
                  fl_time now) {
  pooled->outdated = (uint8_t)reason;
  if (pooled->exchanges.count == 0)
    fl_pooled_retire(pooled, reason, now);
  else
    fl_pooled_place(pooled, now); /* it gets no more */
}

/* The next connection of a list that goes on, which renewing the one before may
   have emptied; NULL at its end. */
static struct fl_pooled *last_of(struct fl_server *server, int state) {
  struct fl_list *list = &server->conns[state];
  for (struct fl_list *node = list->prev; node != list; node = node->prev) {
    struct fl_pooled *pooled = FL_CONTAINER(node, struct fl_pooled, conn.link);
    if (pooled->outdated == FL_OK)
      return pooled;
  }
  return NULL;
}

void fl_pool_renew(struct fl_server *server, enum fl_reason reason,
                   fl_time now) {
  struct fl_pooled *pooled;
  struct fl_list *link = server->relays.next;
  for (; link != &server->relays; link = link->next) /* none comes back */
    FL_CONTAINER(link, struct fl_relay, server.conn.link)->expires = now;
  for (int state = 0; state < FL_POOLED_LEAVING; state++)
    while ((pooled = last_of(server, state)) != NULL)
      renew(pooled, reason, now);
}

void fl_pool_cut(struct fl_server *server, enum fl_reason reason, fl_time now) {
  struct fl_list *node;
  for (int state = 0; state < FL_POOLED_LEAVING; state++)
    while ((node = fl_list_first(&server->conns[state])) != NULL)
      fl_pooled_retire(FL_CONTAINER(node, struct fl_pooled, conn.link), reason,
                       now);
}

/* How many connections will be left once those close that are to. */
static uint32_t lasting(const struct fl_upstream *upstream) {
  uint32_t count = fl_pool_live(upstream) + upstream->lent;
  struct fl_list *link = upstream->all_servers.next;
  for (; link != &upstream->all_servers; link = link->next) {
    const struct fl_server *server = FL_CONTAINER(link, struct fl_server, link);
    const struct fl_list *list = &server->conns[FL_POOLED_FULL];
    for (struct fl_list *node = list->next; node != list; node = node->next)
      count -=
          FL_CONTAINER(node, struct fl_pooled, conn.link)->outdated != FL_OK;
  }
  return count;
}

/* First those that serve nobody; of the idle ones, the one unused for
   longest. */
void fl_pool_shrink(struct fl_upstream *upstream, fl_time now) {
  static const int states[] = {FL_POOLED_RESET,      FL_POOLED_CONNECTING,
                               FL_POOLED_SIGNING_ON, FL_POOLED_IDLE,
                               FL_POOLED_QUIET,      FL_POOLED_CHECKING,
                               FL_POOLED_BUSY,       FL_POOLED_FULL};
  if (upstream->budget->size > upstream->budget->max)
    fl_rivals_clear(upstream);
  uint32_t left = lasting(upstream);
  for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
    struct fl_list *link = upstream->all_servers.next;
    for (; link != &upstream->all_servers; link = link->next) {
      struct fl_server *server = FL_CONTAINER(link, struct fl_server, link);
      struct fl_pooled *pooled;
      while (left > upstream->budget->max &&
             (pooled = last_of(server, states[i])) != NULL) {
        renew(pooled, FL_RELOAD, now);
        left--;
      }
    }
  }
}

/* A partial reply is looked at anew: max_frame may be below what was. */
static void adjust(struct fl_pooled *pooled,
                   const struct fl_upstream_config *was) {
  fl_errand_adjust(pooled, was);
  pooled->framing = (struct fl_framing_state){0};
  fl_pooled_arm(pooled);
}

void fl_pool_adjust(struct fl_upstream *upstream,
                    const struct fl_upstream_config *was) {
  struct fl_list *link = upstream->all_servers.next;
  for (; link != &upstream->all_servers; link = link->next)
    for (int state = 0; state < FL_POOLED_CLOSING; state++) {
      struct fl_list *list =
          &FL_CONTAINER(link, struct fl_server, link)->conns[state];
      for (struct fl_list *node = list->next; node != list; node = node->next)
        adjust(FL_CONTAINER(node, struct fl_pooled, conn.link), was);
    }
}
