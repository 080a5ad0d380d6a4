/* Datagrams to the service manager, as sd_notify(3) describes them. Linux with
   systemd, and supervisors that speak the same. */
#ifndef FL_SERVICE_POSIX_NOTIFY_SOCKET_H
#define FL_SERVICE_POSIX_NOTIFY_SOCKET_H

#include <stdbool.h>

/* Takes a variable from the environment, where it is not left for others.
   Returns its value, the caller's (free); NULL when it is not set. Before there
   are threads. */
char *fl_notify_variable(const char *name);

/* Takes the address from the environment ($NOTIFY_SOCKET). Before there are
   threads. */
void fl_notify_socket_open(void);

/* Whether there is somebody to tell. */
bool fl_notify_socket_is_open(void);

/* Sends assignments, one a line, with a descriptor unless fd is -1; the
   descriptor stays the caller's. Returns whether the manager will get it:
   false, too, when it takes nothing for a second. */
bool fl_notify_socket_send(const char *assignments, int fd);

/* Waits, for five seconds at most, until the manager has worked through all
   that was sent. */
void fl_notify_socket_wait(void);

void fl_notify_socket_close(void);

#endif
