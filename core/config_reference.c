#include "core/config_reference.h"

#include "core/config_describe.h"
#include "core/config_endpoint.h"
#include "core/config_key.h"
#include "core/config_nearest.h"
#include "core/config_read.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

long fl_config_upstream_index(const struct fl_config *config,
                              const char *name) {
  for (uint32_t i = 0; i < config->upstream_count; i++)
    if (config->upstreams[i].name != NULL &&
        strcmp(config->upstreams[i].name, name) == 0)
      return (long)i;
  return -1;
}

static void unknown_upstream(struct fl_config_reader *reader,
                             const struct fl_config_node *node) {
  const struct fl_config *config = reader->config;
  struct fl_config_nearest nearest = {0};
  struct fl_text allowed = {0};
  for (uint32_t i = 0; i < config->upstream_count; i++)
    if (config->upstreams[i].name != NULL)
      fl_config_nearest_offer(&nearest, node->item->valuestring,
                              config->upstreams[i].name);
  if (nearest.word != NULL)
    FL_TEXT(&allowed, "\"", nearest.word, "\", the nearest upstream");
  else
    fl_text_add(&allowed, "the name of one of upstreams[], or \"host:port\"");
  fl_config_node_error(reader, node, NULL, &allowed);
}

/* A new last upstream with every default; NULL when memory is out. */
static struct fl_upstream_config *
add_upstream(struct fl_config_reader *reader) {
  struct fl_config *config = reader->config;
  size_t size =
      (config->upstream_count + (size_t)1) * sizeof *config->upstreams;
  uintptr_t before = (uintptr_t)config->upstreams;
  struct fl_upstream_config *list = realloc(config->upstreams, size);
  if (list == NULL) {
    reader->errors->out_of_memory = true;
    return NULL;
  }
  config->upstreams = list;
  fl_config_keys_moved(config, before, (uintptr_t)list, size - sizeof *list);
  struct fl_upstream_config *upstream = &list[config->upstream_count++];
  memset(upstream, 0, sizeof *upstream);
  upstream->socket = config->socket;
  fl_config_read_section(reader, &fl_config_upstream, NULL, upstream, false);
  return upstream;
}

/* Makes a last upstream of the one server that stands in its place. Returns
   false when it cannot. */
static bool add_inline_upstream(struct fl_config_reader *reader,
                                const struct fl_config_node *node) {
  const char *string = node->item->valuestring;
  struct fl_endpoint endpoint;
  const char *wrong = fl_endpoint_read(string, false, &endpoint);
  if (wrong != NULL && wrong[0] == '\0') {
    reader->errors->out_of_memory = true;
    return false;
  }
  if (wrong != NULL) {
    struct fl_text found = {0};
    struct fl_text allowed = {0};
    fl_config_node_found(reader, node, &found);
    FL_TEXT(&found, ": ", wrong);
    fl_text_add(&allowed, fl_config_describe_element(FL_CONFIG_SERVERS));
    fl_config_node_error(reader, node, &found, &allowed);
    return false;
  }
  endpoint.place = node->place->value;
  struct fl_upstream_config *upstream = add_upstream(reader);
  struct fl_endpoint *servers = malloc(sizeof *servers);
  char *name = fl_text_copy(string, strlen(string));
  if (upstream == NULL || servers == NULL || name == NULL) {
    reader->errors->out_of_memory = true;
    free(servers);
    free(name);
    fl_endpoint_clear(&endpoint);
    return false;
  }
  *servers = endpoint;
  upstream->servers = servers;
  upstream->server_count = 1;
  upstream->name = name;
  upstream->place = node->place->value;
  return true;
}

void fl_config_reference_read(struct fl_config_reader *reader,
                              const struct fl_config_node *element) {
  struct fl_config *config = reader->config;
  struct fl_listener_config *listener = &config->listeners[element->index];
  struct fl_config_node node;
  struct fl_text allowed = {0};
  listener->upstream = UINT32_MAX;
  if (!fl_config_node_find(reader, element, "upstream", &node)) {
    FL_TEXT(&allowed, "required in mode \"", fl_config_modes[listener->mode],
            "\": the name of an upstream, or \"host:port\"");
    fl_config_node_error(reader, &node, NULL, &allowed);
    return;
  }
  if (!cJSON_IsString(node.item))
    return;
  const char *string = node.item->valuestring;
  long index = fl_config_upstream_index(config, string);
  if (index < 0 && strchr(string, ':') != NULL) {
    if (!add_inline_upstream(reader, &node))
      return;
    index = (long)config->upstream_count - 1;
  }
  if (index < 0) {
    unknown_upstream(reader, &node);
    return;
  }
  listener->upstream = (uint32_t)index;
  listener->framing = config->upstreams[index].framing;
}
