#include "core/config_access.h"

/* Whether one of the first `count` blocks equals this one; bad ones, which
   have no family, do not. */
static bool among(const struct fl_cidr *list, uint32_t count,
                  const struct fl_cidr *block) {
  for (uint32_t i = 0; i < count; i++)
    if (block->family != FL_ADDR_NONE && fl_cidr_equal(&list[i], block))
      return true;
  return false;
}

static void twice(struct fl_config_reader *reader,
                  const struct fl_config_node *node, const char *allowed) {
  struct fl_text text = {0};
  fl_text_add(&text, allowed);
  fl_config_node_error(reader, node, NULL, &text);
}

/* Checks one list against itself, and against the other one if that stands
   first. */
static void check_list(struct fl_config_reader *reader,
                       const struct fl_config_node *access, const char *key,
                       const struct fl_acl *acl) {
  bool denies = key[0] == 'd';
  const struct fl_cidr *list = denies ? acl->deny : acl->allow;
  uint32_t count = denies ? acl->deny_count : acl->allow_count;
  struct fl_config_node array;
  struct fl_config_node node;
  if (count == 0 || !fl_config_node_find(reader, access, key, &array) ||
      !fl_config_node_first(reader, &array, &node))
    return;
  do {
    const struct fl_cidr *block = &list[node.index];
    if (among(list, node.index, block))
      twice(reader, &node, "each block once");
    else if (denies && among(acl->allow, acl->allow_count, block))
      twice(reader, &node, "a block that is not in access.allow as well");
  } while (fl_config_node_next(reader, &node) && node.index < count);
}

static void check_burst(struct fl_config_reader *reader,
                        const struct fl_config_node *element,
                        const struct fl_listener_config *listener) {
  struct fl_config_node node;
  struct fl_text found = {0};
  struct fl_text allowed = {0};
  struct fl_config_node rate;
  if (listener->max_connection_rate != 0 ||
      listener->max_connection_burst == 0 ||
      !fl_config_node_find(reader, element, "max_connection_burst", &node))
    return;
  if (fl_config_node_find(reader, element, "max_connection_rate", &rate) &&
      !fl_config_node_good(reader, &rate))
    return;
  fl_text_add(&found, "this key without a rate");
  fl_text_add(&allowed, "it only beside max_connection_rate");
  fl_config_node_key_error(reader, &node, &found, &allowed);
}

static void check_places(struct fl_config_reader *reader,
                         const struct fl_config_node *element,
                         const struct fl_listener_config *listener) {
  struct fl_config_node node;
  struct fl_config_node all;
  struct fl_text allowed = {0};
  if (listener->max_connections_per_address <= listener->max_connections ||
      !fl_config_node_find(reader, element, "max_connections_per_address",
                           &node))
    return;
  if (fl_config_node_find(reader, element, "max_connections", &all) &&
      !fl_config_node_good(reader, &all))
    return; /* the value compared is only the default */
  fl_text_add(&allowed, "at most max_connections, which is ");
  fl_text_add_number(&allowed, listener->max_connections);
  fl_config_node_error(reader, &node, NULL, &allowed);
}

void fl_config_access_check(struct fl_config_reader *reader,
                            const struct fl_config_node *element,
                            const struct fl_listener_config *listener) {
  struct fl_config_node access;
  check_places(reader, element, listener);
  check_burst(reader, element, listener);
  if (!fl_config_node_find(reader, element, "access", &access))
    return;
  check_list(reader, &access, "allow", &listener->access);
  check_list(reader, &access, "deny", &listener->access);
}
