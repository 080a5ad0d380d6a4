#include "core/config_pair.h"

#include "core/config_table.h"
#include "core/config_value.h"

/* Finds pair's key for an error; `pair` is the parent that it keeps. Returns
   whether it may be blamed. */
static bool find_key(struct fl_config_reader *reader,
                     const struct fl_config_node *element, const char *key,
                     struct fl_config_node *pair, struct fl_config_node *node) {
  return fl_config_node_find(reader, element, "pair", pair) &&
         fl_config_node_find(reader, pair, key, node) &&
         fl_config_node_good(reader, node);
}

/* Whether what is compared is more than a default in place of what is wrong. */
static bool is_good(struct fl_config_reader *reader,
                    const struct fl_config_node *element, const char *key) {
  struct fl_config_node node;
  return !fl_config_node_find(reader, element, key, &node) ||
         fl_config_node_good(reader, &node);
}

/* Another id may have the bytes of an end in it. */
static void check_type(struct fl_config_reader *reader,
                       const struct fl_config_node *element, const char *key,
                       enum fl_framing_type type) {
  struct fl_config_node pair;
  struct fl_config_node node;
  struct fl_text allowed = {0};
  if ((type != FL_FRAMING_LINE && type != FL_FRAMING_DELIMITED) ||
      !is_good(reader, element, key) ||
      !find_key(reader, element, "by", &pair, &node))
    return;
  FL_TEXT(&allowed, "\"order\" unless ", key,
          " has type \"length\" or \"fixed\", for an id may be any bytes, "
          "those of an end among them");
  fl_config_node_error(reader, &node, NULL, &allowed);
}

/* Reports an id that ends behind `limit`, which is `what`. */
static void check_end(struct fl_config_reader *reader,
                      const struct fl_config_node *element,
                      const struct fl_pair *config, const char *what,
                      uint32_t limit) {
  struct fl_config_node pair;
  struct fl_config_node node;
  struct fl_text allowed = {0};
  if (config->offset + config->width <= limit ||
      !find_key(reader, element, "offset", &pair, &node))
    return;
  FL_TEXT(&allowed, "offset + width at most ", what, ", which is ");
  fl_config_value_print(&allowed, limit, fl_config_sizes);
  fl_config_node_error(reader, &node, NULL, &allowed);
}

/* Whoever replaces an id must not change how long the frame is. */
static void check_framing(struct fl_config_reader *reader,
                          const struct fl_config_node *element,
                          const struct fl_pair *config, const char *key,
                          const struct fl_framing *framing) {
  const struct fl_framing_length *length = &framing->length;
  struct fl_config_node pair;
  struct fl_config_node node;
  struct fl_text allowed = {0};
  if (framing->type == FL_FRAMING_FIXED)
    check_end(reader, element, config, "the size of its frames",
              framing->fixed.size);
  if (framing->type != FL_FRAMING_LENGTH ||
      config->offset >= length->offset + length->width ||
      length->offset >= config->offset + config->width ||
      !find_key(reader, element, "offset", &pair, &node))
    return;
  FL_TEXT(&allowed, "an id that has no byte of the length field of ", key);
  fl_config_node_error(reader, &node, NULL, &allowed);
}

/* Requests under way and those that timed out all have ids of their own, and
   none is soon given out again. */
static void check_in_flight(struct fl_config_reader *reader,
                            const struct fl_config_node *element,
                            const struct fl_upstream_config *upstream) {
  struct fl_config_node node;
  struct fl_text allowed = {0};
  if (upstream->in_flight <= fl_pair_id_max(&upstream->pair) / 2 + 1 ||
      !fl_config_node_find(reader, element, "in_flight", &node) ||
      !fl_config_node_good(reader, &node))
    return;
  FL_TEXT(&allowed, "at most 128, half of the ids that pair.width 1 has");
  fl_config_node_error(reader, &node, NULL, &allowed);
}

/* Whether the object "pair" was read without a fault, and says "id". */
static bool by_id(struct fl_config_reader *reader,
                  const struct fl_config_node *element,
                  const struct fl_pair *config) {
  struct fl_config_node pair;
  struct fl_config_node node;
  return config->by == FL_PAIR_ID &&
         find_key(reader, element, "offset", &pair, &node) &&
         find_key(reader, element, "width", &pair, &node);
}

