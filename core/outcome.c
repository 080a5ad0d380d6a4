#include "core/outcome.h"

#include "core/access.h"
#include "core/collision.h"
#include "core/gateway_state.h"
#include "core/health.h"
#include "core/upstream.h"

#include <assert.h>

/* After so many timeouts without a reply between them, a server is taken for
   gone that pairs by id. */
enum { TIMEOUTS_MAX = 3 };

static struct fl_upstream *upstream_of(const struct fl_pooled *pooled) {
  return pooled->server->upstream;
}

static struct fl_metrics *metrics_of(const struct fl_pooled *pooled) {
  return &upstream_of(pooled)->metrics;
}

static const char *server_of(const struct fl_pooled *pooled) {
  return pooled->server->endpoint->text;
}

/* Replies. */

/* Takes an exchange out; its key is free. */
static inline struct fl_exchange take(struct fl_pooled *pooled,
                                      struct fl_exchange *exchange) {
  struct fl_key *key = exchange->key;
  struct fl_exchange taken = fl_exchanges_take(&pooled->exchanges, exchange);
  if (key != NULL)
    fl_collision_free(upstream_of(pooled), key);
  return taken;
}

static inline void drop(struct fl_pooled *pooled,
                        struct fl_exchange *exchange) {
  struct fl_key *key = exchange->key;
  fl_exchanges_drop(&pooled->exchanges, exchange);
  if (key != NULL)
    fl_collision_free(upstream_of(pooled), key);
}

/* A request has left the connection, whatever its outcome. */
static void unbind(struct fl_pooled *pooled, struct fl_client *client) {
  pooled->server->in_flight--;
  if (client == NULL)
    return;
  client->outstanding--;
  if (client->outstanding == 0)
    fl_upstream_unbound(upstream_of(pooled), client);
}

static void forget_request(struct fl_pooled *pooled,
                           struct fl_exchange *exchange) {
  fl_buffer_clear(&exchange->request, &pooled->conn.gateway->spare);
}

/* There may be room for another request. */
static void place(struct fl_pooled *pooled, fl_time now) {
  if (pooled->state == FL_POOLED_CLOSING)
    return;
  fl_pooled_place(pooled, now);
  fl_upstream_wake(upstream_of(pooled));
}

/* The next request leaves no sooner than this. */
static void keep_gap(struct fl_pooled *pooled, fl_time now) {
  pooled->quiet_until =
      fl_time_add(now, upstream_of(pooled)->config->request_gap);
}

/* took: since its request's frame was complete. */
static inline void reply_to(struct fl_client *client, struct fl_slice frame,
                            uint64_t id, fl_time took, fl_time now) {
  fl_histogram_add(&client->listener->total, took);
  fl_client_reply(client, frame, id, now);
}

/* Gives the client of an exchange its reply. */
static void finish(struct fl_pooled *pooled, struct fl_exchange *exchange,
                   struct fl_slice frame, fl_time now) {
  struct fl_client *client = exchange->client;
  struct fl_buffer reply = exchange->reply; /* frame may lie in it */
  uint64_t id = exchange->clients_id;
  fl_time decoded = exchange->decoded;
  fl_access_done(exchange, server_of(pooled), FL_OK, frame.size, now);
  forget_request(pooled, exchange);
  drop(pooled, exchange);
  unbind(pooled, client);
  place(pooled, now);
  if (client == NULL)
    metrics_of(pooled)->replies_dropped++;
  else
    reply_to(client, frame, id, now - decoded, now);
  fl_buffer_clear(&reply, &pooled->conn.gateway->spare);
}

/* The client's oldest request has its outcome: it gets the replies that were
   kept for it until then. */
static void deliver_kept(struct fl_pooled *pooled,
                         const struct fl_client *client, fl_time now) {
  while (pooled->exchanges.answered > 0) {
    struct fl_exchange *next = fl_exchanges_of(&pooled->exchanges, client);
    if (next == NULL || next->state != FL_EXCHANGE_ANSWERED)
      return;
    finish(pooled, next, fl_buffer_peek(&next->reply), now);
  }
}

