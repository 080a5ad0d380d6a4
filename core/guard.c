#include "core/guard.h"

#include "core/quota.h"

#include <stdlib.h>
#include <string.h>

struct fl_guard {
  const struct fl_acl *acl;
  struct fl_quota *quota; /* NULL where addresses have no limit */
  uint64_t key[2];
  bool overflow_told;
};

struct fl_guard_change {
  struct fl_quota *quota; /* the first one */
  struct fl_quota_growth *growth;
};

#define NO_PLACE UINT32_MAX

static bool has_limits(const struct fl_listener_config *config) {
  return config->max_connections_per_address != 0 ||
         config->max_connection_rate != 0;
}

static struct fl_quota_setup setup_of(const struct fl_listener_config *config,
                                      const uint64_t key[2]) {
  return (struct fl_quota_setup){
      .connections = config->max_connections,
      .per_address = config->max_connections_per_address,
      .rate = config->max_connection_rate,
      .burst = config->max_connection_burst != 0 ? config->max_connection_burst
                                                 : config->max_connection_rate,
      .key = {key[0], key[1]}};
}

struct fl_guard *fl_guard_new(const struct fl_listener_config *config,
                              const uint64_t key[2]) {
  struct fl_guard *guard = calloc(1, sizeof *guard);
  if (guard == NULL)
    return NULL;
  guard->acl = &config->access;
  memcpy(guard->key, key, sizeof guard->key);
  if (!has_limits(config))
    return guard;
  struct fl_quota_setup setup = setup_of(config, key);
  guard->quota = fl_quota_new(&setup);
  if (guard->quota != NULL)
    return guard;
  free(guard);
  return NULL;
}

enum fl_reason fl_guard_enter(struct fl_guard *guard,
                              const struct fl_addr *peer, fl_time now,
                              uint32_t *place) {
  *place = NO_PLACE;
  if (!fl_acl_allows(guard->acl, peer))
    return FL_DENIED_ADDRESS;
  if (guard->quota == NULL)
    return FL_OK;
  return fl_quota_enter(guard->quota, peer, now, place);
}

void fl_guard_leave(struct fl_guard *guard, uint32_t place) {
  if (place != NO_PLACE)
    fl_quota_leave(guard->quota, place);
}

struct fl_guard_change *
fl_guard_prepare(const struct fl_guard *guard,
                 const struct fl_listener_config *config) {
  struct fl_guard_change *change = calloc(1, sizeof *change);
  struct fl_quota_setup setup = setup_of(config, guard->key);
  if (change == NULL)
    return NULL;
  bool done = true;
  if (guard->quota != NULL)
    done = fl_quota_prepare(guard->quota, config->max_connections,
                            &change->growth);
  else if (has_limits(config))
    done = (change->quota = fl_quota_new(&setup)) != NULL;
  if (done)
    return change;
  free(change);
  return NULL;
}

void fl_guard_change_free(struct fl_guard_change *change) {
  if (change == NULL)
    return;
  fl_quota_free(change->quota);
  fl_quota_growth_free(change->growth);
  free(change);
}

/* The table stays when the last limit goes, for it counts those who are in. */
void fl_guard_configure(struct fl_guard *guard,
                        const struct fl_listener_config *config,
                        struct fl_guard_change *change) {
  struct fl_quota_setup setup = setup_of(config, guard->key);
  guard->acl = &config->access;
  if (guard->quota == NULL)
    guard->quota = change->quota;
  else
    fl_quota_configure(guard->quota, &setup, change->growth);
  free(change);
}

uint32_t fl_guard_overflow(struct fl_guard *guard) {
  if (guard->quota == NULL || guard->overflow_told ||
      fl_quota_forgotten(guard->quota) == 0)
    return 0;
  guard->overflow_told = true;
  return fl_quota_size(guard->quota);
}

void fl_guard_free(struct fl_guard *guard) {
  if (guard == NULL)
    return;
  fl_quota_free(guard->quota);
  free(guard);
}
