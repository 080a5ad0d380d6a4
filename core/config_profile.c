#include "core/config_profile.h"

#include "core/profile.h"

#include <stdlib.h>
#include <string.h>

static bool states(const struct fl_config_reader *reader,
                   const struct fl_config_node *element, const char *key) {
  struct fl_config_node node;
  return fl_config_node_find(reader, element, key, &node);
}

static bool is_same_length(const struct fl_framing *a,
                           const struct fl_framing *b) {
  return a->type == FL_FRAMING_LENGTH && b->type == FL_FRAMING_LENGTH &&
         a->length.offset == b->length.offset &&
         a->length.width == b->length.width &&
         a->length.adjustment == b->length.adjustment &&
         a->length.order == b->length.order &&
         a->length.encoding == b->length.encoding;
}

/* Frames that the file cuts as the profile does are the profile's, too. */
static void apply_framing(const struct fl_config_reader *reader,
                          const struct fl_config_node *element, const char *key,
                          const struct fl_framing *preset,
                          struct fl_framing *framing) {
  if (!states(reader, element, key))
    *framing = *preset;
  else if (is_same_length(preset, framing))
    framing->profile = preset->profile;
}

/* Copies as if they had stood in the file. */
static bool copy_rules(const struct fl_profile_preset *preset,
                       struct fl_upstream_config *upstream) {
  upstream->rules = calloc(preset->rule_count, sizeof *upstream->rules);
  if (upstream->rules == NULL)
    return false;
  for (uint32_t i = 0; i < preset->rule_count; i++) {
    const struct fl_match *match = &preset->rules[i].match;
    size_t size = match->any_of_count * sizeof *match->any_of;
    struct fl_bytes *any_of = malloc(size);
    if (any_of == NULL)
      return false;
    memcpy(any_of, match->any_of, size);
    upstream->rules[i] = preset->rules[i];
    upstream->rules[i].match.any_of = any_of;
    upstream->rule_count++;
  }
  return true;
}

void fl_config_profile_apply(struct fl_config_reader *reader,
                             const struct fl_config_node *element) {
  struct fl_upstream_config *upstream =
      &reader->config->upstreams[element->index];
  const struct fl_profile_preset *preset = fl_profile_find(upstream->profile);
  if (preset == NULL)
    return;
  apply_framing(reader, element, "framing", &preset->framing,
                &upstream->framing);
  apply_framing(reader, element, "reply_framing", &preset->framing,
                &upstream->reply_framing);
  if (!states(reader, element, "pair"))
    upstream->pair = preset->pair;
  if (!states(reader, element, "max_frame"))
    upstream->max_frame = preset->max_frame;
  if (!states(reader, element, "requests") && !copy_rules(preset, upstream))
    reader->errors->out_of_memory = true;
}

void fl_config_profile_check_listener(struct fl_config_reader *reader,
                                      const struct fl_config_node *element) {
  const struct fl_listener_config *listener =
      &reader->config->listeners[element->index];
  struct fl_config_node node;
  struct fl_text allowed = {0};
  if (!listener->read_only || listener->upstream == UINT32_MAX)
    return;
  const struct fl_upstream_config *upstream =
      &reader->config->upstreams[listener->upstream];
  if (upstream->framing.profile != FL_PROFILE_NONE ||
      !fl_config_node_find(reader, element, "read_only", &node))
    return;
  fl_text_add(&allowed, "false, for the frames of its upstream are of no "
                        "profile that tells reads from writes");
  fl_config_node_error(reader, &node, NULL, &allowed);
}
