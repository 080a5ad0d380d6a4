#include "core/client_parts.h"
#include "core/command.h"
#include "core/retry.h"

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Input is read on while a request waits, so that the client's end is seen,
   up to the high watermark; one more read may come on top. */
size_t fl_client_in_max(const struct fl_client *client) {
  const struct fl_upstream *upstream = client->listener->upstream;
  size_t frame = client->listener->most_frame;
  size_t most = larger(frame, FL_HIGH_WATERMARK) + FL_READ_MAX;
  if (upstream != NULL) /* requests may come back */
    most += (size_t)upstream->most_in_flight * frame;
  return most;
}

/* Asked before each frame. From the high watermark on a client is held until
   it is below the low one, so that it is not woken for every few bytes it
   takes. */
static bool may_decode(struct fl_client *client, fl_time now) {
  size_t unsent = fl_transport_unsent(&client->conn);
  if (!client->held && (unsent >= FL_HIGH_WATERMARK ||
                        (unsent > 0 && fl_transport_pressed(&client->conn)))) {
    client->held = true;
    fl_span_enter(&client->listener->held, now);
  }
  return client->state == FL_CLIENT_OPEN && !fl_client_blocked(client);
}

/* Answers one command. */
static void run_command(struct fl_client *client, struct fl_slice line,
                        fl_time now) {
  char scratch[FL_COMMAND_SCRATCH];
  uint32_t clients = fl_occupancy_count(client->listener->occupancy);
  struct fl_command_reply reply = fl_command_run(line, clients, scratch);
  if (reply.reason == FL_OK)
    fl_client_metrics(client)->replies++;
  else
    fl_client_report_failed(client, reply.reason, NULL, now);
  fl_client_queue(client, reply.head, now);
  if (reply.body.size > 0)
    fl_client_queue(client, reply.body, now);
  if (reply.tail.size > 0)
    fl_client_queue(client, reply.tail, now);
}

bool fl_client_too_late(const struct fl_client *client, fl_time decoded,
                        fl_time now) {
  const struct fl_pool_config *pool = &client->listener->upstream->config->pool;
  return now >= fl_time_add(decoded, pool->acquire_timeout);
}

/* Passes on a request that was decoded then. Returns whether its frame is done
   with; else it waits, or waits for its error, at the start of conn.in. */
static bool pass_on(struct fl_client *client, struct fl_slice frame,
                    fl_time decoded, fl_time now) {
  enum fl_reason reason;
  enum fl_submit submit = FL_SUBMIT_REFUSED;
  if (fl_client_too_late(client, decoded, now))
    reason = FL_ACQUIRE_TIMEOUT;
  else if (now >= fl_retry_due(&client->listener->upstream->retries, client))
    reason = FL_REQUEST_TIMEOUT;
  else if (fl_listener_stopping(client->listener) == FL_STOP_NOW)
    reason = fl_listener_end_reason(client->listener);
  else
    submit = fl_upstream_submit(client->listener->upstream, client, frame,
                                decoded, &reason, now);
  if (submit == FL_SUBMIT_ASSIGNED)
    return true;
  if (submit == FL_SUBMIT_REFUSED)
    fl_client_fail(client, reason, false);
  client->frame_size = (uint32_t)frame.size;
  client->since = decoded;
  return false;
}

/* Whether a frame is no request, but to be passed over. */
static bool is_ignored(const struct fl_client *client, struct fl_slice frame) {
  const struct fl_upstream *upstream = client->listener->upstream;
  return upstream != NULL && upstream->config->ignore_count > 0 &&
         fl_frame_listed(upstream->config->ignore,
                         upstream->config->ignore_count,
                         &upstream->config->framing, frame);
}

/* Acts on a frame; else as pass_on. */
static bool act_on(struct fl_client *client, struct fl_slice frame,
                   fl_time now) {
  fl_time decoded = now;
  client->active = now;
  if (is_ignored(client, frame)) {
    fl_client_metrics(client)->frames_ignored++;
    return true;
  }
  if (client->resent > 0) {
    client->resent--;
    decoded = client->since;
  } else {
    client->conn.frames++;
    fl_client_metrics(client)->requests++;
  }
  if (client->listener->upstream != NULL)
    return pass_on(client, frame, decoded, now);
  run_command(client, frame, now);
  return true;
}

/* Acts on the frames of bytes until they end or the client is blocked.
   Returns how many bytes are done with. */
static size_t consume(struct fl_client *client, struct fl_slice bytes,
                      fl_time now) {
  const struct fl_listener_config *config = client->listener->config;
  size_t used = 0;
  while (used < bytes.size && may_decode(client, now)) {
    struct fl_slice rest = {bytes.bytes + used, bytes.size - used};
    long size = fl_framing_next(&config->framing, &client->framing, rest,
                                config->max_frame);
    if (size == FL_FRAMING_PARTIAL)
      break;
    if (size < 0) {
      fl_client_fail(client,
                     size == FL_FRAME_BAD ? FL_BAD_FRAME : FL_FRAME_TOO_LONG,
                     true);
      break;
    }
    rest.size = (size_t)size;
    if (!act_on(client, rest, now))
      break;
    used += (size_t)size;
  }
  return used;
}

void fl_client_consume_kept(struct fl_client *client, fl_time now) {
  struct fl_slice kept = fl_buffer_peek(&client->conn.in);
  size_t used = consume(client, kept, now);
  if (client->state != FL_CLIENT_OPEN)
    return;
  fl_buffer_consume(&client->conn.in, &fl_client_gateway(client)->spare, used);
  if (used > 0 && client->frame_size == 0)
    client->since = now;
}

void fl_client_input(struct fl_client *client, struct fl_slice bytes,
                     fl_time now) {
  struct fl_conn *conn = &client->conn;
  size_t used = 0;
  bool fresh = conn->in.size == 0;
  if (fresh)
    used = consume(client, bytes, now);
  if (client->state != FL_CLIENT_OPEN)
    return;
  struct fl_slice rest = {bytes.bytes + used, bytes.size - used};
  if (rest.size > 0 && !fl_buffer_append(&conn->in, &conn->gateway->spare, rest,
                                         fl_client_in_max(client))) {
    fl_client_close(client, fl_spare_reason(&conn->gateway->spare), true, now);
    return;
  }
  if (conn->in.size >= FL_PRESSED_INPUT &&
      fl_memory_may_have_turned(&conn->gateway->spare.share))
    fl_gateway_look_at_memory(conn->gateway, now); /* before others are read */
  if (fresh && client->frame_size == 0)
    client->since = now;
  if (fresh)
    fl_client_settle(client, now);
  else
    fl_client_run(client, now);
}
