#include "core/client_parts.h"

#include "core/access.h"
#include "core/outcome.h"
#include "core/retry.h"

#include <assert.h>
#include <stdlib.h>

/* How long a client that was sent FIN may take to answer with its own; less
   when its delay would hold up a stop. */
#define LINGER_TIMEOUT (5 * FL_SECOND)
#define LINGER_TIMEOUT_STOPPING (1 * FL_SECOND)

static struct fl_client *of(struct fl_conn *conn) {
  return FL_CONTAINER(conn, struct fl_client, conn);
}

/* The end of a client. */

static void report_closed(struct fl_client *client, fl_time now) {
  struct fl_event event = {.kind = FL_EVENT_CLIENT_CLOSED,
                           .reason = (enum fl_reason)client->reason,
                           .listener = client->listener->config->name,
                           .access = &client->listener->config->access_log,
                           .peer = client->conn.peer,
                           .bytes_in = client->conn.bytes_in,
                           .bytes_out = client->conn.bytes_out,
                           .frames = client->conn.frames,
                           .duration = now - client->conn.opened};
  fl_client_metrics(client)->clients_closed[client->reason]++;
  fl_client_metrics(client)->client_bytes_in += client->conn.bytes_in;
  fl_client_metrics(client)->client_bytes_out += client->conn.bytes_out;
  fl_gateway_event(fl_client_gateway(client), &event);
}

void fl_client_leave_upstream(struct fl_client *client, fl_time now) {
  struct fl_upstream *upstream = client->listener->upstream;
  if (upstream == NULL)
    return;
  fl_client_metrics(client)->requests_abandoned += client->outstanding;
  fl_client_metrics(client)->requests_abandoned +=
      client->resent + (client->frame_size > 0);
  if (fl_access_wanted(client))
    fl_access_given_up(client, now);
  fl_upstream_unwait(upstream, client);
  fl_retry_forget(&upstream->retries, client);
  if (client->bound != NULL)
    fl_outcome_forget(client->bound, client, now);
  client->bound = NULL;
  client->outstanding = 0;
  client->frame_size = 0;
  client->resent = 0;
}

/* An upstream that a reload took out waits for its clients. */
static void tell_leaving(const struct fl_client *client) {
  struct fl_upstream *upstream = client->listener->upstream;
  if (upstream != NULL && upstream->leaving)
    fl_upstream_wake(upstream);
}

void fl_client_close(struct fl_client *client, enum fl_reason reason,
                     bool reset, fl_time now) {
  if (client->state == FL_CLIENT_CLOSING)
    return;
  if (client->state == FL_CLIENT_OPEN)
    client->reason = (uint8_t)reason;
  client->state = FL_CLIENT_CLOSING;
  if (client->held)
    fl_span_leave(&client->listener->held, now);
  fl_client_leave_upstream(client, now);
  fl_list_remove(&client->runnable);
  fl_transport_close(&client->conn, reset);
  report_closed(client, now);
  tell_leaving(client);
}

/* All that was owed is with the kernel. */
static void say_goodbye(struct fl_client *client, fl_time now) {
  if (client->fin) {
    fl_client_close(client, FL_OK, false, now);
    return;
  }
  client->state = FL_CLIENT_LINGERING;
  fl_client_gateway(client)->io->shutdown(client->conn.sock);
  fl_transport_read(&client->conn, true);
}

void fl_client_finish(struct fl_client *client, enum fl_reason reason) {
  assert(client->outstanding == 0 && client->frame_size == 0);
  client->state = FL_CLIENT_FLUSHING;
  client->reason = (uint8_t)reason;
  fl_buffer_clear(&client->conn.in, &fl_client_gateway(client)->spare);
  tell_leaving(client);
}

/* Timeouts. */

/* Whether it may not fill the buffers any further. (A request that waits is
   a whole frame; behind it there is the watermark.) */
static bool must_pause(const struct fl_client *client) {
  return fl_transport_pressed(&client->conn) &&
         client->conn.in.size >= FL_PRESSED_INPUT;
}

/* Under pressure those whose long frames began first make room. They are not
   read, so that nobody would learn that they are gone. */
static fl_time frame_due(const struct fl_client *client) {
  fl_time timeout = client->listener->config->frame_timeout;
  if (must_pause(client))
    timeout = fl_time_min(timeout, FL_PRESSED_FRAME_TIMEOUT);
  return fl_time_add(client->since, timeout);
}

/* The timeout an open client runs into next, and when in *due; FL_OK for
   none, as long as the upstream's deadlines or write_timeout govern. */
