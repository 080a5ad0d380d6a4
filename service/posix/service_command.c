#include "service/service_command.h"

#include "service/status.h"

#include <stdio.h>
#include <string.h>

/* What the service manager of this system calls it. */
static const char *command_of(const char *verb) {
  if (strcmp(verb, "install") == 0)
    return "enable --now";
  return strcmp(verb, "uninstall") == 0 ? "disable --now" : verb;
}

int fl_service_command(const struct fl_service_options *options) {
  (void)fprintf(stderr,
                "fairlead: service %s: for Windows only; here: systemctl %s "
                "fairlead, where systemd runs it, or fairlead run --daemon\n",
                options->verb, command_of(options->verb));
  return FL_STATUS_USAGE;
}
