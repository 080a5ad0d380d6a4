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
  KEY_SIZE = 21
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
  uint32_t used; /* entries that were ever taken */
  uint32_t oldest, newest;
  uint32_t mask; /* of chains */
  uint32_t *chains;
  struct entry *entries;
};

struct fl_quota *fl_quota_new(const struct fl_quota_setup *setup) {
  struct fl_quota *quota = calloc(1, sizeof *quota);
  if (quota == NULL)
    return NULL;
  uint32_t spare =
      setup->connections < SPARE_MIN ? SPARE_MIN : setup->connections;
  quota->setup = *setup;
  quota->size = setup->connections + spare;
  quota->interval =
      setup->rate == 0 ? 0 : FL_SECOND * NANOSECONDS / setup->rate;
  quota->oldest = NONE;
  quota->newest = NONE;
  quota->mask = 1;
  while (quota->mask < quota->size)
    quota->mask = quota->mask * 2 + 1;
  quota->chains = malloc(((size_t)quota->mask + 1) * sizeof *quota->chains);
  quota->entries = calloc(quota->size, sizeof *quota->entries);
  if (quota->chains == NULL || quota->entries == NULL) {
    fl_quota_free(quota);
    return NULL;
  }
  memset(quota->chains, 0xff, ((size_t)quota->mask + 1) * sizeof(uint32_t));
  return quota;
}

void fl_quota_free(struct fl_quota *quota) {
  if (quota == NULL)
    return;
  free(quota->chains);
  free(quota->entries);
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
  while (chain != NONE && memcmp(quota->entries[chain].key, key, KEY_SIZE) != 0)
    chain = quota->entries[chain].next;
  return chain;
}

static void unchain(struct fl_quota *quota, uint32_t index) {
  uint32_t *at = chain_of(quota, quota->entries[index].key);
  while (*at != index)
    at = &quota->entries[*at].next;
  *at = quota->entries[index].next;
}

/* ---- by when they were seen ---- */

static void unlist(struct fl_quota *quota, uint32_t index) {
  const struct entry *entry = &quota->entries[index];
  if (entry->older == NONE)
    quota->oldest = entry->newer;
  else
    quota->entries[entry->older].newer = entry->newer;
  if (entry->newer == NONE)
    quota->newest = entry->older;
  else
    quota->entries[entry->newer].older = entry->older;
}

static void list_newest(struct fl_quota *quota, uint32_t index) {
  struct entry *entry = &quota->entries[index];
  entry->older = quota->newest;
  entry->newer = NONE;
  if (quota->newest == NONE)
    quota->oldest = index;
  else
    quota->entries[quota->newest].newer = index;
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
  for (uint32_t i = 0; in_use(&quota->entries[index]); i++) {
    assert(i < quota->size); /* else more are open than setup says */
    unlist(quota, index);
    list_newest(quota, index);
    index = quota->oldest;
  }
  quota->forgotten += quota->entries[index].full > now;
  unlist(quota, index);
  unchain(quota, index);
  return index;
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
  index = quota->used < quota->size ? quota->used++ : recycle(quota, now);
  struct entry *entry = &quota->entries[index];
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
  struct entry *entry = &quota->entries[index];
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
  uint_least32_t before = atomic_fetch_sub(&quota->entries[place].open, 1);
  assert(before > 0);
  (void)before;
}

uint32_t fl_quota_size(const struct fl_quota *quota) { return quota->size; }

uint64_t fl_quota_forgotten(const struct fl_quota *quota) {
  return quota->forgotten;
}
