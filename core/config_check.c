#include "core/config_check.h"

#include "core/config_access.h"
#include "core/config_endpoint.h"
#include "core/config_log.h"
#include "core/config_own.h"
#include "core/config_pair.h"
#include "core/config_profile.h"
#include "core/config_reference.h"
#include "core/config_table.h"
#include "core/config_value.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

/* Reports the node at its value; allowed is all of `parts` in a row. */
static void report(struct fl_config_reader *reader,
                   const struct fl_config_node *node,
                   const char *const *parts) {
  struct fl_text allowed = {0};
  fl_text_add_all(&allowed, parts);
  fl_config_node_error(reader, node, NULL, &allowed);
}
#define REPORT(reader, node, ...)                                              \
  report((reader), (node), (const char *const[]){__VA_ARGS__, NULL})

/* "listeners[3]", for messages about what stands at `node`; with its file where
   that is another. `place` is that of the element, NULL in the same list. */
static char *element_name(struct fl_config_reader *reader,
                          const struct fl_config_node *node, const char *list,
                          uint32_t index, const struct fl_place *place) {
  struct fl_text text = {0};
  FL_TEXT(&text, list, "[");
  fl_text_add_number(&text, index);
  fl_text_add(&text, "]");
  if (place != NULL && place->file != node->place->value.file) {
    FL_TEXT(&text, " in ",
            place->file == 0 ? "the file that includes this one"
                             : reader->files[place->file - 1].name);
    fl_text_add(&text, ", line ");
    fl_text_add_number(&text, place->line);
  }
  char *name = fl_text_take(&text);
  if (name == NULL)
    reader->errors->out_of_memory = true;
  return name;
}

static char *listener_name(struct fl_config_reader *reader,
                           const struct fl_config_node *node, uint32_t index) {
  return element_name(reader, node, "listeners",
                      fl_config_listener_number(reader->config, index),
                      &reader->config->listeners[index].place);
}

static char *upstream_name(struct fl_config_reader *reader,
                           const struct fl_config_node *node, uint32_t index) {
  const struct fl_upstream_config *upstreams = reader->config->upstreams;
  uint32_t number = 0;
  for (uint32_t i = 0; i < index; i++)
    number += upstreams[i].place.file == upstreams[index].place.file;
  return element_name(reader, node, "upstreams", number,
                      &upstreams[index].place);
}

/* Reports a value that `owner`, which is freed, has too. */
static void taken(struct fl_config_reader *reader,
                  const struct fl_config_node *node, const char *what,
                  char *owner) {
  if (owner != NULL)
    REPORT(reader, node, what, " (", owner, " has it)");
  free(owner);
}

/* Reports a server that cannot be reached from socket.bind. */
static void check_kind(struct fl_config_reader *reader,
                       const struct fl_config_node *node,
                       const struct fl_endpoint *server, uint8_t bind) {
  uint8_t family = server->addr.family;
  if (family != FL_ADDR_NONE && bind != FL_ADDR_NONE && family != bind)
    REPORT(reader, node, "an ", bind == FL_ADDR_IP4 ? "IPv4" : "IPv6",
           " address, as socket.bind is");
}

/* --- listeners ---------------------------------------------------------- */

static void check_listener_name(struct fl_config_reader *reader,
                                const struct fl_config_node *element) {
  const struct fl_config *config = reader->config;
  const char *name = config->listeners[element->index].name;
  struct fl_config_node node;
  for (uint32_t i = 0; name != NULL && i < element->index; i++) {
    const char *other = config->listeners[i].name;
    if (other == NULL || strcmp(other, name) != 0)
      continue;
    fl_config_node_find(reader, element, "name", &node);
    taken(reader, &node, "a name that no other listener has",
          listener_name(reader, &node, i));
    return;
  }
}

/* The index of the listener that has the address of endpoint before it, or
   that of `listener` itself; -1: none. */
