/* Requests with equal keys, where replies are paired by key: one of them at a
   time is under way on an upstream, and none goes to a connection where a
   reply to an earlier one may still come. */
#ifndef FL_CORE_COLLISION_H
#define FL_CORE_COLLISION_H

#include "core/keys.h"
#include "core/upstream.h"

/* The key of a request. Returns FL_OK, or why it has none to be paired by. */
enum fl_reason fl_collision_key(const struct fl_upstream *upstream,
                                struct fl_slice frame,
                                struct fl_key_view *view);

/* Where a request with this key goes now: *place, which has room, or another
   connection, put in *place. Returns NULL, or the key it has to wait for; the
   connection that has it may be about to be replaced. */
struct fl_key *fl_collision_place(struct fl_upstream *upstream,
                                  const struct fl_client *client,
                                  const struct fl_key_view *view,
                                  struct fl_pooled **place, fl_time now);

/* Makes the client wait for a key. If that is one a connection remembers, the
   connection is replaced: its late reply may never come. */
void fl_collision_wait(struct fl_upstream *upstream, struct fl_client *client,
                       struct fl_key *key, fl_time now);

/* As fl_pooled_send, and claims the key for the request. */
bool fl_collision_send(struct fl_pooled *pooled, struct fl_client *client,
                       struct fl_slice frame, const struct fl_key_view *view,
                       fl_time decoded, fl_time now);

/* The request on a connection, under way or remembered, that a reply with
   these bytes as its key belongs to, or NULL. */
struct fl_exchange *fl_collision_find(const struct fl_pooled *pooled,
                                      struct fl_slice bytes);

/* A key's request timed out: those that wait for it may use other connections.
   A key's request is done with, or forgotten: any. */
void fl_collision_expired(struct fl_upstream *upstream, struct fl_key *key);
void fl_collision_free(struct fl_upstream *upstream, struct fl_key *key);

#endif
