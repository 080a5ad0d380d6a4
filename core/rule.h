/* What config.json says about some requests: which they are, and what is
   done with them. The first rule that matches a request decides. */
#ifndef FL_CORE_RULE_H
#define FL_CORE_RULE_H

#include "core/framing.h"
#include "core/place.h"
#include "core/time.h"

#include <stdbool.h>

/* All that is stated must hold: empty byte strings and an empty list hold for
   every request. */
struct fl_match {
  struct fl_bytes prefix;
  struct fl_bytes suffix;
  uint32_t offset;               /* where one of any_of must stand */
  const struct fl_bytes *any_of; /* any_of_count of them */
  uint32_t any_of_count;
};

enum fl_reply {
  FL_REPLY_ONE, /* a request has one reply */
  FL_REPLY_NONE /* it is done once it has left */
};

struct fl_rule {
  struct fl_match match;
  enum fl_reply reply;
  bool idempotent;         /* may be sent again when its connection breaks */
  bool deny;               /* is not sent at all */
  fl_time request_timeout; /* FL_NEVER: the upstream's */
  struct fl_place place;
};

/* What of a frame is matched: of a line all but its end, else all. */
struct fl_slice fl_match_content(const struct fl_framing *framing,
                                 struct fl_slice frame);

/* Whether all that match states holds for such content. */
bool fl_match_holds(const struct fl_match *match, struct fl_slice content);

/* The rule of requests that none matches. */
extern const struct fl_rule fl_rule_ordinary;

/* The rule of a request of that framing: the first that matches, or the
   ordinary one. */
const struct fl_rule *fl_rule_find(const struct fl_rule *rules, uint32_t count,
                                   const struct fl_framing *framing,
                                   struct fl_slice frame);

/* Whether a frame's content is one of the list. */
bool fl_frame_listed(const struct fl_bytes *list, uint32_t count,
                     const struct fl_framing *framing, struct fl_slice frame);

#endif
