/* The keys of the requests on one upstream's connections: those under way, no
   two of which are equal, and those remembered by a connection on which they
   timed out. Found by a hash with a random seed. */
#ifndef FL_CORE_KEYS_H
#define FL_CORE_KEYS_H

#include "core/list.h"
#include "core/slice.h"

#include <stdbool.h>

struct fl_exchange;
struct fl_pooled;

enum { FL_KEY_MAX = 64 };

struct fl_key {
  struct fl_list link;      /* first; on its bucket, or a spare one */
  struct fl_list waiters;   /* clients whose requests wait until it is free, by
                               ticket */
  struct fl_pooled *pooled; /* where its request is */
  struct fl_exchange *exchange;
  uint64_t hash;
  uint8_t size; /* 1.. */
  uint8_t bytes[FL_KEY_MAX];
};

/* Key structs are allocated when there are more requests than ever before,
   and freed at the end only. */
struct fl_keys {
  uint64_t seed[2];
  struct fl_list *buckets;
  uint32_t mask; /* number of buckets - 1 */
  uint32_t count;
  struct fl_list spare;
};

/* The bytes of a key, hashed once. */
struct fl_key_view {
  struct fl_slice bytes; /* 1..FL_KEY_MAX */
  uint64_t hash;
};

/* `expected` is about how many keys there will be. Returns false when memory
   is out. */
bool fl_keys_init(struct fl_keys *keys, uint64_t expected,
                  const uint64_t seed[2]);

/* Requires: none is left. A zeroed struct is fine. */
void fl_keys_free(struct fl_keys *keys);

struct fl_key_view fl_keys_view(const struct fl_keys *keys,
                                struct fl_slice bytes);

/* The one that is under way on any connection, or NULL. */
struct fl_key *fl_keys_under_way(const struct fl_keys *keys,
                                 const struct fl_key_view *view);

/* The one that a connection has, under way or remembered, or NULL. */
struct fl_key *fl_keys_on(const struct fl_keys *keys,
                          const struct fl_key_view *view,
                          const struct fl_pooled *pooled);

/* One to be filled in by fl_keys_add, NULL when memory is out. */
struct fl_key *fl_keys_new(struct fl_keys *keys);

/* Requires: the connection has no such key. */
void fl_keys_add(struct fl_keys *keys, struct fl_key *key,
                 const struct fl_key_view *view, struct fl_pooled *pooled,
                 struct fl_exchange *exchange);

/* Takes it out, if it was added, and keeps it for the next. Requires: nobody
   waits for it. */
void fl_keys_drop(struct fl_keys *keys, struct fl_key *key);

/* Asserts its invariants. Returns how many clients wait. */
uint32_t fl_keys_check(const struct fl_keys *keys);

#endif
