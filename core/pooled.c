#include "core/pool_parts.h"

#include "core/client.h"
#include "core/health.h"
#include "core/retry.h"
#include "core/rule.h"

#include <assert.h>

/* States. */

/* On its way to its first request. */
static bool is_coming(const struct fl_pooled *pooled) {
  return pooled->state == FL_POOLED_CONNECTING ||
         pooled->state == FL_POOLED_SIGNING_ON;
}

/* It stands, and will have room for a request without one ending first. */
static bool is_quiet(const struct fl_pooled *pooled) {
  return pooled->state == FL_POOLED_QUIET ||
         pooled->state == FL_POOLED_CHECKING;
}

/* The states of a request's way, which no count knows. */
static bool is_serving(const struct fl_pooled *pooled) {
  return pooled->state == FL_POOLED_IDLE || pooled->state == FL_POOLED_BUSY ||
         pooled->state == FL_POOLED_FULL;
}

static bool is_closing(const struct fl_pooled *pooled) {
  return pooled->state == FL_POOLED_LEAVING ||
         pooled->state == FL_POOLED_CLOSING;
}

/* The one used last is used next, so that the others age. It is seldom not
   the first: after a request of our own. */
static void enter_idle(struct fl_pooled *pooled) {
  struct fl_list *list = &pooled->server->conns[FL_POOLED_IDLE];
  struct fl_list *at = list->next;
  while (at != list &&
         fl_pooled_of(FL_CONTAINER(at, struct fl_conn, link))->used >
             pooled->used)
    at = at->next;
  fl_list_insert(at, &pooled->conn.link);
}

void fl_pooled_enter(struct fl_pooled *pooled, enum fl_pooled_state state) {
  struct fl_server *server = pooled->server;
  pooled->state = state;
  if (!is_serving(pooled)) {
    server->upstream->closing += is_closing(pooled);
    server->connecting += is_coming(pooled);
    server->quiet += is_quiet(pooled);
  }
  if (state == FL_POOLED_IDLE)
    enter_idle(pooled);
  else
    fl_list_push_back(&server->conns[state], &pooled->conn.link);
}

void fl_pooled_leave(struct fl_pooled *pooled) {
  struct fl_server *server = pooled->server;
  if (!is_serving(pooled)) {
    server->upstream->closing -= is_closing(pooled);
    server->connecting -= is_coming(pooled);
    server->quiet -= is_quiet(pooled);
  }
  fl_list_remove(&pooled->conn.link);
}

void fl_pooled_move(struct fl_pooled *pooled, enum fl_pooled_state state) {
  fl_pooled_leave(pooled);
  fl_pooled_enter(pooled, state);
}

void fl_pooled_replace(struct fl_pooled *pooled, fl_time now) {
  assert(fl_pooled_has_room(pooled));
  pooled->replaced = true;
  pooled->expires = now;
  if (pooled->exchanges.count == 0)
    fl_pooled_retire(pooled, FL_KEY_REUSED, now);
  else
    fl_pooled_place(pooled, now);
}

void fl_pooled_place(struct fl_pooled *pooled, fl_time now) {
  const struct fl_exchanges *exchanges = &pooled->exchanges;
  if (exchanges->count == 0) {
    pooled->used = pooled->heard = now;
    fl_pooled_move(pooled, now < pooled->quiet_until ? FL_POOLED_QUIET
                                                     : FL_POOLED_IDLE);
  } else if (exchanges->count < exchanges->capacity &&
             !fl_pooled_life_over(pooled, now)) {
    fl_pooled_move(pooled, FL_POOLED_BUSY);
  } else {
    fl_pooled_move(pooled, FL_POOLED_FULL);
  }
}

/* Timeouts. */

fl_time fl_pooled_request_due(const struct fl_pooled *pooled) {
  return pooled->exchanges.started == 0 ? FL_NEVER : pooled->exchanges.soonest;
}

static inline fl_time request_or_write_due(const struct fl_pooled *pooled) {
  return fl_time_min(
      fl_pooled_request_due(pooled),
      fl_transport_write_due(
          &pooled->conn, fl_pooled_upstream(pooled)->config->write_timeout));
}

/* A send may have to wait for connect_settle. */
static fl_time sign_on_due(const struct fl_pooled *pooled) {
  if (pooled->errand.expect == NULL)
    return fl_time_min(pooled->quiet_until, pooled->errand.due);
  return pooled->errand.due;
}

fl_time fl_pooled_keepalive_due(const struct fl_pooled *pooled) {
  const struct fl_keepalive_config *config =
      &fl_pooled_upstream(pooled)->config->keepalive;
  return config->send.size == 0 ? FL_NEVER
                                : fl_time_add(pooled->heard, config->interval);
}

