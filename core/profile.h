/* Protocols that fairlead knows by name: what config.json need not say then,
   and what takes more than configuration: which frames are valid, which
   requests only read, and how an error looks. A table of them; each protocol's
   own code is in a file of its own. */
#ifndef FL_CORE_PROFILE_H
#define FL_CORE_PROFILE_H

#include "core/framing.h"
#include "core/pair.h"
#include "core/rule.h"

struct fl_profile_preset {
  struct fl_framing framing; /* of requests and replies */
  uint32_t max_frame;
  struct fl_pair pair;
  struct fl_match reads;       /* requests that change nothing */
  const struct fl_rule *rules; /* rule_count of them */
  uint32_t rule_count;
  /* As fl_profile_valid and fl_profile_error. */
  bool (*valid)(struct fl_slice bytes);
  size_t (*error)(const struct fl_failed *failed,
                  uint8_t reply[FL_ERROR_REPLY_MAX]);
};

/* What the profile says; NULL for FL_PROFILE_NONE. */
const struct fl_profile_preset *fl_profile_find(enum fl_profile profile);

/* Whether bytes may be the start of a frame, or of more. True without a
   profile. */
bool fl_profile_valid(enum fl_profile profile, struct fl_slice bytes);

/* Whether a request only reads. False without a profile: nobody knows. */
bool fl_profile_reads(enum fl_profile profile, struct fl_slice request);

/* As fl_framing_error. Requires: a profile. */
size_t fl_profile_error(enum fl_profile profile, const struct fl_failed *failed,
                        uint8_t reply[FL_ERROR_REPLY_MAX]);

#endif