static enum fl_reason next_timeout(const struct fl_client *client,
                                   fl_time *due) {
  const struct fl_listener_config *config = client->listener->config;
  *due = FL_NEVER;
  if (client->error != FL_OK)
    return FL_OK;
  if (client->frame_size > 0) {
    const struct fl_upstream *upstream = client->listener->upstream;
    fl_time again = fl_retry_due(&upstream->retries, client);
    *due = fl_time_add(client->since, upstream->config->pool.acquire_timeout);
    if (*due <= again)
      return FL_ACQUIRE_TIMEOUT;
    *due = again;
    return FL_REQUEST_TIMEOUT;
  }
  if (client->outstanding > 0 || client->held || client->conn.rest != NULL)
    return FL_OK;
  if (client->draining) {
    *due = fl_time_add(client->active, LINGER_TIMEOUT_STOPPING);
    return fl_listener_end_reason(client->listener);
  }
  *due = fl_time_add(client->active, config->idle_timeout);
  fl_time frame = frame_due(client);
  if (client->conn.in.size == 0 || frame >= *due)
    return FL_IDLE_TIMEOUT;
  *due = frame;
  return must_pause(client) ? FL_BUFFERS_FULL : FL_FRAME_TIMEOUT;
}

static fl_time due_open(const struct fl_client *client) {
  fl_time due;
  (void)next_timeout(client, &due);
  return fl_time_min(
      due, fl_transport_write_due(&client->conn,
                                  client->listener->config->write_timeout));
}

static void arm(struct fl_client *client) {
  fl_time due = FL_NEVER;
  switch ((enum fl_client_state)client->state) {
  case FL_CLIENT_OPEN:
    due = due_open(client);
    break;
  case FL_CLIENT_FLUSHING:
    due = fl_transport_write_due(&client->conn,
                                 client->listener->config->write_timeout);
    break;
  case FL_CLIENT_LINGERING:
    due =
        fl_time_add(client->active, fl_listener_stopping(client->listener) != 0
                                        ? LINGER_TIMEOUT_STOPPING
                                        : LINGER_TIMEOUT);
    break;
  case FL_CLIENT_CLOSING:
    return;
  }
  fl_transport_arm(&client->conn, due);
}

/* In a stop what comes now is discarded; but only who is read can be seen to
   have gone, and must not be waited for. */
static bool must_read(const struct fl_client *client) {
  if (client->ended)
    return !client->fin && fl_listener_stopping(client->listener) != 0;
  return !must_pause(client) && (!fl_client_blocked(client) ||
                                 client->conn.in.size < FL_HIGH_WATERMARK);
}

void fl_client_settle(struct fl_client *client, fl_time now) {
  struct fl_conn *conn = &client->conn;
  if (client->state == FL_CLIENT_OPEN && client->error != FL_OK &&
      client->outstanding == 0)
    fl_client_send_error(client, now);
  if (client->state == FL_CLIENT_FLUSHING && fl_transport_unsent(conn) == 0) {
    client->active = now;
    say_goodbye(client, now);
  }
  if (client->state == FL_CLIENT_OPEN)
    fl_transport_read(conn, must_read(client));
  arm(client);
}

void fl_client_look_again(struct fl_client *client, fl_time now) {
  (void)now;
  if (client->conn.in.size >= FL_PRESSED_INPUT &&
      client->state == FL_CLIENT_OPEN)
    fl_client_run_later(client);
}

void fl_client_run(struct fl_client *client, fl_time now) {
  if (client->state == FL_CLIENT_OPEN && client->conn.in.size > 0)
    fl_client_consume_kept(client, now);
  /* What is left undecoded is no whole frame, unless the client is blocked. */
  if (client->state == FL_CLIENT_OPEN && client->ended &&
      !fl_client_blocked(client) && client->outstanding == 0)
    fl_client_finish(client, (enum fl_reason)client->reason);
  fl_client_settle(client, now);
}

/* Events of the connection. */

static void end_input(struct fl_client *client, enum fl_reason reason) {
  client->ended = true;
  client->reason = (uint8_t)reason;
}

static void client_data(struct fl_conn *conn, struct fl_slice bytes,
                        fl_time now) {
  struct fl_client *client = of(conn);
  if (client->state == FL_CLIENT_OPEN && !client->ended)
    fl_client_input(client, bytes, now); /* else lingering: discarded */
}

/* Its timeouts begin anew: while it was held it could not be heard. */
static void release(struct fl_client *client, fl_time now) {
  client->held = false;
  fl_span_leave(&client->listener->held, now);
  client->active = now;
  if (client->frame_size == 0)
    client->since = now;
  fl_client_run_later(client);
}

static void client_sent(struct fl_conn *conn, fl_time now) {
  struct fl_client *client = of(conn);
  if (client->state == FL_CLIENT_OPEN && conn->rest == NULL)
    client->active = now;
  if (client->state == FL_CLIENT_FLUSHING)
    fl_client_settle(client, now);
  else if (client->state != FL_CLIENT_OPEN)
    return;
  else if (client->held && fl_transport_unsent(conn) < FL_LOW_WATERMARK)
    release(client, now);
  else if (conn->rest != NULL || conn->deadline.due == FL_NEVER)
    arm(client);
}

