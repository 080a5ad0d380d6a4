/* struct fl_addr of core to and from the system's socket addresses. */
#ifndef FL_PLATFORM_ADDRESS_H
#define FL_PLATFORM_ADDRESS_H

#include "core/addr.h"

#include <uv.h>

/* Fills *to and returns its size. Requires: family is not FL_ADDR_NONE. */
int fl_address_to_system(const struct fl_addr *addr,
                         struct sockaddr_storage *to);

/* Returns false, *addr being FL_ADDR_NONE, for other families than IP. */
bool fl_address_from_system(const struct sockaddr *from, struct fl_addr *addr);

#endif
