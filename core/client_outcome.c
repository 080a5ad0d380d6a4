#include "core/client_parts.h"
#include "core/retry.h"

#include "core/access.h"

#include <assert.h>

/* How the upstream's replies find their requests. */
static const struct fl_pair *pair_of(const struct fl_client *client) {
  return &client->listener->upstream->config->pair;
}

/* Nothing is taken on above the high watermark; what was taken on before may
   still come on top: an echo, or a reply per outstanding request and one for
   the request that waits. */
static size_t out_max(const struct fl_client *client) {
  const struct fl_upstream *upstream = client->listener->upstream;
  size_t most = client->listener->most_frame;
  if (upstream != NULL)
    most = ((size_t)upstream->most_in_flight + 1) * upstream->most_frame;
  return most + FL_HIGH_WATERMARK + FL_ERROR_REPLY_MAX;
}

/* Answering. */

void fl_client_queue(struct fl_client *client, struct fl_slice bytes,
                     fl_time now) {
  if (client->state != FL_CLIENT_OPEN)
    return;
  if (!fl_transport_queue(&client->conn, bytes, out_max(client)))
    fl_client_close(client, fl_spare_reason(&fl_client_gateway(client)->spare),
                    true, now);
}

/* Why no connection was there for a request that waited for one. */
static void explain_wait(struct fl_event *event,
                         const struct fl_upstream *upstream, fl_time now) {
  const struct fl_server *failing = fl_server_failing(upstream);
  event->stands = fl_upstream_stands(upstream);
  event->none_left = true;
  for (uint32_t i = 0; i < upstream->server_count; i++)
    event->none_left &= !fl_server_may_use(upstream->servers[i]);
  if (failing == NULL)
    return;
  event->server = failing->endpoint->text;
  event->failure = failing->failure;
  event->failed_ago = now - failing->failed_at;
}

void fl_client_report_failed(const struct fl_client *client,
                             enum fl_reason reason, const char *server,
                             fl_time now) {
  const struct fl_upstream *upstream = client->listener->upstream;
  struct fl_event event = {.kind = FL_EVENT_REQUEST_FAILED,
                           .reason = reason,
                           .listener = client->listener->config->name,
                           .server = server,
                           .peer = client->conn.peer};
  if (upstream != NULL)
    event.upstream = upstream->config->name;
  if (upstream != NULL && reason == FL_ACQUIRE_TIMEOUT)
    explain_wait(&event, upstream, now);
  fl_client_metrics(client)->requests_failed[reason]++;
  fl_gateway_event(fl_client_gateway(client), &event);
}

/* The frame at the start of conn.in is done with, if one waited there. */
static void drop_frame(struct fl_client *client, fl_time now) {
  fl_buffer_consume(&client->conn.in, &fl_client_gateway(client)->spare,
                    client->frame_size);
  client->frame_size = 0;
  if (client->resent == 0)
    client->since = now;
}

void fl_client_reply(struct fl_client *client, struct fl_slice frame,
                     uint64_t id, fl_time now) {
  fl_client_metrics(client)->replies++;
  client->active = now;
  fl_client_queue(client, frame, now);
  if (client->state != FL_CLIENT_OPEN)
    return;
  if (pair_of(client)->by == FL_PAIR_ID)
    fl_pair_put(pair_of(client), fl_transport_last(&client->conn, frame.size),
                id);
  fl_client_run_later(client);
}

void fl_client_done(struct fl_client *client, fl_time now) {
  fl_client_metrics(client)->requests_sent++;
  client->active = now;
  fl_client_run_later(client);
}

/* How the client reads what it gets. */
static const struct fl_framing *reply_framing(const struct fl_client *client) {
  const struct fl_upstream *upstream = client->listener->upstream;
  return upstream == NULL ? &client->listener->config->framing
                          : &upstream->config->reply_framing;
}

/* Where no bytes mean an error, the end of the stream does: what came before
   is delivered, and what came after is given up, for its replies would be
   taken for that of the request that failed. */
static void end_instead(struct fl_client *client, enum fl_reason reason,
                        fl_time now) {
  client->reason = (uint8_t)reason; /* of those given up */
  fl_client_leave_upstream(client, now);
  fl_client_finish(client, reason);
}

/* A client that expects no reply would take an error for that to its next
   request. */
