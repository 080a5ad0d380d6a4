/* A value of config.json while it is read: the parser's item, its place and
   its path. */
#ifndef FL_CORE_CONFIG_NODE_H
#define FL_CORE_CONFIG_NODE_H

#include "core/config.h"
#include "core/json_place.h"
#include "core/text.h"

struct cJSON;

struct fl_config_reader {
  struct fl_config *config;
  struct fl_config_errors *errors;
  const char *const *texts;           /* of the files, without comments */
  const struct fl_config_file *files; /* included ones: file n is [n - 1] */
  struct fl_json_places places;
  bool restart; /* within an object a change of which needs a restart */
};

/* Its parents outlive it. */
struct fl_config_node {
  const struct fl_config_node *up; /* NULL for the outermost value */
  const char *key;                 /* NULL for an array's element */
  uint32_t index;                  /* of an array's element */
  const struct cJSON *item;        /* NULL: a key that is not there */
  const struct fl_json_place *place;
};

/* The first value in a container, and the one after a value in the same
   container. Return false when there is none. `next` may work in place. */
bool fl_config_node_first(const struct fl_config_reader *reader,
                          const struct fl_config_node *container,
                          struct fl_config_node *first);
bool fl_config_node_next(const struct fl_config_reader *reader,
                         struct fl_config_node *node);

/* The value of key in an object. When it is not there (or `object` is no
   object), returns false, and *node stands for the absent key. */
bool fl_config_node_find(const struct fl_config_reader *reader,
                         const struct fl_config_node *object, const char *key,
                         struct fl_config_node *node);

/* Adds the node as an error shows it: `"5 parsecs" (a string)`; nothing for
   an absent key. */
void fl_config_node_found(const struct fl_config_reader *reader,
                          const struct fl_config_node *node,
                          struct fl_text *text);

/* Reports an error at the node's value (for an absent key: at the object
   that lacks it), or at its name. found may be NULL for what
   fl_config_node_found gives; both texts are empty afterwards. */
void fl_config_node_error(const struct fl_config_reader *reader,
                          const struct fl_config_node *node,
                          struct fl_text *found, struct fl_text *allowed);
void fl_config_node_key_error(const struct fl_config_reader *reader,
                              const struct fl_config_node *node,
                              struct fl_text *found, struct fl_text *allowed);

/* Whether the node is there and its value has no error. */
bool fl_config_node_good(const struct fl_config_reader *reader,
                         const struct fl_config_node *node);

#endif
