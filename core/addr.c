#include "core/addr.h"

#include <string.h>

/* Text being read: from `at` to `end`. */
struct cursor {
  const char *at;
  const char *end;
};

static bool skip(struct cursor *text, char c) {
  if (text->at == text->end || *text->at != c)
    return false;
  text->at++;
  return true;
}

/* The value of an ASCII digit in the given base, -1 for anything else. */
static int digit_value(char c, int base) {
  int value = -1;

  if (c >= '0' && c <= '9')
    value = c - '0';
  else if (c >= 'a' && c <= 'f')
    value = c - 'a' + 10;
  else if (c >= 'A' && c <= 'F')
    value = c - 'A' + 10;
  return value < base ? value : -1;
}

/* A decimal number up to max. A leading zero is refused: some systems read
   such a number as octal. */
static bool read_decimal(struct cursor *text, uint32_t max, uint32_t *number) {
  const char *start = text->at;
  uint64_t value = 0;

  while (text->at < text->end && digit_value(*text->at, 10) >= 0) {
    value = value * 10 + (unsigned)digit_value(*text->at++, 10);
    if (value > max)
      return false;
  }
  *number = (uint32_t)value;
  return text->at > start && (*start != '0' || text->at == start + 1);
}

/* RFC 3986, "IPv4address". */
static bool read_ip4(struct cursor *text, uint8_t ip[4]) {
  for (int i = 0; i < 4; i++) {
    uint32_t part;
    if (i > 0 && !skip(text, '.'))
      return false;
    if (!read_decimal(text, 255, &part))
      return false;
    ip[i] = (uint8_t)part;
  }
  return true;
}

/* One to four hexadecimal digits. */
static bool read_group(struct cursor *text, uint8_t ip[2]) {
  const char *start = text->at;
  unsigned value = 0;

  while (text->at < text->end && text->at < start + 4 &&
         digit_value(*text->at, 16) >= 0)
    value = value * 16 + (unsigned)digit_value(*text->at++, 16);
  ip[0] = (uint8_t)(value >> 8);
  ip[1] = (uint8_t)value;
  return text->at > start;
}

/* Puts the gap of `::` back: the bytes after it go to the end, zeros between.
   It stands for at least one group. */
static bool fill_gap(uint8_t ip[16], size_t size, size_t gap) {
  if (size == 16)
    return false;
  memmove(ip + 16 - (size - gap), ip + gap, size - gap);
  memset(ip + gap, 0, 16 - size);
  return true;
}

/* RFC 4291 section 2.2, all three forms. */
static bool read_ip6(struct cursor *text, uint8_t ip[16]) {
  size_t size = 0;
  size_t gap = SIZE_MAX;
  bool more = true;

  if (text->end - text->at >= 2 && memcmp(text->at, "::", 2) == 0) {
    text->at += 2;
    gap = 0;
    more = text->at < text->end && *text->at != '%';
  }
  while (more && size < 16) {
    struct cursor tail = *text;
    if (size <= 12 && read_ip4(&tail, ip + size)) {
      *text = tail;
      size += 4;
      break;
    }
    if (!read_group(text, ip + size))
      return false;
    size += 2;
    more = skip(text, ':');
    if (more && skip(text, ':')) {
      if (gap != SIZE_MAX)
        return false;
      gap = size;
      more = text->at < text->end && *text->at != '%';
    } else if (more && size == 16) {
      return false;
    }
  }
  return gap == SIZE_MAX ? size == 16 : fill_gap(ip, size, gap);
}

/* An IPv6 address and perhaps its zone, nothing after it. */
static bool read_ip6_zone(struct cursor text, struct fl_addr *addr) {
  if (!read_ip6(&text, addr->ip))
    return false;
  if (skip(&text, '%') &&
      (!read_decimal(&text, UINT32_MAX, &addr->scope) || addr->scope == 0))
    return false;
  addr->family = FL_ADDR_IP6;
  return text.at == text.end;
}

