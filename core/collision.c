#include "core/collision.h"

#include "core/hashing.h"

#include <assert.h>

enum fl_reason fl_collision_key(const struct fl_upstream *upstream,
                                struct fl_slice frame,
                                struct fl_key_view *view) {
  const struct fl_upstream_config *config = upstream->config;
  struct fl_slice key =
      fl_extract(&config->pair.request, &config->framing, frame);
  if (key.size == 0)
    return FL_NO_KEY;
  if (key.size > FL_KEY_MAX)
    return FL_KEY_TOO_LONG;
  *view = fl_keys_view(&upstream->keys, key);
  return FL_OK;
}

/* A connection in that state that may have requests and does not have the
   key; of `server` alone where that is not NULL. */
static struct fl_pooled *room_without(const struct fl_upstream *upstream,
                                      const struct fl_server *server,
                                      const struct fl_key_view *view,
                                      enum fl_pooled_state state, fl_time now) {
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    if ((server != NULL && upstream->servers[i] != server) ||
        !fl_server_may_use(upstream->servers[i]))
      continue;
    const struct fl_list *list = &upstream->servers[i]->conns[state];
    for (struct fl_list *node = list->next; node != list; node = node->next) {
      struct fl_pooled *pooled =
          FL_CONTAINER(node, struct fl_pooled, conn.link);
      if ((state != FL_POOLED_IDLE || !fl_pooled_stale(pooled, now)) &&
          fl_keys_on(&upstream->keys, view, pooled) == NULL)
        return pooled;
    }
  }
  return NULL;
}

struct fl_key *fl_collision_place(struct fl_upstream *upstream,
                                  const struct fl_client *client,
                                  const struct fl_key_view *view,
                                  struct fl_pooled **place, fl_time now) {
  struct fl_key *key = fl_keys_under_way(&upstream->keys, view);
  if (key != NULL)
    return key;
  key = fl_keys_on(&upstream->keys, view, *place);
  if (key == NULL || client->bound != NULL)
    return key;
  const struct fl_server *server =
      fl_hashing_is_on(upstream) ? (*place)->server : NULL;
  struct fl_pooled *other =
      room_without(upstream, server, view, FL_POOLED_IDLE, now);
  if (other == NULL)
    other = room_without(upstream, server, view, FL_POOLED_BUSY, now);
  if (other == NULL)
    return key;
  *place = other;
  return NULL;
}

static struct fl_client *waiter(struct fl_list *node) {
  return FL_CONTAINER(node, struct fl_client, waiting);
}

void fl_collision_wait(struct fl_upstream *upstream, struct fl_client *client,
                       struct fl_key *key, fl_time now) {
  struct fl_list *at = &key->waiters;
  assert(fl_list_empty(&client->waiting));
  while (at->prev != &key->waiters && waiter(at->prev)->ticket > client->ticket)
    at = at->prev;
  fl_list_insert(at, &client->waiting);
  client->parked = true;
  upstream->parked++;
  if (key->exchange->state == FL_EXCHANGE_EXPIRED &&
      fl_pooled_has_room(key->pooled))
    fl_pooled_replace(key->pooled, now);
}

bool fl_collision_send(struct fl_pooled *pooled, struct fl_client *client,
                       struct fl_slice frame, const struct fl_key_view *view,
                       fl_time decoded, fl_time now) {
  struct fl_keys *keys = &pooled->server->upstream->keys;
  struct fl_key *key = fl_keys_new(keys);
  if (key == NULL)
    return false;
  if (!fl_pooled_send(pooled, client, frame, decoded, now)) {
    fl_keys_drop(keys, key);
    return false;
  }
  struct fl_exchange *exchange = fl_exchanges_unsent(&pooled->exchanges);
  exchange->key = key;
  fl_keys_add(keys, key, view, pooled, exchange);
  return true;
}

struct fl_exchange *fl_collision_find(const struct fl_pooled *pooled,
                                      struct fl_slice bytes) {
  const struct fl_keys *keys = &pooled->server->upstream->keys;
  if (bytes.size > FL_KEY_MAX)
    return NULL;
  const struct fl_key_view view = fl_keys_view(keys, bytes);
  const struct fl_key *key = fl_keys_on(keys, &view, pooled);
  return key == NULL ? NULL : key->exchange;
}

/* They wait for a connection now; when the next of them has one, those behind
   it wait for the key again. */
void fl_collision_expired(struct fl_upstream *upstream, struct fl_key *key) {
  struct fl_list *node;
  while ((node = fl_list_first(&key->waiters)) != NULL) {
    fl_upstream_unwait(upstream, waiter(node));
    fl_upstream_wait(upstream, waiter(node));
  }
}

void fl_collision_free(struct fl_upstream *upstream, struct fl_key *key) {
  fl_collision_expired(upstream, key);
  fl_keys_drop(&upstream->keys, key);
}
