/* Windows has services for what daemons are elsewhere: it starts them in the
   background, as a user of their own, and knows whether they run. */
#include "service/daemon.h"

#include "service/complain.h"
#include "service/status.h"
#include "service/windows/supervisor.h"

#include <stddef.h>

bool fl_daemon_begin(const struct fl_daemon_options *options, int *status) {
  const char *option = options->detach            ? "--daemon"
                       : options->pidfile != NULL ? "--pidfile"
                       : options->user != NULL    ? "--user"
                                                  : NULL;
  if (option == NULL)
    return true;
  *status = FL_STATUS_USAGE;
  return fl_complain(FL_NOTICE_USAGE,
                     "%s: not on Windows, where the service \"fairlead\" "
                     "runs in the background and as a user of its own; see "
                     "\"fairlead service --help\"",
                     option);
}

bool fl_daemon_act_as_user(void) { return true; }

bool fl_daemon_act_back(void) { return true; }

void fl_daemon_leave_directory(void) {}

bool fl_daemon_drop_privileges(void) { return true; }

void fl_daemon_ready(void) {}

void fl_daemon_end(int status) { fl_service_stopped(status); }
