#include "core/cidr.h"

#include <string.h>

enum { MAPPED_BITS = 96 }; /* of ::ffff:0:0/96 */

static unsigned family_bits(uint8_t family) {
  return family == FL_ADDR_IP4 ? 32 : 128;
}

/* The length of a prefix: decimal digits, no zero in front, up to max. */
static bool read_bits(const char *digits, unsigned max, uint8_t *bits) {
  unsigned value = 0;
  const char *at = digits;
  for (; *at >= '0' && *at <= '9' && value <= max; at++)
    value = value * 10 + (unsigned)(*at - '0');
  if (at == digits || *at != '\0' || value > max ||
      (digits[0] == '0' && at > digits + 1))
    return false;
  *bits = (uint8_t)value;
  return true;
}

static uint8_t mask_of(unsigned bits) {
  return (uint8_t)(0xff00u >> (bits < 8 ? bits : 8));
}

/* Clears what stands after the prefix. Returns whether there was any. */
static bool clear_host_bits(struct fl_cidr *cidr) {
  bool any = false;
  for (unsigned i = 0; i < 16; i++) {
    unsigned bits = cidr->bits > 8 * i ? cidr->bits - 8 * i : 0;
    uint8_t kept = cidr->ip[i] & mask_of(bits);
    any = any || kept != cidr->ip[i];
    cidr->ip[i] = kept;
  }
  return any;
}

/* An address of the file: its text up to size. */
static bool read_address(const char *text, size_t size, struct fl_addr *addr) {
  char host[FL_ADDR_TEXT];
  if (size >= sizeof host || memchr(text, '[', size) != NULL ||
      memchr(text, '%', size) != NULL)
    return false;
  memcpy(host, text, size);
  host[size] = '\0';
  return fl_addr_parse(host, 0, addr);
}

enum fl_cidr_result fl_cidr_parse(const char *text, struct fl_cidr *cidr) {
  size_t size = strcspn(text, "/");
  struct fl_addr addr;
  if (!read_address(text, size, &addr))
    return FL_CIDR_BAD;
  uint8_t bits = (uint8_t)family_bits(addr.family);
  if (text[size] == '/' && !read_bits(text + size + 1, bits, &bits))
    return FL_CIDR_BAD;
  if (bits >= MAPPED_BITS && fl_addr_unmap(&addr))
    bits = (uint8_t)(bits - MAPPED_BITS);
  *cidr = (struct fl_cidr){.family = addr.family, .bits = bits};
  memcpy(cidr->ip, addr.ip, addr.family == FL_ADDR_IP4 ? 4 : 16);
  return clear_host_bits(cidr) ? FL_CIDR_HOST_BITS : FL_CIDR_OK;
}

char *fl_cidr_format(const struct fl_cidr *cidr, char text[FL_CIDR_TEXT]) {
  struct fl_addr addr = {.family = cidr->family};
  memcpy(addr.ip, cidr->ip, sizeof addr.ip);
  fl_addr_format_ip(&addr, text);
  if (cidr->bits == family_bits(cidr->family))
    return text;
  char *to = text + strlen(text);
  *to++ = '/';
  if (cidr->bits >= 100)
    *to++ = '1';
  if (cidr->bits >= 10)
    *to++ = (char)('0' + cidr->bits / 10 % 10);
  *to++ = (char)('0' + cidr->bits % 10);
  *to = '\0';
  return text;
}

bool fl_cidr_equal(const struct fl_cidr *a, const struct fl_cidr *b) {
  return a->family == b->family && a->bits == b->bits &&
         memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool fl_cidr_contains(const struct fl_cidr *cidr, const struct fl_addr *addr) {
  unsigned whole = cidr->bits / 8;
  uint8_t mask = mask_of(cidr->bits % 8);
  if (cidr->family != addr->family || memcmp(cidr->ip, addr->ip, whole) != 0)
    return false;
  return mask == 0 || (addr->ip[whole] & mask) == cidr->ip[whole];
}
