#include "core/config_include.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

/* The keys of an included file. */
static const char *const lists[] = {"listeners", "upstreams"};
enum { LISTS = sizeof lists / sizeof lists[0] };

static int list_of(const char *key) {
  for (int i = 0; i < LISTS; i++)
    if (strcmp(key, lists[i]) == 0)
      return i;
  return -1;
}

/* ---- loading ---- */

static void load_one(const struct fl_config_reader *reader,
                     const struct fl_config_node *element,
                     struct fl_config_loader *loader) {
  const char *pattern = cJSON_GetStringValue(element->item);
  if (pattern == NULL || pattern[0] == '\0')
    return; /* reported when the key is read */
  const char *wrong = loader->load(loader, pattern);
  if (wrong == NULL)
    return;
  struct fl_text found = {0};
  struct fl_text allowed = {0};
  fl_config_node_found(reader, element, &found);
  FL_TEXT(&found, ": ", wrong);
  fl_text_add(&allowed, "a file that can be read, or a pattern such as "
                        "\"conf.d/*.json\"");
  fl_config_node_error(reader, element, &found, &allowed);
}

uint32_t fl_config_include_load(const struct fl_config_reader *reader,
                                const struct cJSON *item,
                                struct fl_config_loader *loader) {
  const struct fl_config_node root = {.item = item,
                                      .place = reader->places.list};
  struct fl_config_node list;
  struct fl_config_node element;
  if (!fl_config_node_find(reader, &root, "include", &list) ||
      !cJSON_IsArray(list.item) ||
      !fl_config_node_first(reader, &list, &element))
    return 0;
  do
    load_one(reader, &element, loader);
  while (!loader->out_of_memory && fl_config_node_next(reader, &element));
  if (loader->out_of_memory)
    reader->errors->out_of_memory = true;
  return loader->count;
}

/* ---- what may stand there ---- */

static void wrong(const struct fl_config_reader *reader,
                  const struct fl_config_node *node, bool key, const char *what,
                  const char *allowed_text) {
  struct fl_text found = {0};
  struct fl_text allowed = {0};
  fl_text_add(&allowed, allowed_text);
  if (what != NULL)
    fl_text_add(&found, what);
  if (key)
    fl_config_node_key_error(reader, node, &found, &allowed);
  else
    fl_config_node_error(reader, node, NULL, &allowed);
}

void fl_config_include_check(const struct fl_config_reader *reader,
                             const struct cJSON *item) {
  const struct fl_config_node root = {.item = item,
                                      .place = reader->places.list};
  bool seen[LISTS] = {false};
  struct fl_config_node node;
  if (!cJSON_IsObject(item)) {
    wrong(reader, &root, false, NULL, "an object");
    return;
  }
  if (!fl_config_node_first(reader, &root, &node))
    return;
  do {
    int list = list_of(node.key);
    if (list < 0)
      wrong(reader, &node, true, "this key in an included file",
            "listeners and upstreams only");
    else if (seen[list])
      wrong(reader, &node, true, "a key for the second time", "each key once");
    else if (!cJSON_IsArray(node.item))
      wrong(reader, &node, false, NULL, "an array of objects");
    if (list >= 0)
      seen[list] = true;
  } while (fl_config_node_next(reader, &node));
}

/* ---- merging ---- */

struct merge {
  struct fl_config_part *parts;
  uint32_t count;
  struct fl_json_place *list; /* of all */
  uint32_t used;
};

/* Adds the places from begin to end, which hold whole values. */
static void copy(struct merge *merge, const struct fl_json_places *from,
                 uint32_t begin, uint32_t end) {
  uint32_t base = merge->used;
  for (uint32_t i = begin; i < end; i++) {
    struct fl_json_place *to = &merge->list[merge->used++];
    *to = from->list[i];
    to->next = to->next - begin + base;
  }
}

/* The index of an array's place in a part; 0: it has none. */
static uint32_t find(const struct fl_config_part *part, const char *key) {
  uint32_t at = 1;
  for (const cJSON *item = part->item->child; item != NULL; item = item->next) {
    if (strcmp(item->string, key) == 0)
      return at;
    at = part->places.list[at].next;
  }
  return 0;
}

/* Adds the elements that the parts after the first have. */
static void copy_elements(struct merge *merge, const char *key) {
  for (uint32_t i = 1; i < merge->count; i++) {
    const struct fl_json_places *places = &merge->parts[i].places;
    uint32_t at = find(&merge->parts[i], key);
    if (at != 0)
      copy(merge, places, at + 1, places->list[at].next);
  }
}

/* A list that only parts after the first have: the array is that of the first
   of them. */
static void copy_list(struct merge *merge, const char *key) {
  for (uint32_t i = 1; i < merge->count; i++) {
    const struct fl_json_places *places = &merge->parts[i].places;
    uint32_t at = find(&merge->parts[i], key);
    uint32_t to = merge->used;
    if (at == 0)
      continue;
    merge->list[merge->used++] = places->list[at];
    copy_elements(merge, key);
    merge->list[to].next = merge->used;
    return;
  }
}

/* In the order in which move_items leaves the tree. */
static void merge_places(struct merge *merge) {
  const struct fl_config_part *first = &merge->parts[0];
  const struct fl_json_places *places = &first->places;
  bool has[LISTS] = {false};
  uint32_t at = 1;
  merge->list[merge->used++] = places->list[0];
  for (const cJSON *item = first->item->child; item != NULL;
       item = item->next) {
    int list = list_of(item->string);
    uint32_t to = merge->used;
    copy(merge, places, at, places->list[at].next);
    at = places->list[at].next;
    if (list < 0 || has[list])
      continue;
    has[list] = true;
    if (!cJSON_IsArray(item))
      continue;
    copy_elements(merge, lists[list]);
    merge->list[to].next = merge->used;
  }
  for (int i = 0; i < LISTS; i++)
    if (!has[i])
      copy_list(merge, lists[i]);
  merge->list[0].next = merge->used;
}

static void move_items(struct merge *merge, const char *key) {
  cJSON *first = merge->parts[0].item;
  cJSON *to = cJSON_GetObjectItemCaseSensitive(first, key);
  for (uint32_t i = 1; i < merge->count; i++) {
    cJSON *part = merge->parts[i].item;
    cJSON *from = cJSON_GetObjectItemCaseSensitive(part, key);
    if (from == NULL)
      continue;
    if (to == NULL) {
      /* It keeps its name; adding to an object would copy that. */
      to = cJSON_DetachItemViaPointer(part, from);
      (void)cJSON_AddItemToArray(first, to);
      continue;
    }
    while (cJSON_IsArray(to) && from->child != NULL)
      (void)cJSON_AddItemToArray(to,
                                 cJSON_DetachItemViaPointer(from, from->child));
  }
}

bool fl_config_include_merge(struct fl_config_part *parts, uint32_t count) {
  struct merge merge = {.parts = parts, .count = count};
  size_t total = 0;
  if (!cJSON_IsObject(parts[0].item))
    return true; /* reported when it is read */
  for (uint32_t i = 0; i < count; i++)
    total += parts[i].places.count;
  assert(total > 0); /* the first file's object has a place */
  merge.list = calloc(total, sizeof *merge.list);
  if (merge.list == NULL)
    return false;
  merge_places(&merge);
  for (int i = 0; i < LISTS; i++)
    move_items(&merge, lists[i]);
  free(parts[0].places.list);
  parts[0].places = (struct fl_json_places){merge.list, merge.used};
  return true;
}
