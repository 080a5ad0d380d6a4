#include "core/config_value.h"

#include "core/text.h"

#include <stddef.h>
#include <string.h>

const struct fl_config_unit fl_config_durations[] = {
    {"us", 1},
    {"ms", 1000},
    {"s", 1000000},
    {"m", UINT64_C(60) * 1000000},
    {"h", UINT64_C(60) * 60 * 1000000},
    {"d", UINT64_C(24) * 60 * 60 * 1000000},
    {NULL, 0}};

const struct fl_config_unit fl_config_sizes[] = {
    {"B", 1},
    {"KiB", 1024},
    {"MiB", UINT64_C(1024) * 1024},
    {"GiB", UINT64_C(1024) * 1024 * 1024},
    {NULL, 0}};

bool fl_config_value_parse(const char *string,
                           const struct fl_config_unit *units,
                           uint64_t *value) {
  uint64_t number = 0;
  const char *at = string;
  for (; *at >= '0' && *at <= '9'; at++) {
    unsigned digit = (unsigned)(*at - '0');
    if (number > (UINT64_MAX - digit) / 10)
      return false;
    number = number * 10 + digit;
  }
  if (at == string)
    return false;
  for (; units->name != NULL; units++) {
    if (strcmp(at, units->name) != 0)
      continue;
    if (number > UINT64_MAX / units->factor)
      return false;
    *value = number * units->factor;
    return true;
  }
  return false;
}

/* The unit that "0" is written with: seconds, bytes. */
static bool is_base(const struct fl_config_unit *unit) {
  return strcmp(unit->name, "s") == 0 || strcmp(unit->name, "B") == 0;
}

void fl_config_value_print(struct fl_text *text, uint64_t value,
                           const struct fl_config_unit *units) {
  const struct fl_config_unit *best = units;
  for (; units->name != NULL; units++)
    if (value == 0 ? is_base(units) : value % units->factor == 0)
      best = units;
  fl_text_add_number(text, value / best->factor);
  fl_text_add(text, best->name);
}

void fl_config_value_units(struct fl_text *text,
                           const struct fl_config_unit *units,
                           const char *comma, const char *last) {
  for (const struct fl_config_unit *unit = units; unit->name != NULL; unit++) {
    if (unit != units)
      fl_text_add(text, unit[1].name == NULL ? last : comma);
    fl_text_add(text, unit->name);
  }
}
