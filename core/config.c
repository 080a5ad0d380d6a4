#include "core/config.h"

#include "core/config_check.h"
#include "core/config_endpoint.h"
#include "core/config_error.h"
#include "core/config_read.h"
#include "core/config_table.h"
#include "core/sha256.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static void add_error(struct fl_config_errors *errors, struct fl_place place,
                      struct fl_text *found, const char *what) {
  struct fl_text path = {0};
  struct fl_text allowed = {0};
  fl_text_add(&allowed, what);
  fl_config_error_add(errors, place, &path, found, &allowed);
}

static void too_long(struct fl_config_errors *errors, size_t size) {
  struct fl_text found = {0};
  fl_text_add_number(&found, size);
  fl_text_add(&found, " bytes");
  add_error(errors, (struct fl_place){1, 1}, &found, "at most 4 MiB");
}

/* The byte at the fault as people may read it. */
static void add_byte(struct fl_text *text, unsigned char byte) {
  const char *digits = "0123456789abcdef";
  const char quoted[] = {'\'', (char)byte, '\''};
  const char hex[] = {digits[byte >> 4], digits[byte & 15]};
  if (byte > 0x20 && byte < 0x7F) {
    fl_text_add_bytes(text, quoted, sizeof quoted);
    return;
  }
  fl_text_add(text, "the byte 0x");
  fl_text_add_bytes(text, hex, sizeof hex);
}

static void not_json(struct fl_config_errors *errors,
                     const struct fl_json_text *text) {
  struct fl_text found = {0};
  if (text->problem != NULL)
    fl_text_add(&found, text->problem);
  else if (text->fault_at == text->size)
    fl_text_add(&found, "the end of the file");
  else
    add_byte(&found, (unsigned char)text->bytes[text->fault_at]);
  add_error(errors, text->fault, &found, text->allowed);
}

/* "auto" follows from the keep-alive probes: a peer that does not acknowledge
   is given up when one that only keeps silent would be. */
static void resolve_user_timeout(struct fl_sockopts *socket) {
  if (socket->user_timeout != FL_NEVER)
    return;
  uint64_t probes = (uint64_t)socket->keepalive_interval;
  probes *= socket->keepalive_count;
  socket->user_timeout =
      socket->keepalive ? (socket->keepalive_idle + probes) * FL_SECOND : 0;
}

static void resolve_user_timeouts(struct fl_config *config) {
  resolve_user_timeout(&config->socket);
  for (uint32_t i = 0; i < config->listener_count; i++)
    resolve_user_timeout(&config->listeners[i].socket);
  for (uint32_t i = 0; i < config->upstream_count; i++)
    resolve_user_timeout(&config->upstreams[i].socket);
}

static void read_tree(struct fl_config_reader *reader, const cJSON *item) {
  const struct fl_config_node root = {.item = item,
                                      .place = reader->places.list};
  fl_config_read_section(reader, &fl_config_root, &root, reader->config, false);
  fl_config_check(reader, &root);
  resolve_user_timeouts(reader->config);
}

/* Reads text, which may be changed, into config. */
static void read_text(char *bytes, size_t size, struct fl_config *config,
                      struct fl_config_errors *errors) {
  struct fl_config_reader reader = {
      .config = config, .errors = errors, .text = bytes};
  struct fl_json_text text;
  fl_json_text_init(&text, bytes, size);
  switch (fl_json_places_read(&text, &reader.places)) {
  case FL_JSON_FAULT:
    not_json(errors, &text);
    return;
  case FL_JSON_NO_MEMORY:
    errors->out_of_memory = true;
    return;
  case FL_JSON_OK:
    break;
  }
  cJSON *item = cJSON_ParseWithLength(bytes, size);
  if (item == NULL)
    errors->out_of_memory = true; /* there is no other reason left */
  else
    read_tree(&reader, item);
  cJSON_Delete(item);
  fl_json_places_free(&reader.places);
}

struct fl_config *fl_config_read(struct fl_slice text,
                                 struct fl_config_errors *errors) {
  *errors = (struct fl_config_errors){0};
  if (text.size > FL_CONFIG_SIZE_MAX) {
    too_long(errors, text.size);
    return NULL;
  }
  struct fl_config *config = calloc(1, sizeof *config);
  char *copy =
      fl_text_copy(text.size == 0 ? "" : (const char *)text.bytes, text.size);
  if (config == NULL || copy == NULL)
    errors->out_of_memory = true;
  else
    read_text(copy, text.size, config, errors);
  free(copy);
  if (errors->count == 0 && !errors->out_of_memory) {
    (void)fl_sha256(text, config->sha256);
    return config;
  }
  fl_config_free(config);
  return NULL;
}

static void free_endpoints(struct fl_endpoint *list, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    fl_endpoint_clear(&list[i]);
  free(list);
}

static void free_rules(struct fl_rule *list, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    free(list[i].match.any_of);
  free(list);
}

void fl_config_free(struct fl_config *config) {
  if (config == NULL)
    return;
  for (uint32_t i = 0; i < config->listener_count; i++) {
    free(config->listeners[i].name);
    free_endpoints(config->listeners[i].listen,
                   config->listeners[i].listen_count);
    free(config->listeners[i].access.allow);
    free(config->listeners[i].access.deny);
  }
  for (uint32_t i = 0; i < config->upstream_count; i++) {
    free(config->upstreams[i].name);
    free(config->upstreams[i].on_connect);
    free_endpoints(config->upstreams[i].servers,
                   config->upstreams[i].server_count);
    free_rules(config->upstreams[i].rules, config->upstreams[i].rule_count);
    free(config->upstreams[i].ignore);
  }
  fl_endpoint_clear(&config->admin.listen);
  fl_endpoint_clear(&config->admin.health_listen);
  for (uint32_t i = 0; i < config->admin.host_count; i++)
    free(config->admin.hosts[i]);
  free(config->admin.hosts);
  free(config->control.path);
  free(config->control.group);
  free(config->listeners);
  free(config->upstreams);
  free(config);
}
