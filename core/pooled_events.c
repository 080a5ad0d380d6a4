#include "core/pool_parts.h"

#include "core/health.h"
#include "core/outcome.h"

#include <assert.h>
#include <stdlib.h>

/* How soon an idle connection that is kept is looked at again, at the least. */
#define LOOK_INTERVAL (100 * FL_MILLISECOND)

static size_t decode(struct fl_pooled *pooled, struct fl_slice bytes,
                     enum fl_reason *broken, fl_time now) {
  if (pooled->state == FL_POOLED_SIGNING_ON)
    return fl_pooled_decode_sign_on(pooled, bytes, broken, now);
  if (pooled->state == FL_POOLED_CHECKING)
    return fl_pooled_decode_check(pooled, bytes, broken, now);
  return fl_outcome_decode(pooled, bytes, broken, now);
}

static void pooled_data(struct fl_conn *conn, struct fl_slice bytes,
                        fl_time now) {
  struct fl_pooled *pooled = fl_pooled_of(conn);
  struct fl_spare *spare = &conn->gateway->spare;
  size_t max = fl_pooled_upstream(pooled)->most_frame + (size_t)FL_READ_MAX;
  enum fl_reason broken = FL_OK;
  size_t used = 0;
  bool kept = conn->in.size > 0;
  if (pooled->state == FL_POOLED_LEAVING)
    return;
  if (fl_pool_lends(fl_pooled_upstream(pooled))) {
    fl_pooled_unasked(pooled, bytes, now);
    return;
  }
  if (kept && !fl_buffer_append(&conn->in, spare, bytes, max))
    broken = fl_spare_reason(spare);
  if (pooled->exchanges.unsent != NULL || pooled->exchanges.silent > 0)
    fl_outcome_taken(pooled, now);
  if (broken == FL_OK)
    used =
        decode(pooled, kept ? fl_buffer_peek(&conn->in) : bytes, &broken, now);
  if (pooled->state >= FL_POOLED_LEAVING)
    return; /* it was only opened for a health check */
  struct fl_slice rest = {bytes.bytes + used, bytes.size - used};
  if (kept)
    fl_buffer_consume(&conn->in, spare, used);
  else if (broken == FL_OK && rest.size > 0 &&
           !fl_buffer_append(&conn->in, spare, rest, max))
    broken = fl_spare_reason(spare);
  if (broken != FL_OK)
    fl_pooled_retire(pooled, broken, now);
  else if (pooled->exchanges.count == 0 && fl_pooled_life_over(pooled, now))
    fl_pooled_retire(pooled, fl_pooled_end_of_life(pooled), now);
  else
    fl_pooled_arm(pooled);
}

static void pooled_sent(struct fl_conn *conn, fl_time now) {
  struct fl_pooled *pooled = fl_pooled_of(conn);
  fl_outcome_taken(pooled, now);
  if (pooled->state == FL_POOLED_LEAVING && !pooled->shut &&
      fl_transport_unsent(conn) == 0) {
    pooled->shut = true;
    conn->gateway->io->shutdown(conn->sock);
  }
  fl_pooled_arm(pooled);
}

/* Connecting. */

static void connect_failed(struct fl_pooled *pooled, enum fl_reason reason,
                           fl_time now) {
  fl_pooled_metrics(pooled)->connects_failed[reason]++;
  if (fl_connector_next(&pooled->connector))
    return;
  if (!fl_server_failed(pooled->server, reason, now) && pooled->probe)
    fl_health_failure(pooled->server, reason, now);
  fl_pooled_retire(pooled, reason, now);
}

/* Drawn once: drawn again at each look, it would not spread the ends. */
static fl_time draw_life(const struct fl_pooled *pooled, fl_time now) {
  fl_time life = fl_pooled_upstream(pooled)->config->pool.max_lifetime;
  const struct fl_io *io = pooled->conn.gateway->io;
  if (life == 0)
    return FL_NEVER;
  return fl_time_add(now, life - io->random(io->ctx) % (life / 10 + 1));
}

static void pooled_connected(struct fl_conn *conn, enum fl_reason reason,
                             fl_time now) {
  struct fl_pooled *pooled = fl_pooled_of(conn);
  assert(pooled->state == FL_POOLED_CONNECTING);
  if (reason != FL_OK) {
    connect_failed(pooled, reason, now);
    return;
  }
  fl_connector_stands(&pooled->connector);
  conn->opened = now;
  pooled->quiet_until =
      fl_time_add(now, fl_pooled_upstream(pooled)->config->connect_settle);
  pooled->expires = draw_life(pooled, now);
  fl_pooled_metrics(pooled)->upstream_connects++;
  struct fl_event event = {.kind = FL_EVENT_UPSTREAM_CONNECTED,
                           .upstream = fl_pooled_upstream(pooled)->config->name,
                           .server = pooled->server->endpoint->text,
                           .peer = conn->peer};
  fl_gateway_event(conn->gateway, &event);
  pooled->errand.due =
      fl_time_add(now, fl_pooled_upstream(pooled)->config->connect_timeout);
  fl_pooled_move(pooled, FL_POOLED_SIGNING_ON);
  reason = fl_pooled_sign_on(pooled, now);
  if (reason != FL_OK)
    fl_pooled_retire(pooled, reason, now);
  else
    fl_pooled_arm(pooled);
}

static void pooled_ended(struct fl_conn *conn, enum fl_reason reason,
                         fl_time now) {
  struct fl_pooled *pooled = fl_pooled_of(conn);
  if (pooled->state == FL_POOLED_CONNECTING)
    connect_failed(pooled, reason, now);
  else
    fl_pooled_retire(pooled, reason, now);
}

