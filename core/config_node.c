#include "core/config_node.h"

#include "core/config_error.h"

#include <cjson/cJSON.h>
#include <string.h>

bool fl_config_node_first(const struct fl_config_reader *reader,
                          const struct fl_config_node *container,
                          struct fl_config_node *first) {
  (void)reader;
  const cJSON *item = container->item->child;
  if (item == NULL)
    return false;
  *first = (struct fl_config_node){.up = container,
                                   .key = item->string,
                                   .item = item,
                                   .place = container->place + 1};
  return true;
}

bool fl_config_node_next(const struct fl_config_reader *reader,
                         struct fl_config_node *node) {
  const cJSON *item = node->item->next;
  if (item == NULL)
    return false;
  node->item = item;
  node->key = item->string;
  node->index++;
  node->place = &reader->places.list[node->place->next];
  return true;
}

bool fl_config_node_find(const struct fl_config_reader *reader,
                         const struct fl_config_node *object, const char *key,
                         struct fl_config_node *node) {
  if (object->item != NULL && cJSON_IsObject(object->item) &&
      fl_config_node_first(reader, object, node)) {
    do {
      if (strcmp(node->key, key) == 0)
        return true;
    } while (fl_config_node_next(reader, node));
  }
  *node =
      (struct fl_config_node){.up = object, .key = key, .place = object->place};
  return false;
}

/* An element's index in the array as its own file has it. */
static uint32_t index_in_file(const struct fl_config_reader *reader,
                              const struct fl_config_node *node) {
  const struct fl_json_place *at = node->up->place + 1;
  uint32_t file = node->place->value.file;
  uint32_t index = 0;
  if (file == 0)
    return node->index;
  for (uint32_t i = 0; i < node->index; i++) {
    index += at->value.file == file;
    at = &reader->places.list[at->next];
  }
  return index;
}

static void add_path(const struct fl_config_reader *reader,
                     struct fl_text *text, const struct fl_config_node *node) {
  if (node->up == NULL)
    return;
  add_path(reader, text, node->up);
  if (node->key == NULL) {
    fl_text_add(text, "[");
    fl_text_add_number(text, index_in_file(reader, node));
    fl_text_add(text, "]");
    return;
  }
  if (text->size > 0)
    fl_text_add(text, ".");
  fl_config_excerpt(text, node->key, strlen(node->key));
}

void fl_config_node_found(const struct fl_config_reader *reader,
                          const struct fl_config_node *node,
                          struct fl_text *text) {
  if (node->item == NULL)
    return;
  if (cJSON_IsObject(node->item)) {
    fl_text_add(text, "an object");
  } else if (cJSON_IsArray(node->item)) {
    fl_text_add(text, "an array of ");
    fl_text_add_number(text, (uint64_t)cJSON_GetArraySize(node->item));
  } else {
    fl_config_excerpt(
        text, reader->texts[node->place->value.file] + node->place->start,
        node->place->end - node->place->start);
    if (cJSON_IsString(node->item))
      fl_text_add(text, " (a string)");
    else if (cJSON_IsNumber(node->item))
      fl_text_add(text, " (a number)");
    else if (cJSON_IsBool(node->item))
      fl_text_add(text, " (a boolean)");
  }
}

static void add_error(const struct fl_config_reader *reader,
                      const struct fl_config_node *node, struct fl_place place,
                      struct fl_text *found, struct fl_text *allowed) {
  struct fl_text path = {0};
  struct fl_text standard = {0};
  fl_text_add(&path, "");
  add_path(reader, &path, node);
  if (found == NULL) {
    found = &standard;
    fl_config_node_found(reader, node, found);
  }
  fl_config_error_add(reader->errors, place, &path, found, allowed);
}

void fl_config_node_error(const struct fl_config_reader *reader,
                          const struct fl_config_node *node,
                          struct fl_text *found, struct fl_text *allowed) {
  add_error(reader, node, node->place->value, found, allowed);
}

void fl_config_node_key_error(const struct fl_config_reader *reader,
                              const struct fl_config_node *node,
                              struct fl_text *found, struct fl_text *allowed) {
  add_error(reader, node, node->place->key, found, allowed);
}

bool fl_config_node_good(const struct fl_config_reader *reader,
                         const struct fl_config_node *node) {
  return node->item != NULL &&
         !fl_config_error_at(reader->errors, node->place->value);
}
