#include "core/pool.h"

#include "core/balance.h"
#include "core/gateway_state.h"
#include "core/health.h"
#include "core/outcome.h"
#include "core/upstream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct fl_pooled *of(struct fl_conn *conn) {
  return FL_CONTAINER(conn, struct fl_pooled, conn);
}

static struct fl_upstream *upstream_of(const struct fl_pooled *pooled) {
  return pooled->server->upstream;
}

static struct fl_metrics *metrics_of(const struct fl_pooled *pooled) {
  return &upstream_of(pooled)->metrics;
}

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
         of(FL_CONTAINER(at, struct fl_conn, link))->used > pooled->used)
    at = at->next;
  fl_list_insert(at, &pooled->conn.link);
}

static void enter(struct fl_pooled *pooled, enum fl_pooled_state state) {
  struct fl_server *server = pooled->server;
  pooled->state = state;
  server->upstream->closing += is_closing(pooled);
  server->connecting += is_coming(pooled);
  server->quiet += is_quiet(pooled);
  if (state == FL_POOLED_IDLE)
    enter_idle(pooled);
  else
    fl_list_push_back(&server->conns[state], &pooled->conn.link);
}

static void leave(struct fl_pooled *pooled) {
  pooled->server->upstream->closing -= is_closing(pooled);
  pooled->server->connecting -= is_coming(pooled);
  pooled->server->quiet -= is_quiet(pooled);
  fl_list_remove(&pooled->conn.link);
}

static void move(struct fl_pooled *pooled, enum fl_pooled_state state) {
  leave(pooled);
  enter(pooled, state);
}

bool fl_pool_lends(const struct fl_upstream *upstream) {
  return upstream->config->mode == FL_MODE_RELAY ||
         upstream->config->mode == FL_MODE_SESSION;
}

static bool life_over(const struct fl_pooled *pooled, fl_time now) {
  return now >= pooled->expires;
}

/* Why a connection is closed whose life is over. */
static enum fl_reason end_of_life(const struct fl_pooled *pooled) {
  return pooled->replaced ? FL_KEY_REUSED : FL_MAX_LIFETIME;
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
    move(pooled, now < pooled->quiet_until ? FL_POOLED_QUIET : FL_POOLED_IDLE);
  } else if (exchanges->count < exchanges->capacity &&
             !life_over(pooled, now)) {
    move(pooled, FL_POOLED_BUSY);
  } else {
    move(pooled, FL_POOLED_FULL);
  }
}

/* Timeouts. */

static fl_time request_due(const struct fl_pooled *pooled) {
  if (pooled->exchanges.started == 0)
    return FL_NEVER;
  return fl_time_add(fl_exchanges_oldest(&pooled->exchanges)->started,
                     upstream_of(pooled)->config->request_timeout);
}

static fl_time request_or_write_due(const struct fl_pooled *pooled) {
  return fl_time_min(
      request_due(pooled),
      fl_transport_write_due(&pooled->conn,
                             upstream_of(pooled)->config->write_timeout));
}

/* A send may have to wait for connect_settle. */
static fl_time sign_on_due(const struct fl_pooled *pooled) {
  if (pooled->errand.expect == NULL)
    return fl_time_min(pooled->quiet_until, pooled->errand.due);
  return pooled->errand.due;
}

static fl_time keepalive_due(const struct fl_pooled *pooled) {
  const struct fl_keepalive_config *config =
      &upstream_of(pooled)->config->keepalive;
  return config->send.size == 0 ? FL_NEVER
                                : fl_time_add(pooled->heard, config->interval);
}