static long find_address(const struct fl_config *config, uint32_t listener,
                         const struct fl_endpoint *endpoint) {
  for (uint32_t i = 0; i <= listener; i++) {
    const struct fl_listener_config *other = &config->listeners[i];
    for (uint32_t k = 0; k < other->listen_count; k++) {
      if (&other->listen[k] == endpoint)
        return -1;
      if (other->listen[k].text != NULL &&
          fl_endpoint_equal(&other->listen[k], endpoint))
        return (long)i;
    }
  }
  return -1;
}

static void check_listen(struct fl_config_reader *reader,
                         const struct fl_config_node *element) {
  const struct fl_config *config = reader->config;
  const struct fl_listener_config *listener =
      &config->listeners[element->index];
  struct fl_config_node list;
  struct fl_config_node node;
  if (listener->listen_count == 0 ||
      !fl_config_node_find(reader, element, "listen", &list) ||
      !fl_config_node_first(reader, &list, &node))
    return;
  do {
    const struct fl_endpoint *endpoint = &listener->listen[node.index];
    long other = endpoint->text == NULL || endpoint->port == 0
                     ? -1
                     : find_address(config, element->index, endpoint);
    if (other >= 0)
      taken(reader, &node, "each address once in the file",
            listener_name(reader, &node, (uint32_t)other));
  } while (fl_config_node_next(reader, &node) &&
           node.index < listener->listen_count);
}

/* `"command" or "request"` */
static void add_modes(struct fl_text *text, const struct fl_config_row *row) {
  const char *between = "";
  for (int mode = 0; fl_config_modes[mode] != NULL; mode++)
    if (fl_config_row_in_mode(row, mode)) {
      FL_TEXT(text, between, "\"", fl_config_modes[mode], "\"");
      between = " or ";
    }
}

/* Reports the keys of a section that the mode has no use for. */
static void check_mode_keys(struct fl_config_reader *reader,
                            const struct fl_config_section *section,
                            const struct fl_config_node *object,
                            enum fl_mode mode) {
  for (uint32_t i = 0; i < section->count; i++) {
    const struct fl_config_row *row = &section->rows[i];
    struct fl_config_node node;
    struct fl_text found = {0};
    struct fl_text allowed = {0};
    if (!fl_config_node_find(reader, object, row->key, &node))
      continue;
    if (fl_config_row_in_mode(row, (int)mode)) {
      if (row->type == FL_CONFIG_OBJECT)
        check_mode_keys(reader, row->section, &node, mode);
      continue;
    }
    FL_TEXT(&found, "this key in mode \"", fl_config_modes[mode], "\"");
    fl_text_add(&allowed, "it only in mode ");
    add_modes(&allowed, row);
    fl_config_node_key_error(reader, &node, &found, &allowed);
  }
}

/* An upstream that stands inline starts from the outermost socket. */
static void check_inline(struct fl_config_reader *reader,
                         const struct fl_config_node *element) {
  const struct fl_config *config = reader->config;
  struct fl_config_node node;
  if (reader->errors->out_of_memory || /* there may be no such upstream */
      !fl_config_node_find(reader, element, "upstream", &node) ||
      !fl_config_node_good(reader, &node) ||
      strchr(node.item->valuestring, ':') == NULL)
    return;
  const struct fl_upstream_config *upstream =
      &config->upstreams[config->listeners[element->index].upstream];
  if (upstream->server_count > 0)
    check_kind(reader, &node, &upstream->servers[0],
               upstream->socket.bind.family);
}

/* Frames of one size that is above max_frame: nothing would ever pass. */
static void check_request_size(struct fl_config_reader *reader,
                               const struct fl_config_node *element) {
  const struct fl_listener_config *listener =
      &reader->config->listeners[element->index];
  const struct fl_framing *framing = &listener->framing;
  struct fl_config_node node;
  struct fl_text size = {0};
  if (framing->type != FL_FRAMING_FIXED ||
      framing->fixed.size <= listener->max_frame)
    return;
  if (fl_config_node_find(reader, element, "max_frame", &node) &&
      !fl_config_node_good(reader, &node))
    return;
  fl_config_value_print(&size, framing->fixed.size, fl_config_sizes);
  char *text = fl_text_take(&size);
  if (text == NULL)
    reader->errors->out_of_memory = true;
  else
    REPORT(reader, &node,
           "at least the framing.size of its upstream, which is ", text);
  free(text);
}

