/* A hash table with chains over a fixed array of entries. Entries are also in
   a list from the one seen longest ago to the one seen last: a new address
   takes the first without connections. Who hammers is seen all the time, so
   it is not the one forgotten.

   The rate is a token bucket kept as one number, the moment at which the
   bucket will be full again (the generic cell rate algorithm, ITU-T I.371
   annex A: a virtual scheduling time). */
#include "core/quota.h"

#include "core/siphash.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
  SPARE_MIN = 4096, /* entries beyond those that connections may need */
  KEY_SIZE = 21,
  /* Entries stay where they are when the table grows, for other threads use
     them: so they lie in several pieces, and an entry's number says in which
     and where in it. */
  PIECES = 16,
  PIECE_SHIFT = 26
};

#define NONE UINT32_MAX
#define NANOSECONDS UINT64_C(1000) /* in a microsecond */

struct entry {
  uint8_t key[KEY_SIZE];      /* family, address, zone */
  atomic_uint_least32_t open; /* connections */
  uint32_t next;              /* in its chain */
  uint32_t older, newer;      /* by when they were seen */
  uint64_t full;              /* when the bucket is, in nanoseconds */
};

struct fl_quota {
  struct fl_quota_setup setup;
  uint64_t interval; /* nanoseconds for a token */
  uint64_t forgotten;
  uint32_t size;
  uint32_t oldest, newest;
  uint32_t mask; /* of chains */
  uint32_t *chains;
  struct entry *pieces[PIECES];
  uint32_t sizes[PIECES];
  uint32_t piece; /* that has entries which were never taken, */
  uint32_t used;  /* behind so many that were */
};

struct fl_quota_growth {
  struct entry *piece;
  uint32_t size; /* entries in it */
  uint32_t *chains;
  uint32_t mask;
};

static struct entry *entry_at(const struct fl_quota *quota, uint32_t number) {
  return &quota->pieces[number >> PIECE_SHIFT]
                       [number & ((UINT32_C(1) << PIECE_SHIFT) - 1)];
}

struct fl_quota *fl_quota_new(const struct fl_quota_setup *setup) {
  struct fl_quota *quota = calloc(1, sizeof *quota);
  if (quota == NULL)
    return NULL;
  struct fl_quota_growth *growth = NULL;
  quota->oldest = NONE;
  quota->newest = NONE;
  memcpy(quota->setup.key, setup->key, sizeof quota->setup.key);
  if (!fl_quota_prepare(quota, setup->connections, &growth)) {
    free(quota);
    return NULL;
  }
  fl_quota_configure(quota, setup, growth);
  return quota;
}

/* ---- growing ---- */

static uint32_t size_for(uint32_t connections) {
  return connections + (connections < SPARE_MIN ? SPARE_MIN : connections);
}

bool fl_quota_prepare(const struct fl_quota *quota, uint32_t connections,
                      struct fl_quota_growth **growth) {
  uint32_t size = size_for(connections);
  *growth = NULL;
  if (size <= quota->size)
    return true;
  if (size < 2 * quota->size) /* so the pieces are never too many */
    size = 2 * quota->size;
  struct fl_quota_growth *made = calloc(1, sizeof *made);
  if (made == NULL)
    return false;
  made->size = size - quota->size;
  made->mask = 1;
  while (made->mask < size)
    made->mask = made->mask * 2 + 1;
  made->chains = malloc(((size_t)made->mask + 1) * sizeof *made->chains);
  made->piece = calloc(made->size, sizeof *made->piece);
  *growth = made;
  if (made->chains != NULL && made->piece != NULL)
    return true;
  fl_quota_growth_free(made);
  *growth = NULL;
  return false;
}

void fl_quota_growth_free(struct fl_quota_growth *growth) {
  if (growth == NULL)
    return;
  free(growth->chains);
  free(growth->piece);
  free(growth);
}

static uint32_t *chain_of(struct fl_quota *quota, const uint8_t *key);

/* Puts every address in its chain of the larger table. */
static void take_growth(struct fl_quota *quota,
                        struct fl_quota_growth *growth) {
  uint32_t piece = 0;
  while (quota->pieces[piece] != NULL)
    piece++;
  assert(piece < PIECES);
  quota->pieces[piece] = growth->piece;
  quota->sizes[piece] = growth->size;
  quota->size += growth->size;
  free(quota->chains);
  quota->chains = growth->chains;
  quota->mask = growth->mask;
  memset(quota->chains, 0xff, ((size_t)quota->mask + 1) * sizeof(uint32_t));
  for (uint32_t at = quota->oldest; at != NONE;) {
    struct entry *entry = entry_at(quota, at);
    uint32_t *chain = chain_of(quota, entry->key);
    entry->next = *chain;
    *chain = at;
    at = entry->newer;
  }
  free(growth);
}

void fl_quota_configure(struct fl_quota *quota,
                        const struct fl_quota_setup *setup,
                        struct fl_quota_growth *growth) {
  quota->setup.connections = setup->connections;
  quota->setup.per_address = setup->per_address;
  quota->setup.rate = setup->rate;
  quota->setup.burst = setup->burst;
  quota->interval =
      setup->rate == 0 ? 0 : FL_SECOND * NANOSECONDS / setup->rate;
  if (growth != NULL)
    take_growth(quota, growth);
}

void fl_quota_free(struct fl_quota *quota) {
  if (quota == NULL)
    return;
  free(quota->chains);
  for (uint32_t i = 0; i < PIECES; i++)
    free(quota->pieces[i]);
  free(quota);
}

/* ---- the table ---- */

