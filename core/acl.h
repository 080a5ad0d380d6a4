/* Which addresses may be clients of a listener. */
#ifndef FL_CORE_ACL_H
#define FL_CORE_ACL_H

#include "core/cidr.h"

/* Plain data of the configuration. No block stands in both lists. */
struct fl_acl {
  struct fl_cidr *allow;
  struct fl_cidr *deny;
  uint32_t allow_count;
  uint32_t deny_count;
};

/* Of all blocks that contain the address the one with the longest prefix
   decides. Where none does, the address is allowed only if `allow` is empty.
   A mapped IPv4 address is taken for the IPv4 address it stands for. */
bool fl_acl_allows(const struct fl_acl *acl, const struct fl_addr *addr);

#endif
