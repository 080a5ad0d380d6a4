/* A numeric address and port, without the operating system's structs. */
#ifndef FL_CORE_ADDR_H
#define FL_CORE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FL_ADDR_NONE = 0, FL_ADDR_IP4 = 4, FL_ADDR_IP6 = 6 };

struct fl_addr {
  uint8_t family; /* FL_ADDR_* */
  uint16_t port;  /* host byte order */
  uint32_t scope; /* IPv6 zone index, 0 for none */
  uint8_t ip[16]; /* network byte order; IPv4 uses the first four */
};

/* Room for the longest text of an address and its NUL:
   "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535". */
#define FL_ADDR_TEXT 64

/* Writes "127.0.0.1:8080" or "[::1]:8080" (RFC 5952, "%7" for a zone); "-"
   for FL_ADDR_NONE. Returns text, always NUL-terminated. */
char *fl_addr_format(const struct fl_addr *addr, char text[FL_ADDR_TEXT]);

/* The same without brackets and port: "127.0.0.1", "::1". */
char *fl_addr_format_ip(const struct fl_addr *addr, char text[FL_ADDR_TEXT]);

/* Makes an IPv4 address of one mapped into IPv6 (::ffff:192.0.2.1, RFC 4291
   section 2.5.5.2), which is how an IPv6 socket shows an IPv4 peer. Returns
   whether it was one; else *addr stays as it is. */
bool fl_addr_unmap(struct fl_addr *addr);

/* Reads a numeric address without its port, "192.0.2.1", "::1" or "[::1]",
   the zone as a number. Returns false, *addr untouched, for anything else,
   names included. */
bool fl_addr_parse(const char *host, uint16_t port, struct fl_addr *addr);

/* Splits "host:port" or "[v6]:port" at its last colon. The host is an address
   that fl_addr_parse reads, or a name that nothing can take for an address
   ("10.0.0.010" and "1.2.3" are refused: resolvers read other addresses than
   meant into them). On success *host_size is the length of the host part of
   text (its brackets included) and *port is 1..65535, or 0 where zero_port
   allows it (listen on any free port). Returns NULL, or what is wrong as a
   clause for people. */
const char *fl_addr_split(const char *text, bool zero_port, size_t *host_size,
                          uint16_t *port);

bool fl_addr_equal(const struct fl_addr *a, const struct fl_addr *b);

#endif
