#include "core/errand.h"

#include "core/gateway_state.h"
#include "core/outcome.h"
#include "core/upstream.h"

#include <assert.h>

static const struct fl_upstream_config *
config_of(const struct fl_pooled *pooled) {
  return pooled->server->upstream->config;
}

/* Puts an id of the connection's own in place of the one that stands in the
   file, so that no late reply can be taken for the answer. */
static void put_id(struct fl_pooled *pooled, uint8_t *bytes, size_t size) {
  const struct fl_pair *pair = &config_of(pooled)->pair;
  struct fl_errand *errand = &pooled->errand;
  errand->by_id = pair->by == FL_PAIR_ID && fl_pair_fits(pair, size);
  if (!errand->by_id)
    return;
  errand->file_id = fl_pair_id(pair, (struct fl_slice){bytes, size});
  errand->id = fl_exchanges_new_id(&pooled->exchanges, fl_pair_id_max(pair));
  fl_pair_put(pair, bytes, errand->id);
}

bool fl_errand_say(struct fl_pooled *pooled, const struct fl_payload *send) {
  uint8_t bytes[FL_PAYLOAD_FRAME_MAX];
  size_t size = fl_payload_frame(send, &config_of(pooled)->framing, bytes);
  assert(size > 0); /* config_own.c saw to it */
  put_id(pooled, bytes, size);
  if (!fl_transport_queue(&pooled->conn, (struct fl_slice){bytes, size},
                          UINT32_MAX / 2))
    return false;
  pooled->errand.sent_to = fl_transport_queued(&pooled->conn);
  return true;
}

bool fl_errand_ask(struct fl_pooled *pooled, const struct fl_payload *send,
                   const struct fl_payload *expect, fl_time due) {
  assert(pooled->exchanges.count == 0 && pooled->errand.expect == NULL);
  if (!fl_errand_say(pooled, send))
    return false;
  pooled->errand.expect = expect;
  pooled->errand.due = due;
  return true;
}

enum fl_reason fl_errand_sign_on(struct fl_pooled *pooled, bool *done,
                                 fl_time now) {
  const struct fl_upstream_config *config = config_of(pooled);
  struct fl_errand *errand = &pooled->errand;
  *done = false;
  if (errand->expect != NULL)
    return FL_OK;
  for (; errand->step < config->on_connect_count; errand->step++) {
    const struct fl_step_config *step = &config->on_connect[errand->step];
    if (step->send.size > 0 && now < pooled->quiet_until)
      return FL_OK;
    errand->by_id = false;
    if (step->send.size > 0 && !fl_errand_say(pooled, &step->send))
      return fl_spare_reason(&pooled->conn.gateway->spare);
    if (step->expect.given) {
      errand->expect = &step->expect;
      errand->step++;
      return FL_OK;
    }
  }
  *done = true;
  return FL_OK;
}

void fl_errand_adjust(struct fl_pooled *pooled,
                      const struct fl_upstream_config *was) {
  static const struct fl_payload any = {.given = true};
  const struct fl_upstream_config *config = config_of(pooled);
  struct fl_errand *errand = &pooled->errand;
  if (errand->expect == NULL)
    return;
  if (errand->expect == &was->keepalive.expect)
    errand->expect = &config->keepalive.expect;
  else if (errand->expect == &was->health.expect)
    errand->expect = &any;
  else if (errand->expect != &any)
    errand->expect = &config->on_connect[errand->step - 1].expect;
}

/* Whether the server could only now say this: all that was sent has left. */
static bool in_time(const struct fl_pooled *pooled) {
  return pooled->errand.expect != NULL &&
         fl_transport_taken(&pooled->conn) >= pooled->errand.sent_to;
}

static bool is_answer(const struct fl_pooled *pooled, struct fl_slice frame) {
  const struct fl_upstream_config *config = config_of(pooled);
  const struct fl_errand *errand = &pooled->errand;
  struct fl_pair pair = config->pair;
  if (!in_time(pooled))
    return false;
  if (!errand->by_id)
    pair.by = FL_PAIR_ORDER;
  else if (!fl_pair_fits(&pair, frame.size) ||
           fl_pair_id(&pair, frame) != errand->id)
    return false;
  return fl_payload_begins(errand->expect, &config->reply_framing, &pair,
                           errand->file_id, frame);
}

size_t fl_errand_take(struct fl_pooled *pooled, struct fl_slice bytes,
                      enum fl_reason *broken, fl_time now) {
  const struct fl_upstream_config *config = config_of(pooled);
  *broken = FL_BAD_ANSWER;
  bool early = !in_time(pooled) && pooled->exchanges.expired_count == 0;
  if (early && config->ignore_count == 0)
    return 0;
  pooled->stray = pooled->stray || early;
  long size = fl_framing_next(&config->reply_framing, &pooled->framing, bytes,
                              config->max_frame);
  if (size < 0)
    return 0;
  *broken = FL_OK;
  if (size == FL_FRAMING_PARTIAL)
    return 0;
  bytes.size = (size_t)size;
  bool stray = pooled->stray;
  if (fl_outcome_pass_over(pooled, bytes) ||
      fl_outcome_drop_late(pooled, bytes, now))
    return bytes.size;
  pooled->conn.frames++;
  if (stray || !is_answer(pooled, bytes))
    *broken = FL_BAD_ANSWER;
  pooled->errand.expect = NULL;
  return bytes.size;
}