static void make_key(const struct fl_addr *addr, uint8_t key[KEY_SIZE]) {
  struct fl_addr plain = *addr;
  (void)fl_addr_unmap(&plain);
  memset(key, 0, KEY_SIZE);
  key[0] = plain.family;
  memcpy(key + 1, plain.ip, plain.family == FL_ADDR_IP4 ? 4 : 16);
  for (int i = 0; i < 4; i++)
    key[17 + i] = (uint8_t)(plain.scope >> (8 * i));
}

static uint32_t *chain_of(struct fl_quota *quota, const uint8_t *key) {
  uint64_t hash = fl_siphash(quota->setup.key, key, KEY_SIZE);
  return &quota->chains[hash & quota->mask];
}

static uint32_t find(const struct fl_quota *quota, uint32_t chain,
                     const uint8_t *key) {
  while (chain != NONE &&
         memcmp(entry_at(quota, chain)->key, key, KEY_SIZE) != 0)
    chain = entry_at(quota, chain)->next;
  return chain;
}

static void unchain(struct fl_quota *quota, uint32_t index) {
  uint32_t *at = chain_of(quota, entry_at(quota, index)->key);
  while (*at != index)
    at = &entry_at(quota, *at)->next;
  *at = entry_at(quota, index)->next;
}

/* ---- by when they were seen ---- */

static void unlist(struct fl_quota *quota, uint32_t index) {
  const struct entry *entry = entry_at(quota, index);
  if (entry->older == NONE)
    quota->oldest = entry->newer;
  else
    entry_at(quota, entry->older)->newer = entry->newer;
  if (entry->newer == NONE)
    quota->newest = entry->older;
  else
    entry_at(quota, entry->newer)->older = entry->older;
}

static void list_newest(struct fl_quota *quota, uint32_t index) {
  struct entry *entry = entry_at(quota, index);
  entry->older = quota->newest;
  entry->newer = NONE;
  if (quota->newest == NONE)
    quota->oldest = index;
  else
    entry_at(quota, quota->newest)->newer = index;
  quota->newest = index;
}

static bool in_use(const struct entry *entry) {
  return atomic_load(&entry->open) != 0;
}

/* Takes the entry of the address that was seen longest ago and has no
   connection. Those with connections go back to the end of the list: as many
   entries again have none, so a walk over them is soon paid for. */
static uint32_t recycle(struct fl_quota *quota, uint64_t now) {
  uint32_t index = quota->oldest;
  for (uint32_t i = 0; in_use(entry_at(quota, index)); i++) {
    assert(i < quota->size); /* else more are open than setup says */
    unlist(quota, index);
    list_newest(quota, index);
    index = quota->oldest;
  }
  quota->forgotten += entry_at(quota, index)->full > now;
  unlist(quota, index);
  unchain(quota, index);
  return index;
}

/* An entry that was never taken. Returns false when there is none. */
static bool take_fresh(struct fl_quota *quota, uint32_t *index) {
  if (quota->used == quota->sizes[quota->piece]) {
    if (quota->piece + 1 == PIECES || quota->sizes[quota->piece + 1] == 0)
      return false;
    quota->piece++;
    quota->used = 0;
  }
  *index = quota->piece << PIECE_SHIFT | quota->used++;
  return true;
}

/* The entry of an address, a fresh one for a new address; the newest now. */
static uint32_t obtain(struct fl_quota *quota, const uint8_t *key,
                       uint64_t now) {
  uint32_t index = find(quota, *chain_of(quota, key), key);
  if (index != NONE) {
    unlist(quota, index);
    list_newest(quota, index);
    return index;
  }
  if (!take_fresh(quota, &index))
    index = recycle(quota, now);
  struct entry *entry = entry_at(quota, index);
  uint32_t *chain = chain_of(quota, key);
  memcpy(entry->key, key, KEY_SIZE);
  entry->full = now;
  entry->next = *chain;
  *chain = index;
  list_newest(quota, index);
  return index;
}

/* ---- the limits ---- */

/* Takes a token, if there is one. */
static bool take_token(const struct fl_quota *quota, struct entry *entry,
                       uint64_t now) {
  if (quota->setup.rate == 0)
    return true;
  uint64_t full = entry->full > now ? entry->full : now;
  if (full - now > quota->interval * (quota->setup.burst - 1))
    return false;
  entry->full = full + quota->interval;
  return true;
}

enum fl_reason fl_quota_enter(struct fl_quota *quota,
                              const struct fl_addr *addr, fl_time now,
                              uint32_t *place) {
  uint8_t key[KEY_SIZE];
  uint64_t moment = now * NANOSECONDS;
  make_key(addr, key);
  uint32_t index = obtain(quota, key, moment);
  struct entry *entry = entry_at(quota, index);
  /* Only this thread adds: what the others take off since makes room. */
  if (quota->setup.per_address != 0 &&
      atomic_load(&entry->open) >= quota->setup.per_address)
    return FL_ADDRESS_CONNECTIONS;
  if (!take_token(quota, entry, moment))
    return FL_ADDRESS_RATE;
  atomic_fetch_add(&entry->open, 1);
  *place = index;
  return FL_OK;
}

void fl_quota_leave(struct fl_quota *quota, uint32_t place) {
  uint_least32_t before = atomic_fetch_sub(&entry_at(quota, place)->open, 1);
  assert(before > 0);
  (void)before;
}

uint32_t fl_quota_size(const struct fl_quota *quota) { return quota->size; }

uint64_t fl_quota_forgotten(const struct fl_quota *quota) {
  return quota->forgotten;
}
