#include "core/config_check.h"

#include "core/config_access.h"
#include "core/config_check_upstream.h"
#include "core/config_endpoint.h"
#include "core/config_label.h"
#include "core/config_log.h"
#include "core/config_mode.h"
#include "core/config_pair.h"
#include "core/config_profile.h"
#include "core/config_reference.h"
#include "core/config_table.h"
#include "core/config_value.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

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
    fl_config_taken(reader, &node, "a name that no other listener has",
                    fl_config_listener_label(reader, &node, i));
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
      fl_config_taken(reader, &node, "each address once in the file",
                      fl_config_listener_label(reader, &node, (uint32_t)other));
  } while (fl_config_node_next(reader, &node) &&
           node.index < listener->listen_count);
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
    fl_config_check_family(reader, &node, &upstream->servers[0],
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
    FL_CONFIG_REPORT(reader, &node,
                     "at least the framing.size of its upstream, which is ",
                     text);
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
    owner = fl_config_listener_label(reader, &node, i);
    if (owner != NULL)
      FL_CONFIG_REPORT(
          reader, &node, "an upstream that no listener of another mode uses (",
          owner, " uses it in mode \"", fl_config_modes[before->mode], "\")");
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
  FL_CONFIG_REPORT(reader, &node,
                   "\"keep\", or health with an interval above 0 for ",
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
  fl_config_mode_check(reader, &fl_config_listener, element, mode);
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
  fl_config_value_print(&allowed, 4 * longest, fl_config_sizes);
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
  each(reader, root, "upstreams", config->upstream_count,
       fl_config_upstream_check);
  check_buffered(reader, root);
}
