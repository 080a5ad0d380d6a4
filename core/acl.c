#include "core/acl.h"

/* The length of the longest prefix of the list that contains addr, or -1. One
   look at each block: a list is short beside what an accept costs. */
static int longest(const struct fl_cidr *list, uint32_t count,
                   const struct fl_addr *addr) {
  int bits = -1;
  for (uint32_t i = 0; i < count; i++)
    if (list[i].bits > bits && fl_cidr_contains(&list[i], addr))
      bits = list[i].bits;
  return bits;
}

bool fl_acl_allows(const struct fl_acl *acl, const struct fl_addr *addr) {
  struct fl_addr plain = *addr;
  (void)fl_addr_unmap(&plain);
  int allow = longest(acl->allow, acl->allow_count, &plain);
  int deny = longest(acl->deny, acl->deny_count, &plain);
  if (allow < 0 && deny < 0)
    return acl->allow_count == 0;
  return allow > deny;
}
