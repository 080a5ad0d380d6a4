/* Running without a supervisor: in the background, with a pidfile, as another
   user. A file per system. Each of the three may be asked for alone. */
#ifndef FL_SERVICE_DAEMON_H
#define FL_SERVICE_DAEMON_H

#include <stdbool.h>

struct fl_daemon_options {
  bool detach;         /* go to the background */
  const char *pidfile; /* NULL: none */
  const char *user;    /* to become once all is open; NULL: stay */
};

/* Before anything else is opened, and before there are threads. Where it
   detaches, the rest runs in another process, of a session of its own; this
   one waits for fl_daemon_ready or fl_daemon_end there, prints nothing itself,
   and ends with 0 or that status. Locks the pidfile and writes the process's
   number to it. Returns false, with the reason written to standard error and
   the exit status in *status, when something is not possible; fl_daemon_end
   is due either way. */
bool fl_daemon_begin(const struct fl_daemon_options *options, int *status);

/* Opens files as the user that the process will become, until
   fl_daemon_act_back: what they may not open then is found out now, and what
   is made belongs to them. Do nothing where there is no user. Returns false,
   with the reason on standard error, when the system refuses. */
bool fl_daemon_act_as_user(void);
bool fl_daemon_act_back(void);

/* Leaves the directory it was started in, where it detached. */
void fl_daemon_leave_directory(void);

/* Becomes the user, for good: groups, group and user; makes sure that there is
   no way back. Returns false, with the reason on standard error, when that is
   not possible. */
bool fl_daemon_drop_privileges(void);

/* All is open and served: the process that was started ends with 0, and
   standard input, output and error lead nowhere from now on. Does nothing
   where it did not detach. */
void fl_daemon_ready(void);

/* The process ends: removes the pidfile; before fl_daemon_ready, the process
   that was started ends with this status. */
void fl_daemon_end(int status);

#endif
