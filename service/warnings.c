#include "service/warnings.h"

#include "service/check.h"
#include "service/format.h"

#include <string.h>

static void print_start(struct fl_text *out, const char *path,
                        const struct fl_upstream_config *upstream) {
  fl_check_add_place(out, path, upstream->place);
  fl_format(out, "warning: upstream \"%s\": ", upstream->name);
}

static bool is_used(const struct fl_config *config, uint32_t upstream) {
  for (uint32_t i = 0; i < config->listener_count; i++)
    if (config->listeners[i].mode != FL_MODE_COMMAND &&
        config->listeners[i].upstream == upstream)
      return true;
  return false;
}

static void warn_of_order(struct fl_text *out, const char *path,
                          const struct fl_upstream_config *upstream) {
  if (upstream->in_flight == 1 || upstream->pair.by != FL_PAIR_ORDER)
    return;
  print_start(out, path, upstream);
  fl_format(out,
            "in_flight %u with pairing by order is only for servers that never "
            "skip or repeat a reply; with any other, clients get each other's "
            "replies (1 is safe)\n",
            (unsigned)upstream->in_flight);
}

/* Whether they are the characters "0x" or "\x" and pairs of digits. */
static bool looks_hexadecimal(const struct fl_bytes *bytes) {
  static const char digits[] = "0123456789abcdefABCDEF";
  if (bytes->size < 4 || bytes->size % 2 != 0 ||
      (bytes->bytes[0] != '0' && bytes->bytes[0] != '\\') ||
      (bytes->bytes[1] | 32) != 'x')
    return false;
  for (uint8_t i = 2; i < bytes->size; i++)
    if (memchr(digits, bytes->bytes[i], sizeof digits - 1) == NULL)
      return false;
  return true;
}

static void warn_of_bytes(struct fl_text *out, const char *path,
                          const struct fl_upstream_config *upstream,
                          const char *key, const struct fl_bytes *bytes) {
  if (!looks_hexadecimal(bytes))
    return;
  print_start(out, path, upstream);
  fl_format(out,
            "%s is the %u characters \"%.*s\"; bytes in hexadecimal are "
            "written \"hex:%.*s\"\n",
            key, (unsigned)bytes->size, (int)bytes->size,
            (const char *)bytes->bytes, (int)bytes->size - 2,
            (const char *)bytes->bytes + 2);
}

/* Replies are framed as requests where the file does not say otherwise. */
static void warn_of_framing(struct fl_text *out, const char *path,
                            const struct fl_upstream_config *upstream) {
  const struct fl_framing *framing = &upstream->framing;
  const struct fl_framing *replies = &upstream->reply_framing;
  if (framing->type == FL_FRAMING_DELIMITED) {
    warn_of_bytes(out, path, upstream, "framing.start",
                  &framing->delimited.start);
    warn_of_bytes(out, path, upstream, "framing.end", &framing->delimited.end);
  } else if (replies->type == FL_FRAMING_DELIMITED) {
    warn_of_bytes(out, path, upstream, "reply_framing.start",
                  &replies->delimited.start);
    warn_of_bytes(out, path, upstream, "reply_framing.end",
                  &replies->delimited.end);
  }
}

static void warn_of_key(struct fl_text *out, const char *path,
                        const struct fl_upstream_config *upstream) {
  const struct fl_pair *pair = &upstream->pair;
  if (pair->by != FL_PAIR_KEY)
    return;
  if (pair->request.type == FL_EXTRACT_FIELD) {
    warn_of_bytes(out, path, upstream, "pair.request.separator",
                  &pair->request.separator);
    warn_of_bytes(out, path, upstream, "pair.request.segment_end",
                  &pair->request.segment_end);
  }
  if (pair->reply.type == FL_EXTRACT_FIELD) {
    warn_of_bytes(out, path, upstream, "pair.reply.separator",
                  &pair->reply.separator);
    warn_of_bytes(out, path, upstream, "pair.reply.segment_end",
                  &pair->reply.segment_end);
  }
}

/* --- loops --------------------------------------------------------------- */

static bool is_any(const struct fl_addr *addr) {
  static const uint8_t zeros[sizeof addr->ip] = {0};
  size_t size = addr->family == FL_ADDR_IP4 ? 4 : 16;
  return memcmp(addr->ip, zeros, size) == 0;
}

static bool is_loopback(const struct fl_endpoint *endpoint) {
  const struct fl_addr *addr = &endpoint->addr;
  static const uint8_t one[16] = {[15] = 1};
  if (addr->family == FL_ADDR_IP4)
    return addr->ip[0] == 127;
  if (addr->family == FL_ADDR_IP6)
    return memcmp(addr->ip, one, sizeof one) == 0;
  return strcmp(endpoint->host, "localhost") == 0;
}

/* Whether a connect to `server` ends at a socket that listens on `listen`. A
   connect to the address of zeros goes to this machine. */
static bool meets(const struct fl_endpoint *server,
                  const struct fl_endpoint *listen) {
  if (server->port != listen->port)
    return false;
  if (server->addr.family != FL_ADDR_NONE &&
      fl_addr_equal(&server->addr, &listen->addr))
    return true;
  bool local = is_loopback(server) ||
               (server->addr.family != FL_ADDR_NONE && is_any(&server->addr));
  bool kind = server->addr.family == FL_ADDR_NONE ||
              server->addr.family == listen->addr.family;
  return local && kind && (is_any(&listen->addr) || is_loopback(listen));
}

static void warn_of_loop(struct fl_text *out, const char *path,
                         const struct fl_listener_config *listener,
                         const struct fl_upstream_config *upstream) {
  for (uint32_t i = 0; i < listener->listen_count; i++)
    for (uint32_t k = 0; k < upstream->server_count; k++) {
      const struct fl_endpoint *server = &upstream->servers[k];
      if (!meets(server, &listener->listen[i]))
        continue;
      fl_check_add_place(out, path, server->place);
      fl_format(out,
                "warning: listener \"%s\" listens on %s, and its upstream's "
                "server %s is that very address: each client would connect to "
                "itself, again and again\n",
                listener->name, listener->listen[i].text, server->text);
    }
}

void fl_warnings_add(struct fl_text *out, const char *path,
                     const struct fl_config *config) {
  for (uint32_t i = 0; i < config->listener_count; i++) {
    const struct fl_listener_config *listener = &config->listeners[i];
    if (listener->mode != FL_MODE_COMMAND)
      warn_of_loop(
          out,
          fl_config_file_name(
              config, config->upstreams[listener->upstream].place, path),
          listener, &config->upstreams[listener->upstream]);
  }
  for (uint32_t i = 0; i < config->upstream_count; i++) {
    const struct fl_upstream_config *upstream = &config->upstreams[i];
    const char *file = fl_config_file_name(config, upstream->place, path);
    if (!is_used(config, i)) {
      print_start(out, file, upstream);
      fl_format(out, "no listener uses it\n");
    }
    warn_of_order(out, file, upstream);
    warn_of_framing(out, file, upstream);
    warn_of_key(out, file, upstream);
  }
}
