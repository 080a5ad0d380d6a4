#include "core/transport.h"

#include "core/gateway_state.h"

#include <assert.h>
#include <stdlib.h>

bool fl_transport_init(struct fl_conn *conn, struct fl_gateway *gateway,
                       const struct fl_owner *owner, fl_deadline_fn *expired) {
  conn->gateway = gateway;
  conn->owner = owner;
  conn->reading = true;
  conn->serial_low = (uint32_t)++gateway->conns;
  conn->serial_high = (uint16_t)(gateway->conns >> 32);
  fl_list_init(&conn->link);
  fl_list_init(&conn->dirty);
  return fl_deadline_add(&gateway->deadlines, &conn->deadline, expired);
}

uint64_t fl_transport_id(const struct fl_conn *conn) {
  uint64_t serial = (uint64_t)conn->serial_high << 32 | conn->serial_low;
  return serial * FL_CONFIG_WORKERS_MAX + conn->gateway->worker;
}

uint32_t fl_transport_id_worker(uint64_t id) {
  return (uint32_t)(id % FL_CONFIG_WORKERS_MAX);
}

static void free_rest(struct fl_conn *conn) {
  if (conn->rest == NULL)
    return;
  fl_buffer_clear(&conn->rest->bytes, &conn->gateway->spare);
  free(conn->rest);
  conn->rest = NULL;
}

static size_t rest_size(const struct fl_conn *conn) {
  return conn->rest == NULL ? 0 : conn->rest->bytes.size;
}

void fl_transport_release(struct fl_conn *conn) {
  struct fl_gateway *gateway = conn->gateway;
  assert(conn->sock == NULL);
  fl_list_remove(&conn->link);
  fl_list_remove(&conn->dirty);
  fl_deadline_remove(&gateway->deadlines, &conn->deadline);
  fl_buffer_clear(&conn->in, &gateway->spare);
  fl_buffer_clear(&conn->out, &gateway->spare);
  free_rest(conn);
}

/* Sees to it that output is written. */
static void write_later(struct fl_conn *conn) {
  struct fl_gateway *gateway = conn->gateway;
  if (fl_list_empty(&conn->dirty))
    fl_list_push_back(conn->owner->late ? &gateway->late : &gateway->dirty,
                      &conn->dirty);
}

bool fl_transport_queue(struct fl_conn *conn, struct fl_slice bytes,
                        size_t max) {
  size_t rest = rest_size(conn);
  if (rest > max ||
      !fl_buffer_append(&conn->out, &conn->gateway->spare, bytes, max - rest))
    return false;
  write_later(conn);
  return true;
}

uint8_t *fl_transport_last(struct fl_conn *conn, size_t size) {
  struct fl_buffer *out = &conn->out;
  assert(size <= out->size);
  return out->storage + out->start + (out->size - size);
}

/* Bytes of output that are with the peer, as far as the system can tell. */
static uint64_t progress(const struct fl_conn *conn) {
  const struct fl_io *io = conn->gateway->io;
  uint64_t unacked = io->unacked == NULL ? 0 : io->unacked(conn->sock);
  uint64_t taken = fl_transport_taken(conn);
  return unacked > taken ? 0 : taken - unacked;
}

/* Hands what the kernel did not take to the outside, which keeps at it. */
static enum fl_reason send_rest(struct fl_conn *conn, fl_time now) {
  struct fl_rest *rest = malloc(sizeof *rest);
  if (rest == NULL)
    return FL_OUT_OF_MEMORY;
  enum fl_reason reason =
      conn->gateway->io->send_rest(conn->sock, fl_buffer_peek(&conn->out));
  if (reason != FL_OK) {
    free(rest);
    return reason;
  }
  rest->bytes = conn->out;
  conn->out = (struct fl_buffer){0};
  conn->rest = rest;
  rest->since = now;
  rest->progress = progress(conn);
  return FL_OK;
}

void fl_transport_flush(struct fl_conn *conn, fl_time now) {
  enum fl_reason reason = FL_OK;
  if (conn->sock == NULL || conn->rest != NULL || conn->out.size == 0)
    return;
  long taken = conn->gateway->io->send(conn->sock, fl_buffer_peek(&conn->out));
  if (taken < 0) {
    conn->owner->ended(conn, (enum fl_reason) - taken, now);
    return;
  }
  conn->bytes_out += (uint64_t)taken;
  fl_buffer_consume(&conn->out, &conn->gateway->spare, (size_t)taken);
  if (conn->out.size > 0)
    reason = send_rest(conn, now);
  if (reason != FL_OK)
    conn->owner->ended(conn, reason, now);
  else
    conn->owner->sent(conn, now);
}

enum fl_reason fl_transport_write(struct fl_conn *conn, struct fl_slice bytes,
                                  size_t max, fl_time now) {
  /* Otherwise it takes its place behind what waits. */
  bool first = conn->rest == NULL && conn->out.size == 0;
  if (first) {
    long taken = conn->gateway->io->send(conn->sock, bytes);
    if (taken < 0)
      return (enum fl_reason) - taken;
    conn->bytes_out += (uint64_t)taken;
    bytes.bytes += taken;
    bytes.size -= (size_t)taken;
  }
  size_t rest = rest_size(conn);
  if (bytes.size == 0)
    return FL_OK;
  if (rest > max ||
      !fl_buffer_append(&conn->out, &conn->gateway->spare, bytes, max - rest))
    return fl_spare_reason(&conn->gateway->spare);
  return first ? send_rest(conn, now) : FL_OK;
}