void fl_client_error(struct fl_client *client, enum fl_reason reason,
                     const char *server, const struct fl_exchange *exchange,
                     fl_time now) {
  uint8_t reply[FL_ERROR_REPLY_MAX];
  size_t size = 0;
  const struct fl_failed failed = {
      .reason = reason,
      .stands = client->listener->upstream != NULL &&
                fl_upstream_stands(client->listener->upstream),
      .head = {exchange->head, exchange->head_size}};
  if (!exchange->silent)
    size = fl_framing_error(reply_framing(client), &failed, reply);
  fl_client_report_failed(client, reason, server, now);
  client->active = now;
  if (client->state != FL_CLIENT_OPEN)
    return;
  if (size == 0)
    end_instead(client, reason, now);
  else
    fl_client_queue(client, (struct fl_slice){reply, size}, now);
  if (client->state != FL_CLIENT_CLOSING)
    fl_client_run_later(client);
}

void fl_client_fail(struct fl_client *client, enum fl_reason reason,
                    bool fatal) {
  client->error = (uint8_t)reason;
  client->fatal = fatal;
}

/* Takes the frame at the start of conn.in, if one stands there, and notes what
   an error in its place depends on. */
static void take_refused(struct fl_client *client, struct fl_exchange *refused,
                         fl_time now) {
  struct fl_upstream *upstream = client->listener->upstream;
  if (client->frame_size > 0) {
    const struct fl_rule *rule =
        fl_upstream_rule(upstream, fl_client_request(client));
    refused->silent = rule->reply == FL_REPLY_NONE;
    fl_exchange_keep_head(refused, fl_client_request(client));
    (void)fl_retry_take(&upstream->retries, client, &client->since);
  }
  drop_frame(client, now);
}

void fl_client_send_error(struct fl_client *client, fl_time now) {
  enum fl_reason reason = (enum fl_reason)client->error;
  struct fl_exchange refused = {0};
  fl_access_unsent(client, reason, now);
  take_refused(client, &refused, now);
  client->error = FL_OK;
  if (client->fatal)
    fl_client_metrics(client)->requests++; /* none was decoded */
  fl_client_error(client, reason, NULL, &refused, now);
  if (client->fatal && client->state == FL_CLIENT_OPEN)
    fl_client_finish(client, reason);
}

/* Requests. */

struct fl_slice fl_client_request(const struct fl_client *client) {
  assert(client->frame_size > 0);
  return (struct fl_slice){fl_buffer_peek(&client->conn.in).bytes,
                           client->frame_size};
}

void fl_client_assigned(struct fl_client *client, fl_time now) {
  drop_frame(client, now);
  client->active = now;
  fl_client_run_later(client);
}

void fl_client_refused(struct fl_client *client, enum fl_reason reason,
                       fl_time now) {
  fl_client_fail(client, reason, false);
  fl_client_settle(client, now);
}

bool fl_client_unsend(struct fl_client *client, struct fl_slice frame,
                      const struct fl_exchange *exchange, fl_time now) {
  struct fl_gateway *gateway = fl_client_gateway(client);
  struct fl_upstream *upstream = client->listener->upstream;
  /* What stood first, waiting or refused, is decoded again behind this. */
  fl_upstream_unwait(upstream, client);
  if (client->frame_size > 0)
    client->resent++;
  client->error = FL_OK;
  client->fatal = false;
  client->framing = (struct fl_framing_state){0};
  bool begun = exchange->due != 0;
  if ((begun && !fl_retry_add(&upstream->retries, client, exchange->due,
                              client->since)) ||
      !fl_buffer_prepend(&client->conn.in, &gateway->spare, frame,
                         fl_client_in_max(client))) {
    fl_client_metrics(client)->requests_abandoned++;
    enum fl_reason reason = fl_spare_reason(&gateway->spare);
    fl_access_done(exchange, NULL, reason, 0, now);
    client->frame_size = 0;
    fl_client_close(client, reason, true, now);
    return false;
  }
  fl_pair_put(pair_of(client), client->conn.in.storage + client->conn.in.start,
              exchange->clients_id);
  if (exchange->started == FL_NEVER)
    fl_client_metrics(client)->requests_resent++;
  else
    fl_client_metrics(client)->requests_repeated++;
  client->frame_size = (uint32_t)frame.size;
  client->since = exchange->decoded;
  client->ticket = exchange->ticket;
  if (fl_client_too_late(client, exchange->decoded, now))
    fl_client_fail(client, FL_ACQUIRE_TIMEOUT, false);
  else
    fl_upstream_wait(upstream, client);
  fl_transport_read(&client->conn, client->conn.in.size < FL_HIGH_WATERMARK);
  fl_client_run_later(client);
  return true;
}
