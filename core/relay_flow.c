#include "core/relay_flow.h"

#include "core/gateway_state.h"
#include "core/relay_end.h"
#include "core/session.h"
#include "core/upstream.h"

static struct fl_upstream *upstream_of(const struct fl_relay *relay) {
  return relay->listener->upstream;
}

static struct fl_relay_side *other(struct fl_relay *relay,
                                   const struct fl_relay_side *side) {
  return side == &relay->client ? &relay->server : &relay->client;
}

static fl_time write_timeout(const struct fl_relay *relay,
                             const struct fl_relay_side *side) {
  return side == &relay->client ? relay->listener->config->write_timeout
                                : upstream_of(relay)->config->write_timeout;
}

/* Timeouts. */

/* Whether write_timeout governs. */
static bool stuck(const struct fl_relay *relay) {
  return relay->client.conn.rest != NULL || relay->server.conn.rest != NULL;
}

/* Silence counts for the half that is left once FIN was passed on. */
static fl_time half_close_due(const struct fl_relay *relay) {
  const struct fl_relay_side *speaks =
      relay->client.shut ? &relay->client : &relay->server;
  bool half = speaks->shut || (speaks == &relay->server && relay->client.fin);
  if (!half || speaks->fin || stuck(relay))
    return FL_NEVER;
  return fl_time_add(relay->active,
                     relay->listener->config->half_close_timeout);
}

/* Whether it is to make room, unless more of its long frame comes soon. */
static bool in_the_way(const struct fl_relay *relay) {
  return relay->state == FL_RELAY_OPEN &&
         fl_transport_pressed(&relay->client.conn) &&
         (relay->client.conn.in.size >= FL_PRESSED_INPUT ||
          relay->server.conn.in.size >= FL_PRESSED_INPUT);
}

static fl_time idle_due(const struct fl_relay *relay) {
  fl_time timeout = relay->listener->config->idle_timeout;
  if (stuck(relay))
    return FL_NEVER;
  if (in_the_way(relay))
    timeout = fl_time_min(timeout, FL_PRESSED_FRAME_TIMEOUT);
  return fl_time_add(relay->active, timeout);
}

/* The deadline of the client, and of the relay. */
static fl_time client_due(const struct fl_relay *relay) {
  fl_time due = fl_transport_write_due(&relay->client.conn,
                                       write_timeout(relay, &relay->client));
  switch ((enum fl_relay_state)relay->state) {
  case FL_RELAY_WAITING:
  case FL_RELAY_CONNECTING:
    if (fl_session_silent(relay))
      return idle_due(relay);
    return fl_time_add(relay->active,
                       upstream_of(relay)->config->pool.acquire_timeout);
  case FL_RELAY_OPEN:
    due = fl_time_min(due, idle_due(relay));
    return fl_time_min(due, half_close_due(relay));
  case FL_RELAY_DELIVERING:
    return due;
  case FL_RELAY_CLOSING:
    break;
  }
  return FL_NEVER;
}

void fl_relay_arm(struct fl_relay *relay) {
  struct fl_conn *server = &relay->server.conn;
  if (relay->client.conn.sock != NULL)
    fl_transport_arm(&relay->client.conn, client_due(relay));
  if (server->sock != NULL && relay->state >= FL_RELAY_OPEN)
    fl_transport_arm(server, fl_transport_write_due(
                                 server, write_timeout(relay, &relay->server)));
}

/* Backpressure. */

static void hold(struct fl_relay *relay, struct fl_relay_side *side,
                 fl_time now) {
  if (!side->held)
    fl_span_enter(&relay->listener->held, now);
  side->held = true;
  fl_transport_read(&side->conn, false);
}

static void let_go(struct fl_relay *relay, struct fl_relay_side *side,
                   fl_time now) {
  if (side->held)
    fl_span_leave(&relay->listener->held, now);
  side->held = false;
  fl_transport_read(&side->conn, true);
}

void fl_relay_look_again(struct fl_relay *relay, fl_time now) {
  (void)now;
  if (relay->state == FL_RELAY_OPEN &&
      relay->client.conn.in.size + relay->server.conn.in.size >=
          FL_PRESSED_INPUT)
    fl_relay_arm(relay);
}

