/* The system's log: messages to the socket /dev/log, as syslog(3) sends them
   (RFC 3164, with neither host nor line end). By hand, for syslog(3) waits
   while the other side takes none, and forgets them while there is none. */
#ifndef FL_SERVICE_POSIX_SYSLOG_H
#define FL_SERVICE_POSIX_SYSLOG_H

#include <stddef.h>

/* Requires: one thread at a time. */
struct fl_syslog {
  int fd; /* -1: not connected */
};

/* Returns 0 or an errno: nobody listens there, or it is not permitted. */
int fl_syslog_open(struct fl_syslog *log);

/* Sends a text of a level, LOG_ERR and so on. Returns 1; 0 when none is taken
   now, for the other side is slow or away; or a negative errno. */
int fl_syslog_send(struct fl_syslog *log, int level, const char *text,
                   size_t size);

/* Waits until some may be taken, for at most so long. */
void fl_syslog_wait(const struct fl_syslog *log, int milliseconds);

void fl_syslog_close(struct fl_syslog *log);

#endif
