#include "core/name.h"

#include <assert.h>

bool fl_name_fresh(const struct fl_name *name, fl_time now) {
  return name->count > 0 && now < name->fresh_until;
}

bool fl_name_kept(const struct fl_name *name,
                  const struct fl_resolve_config *config, fl_time now) {
  return name->count > 0 && now < fl_time_add(name->found_at, config->stale);
}

bool fl_name_asked(const struct fl_name *name, fl_time now) {
  return name->lookup != 0 && now - name->asked_at < FL_NAME_LOST;
}

bool fl_name_has(const struct fl_addr *addrs, uint32_t count,
                 const struct fl_addr *addr) {
  for (uint32_t i = 0; i < count; i++)
    if (fl_addr_equal(&addrs[i], addr))
      return true;
  return false;
}

/* The next of addrs from *at on that is of this family (or is not); NULL when
   there is none. */
static const struct fl_addr *next_of(const struct fl_addr *addrs,
                                     uint32_t count, uint32_t *at,
                                     uint8_t family, bool same) {
  while (*at < count) {
    const struct fl_addr *addr = &addrs[(*at)++];
    if ((addr->family == family) == same)
      return addr;
  }
  return NULL;
}

/* Takes one of each family in turn while both last. */
static void take(struct fl_name *name, const struct fl_addr *addrs,
                 uint32_t count) {
  uint32_t at[2] = {0, 0}; /* of the other family, of the first one's */
  bool first = true;
  name->count = 0;
  while (name->count < FL_NAME_ADDRS) {
    const struct fl_addr *addr =
        next_of(addrs, count, &at[first], addrs[0].family, first);
    if (addr == NULL)
      addr = next_of(addrs, count, &at[!first], addrs[0].family, !first);
    if (addr == NULL)
      return;
    name->addrs[name->count++] = *addr;
    first = !first;
  }
}

/* Whether the old answer was another. Of one that was cut nobody knows what
   was left out. */
static bool differs(const struct fl_name *name, const struct fl_addr *addrs,
                    uint32_t count) {
  if (name->count == 0)
    return false;
  if (count != name->count && !name->cut)
    return true;
  for (uint32_t i = 0; i < name->count; i++)
    if (!fl_name_has(addrs, count, &name->addrs[i]))
      return true;
  return false;
}

bool fl_name_found(struct fl_name *name, const struct fl_resolve_config *config,
                   const struct fl_addr *addrs, uint32_t count, fl_time now) {
  assert(count > 0);
  bool changed = differs(name, addrs, count);
  name->lookup = 0;
  take(name, addrs, count);
  name->cut = count > FL_NAME_ADDRS;
  name->found_at = now;
  name->fresh_until = fl_time_add(now, config->ttl);
  return changed;
}

void fl_name_failed(struct fl_name *name,
                    const struct fl_resolve_config *config,
                    enum fl_reason reason, fl_time now) {
  name->lookup = 0;
  if (reason == FL_NAME_UNKNOWN || reason == FL_NO_ADDRESS ||
      !fl_name_kept(name, config, now))
    name->count = 0;
  name->fresh_until = fl_time_add(
      now, config->ttl < FL_NAME_RECHECK ? config->ttl : FL_NAME_RECHECK);
}