bool fl_conn_pressed(const struct fl_conn *conn) {
  return fl_transport_pressed(conn);
}

bool fl_transport_pressed(const struct fl_conn *conn) {
  return conn->gateway->spare.share.pressed;
}

size_t fl_transport_unsent(const struct fl_conn *conn) {
  return rest_size(conn) + conn->out.size;
}

uint64_t fl_transport_taken(const struct fl_conn *conn) {
  if (conn->rest == NULL || conn->sock == NULL)
    return conn->bytes_out;
  return conn->bytes_out + rest_size(conn) -
         conn->gateway->io->unsent(conn->sock);
}

uint64_t fl_transport_queued(const struct fl_conn *conn) {
  return conn->bytes_out + rest_size(conn) + conn->out.size;
}

fl_time fl_transport_write_due(const struct fl_conn *conn, fl_time timeout) {
  if (conn->rest == NULL)
    return FL_NEVER;
  return fl_time_add(conn->rest->since, timeout);
}

bool fl_transport_stalled(struct fl_conn *conn, fl_time timeout, fl_time now) {
  if (fl_transport_write_due(conn, timeout) > now)
    return false;
  uint64_t with_peer = progress(conn);
  if (with_peer == conn->rest->progress)
    return true;
  conn->rest->progress = with_peer;
  conn->rest->since = now;
  return false;
}

void fl_transport_read(struct fl_conn *conn, bool on) {
  if (conn->reading == on || conn->sock == NULL)
    return;
  conn->reading = on;
  conn->gateway->io->read(conn->sock, on);
}

void fl_transport_bulk(struct fl_conn *conn, bool on) {
  if (conn->bulk == on)
    return;
  conn->bulk = on;
  conn->gateway->io->bulk(conn->sock, on);
}

void fl_transport_move(struct fl_conn *to, struct fl_conn *from) {
  assert(from->sock != NULL && from->rest == NULL && from->out.size == 0);
  assert(to->sock == NULL && to->in.size == 0 && to->gateway == from->gateway);
  to->sock = from->sock;
  to->in = from->in;
  to->opened = from->opened;
  to->bytes_in = from->bytes_in;
  to->bytes_out = from->bytes_out;
  to->frames = from->frames;
  to->peer = from->peer;
  to->reading = from->reading;
  to->bulk = from->bulk;
  from->sock = NULL;
  from->in = (struct fl_buffer){0};
  from->opened = 0;
  fl_list_remove(&from->dirty);
  fl_transport_arm(from, FL_NEVER);
  to->gateway->io->attach(to->sock, to);
}

void fl_transport_close(struct fl_conn *conn, bool reset) {
  struct fl_sock *sock = conn->sock;
  assert(sock != NULL);
  conn->bytes_out = fl_transport_taken(conn);
  conn->sock = NULL;
  fl_list_remove(&conn->dirty);
  fl_transport_arm(conn, FL_NEVER);
  fl_buffer_clear(&conn->in, &conn->gateway->spare);
  fl_buffer_clear(&conn->out, &conn->gateway->spare);
  conn->gateway->io->close(sock, reset);
}

void fl_transport_arm(struct fl_conn *conn, fl_time due) {
  fl_deadline_set(&conn->gateway->deadlines, &conn->deadline, due);
}

/* The entry points of core/conn.h. */

void fl_conn_connected(struct fl_conn *conn, enum fl_reason reason,
                       fl_time now) {
  if (conn->sock != NULL)
    conn->owner->connected(conn, reason, now);
}

void fl_conn_data(struct fl_conn *conn, struct fl_slice bytes, fl_time now) {
  assert(bytes.size <= FL_READ_MAX ||
         (conn->bulk && bytes.size <= FL_BULK_READ_MAX));
  if (conn->sock == NULL || bytes.size == 0)
    return;
  conn->bytes_in += bytes.size;
  conn->owner->data(conn, bytes, now);
}

void fl_conn_sent(struct fl_conn *conn, fl_time now) {
  if (conn->sock == NULL)
    return;
  assert(conn->rest != NULL);
  conn->bytes_out += rest_size(conn);
  free_rest(conn);
  fl_transport_arm(conn, FL_NEVER); /* it was write_timeout's; sent sets anew */
  if (conn->out.size > 0)
    write_later(conn);
  conn->owner->sent(conn, now);
}

void fl_conn_end(struct fl_conn *conn, enum fl_reason reason, fl_time now) {
  if (conn->sock != NULL)
    conn->owner->ended(conn, reason, now);
}

void fl_conn_closed(struct fl_conn *conn, fl_time now) {
  assert(conn->sock == NULL);
  conn->owner->closed(conn, now);
}
