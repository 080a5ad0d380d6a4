#include "service/posix/syslog.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 64 };

int fl_syslog_open(struct fl_syslog *log) {
  const struct sockaddr_un address = {.sun_family = AF_UNIX,
                                      .sun_path = "/dev/log"};
  log->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (log->fd < 0)
    return errno;
  if (connect(log->fd, (const struct sockaddr *)&address, sizeof address) == 0)
    return 0;
  int error = errno;
  fl_syslog_close(log);
  return error;
}

void fl_syslog_close(struct fl_syslog *log) {
  if (log->fd >= 0)
    (void)close(log->fd);
  log->fd = -1;
}

void fl_syslog_wait(const struct fl_syslog *log, int milliseconds) {
  struct pollfd poll_fd = {.fd = log->fd, .events = POLLOUT};
  (void)poll(&poll_fd, 1, milliseconds); /* none, where there is no socket */
}

/* "<30>Nov 22 07:45:00 fairlead[4711]: "; the month is never translated. */
static int write_head(char head[HEAD], int level) {
  static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  time_t now = time(NULL);
  struct tm local = {0};
  (void)localtime_r(&now, &local);
  return snprintf(head, HEAD, "<%d>%s %2d %02d:%02d:%02d fairlead[%d]: ",
                  LOG_DAEMON | level, months[local.tm_mon], local.tm_mday,
                  local.tm_hour, local.tm_min, local.tm_sec, (int)getpid());
}

/* Whether whoever listened has gone, and others may come. */
static bool is_away(int error) {
  return error == ECONNREFUSED || error == ECONNRESET || error == ENOTCONN ||
         error == EPIPE || error == ENOENT;
}

int fl_syslog_send(struct fl_syslog *log, int level, const char *text,
                   size_t size) {
  char head[HEAD];
  int error = log->fd < 0 ? fl_syslog_open(log) : 0;
  if (error != 0)
    return is_away(error) ? 0 : -error;
  struct iovec parts[] = {{head, (size_t)write_head(head, level)},
                          {(void *)(uintptr_t)text, size}};
  const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  if (sendmsg(log->fd, &message, MSG_NOSIGNAL) >= 0)
    return 1;
  error = errno;
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR ||
      error == ENOBUFS)
    return 0;
  if (!is_away(error))
    return -error;
  fl_syslog_close(log);
  return 0;
}
