#include "core/config.h"

#include "core/config_check.h"
#include "core/config_endpoint.h"
#include "core/config_include.h"
#include "core/config_part.h"
#include "core/config_read.h"
#include "core/config_table.h"
#include "core/sha256.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- the files ---- */

/* What is read from all files together. */
struct reading {
  struct fl_config_reader reader;
  struct fl_config_loader *loader; /* NULL: nothing is included */
  struct fl_config_part *parts;    /* by number of file */
  const char **texts;              /* theirs */
  uint32_t count;
};

static void read_tree(struct fl_config_reader *reader, const cJSON *item) {
  const struct fl_config_node root = {.item = item,
                                      .place = reader->places.list};
  fl_config_read_section(reader, &fl_config_root, &root, reader->config, false);
  fl_config_check(reader, &root);
  resolve_user_timeouts(reader->config);
}

/* Makes room for the parts and reads the first, with what it includes. */
static bool read_first(struct reading *reading, struct fl_slice text) {
  struct fl_config_reader *reader = &reading->reader;
  struct fl_config_part first;
  uint32_t count = 1;
  if (fl_config_part_read(&first, text, 0, reader->errors)) {
    const char *const texts[] = {first.text};
    reader->texts = texts;
    reader->places = first.places;
    if (reading->loader != NULL)
      count += fl_config_include_load(reader, first.item, reading->loader);
  }
  reading->parts = calloc(count, sizeof *reading->parts);
  reading->texts = calloc(count, sizeof *reading->texts);
  reader->texts = reading->texts;
  if (reading->parts == NULL || reading->texts == NULL) {
    reader->errors->out_of_memory = true;
    fl_config_part_free(&first);
    return false;
  }
  reading->parts[0] = first;
  reading->texts[0] = first.text;
  reading->count = count;
  return reader->errors->count == 0 && !reader->errors->out_of_memory;
}

/* Reads the files that are included, and puts what they have into the first
   part. */
static bool read_others(struct reading *reading) {
  struct fl_config_reader *reader = &reading->reader;
  const struct fl_config_file *files =
      reading->loader == NULL ? NULL : reading->loader->files;
  reader->files = files;
  for (uint32_t i = 1; i < reading->count; i++) {
    struct fl_config_part *part = &reading->parts[i];
    if (!fl_config_part_read(part, files[i - 1].text, i, reader->errors))
      continue;
    reading->texts[i] = part->text;
    reader->places = part->places;
    fl_config_include_check(reader, part->item);
  }
  if (reader->errors->count > 0 || reader->errors->out_of_memory)
    return false;
  if (reading->count == 1 ||
      fl_config_include_merge(reading->parts, reading->count))
    return true;
  reader->errors->out_of_memory = true;
  return false;
}

static void free_reading(struct reading *reading) {
  for (uint32_t i = 0; i < reading->count; i++)
    fl_config_part_free(&reading->parts[i]);
  free(reading->parts);
  free(reading->texts);
}

/* Keeps what is known of the files beside what they say. */
static bool keep_files(struct fl_config *config, struct fl_slice text,
                       const struct fl_config_loader *loader) {
  struct fl_text all = {0};
  uint32_t count = loader == NULL ? 0 : loader->count;
  if (count == 0) {
    (void)fl_sha256(text, config->sha256);
    return true;
  }
  config->included = calloc(count, sizeof *config->included);
  if (config->included == NULL)
    return false;
  fl_text_add_bytes(&all, (const char *)text.bytes, text.size);
  for (uint32_t i = 0; i < count; i++) {
    const struct fl_config_file *file = &loader->files[i];
    char *name = fl_text_copy(file->name, strlen(file->name));
    config->included[config->included_count++] = name;
    all.failed |= name == NULL;
    fl_text_add_bytes(&all, (const char *)file->text.bytes, file->text.size);
  }
  if (!all.failed)
    (void)fl_sha256((struct fl_slice){(const uint8_t *)all.bytes, all.size},
                    config->sha256);
  bool kept = !all.failed;
  free(fl_text_take(&all));
  return kept;
}

struct fl_config *fl_config_read_all(struct fl_slice text,
                                     struct fl_config_loader *loader,
                                     struct fl_config_errors *errors) {
  *errors = (struct fl_config_errors){0};
  struct fl_config *config = calloc(1, sizeof *config);
  struct reading reading = {.reader = {.config = config, .errors = errors},
                            .loader = loader};
  if (config == NULL)
    errors->out_of_memory = true;
  else if (read_first(&reading, text) && read_others(&reading)) {
    reading.reader.places = reading.parts[0].places;
    read_tree(&reading.reader, reading.parts[0].item);
  }
  free_reading(&reading);
  if (errors->count == 0 && !errors->out_of_memory) {
    if (keep_files(config, text, loader))
      return config;
    errors->out_of_memory = true;
  }
  fl_config_free(config);
  return NULL;
}

struct fl_config *fl_config_read(struct fl_slice text,
                                 struct fl_config_errors *errors) {
  return fl_config_read_all(text, NULL, errors);
}

const char *fl_config_file_name(const struct fl_config *config,
                                struct fl_place place, const char *first) {
  return place.file == 0 ? first : config->included[place.file - 1];
}

uint32_t fl_config_listener_number(const struct fl_config *config,
                                   uint32_t index) {
  uint32_t number = 0;
  for (uint32_t i = 0; i < index; i++)
    number +=
        config->listeners[i].place.file == config->listeners[index].place.file;
  return number;
}

static void free_endpoints(struct fl_endpoint *list, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    fl_endpoint_clear(&list[i]);
  free(list);
}

static void free_rules(struct fl_rule *list, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    free((void *)list[i].match.any_of);
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
  for (uint32_t i = 0; i < config->included_count; i++)
    free(config->included[i]);
  free(config->included);
  free(config->keys);
  free(config->control.path);
  free(config->control.group);
  free(config->listeners);
  free(config->upstreams);
  free(config);
}
