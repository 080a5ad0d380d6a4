/* Windows has services for what daemons are elsewhere: it starts them in the
   background, as a user of their own, and knows whether they run. */
#include "service/daemon.h"

#include "service/status.h"

#include <stdio.h>

bool fl_daemon_begin(const struct fl_daemon_options *options, int *status) {
  const char *option = options->detach            ? "--daemon"
                       : options->pidfile != NULL ? "--pidfile"
                       : options->user != NULL    ? "--user"
                                                  : NULL;
  if (option == NULL)
    return true;
  (void)fprintf(stderr,
                "fairlead: %s: not on Windows, where the service \"fairlead\" "
                "runs in the background and as a user of its own; see "
                "\"fairlead service --help\"\n",
                option);
  *status = FL_STATUS_USAGE;
  return false;
}

bool fl_daemon_act_as_user(void) { return true; }

bool fl_daemon_act_back(void) { return true; }

void fl_daemon_leave_directory(void) {}

bool fl_daemon_drop_privileges(void) { return true; }

void fl_daemon_ready(void) {}

void fl_daemon_end(int status) { (void)status; }
