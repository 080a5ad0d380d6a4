#include "core/config_endpoint.h"

#include "core/text.h"

#include <stdlib.h>
#include <string.h>

/* RFC 1035 section 2.3.4. */
enum { NAME_MAX_SIZE = 253, LABEL_MAX_SIZE = 63 };

/* What keeps host, whose characters were checked, from being a DNS name, or
   NULL. A dot at its end is fine: it marks a full name. */
static const char *check_name(const char *host) {
  size_t label = 0;
  if (strlen(host) > NAME_MAX_SIZE)
    return "the host has more than 253 characters";
  for (const char *at = host; *at != '\0'; at++) {
    label = *at == '.' ? 0 : label + 1;
    if (label == 0 && (at == host || at[-1] == '.'))
      return "the host has an empty part";
    if (label > LABEL_MAX_SIZE)
      return "the host has a part of more than 63 characters";
  }
  return NULL;
}

static const char *read_all(const char *text, bool listen,
                            struct fl_endpoint *endpoint) {
  size_t size = 0;
  const char *wrong = fl_addr_split(text, listen, &size, &endpoint->port);
  if (wrong != NULL)
    return wrong;
  bool bracketed = text[0] == '[';
  endpoint->text = fl_text_copy(text, strlen(text));
  endpoint->host =
      bracketed ? fl_text_copy(text + 1, size - 2) : fl_text_copy(text, size);
  if (endpoint->text == NULL || endpoint->host == NULL)
    return "";
  if (fl_addr_parse(endpoint->host, endpoint->port, &endpoint->addr))
    return NULL;
  return listen ? "the host is not a numeric address"
                : check_name(endpoint->host);
}

const char *fl_endpoint_read(const char *text, bool listen,
                             struct fl_endpoint *endpoint) {
  *endpoint = (struct fl_endpoint){0};
  const char *wrong = read_all(text, listen, endpoint);
  if (wrong != NULL)
    fl_endpoint_clear(endpoint);
  return wrong;
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* DNS names do not tell upper case from lower (RFC 4343). */
static bool same_name(const char *a, const char *b) {
  while (*a != '\0' && lower(*a) == lower(*b)) {
    a++;
    b++;
  }
  return *a == *b;
}

bool fl_endpoint_equal(const struct fl_endpoint *a,
                       const struct fl_endpoint *b) {
  if (a->port != b->port || a->addr.family != b->addr.family)
    return false;
  if (a->addr.family == FL_ADDR_NONE)
    return same_name(a->host, b->host);
  return fl_addr_equal(&a->addr, &b->addr);
}

void fl_endpoint_clear(struct fl_endpoint *endpoint) {
  free(endpoint->text);
  free(endpoint->host);
  *endpoint = (struct fl_endpoint){0};
}
