#include "core/pool_parts.h"

#include <assert.h>
#include <string.h>

/* Whether what came is how `expect` begins. */
static bool begins(const struct fl_bytes *expect, const struct fl_buffer *in) {
  struct fl_slice came = fl_buffer_peek(in);
  assert(came.bytes != NULL);
  return came.size <= expect->size &&
         memcmp(came.bytes, expect->bytes, came.size) == 0;
}

void fl_pooled_unasked(struct fl_pooled *pooled, struct fl_slice bytes,
                       fl_time now) {
  struct fl_conn *conn = &pooled->conn;
  const struct fl_bytes *expect =
      &fl_pooled_upstream(pooled)->config->reset.expect;
  enum fl_reason broken = FL_OK;
  if (!fl_buffer_append(&conn->in, &conn->gateway->spare, bytes,
                        FL_HIGH_WATERMARK + (size_t)FL_READ_MAX))
    broken = fl_spare_reason(&conn->gateway->spare);
  else if (pooled->state == FL_POOLED_RESET && !begins(expect, &conn->in))
    broken = FL_RESET_FAILED;
  else if (pooled->state != FL_POOLED_RESET && pooled->replied)
    broken = FL_UNEXPECTED_DATA;
  if (broken != FL_OK) {
    fl_pooled_retire(pooled, broken, now);
    return;
  }
  if (pooled->state == FL_POOLED_RESET && conn->in.size == expect->size) {
    fl_buffer_clear(&conn->in, &conn->gateway->spare);
    fl_pooled_place(pooled, now);
    fl_upstream_wake(fl_pooled_upstream(pooled));
    fl_pooled_arm(pooled);
  } else if (conn->in.size >= FL_HIGH_WATERMARK) {
    fl_transport_read(conn, false);
  }
}

void fl_pooled_lend(struct fl_pooled *pooled, struct fl_conn *to,
                    fl_time *expires) {
  assert(pooled->state == FL_POOLED_IDLE && pooled->exchanges.count == 0);
  *expires = pooled->expires;
  fl_pooled_leave(pooled);
  fl_pooled_upstream(pooled)->lent++;
  fl_transport_move(to, &pooled->conn);
  fl_pooled_free(pooled);
}

bool fl_pool_take_back(struct fl_server *server, struct fl_conn *from,
                       fl_time expires, fl_time now) {
  const struct fl_bytes *send = &server->upstream->config->reset.send;
  struct fl_pooled *pooled = fl_pooled_new(server);
  if (pooled == NULL)
    return false;
  fl_transport_move(&pooled->conn, from);
  if (!fl_transport_queue(&pooled->conn,
                          (struct fl_slice){send->bytes, send->size},
                          FL_HIGH_WATERMARK)) {
    fl_transport_move(from, &pooled->conn);
    fl_pooled_free(pooled);
    return false;
  }
  fl_transport_bulk(&pooled->conn, false);
  server->upstream->lent--;
  pooled->expires = expires;
  pooled->replied = true;
  pooled->used = now;
  fl_pooled_enter(pooled, FL_POOLED_RESET);
  fl_transport_read(&pooled->conn, true);
  fl_pooled_arm(pooled);
  return true;
}