/* An upstream has either requests or relays on its connections. */
static void check_upstream_mode(struct fl_config_reader *reader,
                                const struct fl_config_node *element) {
  struct fl_config *config = reader->config;
  const struct fl_listener_config *listener =
      &config->listeners[element->index];
  struct fl_config_node node;
  if (listener->upstream == UINT32_MAX)
    return;
  for (uint32_t i = 0; i < element->index; i++) {
    const struct fl_listener_config *before = &config->listeners[i];
    if (before->mode == FL_MODE_COMMAND ||
        before->upstream != listener->upstream)
      continue;
    if (before->mode == listener->mode)
      return;
    char *owner = NULL;
    fl_config_node_find(reader, element, "upstream", &node);
    owner = listener_name(reader, &node, i);
    if (owner != NULL)
      REPORT(reader, &node,
             "an upstream that no listener of another mode uses (", owner,
             " uses it in mode \"", fl_config_modes[before->mode], "\")");
    free(owner);
    return;
  }
  config->upstreams[listener->upstream].mode = listener->mode;
}

/* Whether what upstream `index` says of health was read without an error. */
static bool health_good(struct fl_config_reader *reader,
                        const struct fl_config_node *root, uint32_t index) {
  struct fl_config_node list;
  struct fl_config_node upstream;
  struct fl_config_node health;
  struct fl_config_node interval;
  if (!fl_config_node_find(reader, root, "upstreams", &list) ||
      !fl_config_node_first(reader, &list, &upstream))
    return true;
  while (upstream.index < index)
    if (!fl_config_node_next(reader, &upstream))
      return true; /* it stands inline, in a listener */
  return !fl_config_node_find(reader, &upstream, "health", &health) ||
         (fl_config_node_find(reader, &health, "interval", &interval) &&
          fl_config_node_good(reader, &interval));
}

/* What closes a listener is found out by health checks. */
static void check_upstream_down(struct fl_config_reader *reader,
                                const struct fl_config_node *element) {
  const struct fl_config *config = reader->config;
  const struct fl_listener_config *listener =
      &config->listeners[element->index];
  struct fl_config_node node;
  if (listener->on_upstream_down != FL_UPSTREAM_DOWN_CLOSE ||
      !fl_config_node_find(reader, element, "upstream", &node) ||
      !fl_config_node_good(reader, &node) ||
      listener->upstream >= config->upstream_count)
    return;
  const struct fl_upstream_config *upstream =
      &config->upstreams[listener->upstream];
  if (upstream->health.interval != 0 ||
      !health_good(reader, element->up->up, listener->upstream))
    return;
  fl_config_node_find(reader, element, "on_upstream_down", &node);
  REPORT(reader, &node, "\"keep\", or health with an interval above 0 for ",
         "the upstream: only checks tell whether it is down");
}

static void check_listener(struct fl_config_reader *reader,
                           const struct fl_config_node *element) {
  enum fl_mode mode = reader->config->listeners[element->index].mode;
  struct fl_config_node node;
  check_listener_name(reader, element);
  check_listen(reader, element);
  fl_config_access_check(reader, element,
                         &reader->config->listeners[element->index]);
  fl_config_node_find(reader, element, "mode", &node);
  if (!fl_config_node_good(reader, &node))
    return;
  check_mode_keys(reader, &fl_config_listener, element, mode);
  fl_config_log_check(reader, element,
                      &reader->config->listeners[element->index]);
  if (mode == FL_MODE_COMMAND)
    return;
  fl_config_reference_read(reader, element);
  check_inline(reader, element);
  check_upstream_mode(reader, element);
  check_upstream_down(reader, element);
  if (mode != FL_MODE_RELAY)
    check_request_size(reader, element);
  if (mode != FL_MODE_REQUEST)
    return;
  fl_config_pair_check_listener(reader, element);
  fl_config_profile_check_listener(reader, element);
}