void fl_pooled_arm(struct fl_pooled *pooled) {
  const struct fl_upstream_config *config = fl_pooled_upstream(pooled)->config;
  fl_time due = FL_NEVER;
  switch (pooled->state) {
  case FL_POOLED_CONNECTING:
    due = fl_connector_due(&pooled->connector);
    break;
  case FL_POOLED_QUIET:
    due = pooled->quiet_until;
    break;
  case FL_POOLED_SIGNING_ON:
    due = sign_on_due(pooled);
    break;
  case FL_POOLED_RESET:
    due = fl_time_add(pooled->used, config->request_timeout);
    break;
  case FL_POOLED_IDLE:
    due = fl_time_min(fl_time_add(pooled->used, config->pool.idle_timeout),
                      pooled->expires);
    due = fl_time_min(due, fl_pooled_keepalive_due(pooled));
    break;
  case FL_POOLED_CHECKING:
  case FL_POOLED_LEAVING:
    due = fl_time_min(
        pooled->errand.due,
        fl_transport_write_due(&pooled->conn, config->write_timeout));
    break;
  case FL_POOLED_BUSY:
    due = fl_time_min(request_or_write_due(pooled), pooled->expires);
    break;
  case FL_POOLED_FULL:
    due = request_or_write_due(pooled);
    break;
  case FL_POOLED_CLOSING:
  case FL_POOLED_STATES:
    return;
  }
  fl_transport_arm(&pooled->conn, due);
}

void fl_pooled_moved(struct fl_pooled *pooled, fl_time now) {
  pooled->moved = true;
  pooled->expires = fl_time_min(pooled->expires, now);
  fl_pooled_arm(pooled);
}

/* Requests and replies. */

/* What its rule, and whether it was sent before, mean for a request. */
static void apply_rule(struct fl_pooled *pooled, struct fl_exchange *exchange,
                       struct fl_slice frame) {
  struct fl_upstream *upstream = fl_pooled_upstream(pooled);
  const struct fl_rule *rule = fl_upstream_rule(upstream, frame);
  exchange->due = fl_retry_take(&upstream->retries, exchange->client,
                                &exchange->client->since);
  exchange->again = exchange->due != 0;
  exchange->silent = rule->reply == FL_REPLY_NONE;
  exchange->timeout = rule->request_timeout == FL_NEVER
                          ? upstream->config->request_timeout
                          : rule->request_timeout;
  if (rule->idempotent && !exchange->again) /* without memory it is not kept */
    (void)fl_buffer_append(&exchange->request, &pooled->conn.gateway->spare,
                           frame, UINT32_MAX / 2);
}

bool fl_pooled_send(struct fl_pooled *pooled, struct fl_client *client,
                    struct fl_slice frame, fl_time decoded, fl_time now) {
  const struct fl_upstream_config *config = fl_pooled_upstream(pooled)->config;
  const struct fl_pair *pair = &config->pair;
  struct fl_exchange *exchange = fl_exchanges_blank(&pooled->exchanges);
  uint64_t offset = fl_transport_queued(&pooled->conn);
  assert(fl_pooled_has_room(pooled));
  assert(client->bound == NULL || client->bound == pooled);
  if (!fl_transport_queue(&pooled->conn, frame, UINT32_MAX / 2))
    return false;
  exchange->client = client;
  exchange->ticket = client->ticket;
  exchange->decoded = decoded;
  exchange->offset = offset;
  exchange->size = (uint32_t)frame.size;
  apply_rule(pooled, exchange, frame);
  if (config->reply_framing.profile != FL_PROFILE_NONE)
    fl_exchange_keep_head(exchange, frame);
  if (pair->by == FL_PAIR_ID) {
    exchange->clients_id = fl_pair_id(pair, frame);
    exchange->id =
        fl_exchanges_new_id(&pooled->exchanges, fl_pair_id_max(pair));
    fl_pair_put(pair, fl_transport_last(&pooled->conn, frame.size),
                exchange->id);
  }
  fl_exchanges_push(&pooled->exchanges);
  fl_histogram_add(&fl_pooled_upstream(pooled)->acquire, now - decoded);
  pooled->server->in_flight++;
  client->bound = pooled;
  client->outstanding++;
  fl_pooled_place(pooled, now);
  fl_pooled_arm(pooled);
  return true;
}

void fl_pooled_settle(struct fl_pooled *pooled, fl_time now) {
  fl_pooled_place(pooled, now);
  fl_upstream_wake(fl_pooled_upstream(pooled));
  if (pooled->probe && pooled->state == FL_POOLED_IDLE)
    fl_health_stands(pooled, now);
}
