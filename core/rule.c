#include "core/rule.h"

#include <string.h>

const struct fl_rule fl_rule_ordinary = {.request_timeout = FL_NEVER};

struct fl_slice fl_match_content(const struct fl_framing *framing,
                                 struct fl_slice frame) {
  if (framing->type != FL_FRAMING_LINE)
    return frame;
  frame.size--; /* LF */
  if (frame.size > 0 && frame.bytes[frame.size - 1] == '\r')
    frame.size--;
  return frame;
}

/* Whether bytes stand at that place of content. */
static bool stands(const struct fl_bytes *bytes, struct fl_slice content,
                   size_t at) {
  return at <= content.size && bytes->size <= content.size - at &&
         memcmp(content.bytes + at, bytes->bytes, bytes->size) == 0;
}

static bool any_stands(const struct fl_match *match, struct fl_slice content) {
  for (uint32_t i = 0; i < match->any_of_count; i++)
    if (stands(&match->any_of[i], content, match->offset))
      return true;
  return match->any_of_count == 0;
}

bool fl_match_holds(const struct fl_match *match, struct fl_slice content) {
  return content.size >= match->suffix.size &&
         stands(&match->suffix, content, content.size - match->suffix.size) &&
         stands(&match->prefix, content, 0) && any_stands(match, content);
}

const struct fl_rule *fl_rule_find(const struct fl_rule *rules, uint32_t count,
                                   const struct fl_framing *framing,
                                   struct fl_slice frame) {
  struct fl_slice content = fl_match_content(framing, frame);
  for (uint32_t i = 0; i < count; i++)
    if (fl_match_holds(&rules[i].match, content))
      return &rules[i];
  return &fl_rule_ordinary;
}

bool fl_frame_listed(const struct fl_bytes *list, uint32_t count,
                     const struct fl_framing *framing, struct fl_slice frame) {
  struct fl_slice content = fl_match_content(framing, frame);
  for (uint32_t i = 0; i < count; i++)
    if (list[i].size == content.size && stands(&list[i], content, 0))
      return true;
  return false;
}
