#include "core/health.h"

#include "core/gate.h"
#include "core/gateway_state.h"
#include "core/upstream.h"

/* Findings. */

static bool watched(const struct fl_server *server) {
  return server->upstream->config->health.interval != 0 &&
         !server->upstream->gateway->stopping;
}

static bool none_is_in(const struct fl_upstream *upstream) {
  for (uint32_t i = 0; i < upstream->server_count; i++)
    if (fl_server_is_in(upstream->servers[i]))
      return false;
  return true;
}

static void tell(const struct fl_server *server, struct fl_event *event) {
  event->upstream = server->upstream->config->name;
  event->server = server->endpoint->text;
  fl_gateway_event(server->upstream->gateway, event);
}

static void eject(struct fl_server *server, enum fl_reason reason,
                  fl_time now) {
  struct fl_standing *standing = server->standing;
  if (atomic_exchange(&standing->ejected, true))
    return;
  atomic_store(&standing->since, now);
  atomic_store(&standing->reason, (unsigned)reason);
  server->upstream->metrics.servers_ejected[reason]++;
  struct fl_event event = {.kind = FL_EVENT_SERVER_EJECTED,
                           .reason = reason,
                           .none_left = none_is_in(server->upstream)};
  tell(server, &event);
  fl_upstream_wake(server->upstream);
  fl_gate_stir(server->upstream);
}

static void take_back(struct fl_server *server, fl_time now) {
  struct fl_standing *standing = server->standing;
  fl_time since = atomic_load(&standing->since);
  if (!atomic_exchange(&standing->ejected, false))
    return;
  atomic_store(&standing->successes, 0);
  server->upstream->metrics.servers_returned++;
  struct fl_event event = {.kind = FL_EVENT_SERVER_RETURNED,
                           .duration = now > since ? now - since : 0};
  tell(server, &event);
  fl_gate_stir(server->upstream);
}

void fl_health_success(struct fl_server *server, fl_time now) {
  struct fl_upstream *upstream = server->upstream;
  struct fl_standing *standing = server->standing;
  if (!watched(server))
    return;
  server->heard = now;
  if (!atomic_load_explicit(&standing->heard, memory_order_relaxed)) {
    atomic_store(&standing->heard, true);
    fl_gate_stir(upstream);
  }
  if (atomic_load_explicit(&standing->failures, memory_order_relaxed) != 0)
    atomic_store(&standing->failures, 0);
  if (!fl_standing_ejected(standing))
    return;
  if (atomic_fetch_add(&standing->successes, 1) + 1 >=
      upstream->config->health.rise)
    take_back(server, now);
  else
    server->hurry = true;
  upstream->probe_at = now;
  fl_upstream_wake(upstream);
}

void fl_health_failure(struct fl_server *server, enum fl_reason reason,
                       fl_time now) {
  struct fl_standing *standing = server->standing;
  if (!watched(server) || reason == FL_OUT_OF_MEMORY ||
      reason == FL_BUFFERS_FULL)
    return;
  server->hurry = false;
  if (atomic_load_explicit(&standing->successes, memory_order_relaxed) != 0)
    atomic_store(&standing->successes, 0);
  if (atomic_fetch_add(&standing->failures, 1) + 1 >=
      server->upstream->config->health.fall)
    eject(server, reason, now);
}

void fl_health_connected(struct fl_server *server, fl_time now) {
  const struct fl_standing *standing = server->standing;
  if (server->upstream->config->health.send.size == 0 &&
      (fl_standing_ejected(standing) ||
       !atomic_load_explicit(&standing->heard, memory_order_relaxed)))
    fl_health_success(server, now);
}

/* Checks. */

/* When the next one of a server is due. Whatever is heard of one that is in
   is a check; of an ejected one that has begun to answer more is sought at
   once. One that an operator has taken out is left alone. */
static fl_time due(const struct fl_server *server) {
  fl_time interval = server->upstream->config->health.interval;
  const struct fl_standing *standing = server->standing;
  if (server->admin != FL_ADMIN_IN)
    return FL_NEVER;
  if (!fl_standing_ejected(standing))
    return fl_time_add(fl_time_max(server->heard, server->probed), interval);
  if (server->hurry)
    return server->heard;
  return fl_time_add(server->probed, interval);
}

/* The one that was idle for longest. */
static struct fl_pooled *idle(const struct fl_server *server) {
  const struct fl_list *list = &server->conns[FL_POOLED_IDLE];
  return fl_list_empty(list)
             ? NULL
             : FL_CONTAINER(list->prev, struct fl_pooled, conn.link);
}

/* Whether something is under way whose end will tell as much. */
static bool will_tell(const struct fl_server *server, bool by_request) {
  return server->connecting > 0 ||
         !fl_list_empty(&server->conns[FL_POOLED_CHECKING]) ||
         (by_request && (server->quiet > 0 ||
                         !fl_list_empty(&server->conns[FL_POOLED_BUSY]) ||
                         !fl_list_empty(&server->conns[FL_POOLED_FULL])));
}

/* A connect is to tell whether the server is back, and an idle connection to it
   has the place. */
static void make_room(struct fl_server *server, fl_time now) {
  struct fl_pooled *pooled = idle(server);
  if (server->upstream->config->health.send.size == 0 && pooled != NULL &&
      fl_standing_ejected(server->standing))
    fl_pooled_retire(pooled, FL_PROBED, now);
}

/* Returns false when it has to wait for a place. */
static bool probe(struct fl_server *server, fl_time now) {
  struct fl_upstream *upstream = server->upstream;
  bool by_request = upstream->config->health.send.size > 0;
  struct fl_pooled *pooled = by_request ? idle(server) : NULL;
  if (pooled == NULL && !will_tell(server, by_request) &&
      (!fl_budget_allows(upstream) || now < server->rests_until)) {
    make_room(server, now);
    return false;
  }
  server->probed = now;
  server->hurry = false;
  if (pooled == NULL && will_tell(server, by_request))
    return true;
  upstream->metrics.probes++;
  if (pooled != NULL)
    fl_pooled_probe(pooled, now);
  else
    fl_pool_probe(server, now);
  return true;
}

void fl_health_run(struct fl_upstream *upstream, fl_time now) {
  if (!upstream->probes || upstream->gateway->stopping ||
      (now < upstream->probe_at && !upstream->probe_waits))
    return;
  upstream->probe_at = FL_NEVER;
  upstream->probe_waits = false;
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    struct fl_server *server = upstream->servers[i];
    if (now >= due(server) && !probe(server, now)) {
      upstream->probe_waits = true;
      if (now < server->rests_until)
        upstream->probe_at =
            fl_time_min(upstream->probe_at, server->rests_until);
    } else {
      upstream->probe_at = fl_time_min(upstream->probe_at, due(server));
    }
  }
  fl_deadline_set(&upstream->gateway->deadlines, &upstream->probe,
                  upstream->probe_at);
}

/* Whether nobody has a use for one connection more. */
static bool surplus(const struct fl_upstream *upstream) {
  return upstream->waiting == 0 && upstream->size - upstream->closing -
                                           upstream->lent - upstream->racing >
                                       upstream->min_size;
}

void fl_health_stands(struct fl_pooled *pooled, fl_time now) {
  struct fl_server *server = pooled->server;
  pooled->probe = false;
  if (server->upstream->config->health.send.size > 0) {
    fl_pooled_probe(pooled, now);
    return;
  }
  fl_health_success(server, now);
  if (surplus(server->upstream) || !fl_server_may_use(server))
    fl_pooled_retire(pooled, FL_PROBED, now);
}
