#include "core/config_read.h"

#include "core/config_key.h"

#include "core/config_bytes.h"
#include "core/config_describe.h"
#include "core/config_endpoint.h"
#include "core/config_nearest.h"
#include "core/config_scalar.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static void wrong_value(const struct fl_config_reader *reader,
                        const struct fl_config_node *node,
                        const struct fl_config_row *row) {
  struct fl_text allowed = {0};
  fl_config_describe(&allowed, row);
  fl_config_node_error(reader, node, NULL, &allowed);
}

static void *field_of(void *base, size_t offset) {
  return (unsigned char *)base + offset;
}

static bool is_name(const struct fl_config_row *row, const char *string) {
  size_t size = strspn(string, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789._-");
  return string[size] == '\0' && size >= row->min && size <= row->max;
}

/* Control bytes have no place in messages; cJSON has checked UTF-8. */
static bool is_file(const struct fl_config_row *row, const char *string) {
  size_t size = strlen(string);
  for (const char *at = string; *at != '\0'; at++)
    if ((unsigned char)*at < 0x20 || *at == 0x7f)
      return false;
  return size >= row->min && size <= row->max;
}

/* A string that is kept as it is. */
static void read_name(struct fl_config_reader *reader,
                      const struct fl_config_row *row,
                      const struct fl_config_node *node, void *base) {
  const char *string = cJSON_GetStringValue(node->item);
  if (string != NULL && (row->flags & FL_CONFIG_AUTO) != 0 &&
      strcmp(string, "auto") == 0)
    return;
  if (string == NULL || !(row->type == FL_CONFIG_FILE ? is_file(row, string)
                                                      : is_name(row, string))) {
    wrong_value(reader, node, row);
    return;
  }
  char *copy = fl_text_copy(string, strlen(string));
  if (copy == NULL)
    reader->errors->out_of_memory = true;
  *(char **)field_of(base, row->offset) = copy;
}

/* --- arrays ------------------------------------------------------------- */

/* Fields point to several types; what they point to is the same to all. */
static void store_pointer(void *field, void *pointer) {
  memcpy(field, &pointer, sizeof pointer);
}

/* Checks an array's length and makes its elements, zeroed; the struct owns
   them. Returns how many there are to read: none when it is no array, at most
   row->max. */
static uint32_t make_elements(struct fl_config_reader *reader,
                              const struct fl_config_row *row,
                              const struct fl_config_node *node, void *base,
                              size_t size) {
  uint64_t count = 0;
  if (cJSON_IsArray(node->item))
    count = (uint64_t)cJSON_GetArraySize(node->item);
  if (!cJSON_IsArray(node->item) || count < row->min || count > row->max)
    wrong_value(reader, node, row);
  if (count > row->max)
    count = row->max;
  if (count == 0)
    return 0;
  void *elements = calloc((size_t)count, size);
  if (elements == NULL) {
    reader->errors->out_of_memory = true;
    return 0;
  }
  store_pointer(field_of(base, row->offset), elements);
  *(uint32_t *)field_of(base, row->count_offset) = (uint32_t)count;
  return (uint32_t)count;
}

static void read_endpoint(struct fl_config_reader *reader,
                          const struct fl_config_node *node,
                          enum fl_config_type type,
                          struct fl_endpoint *endpoint) {
  struct fl_text found = {0};
  struct fl_text allowed = {0};
  const char *wrong = NULL;
  fl_config_node_found(reader, node, &found);
  if (cJSON_IsString(node->item)) {
    wrong = fl_endpoint_read(node->item->valuestring, type == FL_CONFIG_LISTEN,
                             endpoint);
    endpoint->place = node->place->value;
    if (wrong == NULL || wrong[0] == '\0') {
      reader->errors->out_of_memory |= wrong != NULL;
      free(found.bytes);
      return;
    }
    FL_TEXT(&found, ": ", wrong);
  }
  fl_text_add(&allowed, fl_config_describe_element(type));
  fl_config_node_error(reader, node, &found, &allowed);
}

static void read_endpoints(struct fl_config_reader *reader,
                           const struct fl_config_row *row,
                           const struct fl_config_node *node, void *base) {
  uint32_t count =
      make_elements(reader, row, node, base, sizeof(struct fl_endpoint));
  struct fl_config_node element;
  if (count == 0 || !fl_config_node_first(reader, node, &element))
    return;
  struct fl_endpoint *list =
      *(struct fl_endpoint **)field_of(base, row->offset);
  do
    read_endpoint(reader, &element, row->type, &list[element.index]);
  while (fl_config_node_next(reader, &element) && element.index < count);
}

/* To listen on. */
static void read_one_endpoint(struct fl_config_reader *reader,
                              const struct fl_config_row *row,
                              const struct fl_config_node *node, void *base) {
  if (!fl_config_scalar_read(row, node->item, base))
    read_endpoint(reader, node, FL_CONFIG_LISTEN, field_of(base, row->offset));
}

static void read_names(struct fl_config_reader *reader,
                       const struct fl_config_row *row,
                       const struct fl_config_node *node, void *base) {
  const struct fl_config_row of_one = {
      .key = row->key, .type = FL_CONFIG_NAME, .min = 1, .max = 253};
  uint32_t count = make_elements(reader, row, node, base, sizeof(char *));
  struct fl_config_node element;
  if (count == 0 || !fl_config_node_first(reader, node, &element))
    return;
  char **list = *(char ***)field_of(base, row->offset);
  do
    read_name(reader, &of_one, &element, &list[element.index]);
  while (fl_config_node_next(reader, &element) && element.index < count);
}

/* Only checked: they were followed before. */
static void read_patterns(struct fl_config_reader *reader,
                          const struct fl_config_row *row,
                          const struct fl_config_node *node) {
  const struct fl_config_row of_one = {
      .key = row->key, .type = FL_CONFIG_FILE, .min = 1, .max = 1000};
  uint64_t count = (uint64_t)cJSON_GetArraySize(node->item);
  struct fl_config_node element;
  if (!cJSON_IsArray(node->item) || count > row->max) {
    wrong_value(reader, node, row);
    return;
  }
  if (count == 0 || !fl_config_node_first(reader, node, &element))
    return;
  do {
    const char *string = cJSON_GetStringValue(element.item);
    if (string == NULL || !is_file(&of_one, string))
      wrong_value(reader, &element, &of_one);
  } while (fl_config_node_next(reader, &element));
}

static void read_address(struct fl_config_reader *reader,
                         const struct fl_config_row *row,
                         const struct fl_config_node *node, void *base) {
  struct fl_addr *addr = field_of(base, row->offset);
  const char *string = cJSON_GetStringValue(node->item);
  if (!fl_config_scalar_read(row, node->item, base) &&
      (string == NULL || !fl_addr_parse(string, 0, addr)))
    wrong_value(reader, node, row);
}

static void read_block(struct fl_config_reader *reader,
                       const struct fl_config_node *node,
                       struct fl_cidr *block) {
  struct fl_text allowed = {0};
  char text[FL_CIDR_TEXT];
  enum fl_cidr_result result = FL_CIDR_BAD;
  if (cJSON_IsString(node->item))
    result = fl_cidr_parse(node->item->valuestring, block);
  if (result == FL_CIDR_OK)
    return;
  if (result == FL_CIDR_HOST_BITS)
    FL_TEXT(&allowed, "no bit set after the prefix: \"",
            fl_cidr_format(block, text), "\"");
  else
    fl_text_add(&allowed, fl_config_describe_element(FL_CONFIG_BLOCKS));
  fl_config_node_error(reader, node, NULL, &allowed);
}

static void read_blocks(struct fl_config_reader *reader,
                        const struct fl_config_row *row,
                        const struct fl_config_node *node, void *base) {
  uint32_t count =
      make_elements(reader, row, node, base, sizeof(struct fl_cidr));
  struct fl_config_node element;
  if (count == 0 || !fl_config_node_first(reader, node, &element))
    return;
  struct fl_cidr *list = *(struct fl_cidr **)field_of(base, row->offset);
  do
    read_block(reader, &element, &list[element.index]);
  while (fl_config_node_next(reader, &element) && element.index < count);
}

static void read_string(struct fl_config_reader *reader,
                        const struct fl_config_node *node,
                        struct fl_bytes *bytes) {
  const char *string = cJSON_GetStringValue(node->item);
  struct fl_text allowed = {0};
  if (string != NULL && fl_config_bytes_parse(string, bytes))
    return;
  fl_text_add(&allowed, fl_config_describe_element(FL_CONFIG_STRINGS));
  fl_config_node_error(reader, node, NULL, &allowed);
}

static void read_strings(struct fl_config_reader *reader,
                         const struct fl_config_row *row,
                         const struct fl_config_node *node, void *base) {
  uint32_t count =
      make_elements(reader, row, node, base, sizeof(struct fl_bytes));
  struct fl_config_node element;
  if (count == 0 || !fl_config_node_first(reader, node, &element))
    return;
  struct fl_bytes *list = *(struct fl_bytes **)field_of(base, row->offset);
  do
    read_string(reader, &element, &list[element.index]);
  while (fl_config_node_next(reader, &element) && element.index < count);
}

static void read_list(struct fl_config_reader *reader,
                      const struct fl_config_row *row,
                      const struct fl_config_node *node, void *base) {
  const struct fl_config_section *section = row->section;
  uint32_t count = make_elements(reader, row, node, base, section->size);
  struct fl_config_node element;
  if (count == 0 || !fl_config_node_first(reader, node, &element))
    return;
  unsigned char *at;
  memcpy(&at, field_of(base, row->offset), sizeof at);
  do {
    if (section->socket_offset != FL_CONFIG_NO_FIELD)
      *(struct fl_sockopts *)field_of(at, section->socket_offset) =
          reader->config->socket;
    if (section->place_offset != FL_CONFIG_NO_FIELD)
      *(struct fl_place *)field_of(at, section->place_offset) =
          element.place->value;
    fl_config_read_section(reader, section, &element, at, false);
    at += section->size;
  } while (fl_config_node_next(reader, &element) && element.index < count);
}

/* --- objects ------------------------------------------------------------ */

static void read_object(struct fl_config_reader *reader,
                        const struct fl_config_row *row,
                        const struct fl_config_node *node, void *base,
                        bool inherit) {
  bool within = reader->restart;
  reader->restart |= (row->flags & FL_CONFIG_RESTART) != 0;
  fl_config_read_section(reader, row->section, node,
                         field_of(base, row->offset), inherit);
  reader->restart = within;
}

static void read_value(struct fl_config_reader *reader,
                       const struct fl_config_row *row,
                       const struct fl_config_node *node, void *base,
                       bool inherit) {
  switch (row->type) {
  case FL_CONFIG_IGNORED:
  case FL_CONFIG_UPSTREAM: /* looked up once all upstreams are read */
    if (!cJSON_IsString(node->item))
      wrong_value(reader, node, row);
    break;
  case FL_CONFIG_NAME:
  case FL_CONFIG_FILE:
    read_name(reader, row, node, base);
    break;
  case FL_CONFIG_LISTEN:
  case FL_CONFIG_SERVERS:
    read_endpoints(reader, row, node, base);
    break;
  case FL_CONFIG_NAMES:
    read_names(reader, row, node, base);
    break;
  case FL_CONFIG_PATTERNS:
    read_patterns(reader, row, node);
    break;
  case FL_CONFIG_ENDPOINT:
    read_one_endpoint(reader, row, node, base);
    break;
  case FL_CONFIG_ADDRESS:
    read_address(reader, row, node, base);
    break;
  case FL_CONFIG_BLOCKS:
    read_blocks(reader, row, node, base);
    break;
  case FL_CONFIG_STRINGS:
    read_strings(reader, row, node, base);
    break;
  case FL_CONFIG_LIST:
    read_list(reader, row, node, base);
    break;
  case FL_CONFIG_OBJECT:
    read_object(reader, row, node, base, inherit);
    break;
  default:
    if (!fl_config_scalar_read(row, node->item, base))
      wrong_value(reader, node, row);
  }
}

static void note_key(struct fl_config_reader *reader,
                     const struct fl_config_row *row,
                     const struct fl_config_node *node, const void *base) {
  if ((reader->restart || (row->flags & FL_CONFIG_RESTART) != 0) &&
      row->type != FL_CONFIG_OBJECT &&
      !fl_config_key_note(reader->config, base, row, node->place->key))
    reader->errors->out_of_memory = true;
}

static void missing(struct fl_config_reader *reader,
                    const struct fl_config_row *row,
                    const struct fl_config_node *object) {
  struct fl_text allowed = {0};
  const struct fl_config_node absent = {
      .up = object, .key = row->key, .place = object->place};
  fl_text_add(&allowed, "required: ");
  fl_config_describe(&allowed, row);
  fl_config_node_error(reader, &absent, NULL, &allowed);
}

/* A key that another type has. */
static void misplaced_key(struct fl_config_reader *reader,
                          const struct fl_config_section *section,
                          const struct fl_config_row *row,
                          const struct fl_config_node *node, const void *base) {
  const struct fl_config_row *type = &section->rows[0];
  struct fl_text found = {0};
  struct fl_text allowed = {0};
  int choice;
  memcpy(&choice, (const unsigned char *)base + type->offset, sizeof choice);
  FL_TEXT(&found, "this key in ", type->key, " \"", type->choices[choice],
          "\"");
  FL_TEXT(&allowed, "it only in ", type->key);
  const char *between = " ";
  for (unsigned i = 0; type->choices[i] != NULL; i++)
    if ((row->types & FL_CONFIG_TYPE(i)) != 0) {
      FL_TEXT(&allowed, between, "\"", type->choices[i], "\"");
      between = " or ";
    }
  fl_config_node_key_error(reader, node, &found, &allowed);
}

static void unknown_key(struct fl_config_reader *reader,
                        const struct fl_config_section *section,
                        const struct fl_config_node *node) {
  struct fl_config_nearest nearest = {0};
  struct fl_text found = {0};
  struct fl_text allowed = {0};
  for (uint32_t i = 0; i < section->count; i++)
    fl_config_nearest_offer(&nearest, node->key, section->rows[i].key);
  fl_text_add(&found, "an unknown key");
  if (nearest.word != NULL) {
    FL_TEXT(&allowed, "\"", nearest.word, "\", the nearest known key");
  } else {
    fl_text_add(&allowed, "one of");
    for (uint32_t i = 0; i < section->count; i++)
      FL_TEXT(&allowed, i == 0 ? " " : ", ", section->rows[i].key);
  }
  fl_config_node_key_error(reader, node, &found, &allowed);
}

static void repeated_key(struct fl_config_reader *reader,
                         const struct fl_config_node *node,
                         const struct fl_config_node *first) {
  struct fl_text found = {0};
  struct fl_text allowed = {0};
  fl_text_add(&found, "a key for the second time");
  fl_text_add(&allowed, "each key once (it stands in line ");
  fl_text_add_number(&allowed, first->place->key.line);
  fl_text_add(&allowed, ")");
  fl_config_node_key_error(reader, node, &found, &allowed);
}

/* Sorts the values of an object to the rows of its section. */
static void sort_keys(struct fl_config_reader *reader,
                      const struct fl_config_section *section,
                      const struct fl_config_node *object,
                      struct fl_config_node found[FL_CONFIG_ROWS_MAX]) {
  struct fl_config_node node;
  if (!fl_config_node_first(reader, object, &node))
    return;
  do {
    const struct fl_config_row *row = fl_config_row_find(section, node.key);
    struct fl_config_node *first = row ? &found[row - section->rows] : NULL;
    if (first == NULL)
      unknown_key(reader, section, &node);
    else if (first->item != NULL)
      repeated_key(reader, &node, first);
    else
      *first = node;
  } while (fl_config_node_next(reader, &node));
}

/* Whether the first key is what the struct says: it has no error. */
static bool has_type(const struct fl_config_reader *reader,
                     const struct fl_config_node *type) {
  return type->item == NULL || fl_config_node_good(reader, type);
}

static void wrong_object(struct fl_config_reader *reader,
                         const struct fl_config_node *node) {
  struct fl_text allowed = {0};
  fl_text_add(&allowed, "an object");
  fl_config_node_error(reader, node, NULL, &allowed);
}

void fl_config_read_section(struct fl_config_reader *reader,
                            const struct fl_config_section *section,
                            const struct fl_config_node *node, void *base,
                            bool inherit) {
  struct fl_config_node found[FL_CONFIG_ROWS_MAX] = {0};
  bool is_object = node != NULL && cJSON_IsObject(node->item);
  assert(section->count <= FL_CONFIG_ROWS_MAX);
  if (is_object)
    sort_keys(reader, section, node, found);
  else if (node != NULL)
    wrong_object(reader, node);
  for (uint32_t i = 0; i < section->count; i++) {
    const struct fl_config_row *row = &section->rows[i];
    bool inherits = inherit || (row->flags & FL_CONFIG_INHERITS) != 0;
    if (!fl_config_row_applies(section, row, base)) {
      if (found[i].item != NULL && has_type(reader, &found[0]))
        misplaced_key(reader, section, row, &found[i], base);
      continue;
    }
    if (!inherits)
      fl_config_scalar_default(row, base);
    if (found[i].item != NULL) {
      note_key(reader, row, &found[i], base);
      read_value(reader, row, &found[i], base, inherits);
    } else if (row->type == FL_CONFIG_OBJECT)
      fl_config_read_section(reader, row->section, NULL,
                             field_of(base, row->offset), inherits);
    if (found[i].item == NULL && is_object &&
        (row->flags & FL_CONFIG_REQUIRED) != 0 &&
        (row->flags & FL_CONFIG_MODES) == 0)
      missing(reader, row, node);
  }
}
