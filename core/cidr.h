/* A block of addresses, "10.0.0.0/8" or "2001:db8::/32" (RFC 4632 section
   3.1, RFC 4291 section 2.3). IPv4 addresses mapped into IPv6 (RFC 4291
   section 2.5.5.2) are IPv4 addresses here: "::ffff:10.0.0.0/104" is
   "10.0.0.0/8". */
#ifndef FL_CORE_CIDR_H
#define FL_CORE_CIDR_H

#include "core/addr.h"

struct fl_cidr {
  uint8_t family; /* FL_ADDR_IP4 or FL_ADDR_IP6 */
  uint8_t bits;   /* length of the prefix, 0..32 or 0..128 */
  uint8_t ip[16]; /* network byte order; zero after the prefix */
};

/* Room for the longest text of a block and its NUL. */
#define FL_CIDR_TEXT 64

enum fl_cidr_result {
  FL_CIDR_OK,
  FL_CIDR_HOST_BITS, /* a block, but for bits set after its prefix; *cidr is
                        the one without them */
  FL_CIDR_BAD        /* no block; *cidr is as it was */
};

/* Reads a numeric address without brackets and zone, alone or followed by a
   slash and the length of its prefix. */
enum fl_cidr_result fl_cidr_parse(const char *text, struct fl_cidr *cidr);

/* Writes address, slash and length, without the length where the block is one
   address. Returns text, NUL-terminated. */
char *fl_cidr_format(const struct fl_cidr *cidr, char text[FL_CIDR_TEXT]);

bool fl_cidr_equal(const struct fl_cidr *a, const struct fl_cidr *b);

/* Whether the address lies in the block; a zone does not matter. Requires:
   addr is not a mapped one (see fl_addr_unmap). */
bool fl_cidr_contains(const struct fl_cidr *cidr, const struct fl_addr *addr);

#endif