/* Whether the key of `pair` for this side was read without a fault. */
static bool find_extract(struct fl_config_reader *reader,
                         const struct fl_config_node *element, const char *side,
                         const char *key, struct fl_config_node *pair,
                         struct fl_config_node *extract,
                         struct fl_config_node *node) {
  return fl_config_node_find(reader, element, "pair", pair) &&
         fl_config_node_find(reader, pair, side, extract) &&
         fl_config_node_find(reader, extract, key, node) &&
         fl_config_node_good(reader, node);
}

/* Reports a key that no frame of at most `limit` bytes, which is `what`, has
   room for, and a field whose length is not known. */
static void check_extract(struct fl_config_reader *reader,
                          const struct fl_config_node *element,
                          const char *side, const struct fl_extract *extract,
                          const char *what, uint32_t limit) {
  struct fl_config_node pair, object, node;
  struct fl_text allowed = {0};
  if (extract->type == FL_EXTRACT_ISO8583 &&
      (extract->field < FL_EXTRACT_ISO8583_FIRST ||
       extract->field > FL_EXTRACT_ISO8583_LAST) &&
      find_extract(reader, element, side, "field", &pair, &object, &node)) {
    FL_TEXT(&allowed, "2 to 41 in type \"iso8583\"");
    fl_config_node_error(reader, &node, NULL, &allowed);
  }
  if (extract->type != FL_EXTRACT_BYTES ||
      extract->offset + extract->width <= limit ||
      !find_extract(reader, element, side, "width", &pair, &object, &node))
    return;
  FL_TEXT(&allowed, "offset + width at most ", what, ", which is ");
  fl_config_value_print(&allowed, limit, fl_config_sizes);
  fl_config_node_error(reader, &node, NULL, &allowed);
}

/* The longest frame that passes. */
static uint32_t longest(const struct fl_framing *framing, uint32_t max_frame) {
  return framing->type == FL_FRAMING_FIXED && framing->fixed.size < max_frame
             ? framing->fixed.size
             : max_frame;
}

static void check_keys(struct fl_config_reader *reader,
                       const struct fl_config_node *element,
                       const struct fl_upstream_config *upstream) {
  const struct fl_pair *config = &upstream->pair;
  check_extract(reader, element, "request", &config->request,
                "the longest request", longest(&upstream->framing, UINT32_MAX));
  check_extract(reader, element, "reply", &config->reply, "the longest reply",
                longest(&upstream->reply_framing, upstream->max_frame));
}

void fl_config_pair_check(struct fl_config_reader *reader,
                          const struct fl_config_node *element) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  const struct fl_pair *config = &upstream->pair;
  const char *framing = "framing";
  const char *replies = "reply_framing";
  struct fl_config_node node;
  if (config->by == FL_PAIR_KEY && is_good(reader, element, "max_frame") &&
      is_good(reader, element, framing) && is_good(reader, element, replies))
    check_keys(reader, element, upstream);
  if (!by_id(reader, element, config))
    return;
  check_type(reader, element, framing, upstream->framing.type);
  check_in_flight(reader, element, upstream);
  if (is_good(reader, element, framing))
    check_framing(reader, element, config, framing, &upstream->framing);
  if (fl_config_node_find(reader, element, replies, &node) &&
      fl_config_node_good(reader, &node)) {
    check_type(reader, element, replies, upstream->reply_framing.type);
    check_framing(reader, element, config, replies, &upstream->reply_framing);
  }
  if (is_good(reader, element, "max_frame"))
    check_end(reader, element, config, "max_frame", upstream->max_frame);
}

void fl_config_pair_check_listener(struct fl_config_reader *reader,
                                   const struct fl_config_node *element) {
  const struct fl_listener_config *listener =
      &reader->config->listeners[element->index];
  const struct fl_pair *config;
  struct fl_config_node node;
  struct fl_text allowed = {0};
  if (listener->upstream == UINT32_MAX) /* it is not known */
    return;
  config = &reader->config->upstreams[listener->upstream].pair;
  uint32_t end = 0;
  if (config->by == FL_PAIR_ID)
    end = config->offset + config->width;
  if (config->by == FL_PAIR_KEY && config->request.type == FL_EXTRACT_BYTES)
    end = config->request.offset + config->request.width;
  if (end <= listener->max_frame ||
      (fl_config_node_find(reader, element, "max_frame", &node) &&
       !fl_config_node_good(reader, &node)))
    return;
  const char *name = config->by == FL_PAIR_ID ? "id" : "key";
  FL_TEXT(&allowed, "room for the ", name, " of its upstream, which is ");
  fl_config_value_print(&allowed, end, fl_config_sizes);
  FL_TEXT(&allowed, " from the start of a frame to the ", name, "'s end");
  fl_config_node_error(reader, &node, NULL, &allowed);
}