static void pooled_closed(struct fl_conn *conn, fl_time now) {
  struct fl_pooled *pooled = fl_pooled_of(conn);
  if (!fl_connector_closed(&pooled->connector, now))
    fl_pooled_destroy(pooled, now);
}

/* Gives the requests that are due their errors. Returns whether the connection
   goes on. */
static bool time_out(struct fl_pooled *pooled, fl_time now) {
  struct fl_exchange *due;
  while ((due = fl_exchanges_due(&pooled->exchanges, now)) != NULL) {
    if (fl_outcome_expire(pooled, due, now))
      continue;
    fl_pooled_retire(pooled, FL_REQUEST_TIMEOUT, now);
    return false;
  }
  if (pooled->exchanges.count > 0 || !fl_pooled_life_over(pooled, now))
    return true;
  fl_pooled_retire(pooled, fl_pooled_end_of_life(pooled), now);
  return false;
}

/* Closes an idle connection that is too old, or idle for too long and not
   needed for min_size. Returns whether it did. */
static bool idle_expired(struct fl_pooled *pooled, fl_time now) {
  struct fl_upstream *upstream = fl_pooled_upstream(pooled);
  fl_time timeout = upstream->config->pool.idle_timeout;
  if (fl_pooled_life_over(pooled, now)) {
    fl_pooled_retire(pooled, fl_pooled_end_of_life(pooled), now);
    return true;
  }
  if (now < fl_time_add(pooled->used, timeout))
    return false;
  /* looked at again in another idle_timeout */
  pooled->used = now + fl_time_max(timeout, LOOK_INTERVAL) - timeout;
  if (fl_pool_live(upstream) <= upstream->min_size)
    return false;
  fl_pooled_retire(pooled, FL_POOL_IDLE, now);
  return true;
}

/* Looks after an idle connection. Returns whether it stays. */
static bool look_after(struct fl_pooled *pooled, fl_time now) {
  if (idle_expired(pooled, now))
    return false;
  if (now >= fl_pooled_keepalive_due(pooled)) {
    fl_pooled_check(pooled, now);
    return false;
  }
  return true;
}

static void pooled_expired(struct fl_deadline *deadline, fl_time now) {
  struct fl_pooled *pooled =
      fl_pooled_of(FL_CONTAINER(deadline, struct fl_conn, deadline));
  struct fl_upstream *upstream = fl_pooled_upstream(pooled);
  const struct fl_upstream_config *config = upstream->config;
  bool own =
      pooled->state == FL_POOLED_CHECKING || pooled->state == FL_POOLED_LEAVING;
  if (pooled->state == FL_POOLED_CONNECTING) {
    enum fl_reason reason = fl_connector_expired(&pooled->connector, now);
    if (reason != FL_OK)
      connect_failed(pooled, reason, now);
    return;
  }
  if (pooled->state == FL_POOLED_RESET) {
    fl_pooled_retire(pooled, FL_RESET_FAILED, now);
    return;
  }
  if (pooled->state == FL_POOLED_SIGNING_ON) {
    enum fl_reason reason = now >= pooled->errand.due
                                ? FL_BAD_GREETING
                                : fl_pooled_sign_on(pooled, now);
    if (reason != FL_OK) {
      fl_pooled_retire(pooled, reason, now);
      return;
    }
  } else if (pooled->state == FL_POOLED_QUIET) {
    fl_pooled_settle(pooled, now);
  } else if (pooled->state == FL_POOLED_IDLE) {
    if (!look_after(pooled, now))
      return;
  } else if (own && now >= pooled->errand.due) {
    fl_pooled_retire(pooled, FL_REQUEST_TIMEOUT, now);
    return;
  } else if (now >= fl_pooled_request_due(pooled)) {
    if (!time_out(pooled, now))
      return;
  } else if (fl_transport_stalled(&pooled->conn, config->write_timeout, now)) {
    fl_pooled_retire(pooled, FL_WRITE_TIMEOUT, now);
    return;
  } else if (!own) {
    fl_pooled_place(pooled, now); /* its life may be over */
  }
  fl_pooled_arm(pooled);
}

static const struct fl_owner pooled_owner = {.late = true,
                                             .connected = pooled_connected,
                                             .data = pooled_data,
                                             .sent = pooled_sent,
                                             .ended = pooled_ended,
                                             .closed = pooled_closed};

/* Opening. */

struct fl_pooled *fl_pooled_new(struct fl_server *server) {
  struct fl_upstream *upstream = server->upstream;
  struct fl_pooled *pooled = calloc(1, sizeof *pooled);
  if (pooled == NULL)
    return NULL;
  const struct fl_pair *pair = &upstream->config->pair;
  bool remembers =
      pair->by != FL_PAIR_ORDER && pair->on_late == FL_LATE_DISCARD;
  if (!fl_exchanges_init(&pooled->exchanges, upstream->config->in_flight,
                         remembers ? FL_OUTCOME_EXPIRED_MAX : 0) ||
      !fl_transport_init(&pooled->conn, upstream->gateway, &pooled_owner,
                         pooled_expired)) {
    fl_exchanges_free(&pooled->exchanges);
    free(pooled);
    return NULL;
  }
  pooled->server = server;
  fl_connector_init(&pooled->connector, &pooled->conn);
  fl_list_init(&pooled->followers);
  fl_list_init(&pooled->followed);
  return pooled;
}