/* One side is gone. What it sent before its FIN is still delivered; else the
   other side ends at once. */
static void broken(struct fl_relay *relay, struct fl_relay_side *side,
                   enum fl_reason reason, fl_time now) {
  struct fl_relay_side *left = other(relay, side);
  if (relay->state == FL_RELAY_DELIVERING || !side->fin ||
      fl_transport_unsent(&left->conn) == 0) {
    fl_relay_end(relay, side, reason, now);
    return;
  }
  fl_relay_let_go(relay, now);
  fl_relay_close_side(relay, side, reason, now);
  relay->state = FL_RELAY_DELIVERING;
  relay->failed = (uint8_t)reason;
  fl_transport_read(&left->conn, false);
  fl_relay_arm(relay);
}

/* Passing on. */

/* Passes FIN on, or closes both, if all that comes before was delivered. */
static void pass_fin(struct fl_relay *relay, struct fl_relay_side *to,
                     fl_time now) {
  struct fl_relay_side *from = other(relay, to);
  if (!from->fin || fl_transport_unsent(&to->conn) > 0)
    return;
  if (relay->state == FL_RELAY_DELIVERING) {
    fl_relay_end(relay, from, (enum fl_reason)relay->failed, now);
    return;
  }
  if (to->fin && fl_transport_unsent(&from->conn) == 0) {
    fl_relay_end(relay, NULL, FL_PEER_CLOSED, now);
    return;
  }
  bool answered = false;
  if (to == &relay->server && fl_session_keeps_fin(relay, &answered)) {
    if (answered && fl_transport_unsent(&from->conn) == 0)
      fl_relay_end(relay, NULL, FL_PEER_CLOSED, now);
    return;
  }
  if (to->shut)
    return;
  to->shut = true;
  relay->active = now;
  to->conn.gateway->io->shutdown(to->conn.sock);
}

/* Bytes that may wait for a side: what is read once the high watermark is
   nearly reached, a frame that began before it among it. */
static size_t most_unsent(const struct fl_relay *relay,
                          const struct fl_relay_side *from) {
  if (!relay->framed)
    return FL_HIGH_WATERMARK + (size_t)FL_BULK_READ_MAX;
  return FL_HIGH_WATERMARK + (size_t)FL_READ_MAX +
         (from == &relay->server ? upstream_of(relay)->config->max_frame
                                 : relay->listener->config->max_frame);
}

static void pass_bytes(struct fl_relay *relay, struct fl_relay_side *from,
                       struct fl_slice bytes, fl_time now) {
  struct fl_relay_side *to = other(relay, from);
  relay->server_spoke = from == &relay->server;
  enum fl_reason reason =
      fl_transport_write(&to->conn, bytes, most_unsent(relay, from), now);
  if (reason == FL_OUT_OF_MEMORY || reason == FL_BUFFERS_FULL) {
    fl_relay_end(relay, NULL, reason, now);
    return;
  }
  if (reason != FL_OK) {
    broken(relay, to, reason, now);
    return;
  }
  size_t unsent = fl_transport_unsent(&to->conn);
  if (unsent == 0)
    return;
  if (unsent >= FL_HIGH_WATERMARK || fl_transport_pressed(&to->conn))
    hold(relay, from, now);
  fl_relay_arm(relay);
}

/* The side sent what no frame can be: it is heard no more, but what came
   before is delivered. */
static void misunderstood(struct fl_relay *relay, struct fl_relay_side *from,
                          enum fl_reason reason, fl_time now) {
  from->fin = true;
  fl_transport_read(&from->conn, false);
  broken(relay, from, reason, now);
}