static void arm(struct fl_pooled *pooled) {
  const struct fl_upstream_config *config = upstream_of(pooled)->config;
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
    due = fl_time_min(due, keepalive_due(pooled));
    break;
  case FL_POOLED_CHECKING:
  case FL_POOLED_LEAVING:
    due = pooled->errand.due;
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

/* Requests and replies. */

bool fl_pooled_send(struct fl_pooled *pooled, struct fl_client *client,
                    struct fl_slice frame, fl_time decoded, fl_time now) {
  const struct fl_pair *pair = &upstream_of(pooled)->config->pair;
  struct fl_exchange exchange = {.client = client,
                                 .ticket = client->ticket,
                                 .decoded = decoded,
                                 .offset = fl_transport_queued(&pooled->conn),
                                 .size = (uint32_t)frame.size};
  assert(fl_pooled_has_room(pooled));
  assert(client->bound == NULL || client->bound == pooled);
  if (!fl_transport_queue(&pooled->conn, frame, UINT32_MAX / 2))
    return false;
  if (pair->by == FL_PAIR_ID) {
    exchange.clients_id = fl_pair_id(pair, frame);
    exchange.id = fl_exchanges_new_id(&pooled->exchanges, fl_pair_id_max(pair));
    fl_pair_put(pair, fl_transport_last(&pooled->conn, frame.size),
                exchange.id);
  }
  fl_exchanges_push(&pooled->exchanges, &exchange);
  fl_histogram_add(&upstream_of(pooled)->acquire, now - decoded);
  pooled->server->in_flight++;
  client->bound = pooled;
  client->outstanding++;
  fl_pooled_place(pooled, now);
  arm(pooled);
  return true;
}

/* It may have requests now, or soon. One that was opened for a health check is
   checked first; it may be retired then. */
static void settle(struct fl_pooled *pooled, fl_time now) {
  fl_pooled_place(pooled, now);
  fl_upstream_wake(upstream_of(pooled));
  if (pooled->probe && pooled->state == FL_POOLED_IDLE)
    fl_health_stands(pooled, now);
}

/* The connection stands. */
static void stands(struct fl_pooled *pooled, fl_time now) {
  fl_server_connected(pooled->server, now);
  settle(pooled, now);
}

/* Goes on with on_connect. Returns FL_OK, or why it must be retired. */
static enum fl_reason sign_on(struct fl_pooled *pooled, fl_time now) {
  bool done;
  enum fl_reason reason = fl_errand_sign_on(pooled, &done, now);
  if (reason == FL_OK && done)
    stands(pooled, now);
  return reason;
}

/* As fl_outcome_decode, while on_connect is under way. What comes behind the
   last frame of it, or before the step that it would answer, is more than
   the server should say. */
static size_t decode_sign_on(struct fl_pooled *pooled, struct fl_slice bytes,
                             enum fl_reason *broken, fl_time now) {
  size_t used = 0;
  *broken = FL_OK;
  while (*broken == FL_OK && used < bytes.size) {
    struct fl_slice rest = {bytes.bytes + used, bytes.size - used};
    size_t size = fl_errand_take(pooled, rest, broken, now);
    if (*broken != FL_OK)
      *broken = FL_BAD_GREETING;
    if (size == 0)
      break;
    used += size;
    const struct fl_step_config *steps =
        upstream_of(pooled)->config->on_connect;
    uint32_t count = upstream_of(pooled)->config->on_connect_count;
    uint32_t step = pooled->errand.step;
    if (used < bytes.size && (step == count || steps[step].send.size > 0))
      *broken = FL_BAD_GREETING;
    if (*broken == FL_OK)
      *broken = sign_on(pooled, now);
  }
  return used;
}

/* The server answered our own request. It is idle as long as before. */
static void checked(struct fl_pooled *pooled, fl_time now) {
  if (!pooled->replied)
    fl_server_worked(pooled->server, pooled->conn.opened);
  fl_health_success(pooled->server, now);
  pooled->replied = true;
  pooled->timeouts = 0;
  pooled->heard = now;
  move(pooled, FL_POOLED_IDLE);
  fl_upstream_wake(upstream_of(pooled));
}

/* As fl_outcome_decode, while a request of our own is under way. */
static size_t decode_check(struct fl_pooled *pooled, struct fl_slice bytes,
                           enum fl_reason *broken, fl_time now) {
  size_t used = 0;
  *broken = FL_OK;
  while (used < bytes.size && pooled->errand.expect != NULL) {
    struct fl_slice rest = {bytes.bytes + used, bytes.size - used};
    size_t size = fl_errand_take(pooled, rest, broken, now);
    used += size;
    if (*broken != FL_OK || size == 0)
      return used;
  }
  if (pooled->errand.expect != NULL)
    return used;
  checked(pooled, now);
  if (used == bytes.size)
    return used;
  bytes.bytes += used;
  bytes.size -= used;
  return used + fl_outcome_decode(pooled, bytes, broken, now);
}

static size_t decode(struct fl_pooled *pooled, struct fl_slice bytes,
                     enum fl_reason *broken, fl_time now) {
  if (pooled->state == FL_POOLED_SIGNING_ON)
    return decode_sign_on(pooled, bytes, broken, now);
  if (pooled->state == FL_POOLED_CHECKING)
    return decode_check(pooled, bytes, broken, now);
  return fl_outcome_decode(pooled, bytes, broken, now);
}

/* Whether what came is how `expect` begins. */
static bool begins(const struct fl_bytes *expect, const struct fl_buffer *in) {
  struct fl_slice came = fl_buffer_peek(in);
  assert(came.bytes != NULL);
  return came.size <= expect->size &&
         memcmp(came.bytes, expect->bytes, came.size) == 0;
}

/* Bytes of a server whose connection nobody has. It may be one that speaks
   first: then its client gets them. Of one that was reset nothing but the
   answer may come. */
static void unasked(struct fl_pooled *pooled, struct fl_slice bytes,
                    fl_time now) {
  struct fl_conn *conn = &pooled->conn;
  const struct fl_bytes *expect = &upstream_of(pooled)->config->reset.expect;
  enum fl_reason broken = FL_OK;
  if (!fl_buffer_append(&conn->in, &conn->gateway->spare, bytes,
                        FL_HIGH_WATERMARK + (size_t)FL_READ_MAX))
    broken = FL_OUT_OF_MEMORY;
  else if (pooled->state == FL_POOLED_RESET && !begins(expect, &conn->in))
    broken = FL_RESET_FAILED;
  else if (pooled->state != FL_POOLED_RESET && pooled->replied)
    broken = FL_UNEXPECTED_DATA;
  if (broken != FL_OK) {
    fl_pooled_retire(pooled, broken, now);
    return;
  }
  if (pooled->state == FL_POOLED_RESET && conn->in.size == expect->size) {
    fl_buffer_clear(&conn->in, &conn->gateway->spare);
    fl_pooled_place(pooled, now);
    fl_upstream_wake(upstream_of(pooled));
    arm(pooled);
  } else if (conn->in.size >= FL_HIGH_WATERMARK) {
    fl_transport_read(conn, false);
  }
}

static void pooled_data(struct fl_conn *conn, struct fl_slice bytes,
                        fl_time now) {
  struct fl_pooled *pooled = of(conn);
  struct fl_spare *spare = &conn->gateway->spare;
  size_t max = upstream_of(pooled)->config->max_frame + (size_t)FL_READ_MAX;
  enum fl_reason broken = FL_OK;
  size_t used = 0;
  bool kept = conn->in.size > 0;
  if (pooled->state == FL_POOLED_LEAVING)
    return;
  if (fl_pool_lends(upstream_of(pooled))) {
    unasked(pooled, bytes, now);
    return;
  }
  if (kept && !fl_buffer_append(&conn->in, spare, bytes, max))
    broken = FL_OUT_OF_MEMORY;
  fl_exchanges_start(&pooled->exchanges, fl_transport_taken(conn), now);
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
    broken = FL_OUT_OF_MEMORY;
  if (broken != FL_OK)
    fl_pooled_retire(pooled, broken, now);
  else if (pooled->exchanges.count == 0 && life_over(pooled, now))
    fl_pooled_retire(pooled, end_of_life(pooled), now);
  else
    arm(pooled);
}

static void pooled_sent(struct fl_conn *conn, fl_time now) {
  struct fl_pooled *pooled = of(conn);
  fl_exchanges_start(&pooled->exchanges, fl_transport_taken(conn), now);
  if (pooled->state == FL_POOLED_LEAVING && !pooled->shut &&
      fl_transport_unsent(conn) == 0) {
    pooled->shut = true;
    conn->gateway->io->shutdown(conn->sock);
  }
  arm(pooled);
}

/* The end of a connection. */

static void report_closed(struct fl_pooled *pooled, enum fl_reason reason,
                          fl_time now) {
  const struct fl_conn *conn = &pooled->conn;
  struct fl_event event = {.kind = FL_EVENT_UPSTREAM_CLOSED,
                           .reason = reason,
                           .upstream = upstream_of(pooled)->config->name,
                           .server = pooled->server->endpoint->text,
                           .peer = conn->peer,
                           .bytes_in = conn->bytes_in,
                           .bytes_out = fl_transport_taken(conn),
                           .frames = conn->frames,
                           .duration = now - conn->opened};
  metrics_of(pooled)->upstream_closed[reason]++;
  metrics_of(pooled)->upstream_bytes_in += conn->bytes_in;
  metrics_of(pooled)->upstream_bytes_out += event.bytes_out;
  fl_gateway_event(conn->gateway, &event);
}

static void free_pooled(struct fl_pooled *pooled) {
  fl_transport_release(&pooled->conn);
  fl_exchanges_free(&pooled->exchanges);
  free(pooled);
}

static void destroy(struct fl_pooled *pooled, fl_time now) {
  struct fl_upstream *upstream = upstream_of(pooled);
  assert(pooled->exchanges.count == 0);
  leave(pooled);
  pooled->server->size--;
  upstream->size--;
  if (pooled->conn.opened != 0)
    pooled->server->rests_until =
        fl_time_add(now, upstream->config->reconnect_delay);
  pooled->conn.gateway->upstream_conns--;
  fl_upstream_wake(upstream);
  free_pooled(pooled);
}

/* The peer's end has its own name where it cost a reply. */
static enum fl_reason end_reason(const struct fl_pooled *pooled,
                                 enum fl_reason reason) {
  if (pooled->exchanges.started == 0)
    return reason;
  if (reason == FL_PEER_CLOSED)
    return FL_UPSTREAM_CLOSED;
  if (reason == FL_PEER_RESET)
    return FL_UPSTREAM_RESET;
  return reason;
}

static bool is_ours(enum fl_reason reason) {
  return reason == FL_POOL_IDLE || reason == FL_MAX_LIFETIME ||
         reason == FL_KEY_REUSED || reason == FL_PROBED ||
         reason == FL_EJECTED || reason == FL_SHUTDOWN;
}

/* A server that takes connections and ends them at once is no better than one
   that refuses, and one that says what nobody asked for cannot be used. One
   that closes what was idle for a while does nobody harm, for connects follow
   each other no faster than `initial`; nor does one that leaves a request
   without a reply: the next connect only follows the next request. `early`:
   on_connect had not ended, so it never stood. `cost`: a request, a client's or
   our own, has no reply. */
static void judge_server(struct fl_pooled *pooled, enum fl_reason reason,
                         bool early, bool cost, fl_time now) {
  struct fl_server *server = pooled->server;
  bool counted = false;
  fl_time stood = now - pooled->conn.opened;
  if (is_ours(reason))
    return;
  if (pooled->replied)
    fl_server_left(server, now);
  else if (early || reason == FL_UNEXPECTED_DATA ||
           (pooled->exchanges.started == 0 &&
            stood < server->upstream->config->backoff.initial))
    counted = fl_server_failed(server, reason, now);
  else
    fl_server_worked(server, pooled->conn.opened);
  if (!counted && (cost || (early && pooled->probe)))
    fl_health_failure(server, reason, now);
}

/* Says on_close, where that is in place. Returns whether the close follows
   later. */
static bool take_leave(struct fl_pooled *pooled, enum fl_reason reason,
                       fl_time now) {
  const struct fl_payload *on_close = &upstream_of(pooled)->config->on_close;
  bool idle =
      pooled->state == FL_POOLED_IDLE || pooled->state == FL_POOLED_QUIET;
  if (on_close->size == 0 || !idle || !is_ours(reason) ||
      pooled->conn.gateway->stopping == FL_STOP_NOW ||
      !fl_errand_say(pooled, on_close))
    return false;
  move(pooled, FL_POOLED_LEAVING);
  pooled->leaving = (uint8_t)reason;
  pooled->errand.due = fl_time_add(now, FL_POOL_LINGER);
  arm(pooled);
  fl_upstream_wake(upstream_of(pooled));
  return true;
}

void fl_pooled_retire(struct fl_pooled *pooled, enum fl_reason reason,
                      fl_time now) {
  struct fl_conn *conn = &pooled->conn;
  struct fl_upstream *upstream = upstream_of(pooled);
  assert(pooled->state != FL_POOLED_CLOSING);
  if (take_leave(pooled, reason, now))
    return;
  if (pooled->state == FL_POOLED_LEAVING)
    reason = (enum fl_reason)pooled->leaving;
  fl_exchanges_start(&pooled->exchanges, fl_transport_taken(conn), now);
  bool stood = pooled->state != FL_POOLED_CONNECTING;
  bool early = pooled->state == FL_POOLED_SIGNING_ON;
  bool cost =
      pooled->exchanges.started > 0 || pooled->state == FL_POOLED_CHECKING;
  move(pooled, FL_POOLED_CLOSING);
  if (stood) {
    reason = end_reason(pooled, reason);
    judge_server(pooled, reason, early, cost, now);
    report_closed(pooled, reason, now);
  }
  fl_outcome_retired(pooled, reason, now);
  assert(fl_list_empty(&pooled->followers));
  fl_upstream_wake(upstream);
  if (conn->sock != NULL)
    fl_transport_close(conn, !is_ours(reason));
  else if (!fl_connector_cancel(&pooled->connector))
    destroy(pooled, now);
}

/* Gives the requests that are due their errors. Returns whether the connection
   goes on. */
static bool time_out(struct fl_pooled *pooled, fl_time now) {
  while (now >= request_due(pooled)) {
    if (fl_outcome_expire(pooled, now))
      continue;
    fl_pooled_retire(pooled, FL_REQUEST_TIMEOUT, now);
    return false;
  }
  if (pooled->exchanges.count > 0 || !life_over(pooled, now))
    return true;
  fl_pooled_retire(pooled, end_of_life(pooled), now);
  return false;
}

/* Connecting. */

static void connect_failed(struct fl_pooled *pooled, enum fl_reason reason,
                           fl_time now) {
  metrics_of(pooled)->connects_failed[reason]++;
  if (fl_connector_next(&pooled->connector))
    return;
  if (!fl_server_failed(pooled->server, reason, now) && pooled->probe)
    fl_health_failure(pooled->server, reason, now);
  fl_pooled_retire(pooled, reason, now);
}

/* Drawn once: drawn again at each look, it would not spread the ends. */
static fl_time draw_life(const struct fl_pooled *pooled, fl_time now) {
  fl_time life = upstream_of(pooled)->config->pool.max_lifetime;
  const struct fl_io *io = pooled->conn.gateway->io;
  if (life == 0)
    return FL_NEVER;
  return fl_time_add(now, life - io->random(io->ctx) % (life / 10 + 1));
}

static void pooled_connected(struct fl_conn *conn, enum fl_reason reason,
                             fl_time now) {
  struct fl_pooled *pooled = of(conn);
  assert(pooled->state == FL_POOLED_CONNECTING);
  if (reason != FL_OK) {
    connect_failed(pooled, reason, now);
    return;
  }
  conn->opened = now;
  pooled->quiet_until =
      fl_time_add(now, upstream_of(pooled)->config->connect_settle);
  pooled->expires = draw_life(pooled, now);
  metrics_of(pooled)->upstream_connects++;
  struct fl_event event = {.kind = FL_EVENT_UPSTREAM_CONNECTED,
                           .upstream = upstream_of(pooled)->config->name,
                           .server = pooled->server->endpoint->text,
                           .peer = conn->peer};
  fl_gateway_event(conn->gateway, &event);
  pooled->errand.due =
      fl_time_add(now, upstream_of(pooled)->config->connect_timeout);
  move(pooled, FL_POOLED_SIGNING_ON);
  reason = sign_on(pooled, now);
  if (reason != FL_OK)
    fl_pooled_retire(pooled, reason, now);
  else
    arm(pooled);
}

static void pooled_ended(struct fl_conn *conn, enum fl_reason reason,
                         fl_time now) {
  struct fl_pooled *pooled = of(conn);
  if (pooled->state == FL_POOLED_CONNECTING)
    connect_failed(pooled, reason, now);
  else
    fl_pooled_retire(pooled, reason, now);
}

static void pooled_closed(struct fl_conn *conn, fl_time now) {
  struct fl_pooled *pooled = of(conn);
  if (!fl_connector_closed(&pooled->connector, now))
    destroy(pooled, now);
}

static const struct fl_owner pooled_owner = {.late = true,
                                             .connected = pooled_connected,
                                             .data = pooled_data,
                                             .sent = pooled_sent,
                                             .ended = pooled_ended,
                                             .closed = pooled_closed};

/* Connections that stand or are on their way, and that are the pool's. */
static uint32_t live(const struct fl_upstream *upstream) {
  return upstream->size - upstream->closing - upstream->lent;
}

/* Closes an idle connection that is too old, or idle for too long and not
   needed for min_size. Returns whether it did. */
static bool idle_expired(struct fl_pooled *pooled, fl_time now) {
  struct fl_upstream *upstream = upstream_of(pooled);
  if (life_over(pooled, now)) {
    fl_pooled_retire(pooled, end_of_life(pooled), now);
    return true;
  }
  if (now < fl_time_add(pooled->used, upstream->config->pool.idle_timeout))
    return false;
  pooled->used = now; /* looked at again in another idle_timeout */
  if (live(upstream) <= upstream->min_size)
    return false;
  fl_pooled_retire(pooled, FL_POOL_IDLE, now);
  return true;
}

bool fl_pooled_stale(const struct fl_pooled *pooled, fl_time now) {
  fl_time limit = upstream_of(pooled)->config->pool.validate_after;
  return limit != 0 && now >= fl_time_add(pooled->heard, limit);
}

/* Sends a request of our own on an idle connection. */
static void ask(struct fl_pooled *pooled, const struct fl_payload *send,
                const struct fl_payload *expect, fl_time timeout, fl_time now) {
  assert(pooled->state == FL_POOLED_IDLE);
  if (!fl_errand_ask(pooled, send, expect, fl_time_add(now, timeout))) {
    fl_pooled_retire(pooled, FL_OUT_OF_MEMORY, now);
    return;
  }
  metrics_of(pooled)->own_requests++;
  move(pooled, FL_POOLED_CHECKING);
  arm(pooled);
}

void fl_pooled_probe(struct fl_pooled *pooled, fl_time now) {
  const struct fl_health_config *health = &upstream_of(pooled)->config->health;
  ask(pooled, &health->send, &health->expect, health->timeout, now);
}

void fl_pooled_check(struct fl_pooled *pooled, fl_time now) {
  const struct fl_upstream_config *config = upstream_of(pooled)->config;
  if (config->keepalive.send.size == 0)
    fl_pooled_probe(pooled, now);
  else
    ask(pooled, &config->keepalive.send, &config->keepalive.expect,
        config->request_timeout, now);
}

/* Looks after an idle connection. Returns whether it stays. */
static bool look_after(struct fl_pooled *pooled, fl_time now) {
  if (idle_expired(pooled, now))
    return false;
  if (now >= keepalive_due(pooled)) {
    fl_pooled_check(pooled, now);
    return false;
  }
  return true;
}

static void pooled_expired(struct fl_deadline *deadline, fl_time now) {
  struct fl_pooled *pooled =
      of(FL_CONTAINER(deadline, struct fl_conn, deadline));
  struct fl_upstream *upstream = upstream_of(pooled);
  const struct fl_upstream_config *config = upstream->config;
  if (pooled->state == FL_POOLED_CONNECTING) {
    connect_failed(pooled, FL_CONNECT_TIMEOUT, now);
    return;
  }
  if (pooled->state == FL_POOLED_RESET) {
    fl_pooled_retire(pooled, FL_RESET_FAILED, now);
    return;
  }
  if (pooled->state == FL_POOLED_SIGNING_ON) {
    enum fl_reason reason =
        now >= pooled->errand.due ? FL_BAD_GREETING : sign_on(pooled, now);
    if (reason != FL_OK) {
      fl_pooled_retire(pooled, reason, now);
      return;
    }
  } else if (pooled->state == FL_POOLED_QUIET) {
    settle(pooled, now);
  } else if (pooled->state == FL_POOLED_IDLE) {
    if (!look_after(pooled, now))
      return;
  } else if (pooled->state == FL_POOLED_CHECKING ||
             pooled->state == FL_POOLED_LEAVING) {
    fl_pooled_retire(pooled, FL_REQUEST_TIMEOUT, now);
    return;
  } else if (now >= request_due(pooled)) {
    if (!time_out(pooled, now))
      return;
  } else if (fl_transport_stalled(&pooled->conn, config->write_timeout, now)) {
    fl_pooled_retire(pooled, FL_WRITE_TIMEOUT, now);
    return;
  } else {
    fl_pooled_place(pooled, now); /* its life may be over */
  }
  arm(pooled);
}

/* Opening. */

static struct fl_pooled *new_pooled(struct fl_server *server) {
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

/* Returns whether a connect is under way. */
static bool open_to(struct fl_server *server, bool probe, fl_time now) {
  uint32_t failures = server->failures;
  struct fl_pooled *pooled = new_pooled(server);
  if (pooled == NULL) {
    server->upstream->metrics.connects_failed[FL_OUT_OF_MEMORY]++;
    fl_server_failed(server, FL_OUT_OF_MEMORY, now);
    return false;
  }
  server->size++;
  server->upstream->size++;
  server->upstream->gateway->upstream_conns++;
  enter(pooled, FL_POOLED_CONNECTING);
  pooled->probe = probe;
  fl_connector_start(&pooled->connector, server, now);
  return server->failures == failures;
}

void fl_pool_probe(struct fl_server *server, fl_time now) {
  assert(server->upstream->size < server->upstream->max_size);
  (void)open_to(server, true, now);
}

static bool wants_more(const struct fl_upstream *upstream) {
  uint32_t min = upstream->gateway->stopping ? 0 : upstream->min_size;
  uint64_t coming = 0;
  if (upstream->size >= upstream->max_size)
    return false;
  /* Attempts at a server that fails are no help to those that wait. */
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    const struct fl_server *server = upstream->servers[i];
    if (!fl_server_may_use(server))
      continue;
    coming += server->quiet + (server->failures == 0 ? server->connecting : 0);
  }
  return live(upstream) < min ||
         coming * upstream->config->in_flight < upstream->waiting;
}

/* Lending. */

void fl_pooled_lend(struct fl_pooled *pooled, struct fl_conn *to,
                    fl_time *expires) {
  assert(pooled->state == FL_POOLED_IDLE && pooled->exchanges.count == 0);
  *expires = pooled->expires;
  leave(pooled);
  upstream_of(pooled)->lent++;
  fl_transport_move(to, &pooled->conn);
  free_pooled(pooled);
}

bool fl_pool_take_back(struct fl_server *server, struct fl_conn *from,
                       fl_time expires, fl_time now) {
  const struct fl_bytes *send = &server->upstream->config->reset.send;
  struct fl_pooled *pooled = new_pooled(server);
  if (pooled == NULL)
    return false;
  fl_transport_move(&pooled->conn, from);
  if (!fl_transport_queue(&pooled->conn,
                          (struct fl_slice){send->bytes, send->size},
                          FL_HIGH_WATERMARK)) {
    fl_transport_move(from, &pooled->conn);
    free_pooled(pooled);
    return false;
  }
  server->upstream->lent--;
  pooled->expires = expires;
  pooled->replied = true;
  pooled->used = now;
  enter(pooled, FL_POOLED_RESET);
  fl_transport_read(&pooled->conn, true);
  arm(pooled);
  return true;
}

/* Where clients wait and there is no room, idle connections of ejected servers
   make some. */
static void make_room(struct fl_upstream *upstream, fl_time now) {
  struct fl_list *node;
  if (upstream->waiting == 0 || upstream->size < upstream->max_size)
    return;
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    struct fl_server *server = upstream->servers[i];
    while (!fl_server_may_use(server) &&
           (node = fl_list_first(&server->conns[FL_POOLED_IDLE])) != NULL)
      fl_pooled_retire(FL_CONTAINER(node, struct fl_pooled, conn.link),
                       FL_EJECTED, now);
  }
}

void fl_pool_fill(struct fl_upstream *upstream, fl_time now) {
  struct fl_server *server;
  make_room(upstream, now);
  while (wants_more(upstream) &&
         (server = fl_balance_connect(upstream, now)) != NULL)
    if (!open_to(server, false, now))
      break;
  fl_deadline_set(&upstream->gateway->deadlines, &upstream->deadline,
                  wants_more(upstream) ? fl_balance_retry_at(upstream)
                                       : FL_NEVER);
}
