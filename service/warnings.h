/* What is allowed in a configuration and seldom meant. */
#ifndef FL_SERVICE_WARNINGS_H
#define FL_SERVICE_WARNINGS_H

#include "core/config.h"

/* Writes a line for each to standard error. path: of the file. */
void fl_warnings_print(const char *path, const struct fl_config *config);

#endif