/* Whether an older request of the same client has no outcome yet. */
static bool overtakes(const struct fl_pooled *pooled,
                      const struct fl_exchange *exchange) {
  const struct fl_client *client = exchange->client;
  return client != NULL && client->outstanding > 1 &&
         fl_exchanges_of(&pooled->exchanges, client) != exchange;
}

/* The reply of an exchange came. Returns false when memory is out. */
static bool complete(struct fl_pooled *pooled, struct fl_exchange *exchange,
                     struct fl_slice frame, fl_time now) {
  const struct fl_client *client = exchange->client;
  if (!pooled->replied)
    fl_server_worked(pooled->server, pooled->conn.opened);
  pooled->replied = true;
  pooled->timeouts = 0;
  pooled->conn.frames++;
  fl_histogram_add(&upstream_of(pooled)->serve, now - exchange->started);
  if (exchange->state == FL_EXCHANGE_EXPIRED) {
    drop(pooled, exchange);
    metrics_of(pooled)->replies_dropped++;
    return true;
  }
  if (upstream_of(pooled)->config->health.interval != 0)
    fl_health_success(pooled->server, now);
  if (overtakes(pooled, exchange))
    return fl_exchanges_keep(&pooled->exchanges, exchange,
                             &pooled->conn.gateway->spare, frame);
  keep_gap(pooled, now);
  finish(pooled, exchange, frame, now);
  if (client != NULL)
    deliver_kept(pooled, client, now);
  return true;
}

void fl_outcome_taken(struct fl_pooled *pooled, fl_time now) {
  uint64_t taken = fl_transport_taken(&pooled->conn);
  struct fl_exchange *done;
  fl_exchanges_start(&pooled->exchanges, taken, now);
  while ((done = fl_exchanges_done(&pooled->exchanges, taken)) != NULL) {
    struct fl_client *client = done->client;
    fl_access_done(done, server_of(pooled), FL_OK, 0, now);
    forget_request(pooled, done);
    drop(pooled, done);
    keep_gap(pooled, now);
    unbind(pooled, client);
    place(pooled, now);
    if (client == NULL)
      continue;
    fl_client_done(client, now);
    deliver_kept(pooled, client, now);
  }
}

/* Whether a request has left whole. */
static bool has_left(const struct fl_pooled *pooled,
                     const struct fl_exchange *exchange) {
  return exchange->offset + exchange->size <= fl_transport_taken(&pooled->conn);
}

/* A frame that answers no request. Returns FL_OK where that is told to be
   harmless. */
static enum fl_reason drop_or(struct fl_pooled *pooled, enum fl_reason reason) {
  if (upstream_of(pooled)->config->unsolicited == FL_UNSOLICITED_RETIRE)
    return reason;
  metrics_of(pooled)->frames_dropped[reason]++;
  return FL_OK;
}

static enum fl_reason find_by_id(const struct fl_pooled *pooled,
                                 struct fl_slice frame,
                                 struct fl_exchange **exchange) {
  const struct fl_pair *pair = &upstream_of(pooled)->config->pair;
  if (!fl_pair_fits(pair, frame.size))
    return FL_NO_ID;
  *exchange = fl_exchanges_find(&pooled->exchanges, fl_pair_id(pair, frame));
  return *exchange == NULL ? FL_UNKNOWN_ID : FL_OK;
}

static enum fl_reason find_by_key(const struct fl_pooled *pooled,
                                  struct fl_slice frame,
                                  struct fl_exchange **exchange) {
  const struct fl_upstream_config *config = upstream_of(pooled)->config;
  struct fl_slice key =
      fl_extract(&config->pair.reply, &config->reply_framing, frame);
  if (key.size == 0)
    return FL_NO_KEY;
  *exchange = fl_collision_find(pooled, key);
  return *exchange == NULL ? FL_UNKNOWN_KEY : FL_OK;
}

/* Finds the request of a reply, which may be remembered. Returns FL_OK, or why
   there is none. Requires: there is one, or pairing is not by order. */
