#include "core/config_check_upstream.h"

#include "core/config_endpoint.h"
#include "core/config_label.h"
#include "core/config_mode.h"
#include "core/config_order.h"
#include "core/config_own.h"
#include "core/config_pair.h"
#include "core/config_reference.h"
#include "core/config_value.h"

static void check_upstream_name(struct fl_config_reader *reader,
                                const struct fl_config_node *element) {
  const char *name = reader->config->upstreams[element->index].name;
  struct fl_config_node node;
  long first =
      name == NULL ? -1 : fl_config_upstream_index(reader->config, name);
  if (first < 0 || (uint32_t)first == element->index)
    return;
  fl_config_node_find(reader, element, "name", &node);
  fl_config_taken(reader, &node, "a name that no other upstream has",
                  fl_config_upstream_label(reader, &node, (uint32_t)first));
}

static void check_servers(struct fl_config_reader *reader,
                          const struct fl_config_node *element) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  struct fl_config_node list;
  struct fl_config_node node;
  if (upstream->server_count == 0 ||
      !fl_config_node_find(reader, element, "servers", &list) ||
      !fl_config_node_first(reader, &list, &node))
    return;
  do {
    const struct fl_endpoint *server = &upstream->servers[node.index];
    fl_config_check_family(reader, &node, server, upstream->socket.bind.family);
    for (uint32_t i = 0; server->text != NULL && i < node.index; i++)
      if (upstream->servers[i].text != NULL &&
          fl_endpoint_equal(&upstream->servers[i], server)) {
        fl_config_taken(reader, &node, "each server once",
                        fl_config_label(reader, &node, "servers", i, NULL));
        break;
      }
  } while (fl_config_node_next(reader, &node) &&
           node.index < upstream->server_count);
}

/* Replies to all the requests a client may have in flight are kept for it
   until it takes them. */
static void check_replies(struct fl_config_reader *reader,
                          const struct fl_config_node *element) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  struct fl_config_node frame;
  struct fl_config_node node;
  bool has_frame = fl_config_node_find(reader, element, "max_frame", &frame);
  if ((uint64_t)upstream->in_flight * upstream->max_frame <=
          FL_CONFIG_REPLIES_MAX ||
      !fl_config_node_find(reader, element, "in_flight", &node) ||
      !fl_config_node_good(reader, &node) ||
      (has_frame && !fl_config_node_good(reader, &frame)))
    return;
  struct fl_text allowed = {0};
  FL_TEXT(&allowed, "at most ");
  fl_text_add_number(&allowed, FL_CONFIG_REPLIES_MAX / upstream->max_frame);
  FL_TEXT(&allowed, ", for in_flight replies of max_frame (");
  fl_config_value_print(&allowed, upstream->max_frame, fl_config_sizes);
  FL_TEXT(&allowed, ") may wait for one client: ");
  fl_config_value_print(&allowed, FL_CONFIG_REPLIES_MAX, fl_config_sizes);
  FL_TEXT(&allowed, " at most");
  fl_config_node_error(reader, &node, NULL, &allowed);
}

/* Between requests that overlap there is no gap. */
static void check_gap(struct fl_config_reader *reader,
                      const struct fl_config_node *element) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  struct fl_config_node node;
  if (upstream->request_gap == 0 || upstream->in_flight == 1 ||
      !fl_config_node_find(reader, element, "request_gap", &node) ||
      !fl_config_node_good(reader, &node))
    return;
  struct fl_text allowed = {0};
  FL_TEXT(&allowed, "\"0s\" where in_flight is above 1");
  fl_config_node_error(reader, &node, NULL, &allowed);
}

/* Replies are cut as requests are, unless the file says otherwise. Returns the
   key that says how. */
static const char *settle_reply_framing(struct fl_config_reader *reader,
                                        const struct fl_config_node *element) {
  struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  struct fl_config_node node;
  if (fl_config_node_find(reader, element, "reply_framing", &node))
    return "reply_framing";
  upstream->reply_framing = upstream->framing;
  return "framing";
}

/* Of a reset both halves are there, or none. */
static void check_reset(struct fl_config_reader *reader,
                        const struct fl_config_node *element) {
  const struct fl_reset_config *reset =
      &reader->config->upstreams[element->index].reset;
  struct fl_config_node group;
  struct fl_config_node node;
  if ((reset->send.size > 0) == (reset->expect.size > 0))
    return;
  const char *lacks = reset->send.size > 0 ? "expect" : "send";
  if (fl_config_find_in(reader, element, "reset", lacks, &group, &node) &&
      !fl_config_node_good(reader, &node))
    return;
  FL_CONFIG_REPORT(reader, &node, "bytes, for reset has the other half");
}

/* Raw bytes pass only in sessions, and then both ways. */
static void check_raw(struct fl_config_reader *reader,
                      const struct fl_config_node *element, const char *key,
                      enum fl_framing_type type) {
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  bool session = upstream->mode == FL_MODE_SESSION;
  struct fl_config_node group;
  struct fl_config_node node;
  if (!fl_config_find_in(reader, element, key, "type", &group, &node) ||
      !fl_config_node_good(reader, &node))
    return;
  if (upstream->mode == FL_MODE_REQUEST && type == FL_FRAMING_RAW)
    FL_CONFIG_REPORT(reader, &node,
                     "a framing that has frames (\"raw\" is for mode ",
                     "\"session\")");
  else if (session && (type == FL_FRAMING_RAW) !=
                          (upstream->framing.type == FL_FRAMING_RAW))
    FL_CONFIG_REPORT(reader, &node,
                     "\"raw\" for both of framing and reply_framing, or ",
                     "for none");
}

void fl_config_upstream_check(struct fl_config_reader *reader,
                              const struct fl_config_node *element) {
  const char *replies = settle_reply_framing(reader, element);
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  const struct fl_framing *framing = &upstream->reply_framing;
  uint32_t size = framing->type == FL_FRAMING_FIXED ? framing->fixed.size : 0;
  uint32_t max_size =
      upstream->pool.max_size == 0 ? UINT32_MAX : upstream->pool.max_size;
  const struct fl_config_order orders[] = {
      {replies, "size", "", "max_frame", size, upstream->max_frame,
       fl_config_sizes},
      {"pool", "min_size", "pool", "max_size", upstream->pool.min_size,
       max_size, NULL},
      {"", "workers", "pool", "max_size", upstream->workers, max_size, NULL},
      {"backoff", "initial", "backoff", "max", upstream->backoff.initial,
       upstream->backoff.max, fl_config_durations}};
  check_upstream_name(reader, element);
  check_servers(reader, element);
  check_replies(reader, element);
  check_gap(reader, element);
  fl_config_mode_check(reader, &fl_config_upstream, element, upstream->mode);
  if (upstream->mode == FL_MODE_REQUEST) {
    fl_config_pair_check(reader, element);
    fl_config_own_check(reader, element);
  }
  if (upstream->mode == FL_MODE_SESSION)
    check_reset(reader, element);
  check_raw(reader, element, "framing", upstream->framing.type);
  check_raw(reader, element, "reply_framing", upstream->reply_framing.type);
  for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
    fl_config_order_check(reader, element, &orders[i]);
}
