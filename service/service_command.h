/* The command `service`: the service of Windows that runs the program. Other
   systems have commands of their own for that. A file per system. */
#ifndef FL_SERVICE_SERVICE_COMMAND_H
#define FL_SERVICE_SERVICE_COMMAND_H

#include <stdbool.h>

struct fl_service_options {
  const char *verb;   /* of fl_service_verbs */
  const char *config; /* install: the configuration it is to run with */
  bool start;         /* install: start it, too */
};

/* "install", "uninstall", "start", "stop", "status"; NULL at the end. */
extern const char *const fl_service_verbs[];

/* Does it, says on standard output what came of it, or on standard error what
   is wrong. start and stop wait. Returns the exit status (service/status.h):
   of start also that with which the service ended, of status
   FL_STATUS_NOT_RUNNING for a service that does not run or is not there. */
int fl_service_command(const struct fl_service_options *options);

#endif