static inline enum fl_reason find(const struct fl_pooled *pooled,
                                  struct fl_slice frame,
                                  struct fl_exchange **exchange) {
  enum fl_pair_by by = upstream_of(pooled)->config->pair.by;
  if (by == FL_PAIR_ORDER) {
    *exchange = fl_exchanges_oldest(&pooled->exchanges);
    return FL_OK;
  }
  enum fl_reason reason = by == FL_PAIR_ID
                              ? find_by_id(pooled, frame, exchange)
                              : find_by_key(pooled, frame, exchange);
  if (reason == FL_OK && (*exchange)->state == FL_EXCHANGE_ANSWERED)
    return by == FL_PAIR_ID ? FL_UNKNOWN_ID : FL_UNKNOWN_KEY;
  return reason;
}

/* Gives a reply to its request. Returns FL_OK, or why the connection must be
   retired: a reply to half a request or to none means that the stream can no
   longer be trusted. */
static enum fl_reason pair_reply(struct fl_pooled *pooled,
                                 struct fl_slice frame, fl_time now) {
  struct fl_exchange *exchange = NULL;
  enum fl_reason reason = find(pooled, frame, &exchange);
  if (reason == FL_UNKNOWN_ID || reason == FL_UNKNOWN_KEY)
    return drop_or(pooled, reason);
  if (reason != FL_OK)
    return reason;
  if (!has_left(pooled, exchange))
    return FL_UNEXPECTED_DATA;
  return complete(pooled, exchange, frame, now)
             ? FL_OK
             : fl_spare_reason(&pooled->conn.gateway->spare);
}

bool fl_outcome_drop_late(struct fl_pooled *pooled, struct fl_slice frame,
                          fl_time now) {
  struct fl_exchange *exchange = NULL;
  if (pooled->exchanges.expired_count == 0 ||
      find(pooled, frame, &exchange) != FL_OK ||
      exchange->state != FL_EXCHANGE_EXPIRED)
    return false;
  return complete(pooled, exchange, frame, now);
}

/* Whether bytes that come now may be of a reply. A silent request is only here
   while it leaves, and then none that has started comes after it. */
static bool expects(const struct fl_pooled *pooled) {
  const struct fl_exchange *oldest = fl_exchanges_oldest(&pooled->exchanges);
  return pooled->exchanges.expired_count > 0 ||
         (oldest != NULL && oldest->started != FL_NEVER && !oldest->silent);
}

/* Else all bytes that answer nothing end the connection, whatever frame they
   begin. */
static bool may_drop(const struct fl_upstream_config *config) {
  return config->ignore_count > 0 || config->unsolicited == FL_UNSOLICITED_DROP;
}

static bool is_ignored(const struct fl_pooled *pooled, struct fl_slice frame) {
  const struct fl_upstream_config *config = upstream_of(pooled)->config;
  if (config->ignore_count == 0 ||
      !fl_frame_listed(config->ignore, config->ignore_count,
                       &config->reply_framing, frame))
    return false;
  metrics_of(pooled)->frames_dropped[FL_IGNORED]++;
  return true;
}

static inline bool pass_over(struct fl_pooled *pooled, struct fl_slice frame) {
  bool stray = pooled->stray;
  pooled->stray = false;
  return is_ignored(pooled, frame) ||
         (stray && drop_or(pooled, FL_UNEXPECTED_DATA) == FL_OK);
}

bool fl_outcome_pass_over(struct fl_pooled *pooled, struct fl_slice frame) {
  return pass_over(pooled, frame);
}

/* Acts on a frame; else as pair_reply. */
static enum fl_reason take_frame(struct fl_pooled *pooled,
                                 struct fl_slice frame, fl_time now) {
  bool stray = pooled->stray;
  if (pass_over(pooled, frame))
    return FL_OK;
  return stray ? FL_UNEXPECTED_DATA : pair_reply(pooled, frame, now);
}