/* What "auto" means depends on the mode. */
static void resolve_modes(struct fl_config *config) {
  for (uint32_t i = 0; i < config->listener_count; i++) {
    struct fl_listener_config *listener = &config->listeners[i];
    bool frames =
        listener->mode == FL_MODE_COMMAND || listener->mode == FL_MODE_REQUEST;
    if (frames && listener->idle_timeout == FL_NEVER)
      listener->idle_timeout = 300 * FL_SECOND;
  }
  for (uint32_t i = 0; i < config->upstream_count; i++) {
    struct fl_upstream_config *upstream = &config->upstreams[i];
    if (upstream->mode == FL_MODE_COMMAND)
      upstream->mode = FL_MODE_REQUEST; /* nobody uses it */
    if (upstream->pool.max_size == 0 && upstream->mode == FL_MODE_REQUEST)
      upstream->pool.max_size = 10;
    if (upstream->workers == 0 && upstream->pool.max_size != 0)
      upstream->workers = 1;
  }
}

/* --- upstreams ---------------------------------------------------------- */

static void check_upstream_name(struct fl_config_reader *reader,
                                const struct fl_config_node *element) {
  const char *name = reader->config->upstreams[element->index].name;
  struct fl_config_node node;
  long first =
      name == NULL ? -1 : fl_config_upstream_index(reader->config, name);
  if (first < 0 || (uint32_t)first == element->index)
    return;
  fl_config_node_find(reader, element, "name", &node);
  taken(reader, &node, "a name that no other upstream has",
        upstream_name(reader, &node, (uint32_t)first));
}

static void check_servers(struct fl_config_reader *reader,
                          const struct fl_config_node *element) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  struct fl_config_node list;
  struct fl_config_node node;
  if (upstream->server_count == 0 ||
      !fl_config_node_find(reader, element, "servers", &list) ||
      !fl_config_node_first(reader, &list, &node))
    return;
  do {
    const struct fl_endpoint *server = &upstream->servers[node.index];
    check_kind(reader, &node, server, upstream->socket.bind.family);
    for (uint32_t i = 0; server->text != NULL && i < node.index; i++)
      if (upstream->servers[i].text != NULL &&
          fl_endpoint_equal(&upstream->servers[i], server)) {
        taken(reader, &node, "each server once",
              element_name(reader, &node, "servers", i, NULL));
        break;
      }
  } while (fl_config_node_next(reader, &node) &&
           node.index < upstream->server_count);
}

/* Two keys of an element, one not above the other. Each is in the object
   `group` ("" for the element itself). */
struct order {
  const char *low_group, *low;
  const char *high_group, *high;
  uint64_t low_value, high_value;
  const struct fl_config_unit *units; /* NULL: plain numbers */
};

/* Finds a key for an order; its parent is kept in *group. */
static bool find_in(struct fl_config_reader *reader,
                    const struct fl_config_node *element, const char *name,
                    const char *key, struct fl_config_node *group,
                    struct fl_config_node *node) {
  *group = *element;
  if (name[0] != '\0')
    fl_config_node_find(reader, element, name, group);
  return fl_config_node_find(reader, group, key, node);
}

static void add_value(struct fl_text *text, uint64_t value,
                      const struct fl_config_unit *units) {
  if (units == NULL)
    fl_text_add_number(text, value);
  else
    fl_config_value_print(text, value, units);
}

/* Reports the lower key, or the upper where only that was written. */
static void check_order(struct fl_config_reader *reader,
                        const struct fl_config_node *element,
                        const struct order *order) {
  struct fl_config_node low_group;
  struct fl_config_node high_group;
  struct fl_config_node low;
  struct fl_config_node high;
  if (order->low_value <= order->high_value)
    return;
  bool has_low =
      find_in(reader, element, order->low_group, order->low, &low_group, &low);
  bool has_high = find_in(reader, element, order->high_group, order->high,
                          &high_group, &high);
  if ((has_low && !fl_config_node_good(reader, &low)) ||
      (has_high && !fl_config_node_good(reader, &high)))
    return; /* the value compared is only the default */
  const char *group = has_low ? order->high_group : order->low_group;
  struct fl_text allowed = {0};
  FL_TEXT(&allowed, has_low ? "at most " : "at least ", group,
          group[0] == '\0' ? "" : ".", has_low ? order->high : order->low,
          ", which is ");
  add_value(&allowed, has_low ? order->high_value : order->low_value,
            order->units);
  fl_config_node_error(reader, has_low ? &low : &high, NULL, &allowed);
}

