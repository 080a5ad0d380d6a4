/* What is allowed in a configuration and seldom meant. */
#ifndef FL_SERVICE_WARNINGS_H
#define FL_SERVICE_WARNINGS_H

#include "core/config.h"
#include "core/text.h"

/* Adds a line for each. path: of the file. */
void fl_warnings_add(struct fl_text *out, const char *path,
                     const struct fl_config *config);

#endif
