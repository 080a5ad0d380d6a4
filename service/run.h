/* From a checked configuration to a running gateway and to its end. */
#ifndef FL_SERVICE_RUN_H
#define FL_SERVICE_RUN_H

#include "core/config.h"

/* Binds every listener, starts the workers, serves until SIGTERM or SIGINT,
   drains and returns the exit status (service/status.h). `name` is what
   errors call the configuration's file; `path` is where it is, read again for a
   reload, or NULL where that is not possible. The configuration is its own from
   then on. */
int fl_run(struct fl_config *config, const char *name, const char *path);

#endif