/* Replies to all the requests a client may have in flight are kept for it
   until it takes them. */
static void check_replies(struct fl_config_reader *reader,
                          const struct fl_config_node *element) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  struct fl_config_node frame;
  struct fl_config_node node;
  bool has_frame = fl_config_node_find(reader, element, "max_frame", &frame);
  if ((uint64_t)upstream->in_flight * upstream->max_frame <=
          FL_CONFIG_REPLIES_MAX ||
      !fl_config_node_find(reader, element, "in_flight", &node) ||
      !fl_config_node_good(reader, &node) ||
      (has_frame && !fl_config_node_good(reader, &frame)))
    return;
  struct fl_text allowed = {0};
  FL_TEXT(&allowed, "at most ");
  fl_text_add_number(&allowed, FL_CONFIG_REPLIES_MAX / upstream->max_frame);
  FL_TEXT(&allowed, ", for in_flight replies of max_frame (");
  add_value(&allowed, upstream->max_frame, fl_config_sizes);
  FL_TEXT(&allowed, ") may wait for one client: ");
  add_value(&allowed, FL_CONFIG_REPLIES_MAX, fl_config_sizes);
  FL_TEXT(&allowed, " at most");
  fl_config_node_error(reader, &node, NULL, &allowed);
}

/* Between requests that overlap there is no gap. */
static void check_gap(struct fl_config_reader *reader,
                      const struct fl_config_node *element) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  struct fl_config_node node;
  if (upstream->request_gap == 0 || upstream->in_flight == 1 ||
      !fl_config_node_find(reader, element, "request_gap", &node) ||
      !fl_config_node_good(reader, &node))
    return;
  struct fl_text allowed = {0};
  FL_TEXT(&allowed, "\"0s\" where in_flight is above 1");
  fl_config_node_error(reader, &node, NULL, &allowed);
}

/* Replies are cut as requests are, unless the file says otherwise. Returns the
   key that says how. */
static const char *settle_reply_framing(struct fl_config_reader *reader,
                                        const struct fl_config_node *element) {
  struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  struct fl_config_node node;
  if (fl_config_node_find(reader, element, "reply_framing", &node))
    return "reply_framing";
  upstream->reply_framing = upstream->framing;
  return "framing";
}

/* Of a reset both halves are there, or none. */
static void check_reset(struct fl_config_reader *reader,
                        const struct fl_config_node *element) {
  const struct fl_reset_config *reset =
      &reader->config->upstreams[element->index].reset;
  struct fl_config_node group;
  struct fl_config_node node;
  if ((reset->send.size > 0) == (reset->expect.size > 0))
    return;
  const char *lacks = reset->send.size > 0 ? "expect" : "send";
  if (find_in(reader, element, "reset", lacks, &group, &node) &&
      !fl_config_node_good(reader, &node))
    return;
  REPORT(reader, &node, "bytes, for reset has the other half");
}

/* Raw bytes pass only in sessions, and then both ways. */
static void check_raw(struct fl_config_reader *reader,
                      const struct fl_config_node *element, const char *key,
                      enum fl_framing_type type) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  bool session = upstream->mode == FL_MODE_SESSION;
  struct fl_config_node group;
  struct fl_config_node node;
  if (!find_in(reader, element, key, "type", &group, &node) ||
      !fl_config_node_good(reader, &node))
    return;
  if (upstream->mode == FL_MODE_REQUEST && type == FL_FRAMING_RAW)
    REPORT(reader, &node, "a framing that has frames (\"raw\" is for mode ",
           "\"session\")");
  else if (session && (type == FL_FRAMING_RAW) !=
                          (upstream->framing.type == FL_FRAMING_RAW))
    REPORT(reader, &node, "\"raw\" for both of framing and reply_framing, or ",
           "for none");
}