static void pass_frames(struct fl_relay *relay, struct fl_relay_side *from,
                        struct fl_slice bytes, fl_time now) {
  struct fl_conn *conn = &from->conn;
  struct fl_spare *spare = &conn->gateway->spare;
  size_t max = most_unsent(relay, from);
  enum fl_reason reason;
  bool kept = conn->in.size > 0;
  if (kept && !fl_buffer_append(&conn->in, spare, bytes, max)) {
    fl_relay_end(relay, NULL, fl_spare_reason(spare), now);
    return;
  }
  if (kept)
    bytes = fl_buffer_peek(&conn->in);
  size_t used = fl_session_cut(relay, from, bytes, &reason);
  if (used > 0)
    pass_bytes(relay, from, (struct fl_slice){bytes.bytes, used}, now);
  if (relay->state != FL_RELAY_OPEN)
    return;
  bytes = (struct fl_slice){bytes.bytes + used, bytes.size - used};
  if (reason != FL_OK)
    misunderstood(relay, from, reason, now);
  else if (kept)
    fl_buffer_consume(&conn->in, spare, used);
  else if (bytes.size > 0 && !fl_buffer_append(&conn->in, spare, bytes, max))
    fl_relay_end(relay, NULL, fl_spare_reason(spare), now);
}

/* A FIN of the client's that was kept back may be due. */
static void look_at_fin(struct fl_relay *relay, fl_time now) {
  if (relay->state == FL_RELAY_OPEN && relay->client.fin && !relay->server.shut)
    pass_fin(relay, &relay->server, now);
}

void fl_relay_pass(struct fl_relay *relay, struct fl_relay_side *from,
                   struct fl_slice bytes, fl_time now) {
  if (relay->state != FL_RELAY_OPEN || from->fin)
    return; /* read before reading was switched off */
  relay->active = now;
  if (!relay->framed)
    pass_bytes(relay, from, bytes, now);
  else
    pass_frames(relay, from, bytes, now);
  look_at_fin(relay, now);
}

void fl_relay_pass_kept(struct fl_relay *relay, struct fl_relay_side *from,
                        fl_time now) {
  struct fl_conn *conn = &from->conn;
  struct fl_buffer kept = conn->in;
  bool fin = from->fin;
  conn->in = (struct fl_buffer){0};
  from->fin = false;
  if (kept.size > 0)
    fl_relay_pass(relay, from, fl_buffer_peek(&kept), now);
  fl_buffer_clear(&kept, &conn->gateway->spare);
  if (fin && relay->state == FL_RELAY_OPEN)
    fl_relay_side_ended(relay, from, FL_PEER_CLOSED, now);
}

void fl_relay_sent(struct fl_relay *relay, struct fl_relay_side *to,
                   fl_time now) {
  struct fl_relay_side *from = other(relay, to);
  relay->active = now;
  if (relay->state == FL_RELAY_OPEN &&
      fl_transport_unsent(&to->conn) < FL_LOW_WATERMARK)
    let_go(relay, from, now);
  pass_fin(relay, to, now);
  look_at_fin(relay, now);
  fl_relay_arm(relay);
}

void fl_relay_side_ended(struct fl_relay *relay, struct fl_relay_side *side,
                         enum fl_reason reason, fl_time now) {
  if (reason != FL_PEER_CLOSED) {
    broken(relay, side, reason, now);
    return;
  }
  side->fin = true;
  if (fl_session_silent(relay)) {
    fl_relay_end(relay, NULL, reason, now);
  } else if (relay->state == FL_RELAY_OPEN) {
    relay->active = now;
    pass_fin(relay, other(relay, side), now);
    fl_relay_arm(relay);
  }
}

void fl_relay_side_expired(struct fl_relay *relay, struct fl_relay_side *side,
                           fl_time now) {
  if (in_the_way(relay)) /* others that made room may have ended it */
    fl_gateway_look_at_memory(side->conn.gateway, now);
  if (fl_transport_stalled(&side->conn, write_timeout(relay, side), now))
    broken(relay, side, FL_WRITE_TIMEOUT, now);
  else if (relay->state == FL_RELAY_OPEN && now >= half_close_due(relay))
    fl_relay_end(relay, NULL, FL_HALF_CLOSE_TIMEOUT, now);
  else if (relay->state == FL_RELAY_OPEN && now >= idle_due(relay))
    fl_relay_end(relay, NULL,
                 in_the_way(relay) ? FL_BUFFERS_FULL : FL_IDLE_TIMEOUT, now);
  fl_relay_arm(relay);
}
