#include "core/pool_parts.h"

#include "core/health.h"
#include "core/outcome.h"

#include <assert.h>

/* The connection stands. */
static void stands(struct fl_pooled *pooled, fl_time now) {
  fl_server_connected(pooled->server, now);
  if (!pooled->probe)
    fl_health_connected(pooled->server, now);
  fl_pooled_settle(pooled, now);
}

enum fl_reason fl_pooled_sign_on(struct fl_pooled *pooled, fl_time now) {
  bool done;
  enum fl_reason reason = fl_errand_sign_on(pooled, &done, now);
  if (reason == FL_OK && done)
    stands(pooled, now);
  return reason;
}

size_t fl_pooled_decode_sign_on(struct fl_pooled *pooled, struct fl_slice bytes,
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
        fl_pooled_upstream(pooled)->config->on_connect;
    uint32_t count = fl_pooled_upstream(pooled)->config->on_connect_count;
    uint32_t step = pooled->errand.step;
    if (pooled->errand.expect == NULL && used < bytes.size &&
        (step == count || steps[step].send.size > 0))
      *broken = FL_BAD_GREETING;
    if (*broken == FL_OK)
      *broken = fl_pooled_sign_on(pooled, now);
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
  fl_pooled_move(pooled, FL_POOLED_IDLE);
  fl_upstream_wake(fl_pooled_upstream(pooled));
}

size_t fl_pooled_decode_check(struct fl_pooled *pooled, struct fl_slice bytes,
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

bool fl_pooled_stale(const struct fl_pooled *pooled, fl_time now) {
  fl_time limit = fl_pooled_upstream(pooled)->config->pool.validate_after;
  return limit != 0 && now >= fl_time_add(pooled->heard, limit);
}

/* Sends a request of our own on an idle connection. */
static void ask(struct fl_pooled *pooled, const struct fl_payload *send,
                const struct fl_payload *expect, fl_time timeout, fl_time now) {
  assert(pooled->state == FL_POOLED_IDLE);
  if (!fl_errand_ask(pooled, send, expect, fl_time_add(now, timeout))) {
    fl_pooled_retire(pooled, fl_spare_reason(&pooled->conn.gateway->spare),
                     now);
    return;
  }
  fl_pooled_metrics(pooled)->own_requests++;
  fl_pooled_move(pooled, FL_POOLED_CHECKING);
  fl_pooled_arm(pooled);
}

void fl_pooled_probe(struct fl_pooled *pooled, fl_time now) {
  const struct fl_health_config *health =
      &fl_pooled_upstream(pooled)->config->health;
  ask(pooled, &health->send, &health->expect, health->timeout, now);
}

void fl_pooled_check(struct fl_pooled *pooled, fl_time now) {
  const struct fl_upstream_config *config = fl_pooled_upstream(pooled)->config;
  if (config->keepalive.send.size == 0)
    fl_pooled_probe(pooled, now);
  else
    ask(pooled, &config->keepalive.send, &config->keepalive.expect,
        config->request_timeout, now);
}