static void check_upstream(struct fl_config_reader *reader,
                           const struct fl_config_node *element) {
  const char *replies = settle_reply_framing(reader, element);
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  const struct fl_framing *framing = &upstream->reply_framing;
  uint32_t size = framing->type == FL_FRAMING_FIXED ? framing->fixed.size : 0;
  uint32_t max_size =
      upstream->pool.max_size == 0 ? UINT32_MAX : upstream->pool.max_size;
  const struct order orders[] = {
      {replies, "size", "", "max_frame", size, upstream->max_frame,
       fl_config_sizes},
      {"pool", "min_size", "pool", "max_size", upstream->pool.min_size,
       max_size, NULL},
      {"", "workers", "pool", "max_size", upstream->workers, max_size, NULL},
      {"backoff", "initial", "backoff", "max", upstream->backoff.initial,
       upstream->backoff.max, fl_config_durations}};
  check_upstream_name(reader, element);
  check_servers(reader, element);
  check_replies(reader, element);
  check_gap(reader, element);
  check_mode_keys(reader, &fl_config_upstream, element, upstream->mode);
  if (upstream->mode == FL_MODE_REQUEST) {
    fl_config_pair_check(reader, element);
    fl_config_own_check(reader, element);
  }
  if (upstream->mode == FL_MODE_SESSION)
    check_reset(reader, element);
  check_raw(reader, element, "framing", upstream->framing.type);
  check_raw(reader, element, "reply_framing", upstream->reply_framing.type);
  for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
    check_order(reader, element, &orders[i]);
}

/* Calls check for each element that was read. */
static void
each(struct fl_config_reader *reader, const struct fl_config_node *root,
     const char *key, uint32_t count,
     void (*check)(struct fl_config_reader *, const struct fl_config_node *)) {
  struct fl_config_node list;
  struct fl_config_node element;
  if (count == 0 || !fl_config_node_find(reader, root, key, &list) ||
      !fl_config_node_first(reader, &list, &element))
    return;
  do
    check(reader, &element);
  while (fl_config_node_next(reader, &element) && element.index < count);
}

/* Growing, a buffer holds its bytes twice, and the last eighth is for small
   ones: with less, the longest frame might never fit. */
static void check_buffered(struct fl_config_reader *reader,
                           const struct fl_config_node *root) {
  const struct fl_config *config = reader->config;
  struct fl_config_node node;
  uint64_t longest = 0;
  for (uint32_t i = 0; i < config->listener_count; i++)
    if (config->listeners[i].mode != FL_MODE_RELAY &&
        config->listeners[i].max_frame > longest)
      longest = config->listeners[i].max_frame;
  for (uint32_t i = 0; i < config->upstream_count; i++)
    if (config->upstreams[i].mode != FL_MODE_RELAY &&
        config->upstreams[i].max_frame > longest)
      longest = config->upstreams[i].max_frame;
  if (config->max_buffered >= 4 * longest ||
      !fl_config_node_find(reader, root, "max_buffered", &node) ||
      !fl_config_node_good(reader, &node))
    return;
  struct fl_text allowed = {0};
  FL_TEXT(&allowed, "at least four times the longest max_frame: ");
  add_value(&allowed, 4 * longest, fl_config_sizes);
  fl_config_node_error(reader, &node, NULL, &allowed);
}

void fl_config_check(struct fl_config_reader *reader,
                     const struct fl_config_node *root) {
  const struct fl_config *config = reader->config;
  each(reader, root, "upstreams", config->upstream_count,
       fl_config_profile_apply);
  /* Upstreams follow: their mode is that of the listeners that use them. */
  each(reader, root, "listeners", config->listener_count, check_listener);
  resolve_modes(reader->config);
  each(reader, root, "upstreams", config->upstream_count, check_upstream);
  check_buffered(reader, root);
}
