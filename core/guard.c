#include "core/guard.h"

#include "core/quota.h"

#include <stdlib.h>

struct fl_guard {
  const struct fl_acl *acl;
  struct fl_quota *quota; /* NULL where addresses have no limit */
  bool overflow_told;
};

struct fl_guard *fl_guard_new(const struct fl_listener_config *config,
                              const uint64_t key[2]) {
  struct fl_guard *guard = calloc(1, sizeof *guard);
  if (guard == NULL)
    return NULL;
  guard->acl = &config->access;
  if (config->max_connections_per_address == 0 &&
      config->max_connection_rate == 0)
    return guard;
  struct fl_quota_setup setup = {
      .connections = config->max_connections,
      .per_address = config->max_connections_per_address,
      .rate = config->max_connection_rate,
      .burst = config->max_connection_burst != 0 ? config->max_connection_burst
                                                 : config->max_connection_rate,
      .key = {key[0], key[1]}};
  guard->quota = fl_quota_new(&setup);
  if (guard->quota != NULL)
    return guard;
  free(guard);
  return NULL;
}

enum fl_reason fl_guard_enter(struct fl_guard *guard,
                              const struct fl_addr *peer, fl_time now,
                              uint32_t *place) {
  *place = 0;
  if (!fl_acl_allows(guard->acl, peer))
    return FL_DENIED_ADDRESS;
  if (guard->quota == NULL)
    return FL_OK;
  return fl_quota_enter(guard->quota, peer, now, place);
}

void fl_guard_leave(struct fl_guard *guard, uint32_t place) {
  if (guard->quota != NULL)
    fl_quota_leave(guard->quota, place);
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
