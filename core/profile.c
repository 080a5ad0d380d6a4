#include "core/profile.h"

#include "core/profile_modbus.h"

#include <assert.h>
#include <stddef.h>

static const struct fl_profile_preset *const presets[FL_PROFILES] = {
    [FL_PROFILE_NONE] = NULL,
    [FL_PROFILE_MODBUS_TCP] = &fl_profile_modbus_tcp,
};

const struct fl_profile_preset *fl_profile_find(enum fl_profile profile) {
  assert(profile < FL_PROFILES);
  return presets[profile];
}

bool fl_profile_valid(enum fl_profile profile, struct fl_slice bytes) {
  const struct fl_profile_preset *preset = fl_profile_find(profile);
  return preset == NULL || preset->valid(bytes);
}

bool fl_profile_reads(enum fl_profile profile, struct fl_slice request) {
  const struct fl_profile_preset *preset = fl_profile_find(profile);
  return preset != NULL && fl_match_holds(&preset->reads, request);
}

size_t fl_profile_error(enum fl_profile profile, const struct fl_failed *failed,
                        uint8_t reply[FL_ERROR_REPLY_MAX]) {
  const struct fl_profile_preset *preset = fl_profile_find(profile);
  assert(preset != NULL);
  return preset->error(failed, reply);
}
