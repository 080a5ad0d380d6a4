/* What a row of the table allows, in words. */
#ifndef FL_CORE_CONFIG_DESCRIBE_H
#define FL_CORE_CONFIG_DESCRIBE_H

#include "core/config_table.h"
#include "core/text.h"

/* "integer", "duration", "array of \"host:port\"" */
const char *fl_config_type_name(enum fl_config_type type);

/* The default as JSON text (10, "30s"), "required", or "" for none. */
void fl_config_describe_default(struct fl_text *text,
                                const struct fl_config_row *row);

/* "\"auto\" or 1 to 64"; "" where the type says it all. */
void fl_config_describe_range(struct fl_text *text,
                              const struct fl_config_row *row);

/* For errors: "\"auto\" or a whole number, 1 to 64". */
void fl_config_describe(struct fl_text *text, const struct fl_config_row *row);

/* An element of an array of strings. */
const char *fl_config_describe_element(enum fl_config_type type);

#endif
