#include "core/config_own.h"

/* Whether the framing is what the file says. */
static bool framing_is_good(struct fl_config_reader *reader,
                            const struct fl_config_node *element) {
  struct fl_config_node node;
  return !fl_config_node_find(reader, element, "framing", &node) ||
         fl_config_node_good(reader, &node);
}

/* Reports a payload that is no frame. `object` has it as `key`. A framing that
   is not known is NULL. */
static void check_send(struct fl_config_reader *reader,
                       const struct fl_config_node *object, const char *key,
                       const struct fl_framing *framing,
                       const struct fl_payload *payload) {
  uint8_t frame[FL_PAYLOAD_FRAME_MAX];
  struct fl_config_node node;
  struct fl_text allowed = {0};
  if (payload->size == 0 || framing == NULL ||
      fl_payload_frame(payload, framing, frame) != 0 ||
      !fl_config_node_find(reader, object, key, &node) ||
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
  check_send(reader, node, "send", framing, &step->send);
  if (fl_config_node_find(reader, node, "send", &key) ||
      fl_config_node_find(reader, node, "expect", &key) ||
      !fl_config_node_good(reader, node))
    return;
  fl_text_add(&allowed, "an object with \"send\", \"expect\" or both");
  fl_config_node_error(reader, node, NULL, &allowed);
}

static void check_steps(struct fl_config_reader *reader,
                        const struct fl_config_node *element,
                        const struct fl_framing *framing) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
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

/* By id a request has to have one, or its reply could not be told from the
   late one of another. `object` has it as "send". */
static void check_id(struct fl_config_reader *reader,
                     const struct fl_config_node *object,
                     const struct fl_upstream_config *upstream,
                     const struct fl_payload *payload) {
  struct fl_config_node node;
  struct fl_text allowed = {0};
  if (payload->size == 0 || fl_pair_fits(&upstream->pair, payload->size) ||
      !fl_config_node_find(reader, object, "send", &node) ||
      !fl_config_node_good(reader, &node))
    return;
  fl_text_add(&allowed, "a frame with room for the id that pair says");
  fl_config_node_error(reader, &node, NULL, &allowed);
}

/* The request that stands in the object `key`. */
static void check_request(struct fl_config_reader *reader,
                          const struct fl_config_node *element, const char *key,
                          const struct fl_framing *framing,
                          const struct fl_payload *send) {
  struct fl_config_node object;
  if (!fl_config_node_find(reader, element, key, &object))
    return;
  check_send(reader, &object, "send", framing, send);
  check_id(reader, &object, &reader->config->upstreams[element->index], send);
}

/* Whether there is a request by which a connection can be checked, or only a
   fault hides it. */
static bool has_request(struct fl_config_reader *reader,
                        const struct fl_config_node *element) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  struct fl_config_node keepalive;
  struct fl_config_node health;
  return upstream->keepalive.send.size > 0 || upstream->health.send.size > 0 ||
         (fl_config_node_find(reader, element, "keepalive_request",
                              &keepalive) &&
          !fl_config_node_good(reader, &keepalive)) ||
         (fl_config_node_find(reader, element, "health", &health) &&
          !fl_config_node_good(reader, &health));
}

static void check_validate(struct fl_config_reader *reader,
                           const struct fl_config_node *element) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  struct fl_config_node pool;
  struct fl_config_node node;
  struct fl_text allowed = {0};
  if (upstream->pool.validate_after == 0 || has_request(reader, element) ||
      !fl_config_node_find(reader, element, "pool", &pool) ||
      !fl_config_node_find(reader, &pool, "validate_after", &node))
    return;
  fl_text_add(&allowed, "\"0s\" without keepalive_request.send or health.send, "
                        "by which a connection is checked");
  fl_config_node_error(reader, &node, NULL, &allowed);
}

void fl_config_own_check(struct fl_config_reader *reader,
                         const struct fl_config_node *element) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  const struct fl_framing *framing =
      framing_is_good(reader, element) ? &upstream->framing : NULL;
  check_steps(reader, element, framing);
  check_request(reader, element, "keepalive_request", framing,
                &upstream->keepalive.send);
  check_request(reader, element, "health", framing, &upstream->health.send);
  check_send(reader, element, "on_close", framing, &upstream->on_close);
  check_validate(reader, element);
}
