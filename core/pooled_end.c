#include "core/pool_parts.h"

#include "core/health.h"
#include "core/outcome.h"

#include <assert.h>
#include <stdlib.h>

static void report_closed(struct fl_pooled *pooled, enum fl_reason reason,
                          fl_time now) {
  const struct fl_conn *conn = &pooled->conn;
  struct fl_event event = {.kind = FL_EVENT_UPSTREAM_CLOSED,
                           .reason = reason,
                           .upstream = fl_pooled_upstream(pooled)->config->name,
                           .server = pooled->server->endpoint->text,
                           .peer = conn->peer,
                           .bytes_in = conn->bytes_in,
                           .bytes_out = fl_transport_taken(conn),
                           .frames = conn->frames,
                           .duration = now - conn->opened};
  fl_pooled_metrics(pooled)->upstream_closed[reason]++;
  fl_pooled_metrics(pooled)->upstream_bytes_in += conn->bytes_in;
  fl_pooled_metrics(pooled)->upstream_bytes_out += event.bytes_out;
  fl_gateway_event(conn->gateway, &event);
}

void fl_pooled_free(struct fl_pooled *pooled) {
  assert(fl_list_empty(&pooled->connector.rivals));
  fl_transport_release(&pooled->conn);
  fl_exchanges_free(&pooled->exchanges);
  free(pooled);
}

void fl_pooled_destroy(struct fl_pooled *pooled, fl_time now) {
  struct fl_upstream *upstream = fl_pooled_upstream(pooled);
  assert(pooled->exchanges.count == 0);
  fl_pooled_leave(pooled);
  pooled->server->size--;
  if (pooled->conn.opened != 0)
    pooled->server->rests_until =
        fl_time_add(now, upstream->config->reconnect_delay);
  pooled->conn.gateway->upstream_conns--;
  fl_budget_gave(upstream);
  fl_pooled_free(pooled);
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
         reason == FL_EJECTED || reason == FL_ADDRESS_GONE ||
         reason == FL_DISPLACED || reason == FL_SHUTDOWN ||
         reason == FL_RELOAD || reason == FL_DRAINED ||
         reason == FL_EJECTED_BY_OPERATOR || reason == FL_CLOSED_BY_OPERATOR;
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
  const struct fl_payload *on_close =
      &fl_pooled_upstream(pooled)->config->on_close;
  bool idle =
      pooled->state == FL_POOLED_IDLE || pooled->state == FL_POOLED_QUIET;
  if (on_close->size == 0 || !idle || !is_ours(reason) ||
      pooled->conn.gateway->stopping == FL_STOP_NOW ||
      !fl_errand_say(pooled, on_close))
    return false;
  fl_pooled_move(pooled, FL_POOLED_LEAVING);
  pooled->leaving = (uint8_t)reason;
  pooled->errand.due = fl_time_add(now, FL_POOL_LINGER);
  fl_pooled_arm(pooled);
  fl_upstream_wake(fl_pooled_upstream(pooled));
  return true;
}

void fl_pooled_retire(struct fl_pooled *pooled, enum fl_reason reason,
                      fl_time now) {
  struct fl_conn *conn = &pooled->conn;
  struct fl_upstream *upstream = fl_pooled_upstream(pooled);
  assert(pooled->state != FL_POOLED_CLOSING);
  fl_outcome_taken(pooled, now);
  if (take_leave(pooled, reason, now))
    return;
  if (pooled->state == FL_POOLED_LEAVING)
    reason = (enum fl_reason)pooled->leaving;
  bool stood = pooled->state != FL_POOLED_CONNECTING;
  fl_connector_drop(&pooled->connector);
  bool early = pooled->state == FL_POOLED_SIGNING_ON;
  bool cost =
      pooled->exchanges.started > 0 || pooled->state == FL_POOLED_CHECKING;
  fl_pooled_move(pooled, FL_POOLED_CLOSING);
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
    fl_pooled_destroy(pooled, now);
}
