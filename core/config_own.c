#include "core/config_own.h"

/* Whether the framing is what the file says. */
static bool framing_is_good(struct fl_config_reader *reader,
                            const struct fl_config_node *element) {
  struct fl_config_node node;
  return !fl_config_node_find(reader, element, "framing", &node) ||
         fl_config_node_good(reader, &node);
}

/* Reports a payload that is no frame. `object` has it as "send". */
static void check_send(struct fl_config_reader *reader,
                       const struct fl_config_node *object,
                       const struct fl_framing *framing,
                       const struct fl_payload *payload) {
  uint8_t frame[FL_PAYLOAD_FRAME_MAX];
  struct fl_config_node node;
  struct fl_text allowed = {0};
  if (payload->size == 0 || fl_payload_frame(payload, framing, frame) != 0 ||
      !fl_config_node_find(reader, object, "send", &node) ||
      !fl_config_node_good(reader, &node))
    return;
  fl_text_add(&allowed, "one whole frame of the upstream's framing");
  if (framing->type == FL_FRAMING_LINE || framing->type == FL_FRAMING_DELIMITED)
    fl_text_add(&allowed, ", or what stands in one");
  fl_config_node_error(reader, &node, NULL, &allowed);
}

static void check_step(struct fl_config_reader *reader,
                       const struct fl_config_node *node,
                       const struct fl_framing *framing,
                       const struct fl_step_config *step) {
  struct fl_config_node key;
  struct fl_text allowed = {0};
  if (framing != NULL)
    check_send(reader, node, framing, &step->send);
  if (fl_config_node_find(reader, node, "send", &key) ||
      fl_config_node_find(reader, node, "expect", &key) ||
      !fl_config_node_good(reader, node))
    return;
  fl_text_add(&allowed, "an object with \"send\", \"expect\" or both");
  fl_config_node_error(reader, node, NULL, &allowed);
}

void fl_config_own_check(struct fl_config_reader *reader,
                         const struct fl_config_node *element) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  const struct fl_framing *framing =
      framing_is_good(reader, element) ? &upstream->framing : NULL;
  struct fl_config_node list;
  struct fl_config_node node;
  if (upstream->on_connect_count == 0 ||
      !fl_config_node_find(reader, element, "on_connect", &list) ||
      !fl_config_node_first(reader, &list, &node))
    return;
  do
    check_step(reader, &node, framing, &upstream->on_connect[node.index]);
  while (fl_config_node_next(reader, &node) &&
         node.index < upstream->on_connect_count);
}
