#include "core/keys.h"

#include "core/exchange.h"
#include "core/siphash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MIN = 16, BUCKETS_MAX = 4096 };

static struct fl_key *of(struct fl_list *node) {
  return FL_CONTAINER(node, struct fl_key, link);
}

bool fl_keys_init(struct fl_keys *keys, uint64_t expected,
                  const uint64_t seed[2]) {
  uint32_t count = BUCKETS_MIN;
  while (count < BUCKETS_MAX && count < expected)
    count *= 2;
  *keys = (struct fl_keys){.seed = {seed[0], seed[1]}, .mask = count - 1};
  fl_list_init(&keys->spare);
  keys->buckets = malloc(count * sizeof *keys->buckets);
  if (keys->buckets == NULL)
    return false;
  for (uint32_t i = 0; i < count; i++)
    fl_list_init(&keys->buckets[i]);
  return true;
}

void fl_keys_free(struct fl_keys *keys) {
  assert(keys->count == 0);
  if (keys->buckets == NULL)
    return;
  for (struct fl_list *node = keys->spare.next; node != &keys->spare;) {
    struct fl_key *key = of(node);
    node = node->next;
    free(key);
  }
  free(keys->buckets);
  keys->buckets = NULL;
}

struct fl_key_view fl_keys_view(const struct fl_keys *keys,
                                struct fl_slice bytes) {
  return (struct fl_key_view){bytes,
                              fl_siphash(keys->seed, bytes.bytes, bytes.size)};
}

static struct fl_list *bucket_of(const struct fl_keys *keys, uint64_t hash) {
  return &keys->buckets[hash & keys->mask];
}

static bool equal(const struct fl_key *key, const struct fl_key_view *view) {
  return key->hash == view->hash && key->size == view->bytes.size &&
         memcmp(key->bytes, view->bytes.bytes, key->size) == 0;
}

static bool is_under_way(const struct fl_key *key) {
  return key->exchange->state != FL_EXCHANGE_EXPIRED;
}

struct fl_key *fl_keys_under_way(const struct fl_keys *keys,
                                 const struct fl_key_view *view) {
  struct fl_list *bucket = bucket_of(keys, view->hash);
  for (struct fl_list *node = bucket->next; node != bucket; node = node->next)
    if (equal(of(node), view) && is_under_way(of(node)))
      return of(node);
  return NULL;
}

struct fl_key *fl_keys_on(const struct fl_keys *keys,
                          const struct fl_key_view *view,
                          const struct fl_pooled *pooled) {
  struct fl_list *bucket = bucket_of(keys, view->hash);
  for (struct fl_list *node = bucket->next; node != bucket; node = node->next)
    if (of(node)->pooled == pooled && equal(of(node), view))
      return of(node);
  return NULL;
}

struct fl_key *fl_keys_new(struct fl_keys *keys) {
  struct fl_list *node = fl_list_pop(&keys->spare);
  if (node != NULL)
    return of(node);
  struct fl_key *key = calloc(1, sizeof *key);
  if (key == NULL)
    return NULL;
  fl_list_init(&key->link);
  fl_list_init(&key->waiters);
  return key;
}

void fl_keys_add(struct fl_keys *keys, struct fl_key *key,
                 const struct fl_key_view *view, struct fl_pooled *pooled,
                 struct fl_exchange *exchange) {
  assert(view->bytes.size > 0 && view->bytes.size <= FL_KEY_MAX);
  assert(fl_keys_on(keys, view, pooled) == NULL);
  key->pooled = pooled;
  key->exchange = exchange;
  key->hash = view->hash;
  key->size = (uint8_t)view->bytes.size;
  memcpy(key->bytes, view->bytes.bytes, view->bytes.size);
  fl_list_push_back(bucket_of(keys, view->hash), &key->link);
  keys->count++;
}

void fl_keys_drop(struct fl_keys *keys, struct fl_key *key) {
  assert(fl_list_empty(&key->waiters));
  keys->count -= !fl_list_empty(&key->link);
  fl_list_remove(&key->link);
  fl_list_push_front(&keys->spare, &key->link);
}

static uint32_t length(const struct fl_list *list) {
  uint32_t count = 0;
  for (struct fl_list *node = list->next; node != list; node = node->next)
    count++;
  return count;
}

uint32_t fl_keys_check(const struct fl_keys *keys) {
  uint32_t count = 0;
  uint32_t waiters = 0;
  for (uint32_t i = 0; keys->buckets != NULL && i <= keys->mask; i++) {
    const struct fl_list *bucket = &keys->buckets[i];
    for (struct fl_list *at = bucket->next; at != bucket; at = at->next) {
      const struct fl_key *key = of(at);
      const struct fl_key_view view = {{key->bytes, key->size}, key->hash};
      assert(key->exchange->key == key && (key->hash & keys->mask) == i);
      assert(fl_keys_on(keys, &view, key->pooled) == key);
      assert(!is_under_way(key) || fl_keys_under_way(keys, &view) == key);
      waiters += length(&key->waiters);
      count++;
    }
  }
  assert(count == keys->count);
  return waiters;
}
