/* Values of one field: booleans, integers, durations, sizes, choices and byte
   strings. */
#ifndef FL_CORE_CONFIG_SCALAR_H
#define FL_CORE_CONFIG_SCALAR_H

#include "core/config_table.h"

#include <stdbool.h>

struct cJSON;

/* Stores item in row's field of the struct at base. Returns false, nothing
   changed, when it is of the wrong type or out of range. */
bool fl_config_scalar_read(const struct fl_config_row *row,
                           const struct cJSON *item, void *base);

/* Stores the default, which the table writes as the file would. Does nothing
   for a row that has none. */
void fl_config_scalar_default(const struct fl_config_row *row, void *base);

#endif
