/* From a file to a checked configuration, telling people what is wrong. */
#ifndef FL_SERVICE_CHECK_H
#define FL_SERVICE_CHECK_H

#include "core/config.h"
#include "core/text.h"

#include <stdbool.h>

/* The file's name in messages: "<stdin>" for "-". */
const char *fl_check_name(const char *path);

/* Reads and checks the file at path ("-" is standard input), with those that it
   includes. Prints every
   error to standard error, a line each, so that editors can jump to it:
     FILE:LINE:COLUMN: key.path: found X; allowed: Y
   and after them how many there are; likewise warnings about what is allowed
   but easily wrong, without a count. Returns the configuration, owned by the
   caller (fl_config_free), or NULL with the exit status (service/status.h) in
   *status. */
struct fl_config *fl_check_load(const char *path, int *status);

/* The same, with what there is to say added to `out` instead, in which the file
   is called `name`. */
struct fl_config *fl_check_read(const char *path, const char *name,
                                struct fl_text *out, int *status);

/* The command `check`: loads the file, then prints "FILE: ok" with what it
   configures, or where `print` says so the effective configuration, to
   standard output. Returns the exit status. */
int fl_check(const char *path, bool print);

/* Adds "FILE:LINE:COLUMN: ", or "FILE: " for what stands nowhere in it. FILE is
   that in which the place is (fl_config_file_name). */
void fl_check_add_place(struct fl_text *out, const char *path,
                        struct fl_place place);

#endif