size_t fl_outcome_decode(struct fl_pooled *pooled, struct fl_slice bytes,
                         enum fl_reason *broken, fl_time now) {
  const struct fl_upstream_config *config = upstream_of(pooled)->config;
  size_t used = 0;
  *broken = FL_OK;
  while (used < bytes.size) {
    struct fl_slice rest = {bytes.bytes + used, bytes.size - used};
    pooled->stray = pooled->stray || !expects(pooled);
    if (pooled->stray && !may_drop(config)) {
      *broken = FL_UNEXPECTED_DATA;
      break;
    }
    long size = fl_framing_next(&config->reply_framing, &pooled->framing, rest,
                                config->max_frame);
    if (size == FL_FRAMING_PARTIAL)
      break;
    if (size < 0) {
      *broken = size == FL_FRAME_BAD ? FL_BAD_REPLY : FL_REPLY_TOO_LONG;
      break;
    }
    rest.size = (size_t)size;
    *broken = take_frame(pooled, rest, now);
    if (*broken != FL_OK)
      break;
    used += (size_t)size;
  }
  return used;
}

/* Errors. */

/* The bytes of a request of which the kernel took none. Output moves from
   `out` to `rest` as a whole, so they lie in one of the two. */
static struct fl_slice unsent_frame(const struct fl_conn *conn,
                                    const struct fl_exchange *exchange) {
  uint64_t at = exchange->offset - conn->bytes_out;
  struct fl_slice bytes = {NULL, 0};
  if (conn->rest != NULL)
    bytes = fl_buffer_peek(&conn->rest->bytes);
  if (at >= bytes.size) {
    at -= bytes.size;
    bytes = fl_buffer_peek(&conn->out);
  }
  assert(at + exchange->size <= bytes.size);
  return (struct fl_slice){bytes.bytes + at, exchange->size};
}

/* Back to its client, to wait once more. Returns false when the client ended
   instead, and with it what it had on this connection. */
static bool send_back(struct fl_pooled *pooled, struct fl_exchange *exchange,
                      struct fl_slice frame, fl_time now) {
  struct fl_exchange back = take(pooled, exchange);
  unbind(pooled, back.client);
  bool lives =
      back.client == NULL || fl_client_unsend(back.client, frame, &back, now);
  forget_request(pooled, &back);
  return lives;
}

/* Newest first, so that each client's come back in order. */
static void return_unsent(struct fl_pooled *pooled, fl_time now) {
  struct fl_exchange *newest;
  while ((newest = fl_exchanges_unsent(&pooled->exchanges)) != NULL)
    (void)send_back(pooled, newest, unsent_frame(&pooled->conn, newest), now);
}

/* Whether a request may be sent again, its connection having ended for this
   reason. Where the first reply is wrong, the next would be, too. */
static bool may_repeat(const struct fl_pooled *pooled,
                       const struct fl_exchange *exchange,
                       enum fl_reason reason, fl_time now) {
  bool wrong = reason == FL_REPLY_TOO_LONG || reason == FL_BAD_REPLY;
  return exchange->request.size > 0 && exchange->client != NULL &&
         exchange->state == FL_EXCHANGE_WAITS && now < exchange->due &&
         reason != FL_SHUTDOWN &&
         !(wrong && exchange == fl_exchanges_oldest(&pooled->exchanges)) &&
         !fl_client_too_late(exchange->client, exchange->decoded, now);
}

/* Newest first. A request behind which another of its client has its outcome
   now must have its own before that. */
static void return_repeatable(struct fl_pooled *pooled, enum fl_reason reason,
                              fl_time now) {
  const struct fl_exchanges *exchanges = &pooled->exchanges;
  struct fl_exchange *exchange = fl_exchanges_newest(exchanges);
  while (exchange != NULL) {
    struct fl_exchange *older = fl_exchanges_older(exchanges, exchange);
    if (may_repeat(pooled, exchange, reason, now) &&
        fl_exchanges_last_of(exchanges, exchange->client) == exchange &&
        !send_back(pooled, exchange, fl_buffer_peek(&exchange->request), now))
      older = fl_exchanges_newest(exchanges); /* some may be gone */
    exchange = older;
  }
}

/* What a request on a connection is told that ended for this reason; `first`:
   none that was sent before it was told yet. */
