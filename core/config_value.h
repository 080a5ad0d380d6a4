/* Durations and sizes as config.json writes them: a whole number directly
   followed by its unit, such as "250ms" or "64KiB". */
#ifndef FL_CORE_CONFIG_VALUE_H
#define FL_CORE_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

struct fl_text;

/* A unit and how many of the smallest it is. */
struct fl_config_unit {
  const char *name;
  uint64_t factor;
};

/* From the smallest, whose factor is 1, ended by a NULL name. */
extern const struct fl_config_unit fl_config_durations[]; /* microseconds */
extern const struct fl_config_unit fl_config_sizes[];     /* bytes */

/* Reads string in one of units. Returns false, *value untouched, when it is
   not such a string or does not fit. */
bool fl_config_value_parse(const char *string,
                           const struct fl_config_unit *units, uint64_t *value);

/* Adds value in the largest unit that gives a whole number ("0s", "0B"). */
void fl_config_value_print(struct fl_text *text, uint64_t value,
                           const struct fl_config_unit *units);

/* Adds the units' names, ("us, ms, s, m, h or d" with ", " and " or "). */
void fl_config_value_units(struct fl_text *text,
                           const struct fl_config_unit *units,
                           const char *comma, const char *last);

#endif
