#include "core/client.h"

#include "core/command.h"
#include "core/gateway_state.h"
#include "core/outcome.h"
#include "core/upstream.h"

#include <assert.h>
#include <stdlib.h>

/* How long a client that was sent FIN may take to answer with its own; less
   when its delay would hold up a stop. */
#define LINGER_TIMEOUT (5 * FL_SECOND)
#define LINGER_TIMEOUT_STOPPING (1 * FL_SECOND)

static struct fl_client *of(struct fl_conn *conn) {
  return FL_CONTAINER(conn, struct fl_client, conn);
}

static struct fl_gateway *gateway_of(const struct fl_client *client) {
  return client->conn.gateway;
}

static struct fl_metrics *metrics_of(const struct fl_client *client) {
  return &gateway_of(client)->metrics;
}

/* How the upstream's replies find their requests. */
static const struct fl_pair *pair_of(const struct fl_client *client) {
  return &client->listener->upstream->config->pair;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Input is read on while a request waits, so that the client's end is seen,
   up to the high watermark; one more read may come on top. */
static size_t in_max(const struct fl_client *client) {
  const struct fl_upstream *upstream = client->listener->upstream;
  size_t frame = client->listener->config->max_frame;
  size_t most = larger(frame, FL_HIGH_WATERMARK) + FL_READ_MAX;
  if (upstream != NULL) /* requests may come back */
    most += (size_t)upstream->config->in_flight * frame;
  return most;
}

/* Nothing is taken on above the high watermark; what was taken on before may
   still come on top: an echo, or a reply per outstanding request and one for
   the request that waits. */
static size_t out_max(const struct fl_client *client) {
  const struct fl_upstream *upstream = client->listener->upstream;
  size_t most = client->listener->config->max_frame;
  if (upstream != NULL)
    most =
        ((size_t)upstream->config->in_flight + 1) * upstream->config->max_frame;
  return most + FL_HIGH_WATERMARK + FL_ERROR_REPLY_MAX;
}

static void run_later(struct fl_client *client) {
  if (fl_list_empty(&client->runnable))
    fl_list_push_back(&gateway_of(client)->runnable, &client->runnable);
}

/* Whether the next frame has to stay undecoded. */
static bool blocked(const struct fl_client *client) {
  return client->frame_size > 0 || client->error != FL_OK || client->held;
}

/* Asked before each frame. From the high watermark on a client is held until
   it is below the low one, so that it is not woken for every few bytes it
   takes. */
static bool may_decode(struct fl_client *client) {
  if (fl_transport_unsent(&client->conn) >= FL_HIGH_WATERMARK)
    client->held = true;
  return client->state == FL_CLIENT_OPEN && !blocked(client);
}

/* Its timeouts begin anew: while it was held it could not be heard. */
static void release(struct fl_client *client, fl_time now) {
  client->held = false;
  client->active = now;
  if (client->frame_size == 0)
    client->since = now;
  run_later(client);
}

/* The end of a client. */

static void report_closed(struct fl_client *client, fl_time now) {
  struct fl_event event = {.kind = FL_EVENT_CLIENT_CLOSED,
                           .reason = (enum fl_reason)client->reason,
                           .listener = client->listener->config->name,
                           .peer = client->conn.peer,
                           .bytes_in = client->conn.bytes_in,
                           .bytes_out = client->conn.bytes_out,
                           .frames = client->conn.frames,
                           .duration = now - client->conn.opened};
  metrics_of(client)->clients_closed[client->reason]++;
  metrics_of(client)->client_bytes_in += client->conn.bytes_in;
  metrics_of(client)->client_bytes_out += client->conn.bytes_out;
  fl_gateway_event(gateway_of(client), &event);
}

/* Gives up every claim on the upstream. */
static void leave_upstream(struct fl_client *client, fl_time now) {
  struct fl_upstream *upstream = client->listener->upstream;
  if (upstream == NULL)
    return;
  metrics_of(client)->requests_abandoned += client->outstanding;
  metrics_of(client)->requests_abandoned +=
      client->resent + (client->frame_size > 0);
  fl_upstream_unwait(upstream, client);
  if (client->bound != NULL)
    fl_outcome_forget(client->bound, client, now);
  client->bound = NULL;
  client->outstanding = 0;
  client->frame_size = 0;
  client->resent = 0;
}

static void close_client(struct fl_client *client, enum fl_reason reason,
                         bool reset, fl_time now) {
  if (client->state == FL_CLIENT_CLOSING)
    return;
  if (client->state == FL_CLIENT_OPEN)
    client->reason = (uint8_t)reason;
  client->state = FL_CLIENT_CLOSING;
  leave_upstream(client, now);
  fl_list_remove(&client->runnable);
  fl_transport_close(&client->conn, reset);
  report_closed(client, now);
}

/* All that was owed is with the kernel. */
static void say_goodbye(struct fl_client *client, fl_time now) {
  if (client->fin) {
    close_client(client, FL_OK, false, now);
    return;
  }
  client->state = FL_CLIENT_LINGERING;
  gateway_of(client)->io->shutdown(client->conn.sock);
  fl_transport_read(&client->conn, true);
}

/* Nothing more will be answered. */
static void finish(struct fl_client *client, enum fl_reason reason) {
  assert(client->outstanding == 0 && client->frame_size == 0);
  client->state = FL_CLIENT_FLUSHING;
  client->reason = (uint8_t)reason;
  fl_buffer_clear(&client->conn.in, &gateway_of(client)->spare);
}

static void settle(struct fl_client *client, fl_time now);

/* Answering. */

static void queue(struct fl_client *client, struct fl_slice bytes,
                  fl_time now) {
  if (client->state != FL_CLIENT_OPEN)
    return;
  if (!fl_transport_queue(&client->conn, bytes, out_max(client)))
    close_client(client, FL_OUT_OF_MEMORY, true, now);
}

/* server: the one that did not do its part, or NULL. */
static void report_failed(const struct fl_client *client, enum fl_reason reason,
                          const char *server) {
  const struct fl_upstream *upstream = client->listener->upstream;
  struct fl_event event = {.kind = FL_EVENT_REQUEST_FAILED,
                           .reason = reason,
                           .listener = client->listener->config->name,
                           .server = server,
                           .peer = client->conn.peer};
  if (upstream != NULL)
    event.upstream = upstream->config->name;
  metrics_of(client)->requests_failed[reason]++;
  fl_gateway_event(gateway_of(client), &event);
}

/* The frame at the start of conn.in is done with, if one waited there. */
static void drop_frame(struct fl_client *client, fl_time now) {
  fl_buffer_consume(&client->conn.in, &gateway_of(client)->spare,
                    client->frame_size);
  client->frame_size = 0;
  if (client->resent == 0)
    client->since = now;
}

void fl_client_reply(struct fl_client *client, struct fl_slice frame,
                     const struct fl_exchange *exchange, fl_time now) {
  metrics_of(client)->replies++;
  client->active = now;
  queue(client, frame, now);
  if (client->state != FL_CLIENT_OPEN)
    return;
  fl_pair_put(pair_of(client), fl_transport_last(&client->conn, frame.size),
              exchange->clients_id);
  run_later(client);
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
  leave_upstream(client, now);
  finish(client, reason);
}

void fl_client_error(struct fl_client *client, enum fl_reason reason,
                     const char *server, fl_time now) {
  uint8_t reply[FL_ERROR_REPLY_MAX];
  size_t size =
      fl_framing_error(reply_framing(client), fl_reason_name(reason), reply);
  report_failed(client, reason, server);
  client->active = now;
  if (client->state != FL_CLIENT_OPEN)
    return;
  if (size == 0)
    end_instead(client, reason, now);
  else
    queue(client, (struct fl_slice){reply, size}, now);
  if (client->state != FL_CLIENT_CLOSING)
    run_later(client);
}

/* An error that takes its turn behind what is outstanding. */
static void fail(struct fl_client *client, enum fl_reason reason, bool fatal) {
  client->error = (uint8_t)reason;
  client->fatal = fatal;
}

/* Sends the error reply that is due, in place of the frame at the start of
   conn.in. */
static void send_error(struct fl_client *client, fl_time now) {
  enum fl_reason reason = (enum fl_reason)client->error;
  drop_frame(client, now);
  client->error = FL_OK;
  if (client->fatal)
    metrics_of(client)->requests++; /* none was decoded */
  fl_client_error(client, reason, NULL, now);
  if (client->fatal && client->state == FL_CLIENT_OPEN)
    finish(client, reason);
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
  run_later(client);
}

void fl_client_refused(struct fl_client *client, enum fl_reason reason,
                       fl_time now) {
  fail(client, reason, false);
  settle(client, now);
}

/* Whether a request that was decoded then has waited long enough. */
static bool too_late(const struct fl_client *client, fl_time decoded,
                     fl_time now) {
  const struct fl_pool_config *pool = &client->listener->upstream->config->pool;
  return now >= fl_time_add(decoded, pool->acquire_timeout);
}

void fl_client_unsend(struct fl_client *client, struct fl_slice frame,
                      const struct fl_exchange *exchange, fl_time now) {
  struct fl_gateway *gateway = gateway_of(client);
  struct fl_upstream *upstream = client->listener->upstream;
  /* What stood first, waiting or refused, is decoded again behind this. */
  fl_upstream_unwait(upstream, client);
  if (client->frame_size > 0)
    client->resent++;
  client->error = FL_OK;
  client->fatal = false;
  client->framing = (struct fl_framing_state){0};
  if (!fl_buffer_prepend(&client->conn.in, &gateway->spare, frame,
                         in_max(client))) {
    metrics_of(client)->requests_abandoned++;
    client->frame_size = 0;
    close_client(client, FL_OUT_OF_MEMORY, true, now);
    return;
  }
  fl_pair_put(pair_of(client), client->conn.in.storage + client->conn.in.start,
              exchange->clients_id);
  gateway->metrics.requests_resent++;
  client->frame_size = (uint32_t)frame.size;
  client->since = exchange->decoded;
  client->ticket = exchange->ticket;
  if (too_late(client, exchange->decoded, now))
    fail(client, FL_ACQUIRE_TIMEOUT, false);
  else
    fl_upstream_wait(upstream, client);
  fl_transport_read(&client->conn, client->conn.in.size < FL_HIGH_WATERMARK);
  run_later(client);
}

/* Answers one command. */
static void run_command(struct fl_client *client, struct fl_slice line,
                        fl_time now) {
  char scratch[FL_COMMAND_SCRATCH];
  uint32_t clients = fl_occupancy_count(client->listener->occupancy);
  struct fl_command_reply reply = fl_command_run(line, clients, scratch);
  if (reply.reason == FL_OK)
    metrics_of(client)->replies++;
  else
    report_failed(client, reply.reason, NULL);
  queue(client, reply.head, now);
  if (reply.body.size > 0)
    queue(client, reply.body, now);
  if (reply.tail.size > 0)
    queue(client, reply.tail, now);
}

/* Passes on a request that was decoded then. Returns whether its frame is done
   with; else it waits, or waits for its error, at the start of conn.in. */
static bool pass_on(struct fl_client *client, struct fl_slice frame,
                    fl_time decoded, fl_time now) {
  enum fl_reason reason = FL_SHUTDOWN;
  enum fl_submit submit = FL_SUBMIT_REFUSED;
  if (too_late(client, decoded, now))
    reason = FL_ACQUIRE_TIMEOUT;
  else if (gateway_of(client)->stopping != FL_STOP_NOW)
    submit = fl_upstream_submit(client->listener->upstream, client, frame,
                                decoded, &reason, now);
  if (submit == FL_SUBMIT_ASSIGNED)
    return true;
  if (submit == FL_SUBMIT_REFUSED)
    fail(client, reason, false);
  client->frame_size = (uint32_t)frame.size;
  client->since = decoded;
  return false;
}

/* Acts on a frame; else as pass_on. */
static bool act_on(struct fl_client *client, struct fl_slice frame,
                   fl_time now) {
  fl_time decoded = now;
  client->active = now;
  if (client->resent > 0) {
    client->resent--;
    decoded = client->since;
  } else {
    client->conn.frames++;
    metrics_of(client)->requests++;
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
  while (used < bytes.size && may_decode(client)) {
    struct fl_slice rest = {bytes.bytes + used, bytes.size - used};
    long size = fl_framing_next(&config->framing, &client->framing, rest,
                                config->max_frame);
    if (size == FL_FRAMING_PARTIAL)
      break;
    if (size < 0) {
      fail(client, size == FL_FRAME_BAD ? FL_BAD_FRAME : FL_FRAME_TOO_LONG,
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

/* Decodes what waits in conn.in. */
static void consume_kept(struct fl_client *client, fl_time now) {
  struct fl_slice kept = fl_buffer_peek(&client->conn.in);
  size_t used = consume(client, kept, now);
  if (client->state != FL_CLIENT_OPEN)
    return;
  fl_buffer_consume(&client->conn.in, &gateway_of(client)->spare, used);
  if (used > 0 && client->frame_size == 0)
    client->since = now;
}

/* Timeouts. */

/* The timeout an open client runs into next, and when in *due; FL_OK for
   none, as long as the upstream's deadlines or write_timeout govern. */
static enum fl_reason next_timeout(const struct fl_client *client,
                                   fl_time *due) {
  const struct fl_listener_config *config = client->listener->config;
  *due = FL_NEVER;
  if (client->error != FL_OK)
    return FL_OK;
  if (client->frame_size > 0) {
    *due =
        fl_time_add(client->since,
                    client->listener->upstream->config->pool.acquire_timeout);
    return FL_ACQUIRE_TIMEOUT;
  }
  if (client->outstanding > 0 || client->held || client->conn.rest != NULL)
    return FL_OK;
  if (client->draining) {
    *due = fl_time_add(client->active, LINGER_TIMEOUT_STOPPING);
    return FL_SHUTDOWN;
  }
  *due = fl_time_add(client->active, config->idle_timeout);
  fl_time frame = fl_time_add(client->since, config->frame_timeout);
  if (client->conn.in.size == 0 || frame >= *due)
    return FL_IDLE_TIMEOUT;
  *due = frame;
  return FL_FRAME_TIMEOUT;
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
    due = fl_time_add(client->active, gateway_of(client)->stopping
                                          ? LINGER_TIMEOUT_STOPPING
                                          : LINGER_TIMEOUT);
    break;
  case FL_CLIENT_CLOSING:
    return;
  }
  fl_transport_arm(&client->conn, due);
}

/* Brings a client whose situation may have changed to where it belongs. */
static void settle(struct fl_client *client, fl_time now) {
  struct fl_conn *conn = &client->conn;
  if (client->state == FL_CLIENT_OPEN && client->error != FL_OK &&
      client->outstanding == 0)
    send_error(client, now);
  if (client->state == FL_CLIENT_FLUSHING && fl_transport_unsent(conn) == 0) {
    client->active = now;
    say_goodbye(client, now);
  }
  if (client->state == FL_CLIENT_OPEN)
    fl_transport_read(
        conn, !client->ended &&
                  (!blocked(client) || conn->in.size < FL_HIGH_WATERMARK));
  arm(client);
}

void fl_client_run(struct fl_client *client, fl_time now) {
  if (client->state == FL_CLIENT_OPEN && client->conn.in.size > 0)
    consume_kept(client, now);
  /* What is left undecoded is no whole frame, unless the client is blocked. */
  if (client->state == FL_CLIENT_OPEN && client->ended && !blocked(client) &&
      client->outstanding == 0)
    finish(client, (enum fl_reason)client->reason);
  settle(client, now);
}

/* Events of the connection. */

static void end_input(struct fl_client *client, enum fl_reason reason) {
  client->ended = true;
  client->reason = (uint8_t)reason;
}

static void client_data(struct fl_conn *conn, struct fl_slice bytes,
                        fl_time now) {
  struct fl_client *client = of(conn);
  size_t used = 0;
  if (client->state != FL_CLIENT_OPEN || client->ended)
    return; /* lingering: discarded */
  bool fresh = conn->in.size == 0;
  if (fresh)
    used = consume(client, bytes, now);
  if (client->state != FL_CLIENT_OPEN)
    return;
  struct fl_slice rest = {bytes.bytes + used, bytes.size - used};
  if (rest.size > 0 && !fl_buffer_append(&conn->in, &conn->gateway->spare, rest,
                                         in_max(client))) {
    close_client(client, FL_OUT_OF_MEMORY, true, now);
    return;
  }
  if (fresh && client->frame_size == 0)
    client->since = now;
  if (fresh)
    settle(client, now);
  else
    fl_client_run(client, now);
}

static void client_sent(struct fl_conn *conn, fl_time now) {
  struct fl_client *client = of(conn);
  if (client->state == FL_CLIENT_OPEN && conn->rest == NULL)
    client->active = now;
  if (client->state == FL_CLIENT_FLUSHING)
    settle(client, now);
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
    close_client(client, reason, reason != FL_PEER_CLOSED, now);
    return;
  }
  client->fin = true; /* a half-close: what is owed is still delivered */
  if (client->state != FL_CLIENT_OPEN || client->ended)
    return;
  end_input(client, FL_PEER_CLOSED);
  fl_client_run(client, now);
}

static void client_closed(struct fl_conn *conn, fl_time now) {
  struct fl_client *client = of(conn);
  struct fl_gateway *gateway = conn->gateway;
  (void)now;
  gateway->clients[client->listener->config->mode]--;
  fl_transport_release(conn);
  free(client);
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
    close_client(client, FL_OK, true, now);
    return;
  }
  if (fl_transport_stalled(conn, client->listener->config->write_timeout,
                           now)) {
    client->reason = FL_WRITE_TIMEOUT; /* also of one that was flushing */
    close_client(client, FL_WRITE_TIMEOUT, true, now);
    return;
  }
  fl_time due = FL_NEVER;
  enum fl_reason reason =
      client->state == FL_CLIENT_OPEN ? next_timeout(client, &due) : FL_OK;
  if (due > now)
    reason = FL_OK;
  if (reason == FL_ACQUIRE_TIMEOUT) {
    fl_upstream_unwait(client->listener->upstream, client);
    fl_client_refused(client, reason, now);
    return;
  }
  if (reason != FL_OK)
    finish(client, reason);
  settle(client, now);
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
  gateway->metrics.clients_opened++;
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
    end_input(client, FL_SHUTDOWN);
  fl_client_run(client, now);
}

void fl_client_shut(struct fl_client *client, fl_time now) {
  if (client->state == FL_CLIENT_CLOSING)
    return;
  if (client->listener->upstream != NULL)
    fl_upstream_unwait(client->listener->upstream, client);
  if (client->frame_size > 0)
    fl_client_refused(client, FL_SHUTDOWN, now);
  /* So are the frames behind it: pass_on refuses them, one a time. */
  for (size_t left = SIZE_MAX; client->conn.in.size < left;) {
    left = client->conn.in.size;
    fl_client_run(client, now);
  }
  fl_transport_flush(&client->conn, now);
  close_client(client, FL_SHUTDOWN, false, now);
}
