#include "platform/address.h"

#include <assert.h>
#include <string.h>

int fl_address_to_system(const struct fl_addr *addr,
                         struct sockaddr_storage *to) {
  assert(addr->family != FL_ADDR_NONE);
  memset(to, 0, sizeof *to);
  if (addr->family == FL_ADDR_IP4) {
    struct sockaddr_in *ip4 = (struct sockaddr_in *)to;
    ip4->sin_family = AF_INET;
    ip4->sin_port = htons(addr->port);
    memcpy(&ip4->sin_addr, addr->ip, 4);
    return (int)sizeof *ip4;
  }
  struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)to;
  ip6->sin6_family = AF_INET6;
  ip6->sin6_port = htons(addr->port);
  ip6->sin6_scope_id = addr->scope;
  memcpy(&ip6->sin6_addr, addr->ip, 16);
  return (int)sizeof *ip6;
}

bool fl_address_from_system(const struct sockaddr *from, struct fl_addr *addr) {
  memset(addr, 0, sizeof *addr);
  if (from->sa_family == AF_INET) {
    struct sockaddr_in ip4;
    memcpy(&ip4, from, sizeof ip4);
    addr->family = FL_ADDR_IP4;
    addr->port = ntohs(ip4.sin_port);
    memcpy(addr->ip, &ip4.sin_addr, 4);
    return true;
  }
  if (from->sa_family == AF_INET6) {
    struct sockaddr_in6 ip6;
    memcpy(&ip6, from, sizeof ip6);
    addr->family = FL_ADDR_IP6;
    addr->port = ntohs(ip6.sin6_port);
    addr->scope = ip6.sin6_scope_id;
    memcpy(addr->ip, &ip6.sin6_addr, 16);
    return true;
  }
  return false;
}