static bool read_host(struct cursor text, struct fl_addr *addr) {
  struct cursor ip4 = text;

  if (read_ip4(&ip4, addr->ip) && ip4.at == ip4.end) {
    addr->family = FL_ADDR_IP4;
    return true;
  }
  memset(addr->ip, 0, sizeof addr->ip);
  if (skip(&text, '[')) {
    if (text.at == text.end || text.end[-1] != ']')
      return false;
    text.end--;
  }
  return read_ip6_zone(text, addr);
}

bool fl_addr_parse(const char *host, uint16_t port, struct fl_addr *addr) {
  struct fl_addr read = {.port = port};

  if (!read_host((struct cursor){host, host + strlen(host)}, &read))
    return false;
  *addr = read;
  return true;
}

/* RFC 5952 section 4.2: the longest run of two or more zero groups, the first
   of equals. Returns its length in groups, 0 when there is none and *first is
   left alone. */
static size_t longest_zeros(const uint8_t ip[16], size_t *first) {
  size_t best = 1;

  for (size_t i = 0; i < 8; i++) {
    size_t end = i;
    while (end < 8 && ip[2 * end] == 0 && ip[2 * end + 1] == 0)
      end++;
    if (end - i > best) {
      best = end - i;
      *first = i;
    }
  }
  return best > 1 ? best : 0;
}

static bool is_mapped_ip4(const uint8_t ip[16]) {
  static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

  return memcmp(ip, prefix, sizeof prefix) == 0;
}

/* The put functions write without a NUL and return the end of what they
   wrote. */
static char *put_text(char *to, const char *text) {
  while (*text != '\0')
    *to++ = *text++;
  return to;
}

static char *put_number(char *to, uint32_t number, unsigned base) {
  char digits[10]; /* of UINT32_MAX in base 10 */
  size_t n = 0;

  do {
    digits[n++] = "0123456789abcdef"[number % base];
    number /= base;
  } while (number > 0);
  while (n > 0)
    *to++ = digits[--n];
  return to;
}

static char *put_ip4(char *to, const uint8_t ip[4]) {
  for (int i = 0; i < 4; i++) {
    if (i > 0)
      *to++ = '.';
    to = put_number(to, ip[i], 10);
  }
  return to;
}

/* RFC 5952 section 4. */
static char *put_groups(char *to, const uint8_t ip[16]) {
  size_t first = 8;
  const size_t zeros = longest_zeros(ip, &first);

  for (size_t i = 0; i < 8; i++) {
    if (i == first) {
      to = put_text(to, "::");
      i += zeros - 1;
      continue;
    }
    if (i > 0 && i != first + zeros)
      *to++ = ':';
    to = put_number(to, (uint32_t)ip[2 * i] << 8 | ip[2 * i + 1], 16);
  }
  return to;
}

static char *put_ip6(char *to, const struct fl_addr *addr) {
  if (is_mapped_ip4(addr->ip)) /* RFC 5952 section 5 */
    to = put_ip4(put_text(to, "::ffff:"), addr->ip + 12);
  else
    to = put_groups(to, addr->ip);
  if (addr->scope != 0) {
    *to++ = '%';
    to = put_number(to, addr->scope, 10);
  }
  return to;
}

static char *put_ip(char *to, const struct fl_addr *addr) {
  if (addr->family == FL_ADDR_NONE)
    return put_text(to, "-");
  if (addr->family == FL_ADDR_IP4)
    return put_ip4(to, addr->ip);
  return put_ip6(to, addr);
}

char *fl_addr_format(const struct fl_addr *addr, char text[FL_ADDR_TEXT]) {
  char *to = text;

  if (addr->family == FL_ADDR_IP6)
    *to++ = '[';
  to = put_ip(to, addr);
  if (addr->family == FL_ADDR_IP6)
    *to++ = ']';
  if (addr->family != FL_ADDR_NONE) {
    *to++ = ':';
    to = put_number(to, addr->port, 10);
  }
  *to = '\0';
  return text;
}

