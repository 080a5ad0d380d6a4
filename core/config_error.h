/* The list of what is wrong with a config.json. */
#ifndef FL_CORE_CONFIG_ERROR_H
#define FL_CORE_CONFIG_ERROR_H

#include "core/config.h"
#include "core/text.h"

/* Adds an error at its place. Takes over the bytes of the three texts, which
   are empty afterwards. */
void fl_config_error_add(struct fl_config_errors *errors, struct fl_place place,
                         struct fl_text *path, struct fl_text *found,
                         struct fl_text *allowed);

/* Whether an error stands at exactly this place. */
bool fl_config_error_at(const struct fl_config_errors *errors,
                        struct fl_place place);

/* Adds a piece of the file as people may read it: cut when it is long, bytes
   that could move a terminal's cursor replaced. */
void fl_config_excerpt(struct fl_text *text, const char *bytes, size_t size);

#endif
