#include "core/config_label.h"

#include <stdlib.h>

void fl_config_report(struct fl_config_reader *reader,
                      const struct fl_config_node *node,
                      const char *const *parts) {
  struct fl_text allowed = {0};
  fl_text_add_all(&allowed, parts);
  fl_config_node_error(reader, node, NULL, &allowed);
}

char *fl_config_label(struct fl_config_reader *reader,
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

char *fl_config_listener_label(struct fl_config_reader *reader,
                               const struct fl_config_node *node,
                               uint32_t index) {
  return fl_config_label(reader, node, "listeners",
                         fl_config_listener_number(reader->config, index),
                         &reader->config->listeners[index].place);
}

char *fl_config_upstream_label(struct fl_config_reader *reader,
                               const struct fl_config_node *node,
                               uint32_t index) {
  const struct fl_upstream_config *upstreams = reader->config->upstreams;
  uint32_t number = 0;
  for (uint32_t i = 0; i < index; i++)
    number += upstreams[i].place.file == upstreams[index].place.file;
  return fl_config_label(reader, node, "upstreams", number,
                         &upstreams[index].place);
}

void fl_config_taken(struct fl_config_reader *reader,
                     const struct fl_config_node *node, const char *what,
                     char *owner) {
  if (owner != NULL)
    FL_CONFIG_REPORT(reader, node, what, " (", owner, " has it)");
  free(owner);
}

void fl_config_check_family(struct fl_config_reader *reader,
                            const struct fl_config_node *node,
                            const struct fl_endpoint *server, uint8_t bind) {
  uint8_t family = server->addr.family;
  if (family != FL_ADDR_NONE && bind != FL_ADDR_NONE && family != bind)
    FL_CONFIG_REPORT(reader, node, "an ", bind == FL_ADDR_IP4 ? "IPv4" : "IPv6",
                     " address, as socket.bind is");
}