char *fl_addr_format_ip(const struct fl_addr *addr, char text[FL_ADDR_TEXT]) {
  *put_ip(text, addr) = '\0';
  return text;
}

bool fl_addr_unmap(struct fl_addr *addr) {
  if (addr->family != FL_ADDR_IP6 || !is_mapped_ip4(addr->ip))
    return false;
  addr->family = FL_ADDR_IP4;
  addr->scope = 0;
  memmove(addr->ip, addr->ip + 12, 4);
  memset(addr->ip + 4, 0, sizeof addr->ip - 4);
  return true;
}

/* Whether a resolver might take the host for an IPv4 address: the last label
   of a name is never a number, decimal or hexadecimal. */
static bool ends_in_number(struct cursor host) {
  int base = 10;

  if (host.end[-1] == '.')
    host.end--;
  for (const char *c = host.at; c < host.end; c++)
    if (*c == '.')
      host.at = c + 1;
  if (host.end - host.at > 2 && host.at[0] == '0' &&
      (host.at[1] == 'x' || host.at[1] == 'X')) {
    host.at += 2;
    base = 16;
  }
  if (host.at == host.end)
    return false;
  while (host.at < host.end && digit_value(*host.at, base) >= 0)
    host.at++;
  return host.at == host.end;
}

/* Letters, digits, hyphens, dots; underscores are not in the standard but in
   use. */
static bool is_name(struct cursor host) {
  for (; host.at < host.end; host.at++) {
    const char c = *host.at;
    if (digit_value(c, 10) < 0 && !(c >= 'a' && c <= 'z') &&
        !(c >= 'A' && c <= 'Z') && c != '-' && c != '.' && c != '_')
      return false;
  }
  return true;
}

/* What is wrong with a host part, or NULL. */
static const char *host_fault(struct cursor host) {
  struct fl_addr addr = {0};

  if (host.at == host.end)
    return "the host is missing before the colon";
  if (*host.at == '[') {
    if (host.end[-1] != ']')
      return "the bracket is not closed directly before the port's colon";
    return read_host(host, &addr)
               ? NULL
               : "what stands in the brackets is not an IPv6 address";
  }
  if (memchr(host.at, ':', (size_t)(host.end - host.at)) != NULL)
    return "an IPv6 address needs brackets and a port, as in [::1]:8080";
  if (!is_name(host))
    return "the host has a character that no host name has";
  if (ends_in_number(host) && !read_host(host, &addr))
    return "the host looks like an IPv4 address and is not one";
  return NULL;
}

const char *fl_addr_split(const char *text, bool zero_port, size_t *host_size,
                          uint16_t *port) {
  const char *end = text + strlen(text);
  const char *colon = strrchr(text, ':');
  uint32_t number;

  if (colon == NULL || end[-1] == ']')
    return "the port is missing, as in host:8080";
  const char *fault = host_fault((struct cursor){text, colon});
  if (fault != NULL)
    return fault;

  struct cursor digits = {colon + 1, end};
  if (!read_decimal(&digits, UINT16_MAX, &number) || digits.at != end ||
      (number == 0 && !zero_port))
    return zero_port ? "the port is not a number from 0 to 65535"
                     : "the port is not a number from 1 to 65535";
  *host_size = (size_t)(colon - text);
  *port = (uint16_t)number;
  return NULL;
}

bool fl_addr_equal(const struct fl_addr *a, const struct fl_addr *b) {
  const size_t size = a->family == FL_ADDR_IP6   ? 16
                      : a->family == FL_ADDR_IP4 ? 4
                                                 : 0;

  return a->family == b->family && a->port == b->port && a->scope == b->scope &&
         memcmp(a->ip, b->ip, size) == 0;
}