static enum fl_reason reason_for(const struct fl_exchange *exchange,
                                 enum fl_reason reason, bool first,
                                 fl_time now) {
  switch (reason) {
  case FL_REQUEST_TIMEOUT:
    return exchange->due <= now ? reason : FL_UPSTREAM_RETIRED;
  case FL_REPLY_TOO_LONG:
  case FL_BAD_REPLY:
    return first ? reason : FL_UPSTREAM_RETIRED;
  default:
    return reason;
  }
}

/* In the order in which they were sent, so that each client's outcomes are in
   order. */
static void fail_started(struct fl_pooled *pooled, enum fl_reason reason,
                         fl_time now) {
  struct fl_exchange *oldest;
  bool first = true;
  while ((oldest = fl_exchanges_oldest(&pooled->exchanges)) != NULL) {
    if (oldest->state == FL_EXCHANGE_ANSWERED) {
      finish(pooled, oldest, fl_buffer_peek(&oldest->reply), now);
      continue;
    }
    forget_request(pooled, oldest);
    struct fl_exchange failed = take(pooled, oldest);
    enum fl_reason its = reason_for(&failed, reason, first, now);
    fl_access_done(&failed, server_of(pooled), its, 0, now);
    unbind(pooled, failed.client);
    if (failed.client != NULL)
      fl_client_error(failed.client, its, server_of(pooled), &failed, now);
    first = false;
  }
}

void fl_outcome_retired(struct fl_pooled *pooled, enum fl_reason reason,
                        fl_time now) {
  struct fl_exchange *remembered;
  return_unsent(pooled, now);
  return_repeatable(pooled, reason, now);
  fail_started(pooled, reason, now);
  while ((remembered = fl_exchanges_remembered(&pooled->exchanges)) != NULL)
    drop(pooled, remembered);
}

/* The client's requests end with it. */
static void tell_abandoned(const struct fl_pooled *pooled,
                           const struct fl_client *client, fl_time now) {
  const struct fl_list *order = &pooled->exchanges.order;
  for (const struct fl_list *at = order->next; at != order; at = at->next) {
    const struct fl_exchange *exchange = (const struct fl_exchange *)at;
    if (exchange->client == client)
      fl_access_done(exchange, server_of(pooled),
                     (enum fl_reason)client->reason, 0, now);
  }
}

void fl_outcome_forget(struct fl_pooled *pooled, const struct fl_client *client,
                       fl_time now) {
  struct fl_exchange *abandoned;
  if (fl_access_wanted(client))
    tell_abandoned(pooled, client, now);
  fl_exchanges_forget(&pooled->exchanges, client);
  while ((abandoned = fl_exchanges_abandoned(&pooled->exchanges)) != NULL)
    finish(pooled, abandoned, fl_buffer_peek(&abandoned->reply), now);
}

/* Whether only the request that timed out gets an error. One that has not left
   whole would stand in the way of the next. */
static bool outlives_timeout(const struct fl_pooled *pooled,
                             const struct fl_exchange *exchange) {
  const struct fl_exchanges *exchanges = &pooled->exchanges;
  return exchanges->expired_count < exchanges->expired_capacity &&
         pooled->timeouts + 1 < TIMEOUTS_MAX && has_left(pooled, exchange);
}

bool fl_outcome_expire(struct fl_pooled *pooled, struct fl_exchange *exchange,
                       fl_time now) {
  if (!outlives_timeout(pooled, exchange))
    return false;
  struct fl_exchange failed = *exchange;
  struct fl_client *client = failed.client;
  pooled->timeouts++;
  fl_access_done(exchange, server_of(pooled), FL_REQUEST_TIMEOUT, 0, now);
  fl_health_failure(pooled->server, FL_REQUEST_TIMEOUT, now);
  forget_request(pooled, exchange);
  fl_exchanges_expire(&pooled->exchanges, exchange);
  if (exchange->key != NULL)
    fl_collision_expired(upstream_of(pooled), exchange->key);
  unbind(pooled, client);
  place(pooled, now);
  if (client == NULL)
    return true;
  fl_client_error(client, FL_REQUEST_TIMEOUT, server_of(pooled), &failed, now);
  deliver_kept(pooled, client, now);
  return true;
}