static void client_ended(struct fl_conn *conn, enum fl_reason reason,
                         fl_time now) {
  struct fl_client *client = of(conn);
  if (reason != FL_PEER_CLOSED || client->state == FL_CLIENT_LINGERING) {
    fl_client_close(client, reason, reason != FL_PEER_CLOSED, now);
    return;
  }
  client->fin = true; /* a half-close: what is owed is still delivered */
  if (client->state != FL_CLIENT_OPEN)
    return;
  if (!client->ended)
    end_input(client, FL_PEER_CLOSED);
  fl_client_run(client, now);
}

static void client_closed(struct fl_conn *conn, fl_time now) {
  struct fl_client *client = of(conn);
  struct fl_listener *listener = client->listener;
  (void)now;
  conn->gateway->clients[listener->config->mode]--;
  fl_transport_release(conn);
  free(client);
  fl_listener_client_gone(listener);
}

static void client_connected(struct fl_conn *conn, enum fl_reason reason,
                             fl_time now) {
  (void)conn, (void)reason, (void)now;
  assert(false); /* a client is accepted */
}

static const struct fl_owner client_owner = {.connected = client_connected,
                                             .data = client_data,
                                             .sent = client_sent,
                                             .ended = client_ended,
                                             .closed = client_closed};

static void client_expired(struct fl_deadline *deadline, fl_time now) {
  struct fl_conn *conn = FL_CONTAINER(deadline, struct fl_conn, deadline);
  struct fl_client *client = of(conn);
  if (client->state == FL_CLIENT_LINGERING) {
    fl_client_close(client, FL_OK, true, now);
    return;
  }
  if (fl_transport_stalled(conn, client->listener->config->write_timeout,
                           now)) {
    client->reason = FL_WRITE_TIMEOUT; /* also of one that was flushing */
    fl_client_close(client, FL_WRITE_TIMEOUT, true, now);
    return;
  }
  fl_time due = FL_NEVER;
  if (must_pause(client)) /* others that made room may have ended it */
    fl_gateway_look_at_memory(fl_client_gateway(client), now);
  enum fl_reason reason =
      client->state == FL_CLIENT_OPEN ? next_timeout(client, &due) : FL_OK;
  if (due > now)
    reason = FL_OK;
  if (reason == FL_ACQUIRE_TIMEOUT || reason == FL_REQUEST_TIMEOUT) {
    fl_upstream_unwait(client->listener->upstream, client);
    fl_client_refused(client, reason, now);
    return;
  }
  if (reason != FL_OK)
    fl_client_finish(client, reason);
  fl_client_settle(client, now);
}

/* Begin and end. */

struct fl_client *fl_client_new(struct fl_listener *listener,
                                struct fl_sock *sock,
                                const struct fl_addr *peer, fl_time now) {
  struct fl_gateway *gateway = listener->gateway;
  struct fl_client *client = calloc(1, sizeof *client);
  if (client == NULL)
    return NULL;
  fl_list_init(&client->runnable);
  fl_list_init(&client->waiting);
  if (!fl_transport_init(&client->conn, gateway, &client_owner,
                         client_expired)) {
    free(client);
    return NULL;
  }
  client->listener = listener;
  client->conn.sock = sock;
  client->conn.peer = *peer;
  client->conn.opened = client->active = now;
  fl_list_push_back(&listener->clients, &client->conn.link);
  gateway->clients[listener->config->mode]++;
  listener->metrics.clients_opened++;
  struct fl_event event = {.kind = FL_EVENT_CLIENT_OPENED,
                           .listener = listener->config->name,
                           .peer = *peer};
  fl_gateway_event(gateway, &event);
  arm(client);
  return client;
}

void fl_client_drain(struct fl_client *client, fl_time now) {
  if (client->state != FL_CLIENT_OPEN) {
    arm(client); /* it lingers for less now */
    return;
  }
  /* One that was not read for a while may have sent more, in this kernel or
     still in its own: it is read on until it is silent for a moment. */
  client->draining = !client->conn.reading;
  if (!client->ended && !client->draining)
    end_input(client, fl_listener_end_reason(client->listener));
  fl_client_run(client, now);
}

void fl_client_shut(struct fl_client *client, fl_time now) {
  enum fl_reason reason = fl_listener_end_reason(client->listener);
  if (client->state == FL_CLIENT_CLOSING)
    return;
  if (client->listener->upstream != NULL)
    fl_upstream_unwait(client->listener->upstream, client);
  if (client->frame_size > 0)
    fl_client_refused(client, reason, now);
  /* So are the frames behind it: pass_on refuses them, one a time. */
  for (size_t left = SIZE_MAX; client->conn.in.size < left;) {
    left = client->conn.in.size;
    fl_client_run(client, now);
  }
  fl_transport_flush(&client->conn, now);
  fl_client_close(client, reason, false, now);
}
