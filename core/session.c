#include "core/session.h"

#include "core/gateway_state.h"
#include "core/relay_end.h"
#include "core/relay_flow.h"
#include "core/upstream.h"

#include <assert.h>

static const struct fl_upstream_config *
config_of(const struct fl_relay *relay) {
  return relay->listener->upstream->config;
}

static bool is_session(const struct fl_relay *relay) {
  return relay->listener->config->mode == FL_MODE_SESSION;
}

bool fl_session_silent(const struct fl_relay *relay) {
  return is_session(relay) && relay->state == FL_RELAY_WAITING &&
         fl_list_empty(&relay->waiting);
}

bool fl_session_framed(const struct fl_relay *relay) {
  return is_session(relay) && config_of(relay)->framing.type != FL_FRAMING_RAW;
}

/* Before there is a connection. */

void fl_session_keep(struct fl_relay *relay, struct fl_slice bytes,
                     fl_time now) {
  struct fl_conn *conn = &relay->client.conn;
  assert(is_session(relay) && relay->state == FL_RELAY_WAITING);
  if (!fl_buffer_append(&conn->in, &conn->gateway->spare, bytes,
                        FL_HIGH_WATERMARK + (size_t)FL_READ_MAX)) {
    fl_relay_end(relay, NULL, fl_spare_reason(&conn->gateway->spare), now);
    return;
  }
  if (conn->in.size >= FL_HIGH_WATERMARK)
    fl_transport_read(conn, false);
  if (!fl_session_silent(relay))
    return;
  relay->active = now; /* acquire_timeout begins */
  fl_relay_wait(relay, false);
  fl_relay_arm(relay);
}

/* Frames. */

size_t fl_session_cut(struct fl_relay *relay, struct fl_relay_side *from,
                      struct fl_slice bytes, enum fl_reason *broken) {
  bool replies = from == &relay->server;
  const struct fl_upstream_config *upstream = config_of(relay);
  const struct fl_framing *framing =
      replies ? &upstream->reply_framing : &upstream->framing;
  uint32_t max =
      replies ? upstream->max_frame : relay->listener->config->max_frame;
  size_t used = 0;
  *broken = FL_OK;
  while (used < bytes.size) {
    struct fl_slice rest = {bytes.bytes + used, bytes.size - used};
    long size = fl_framing_next(framing, &from->framing, rest, max);
    if (size == FL_FRAMING_PARTIAL)
      break;
    if (size == FL_FRAME_BAD)
      *broken = replies ? FL_BAD_REPLY : FL_BAD_FRAME;
    else if (size == FL_FRAME_OVERSIZE)
      *broken = replies ? FL_REPLY_TOO_LONG : FL_FRAME_TOO_LONG;
    if (size < 0)
      break;
    used += (size_t)size;
    from->conn.frames++;
  }
  return used;
}

/* The end. */

static bool can_reset(const struct fl_relay *relay) {
  return is_session(relay) && config_of(relay)->reset.send.size > 0;
}

/* Whether the server owes the client nothing, as far as the bytes tell: of
   frames, there are as many replies as requests; of raw bytes, the last ones
   were the server's. */
static bool answered(const struct fl_relay *relay) {
  if (!relay->framed)
    return relay->server_spoke;
  return relay->server.conn.frames - relay->frames_before >=
         relay->client.conn.frames;
}

bool fl_session_keeps_fin(const struct fl_relay *relay, bool *is_answered) {
  if (!can_reset(relay))
    return false;
  *is_answered = answered(relay);
  return *is_answered || relay->framed;
}

static bool is_clean(const struct fl_relay *relay) {
  const struct fl_relay_side *server = &relay->server;
  return !server->fin && !server->shut && server->conn.in.size == 0 &&
         fl_transport_unsent(&server->conn) == 0 && answered(relay);
}

/* Nobody will have the connection any more. */
static bool is_unwanted(const struct fl_relay *relay) {
  const struct fl_upstream *upstream = relay->listener->upstream;
  return fl_listener_stopping(relay->listener) == FL_STOP_NOW ||
         upstream->leaving || relay->connector.server->gone != NULL ||
         upstream->budget->size > upstream->budget->max;
}

bool fl_session_give_back(struct fl_relay *relay, enum fl_reason reason,
                          fl_time now) {
  struct fl_server *server = relay->connector.server;
  struct fl_relay_side *side = &relay->server;
  if (!can_reset(relay) || reason == FL_SHUTDOWN || reason == FL_RELOAD ||
      !is_clean(relay) || is_unwanted(relay) || now >= relay->expires)
    return false;
  fl_list_remove(&side->conn.link);
  if (!fl_pool_take_back(server, &side->conn, relay->expires, now)) {
    fl_list_push_back(&server->relays, &side->conn.link);
    return false;
  }
  server->relayed--;
  side->told = true;
  side->exists = false;
  return true;
}

void fl_session_drain(struct fl_relay *relay, fl_time now) {
  if (fl_session_silent(relay))
    fl_relay_end(relay, NULL, fl_listener_end_reason(relay->listener), now);
}

/* Holding. */

/* While output is stuck, write_timeout governs. */
static bool holds(const struct fl_relay *relay) {
  return relay->state == FL_RELAY_OPEN && relay->client.conn.rest == NULL &&
         relay->server.conn.rest == NULL;
}

/* The session that was silent for longest, or NULL; and in *coming how many
   places will be free without its end. */
static struct fl_relay *longest(const struct fl_upstream *upstream,
                                uint32_t *coming) {
  struct fl_relay *found = NULL;
  *coming = upstream->size;
  struct fl_list *link = upstream->all_servers.next;
  for (; link != &upstream->all_servers; link = link->next) {
    const struct fl_list *list =
        &FL_CONTAINER(link, struct fl_server, link)->relays;
    for (struct fl_list *node = list->next; node != list; node = node->next) {
      struct fl_relay *relay =
          FL_CONTAINER(node, struct fl_relay, server.conn.link);
      *coming -= relay->state == FL_RELAY_OPEN;
      if (holds(relay) && (found == NULL || relay->active < found->active))
        found = relay;
    }
  }
  return found;
}

fl_time fl_session_relieve(struct fl_upstream *upstream, fl_time now) {
  fl_time hold = upstream->config->pool.hold_timeout;
  if (hold == 0 || upstream->config->mode != FL_MODE_SESSION)
    return FL_NEVER;
  while (upstream->waiting > 0 && !fl_budget_allows(upstream)) {
    uint32_t coming;
    struct fl_relay *relay = longest(upstream, &coming);
    if (relay == NULL || coming >= upstream->waiting)
      break;
    fl_time due = fl_time_add(relay->active, hold);
    if (now < due)
      return due;
    fl_relay_end(relay, NULL, FL_HOLD_TIMEOUT, now);
  }
  return FL_NEVER;
}
