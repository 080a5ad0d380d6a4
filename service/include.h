/* Finds and reads the files that a configuration includes. A pattern is the
   same on every system: `*` and `?` in the last part of the path, and letters
   count as they are written. */
#ifndef FL_SERVICE_INCLUDE_H
#define FL_SERVICE_INCLUDE_H

#include "core/config.h"

struct fl_include;

/* For the files that the one at path includes ("-" is standard input, which
   stands in the current directory). `name` is that file in messages, and the
   others are named as it is: "conf/a.json" for "conf/config.json", wherever
   path leads. NULL when memory is out. */
struct fl_include *fl_include_new(const char *path, const char *name);

/* Ends with the fl_include. */
struct fl_config_loader *fl_include_loader(struct fl_include *include);

void fl_include_free(struct fl_include *include); /* NULL is fine */

/* Whether a name matches: `*` stands for any characters, `?` for one (of
   UTF-8); a name that begins with a dot only where the pattern does. */
bool fl_include_matches(const char *pattern, const char *name);

#endif
