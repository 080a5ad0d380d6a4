#include "service/log_file.h"

#include "platform/paths.h"
#include "service/posix/syslog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include <uv.h>

struct fl_log_file {
  int fd; /* -1: syslog */
  struct fl_syslog syslog;
  bool prefixed;
  size_t piece; /* the most that one call may write */
  char *path;   /* NULL: no file */
};

/* POSIX writes so much to a pipe as a whole, and without waiting once poll(2)
   has said that it is writable. */
enum { PIPE_PIECE = 4096, FILE_PIECE = 1024 * 1024 };

/* sd-daemon(3): the variable names device and inode of the journal's stream;
   a program whose standard error was redirected since finds another. */
static bool is_journal(int fd) {
  char stream[64];
  size_t size = sizeof stream;
  struct stat stat;
  char *end;
  if (uv_os_getenv("JOURNAL_STREAM", stream, &size) != 0 ||
      fstat(fd, &stat) != 0)
    return false;
  unsigned long long device = strtoull(stream, &end, 10);
  if (end == stream || *end != ':')
    return false;
  const char *second = end + 1;
  unsigned long long inode = strtoull(second, &end, 10);
  return end != second && *end == '\0' && device == stat.st_dev &&
         inode == stat.st_ino;
}

static int open_path(const char *path) {
  return open(path,
              O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
              0640);
}

static size_t piece_of(int fd) {
  struct stat stat;
  bool regular = fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode);
  return regular ? FILE_PIECE : PIPE_PIECE;
}

static int open_target(struct fl_log_file *file, const char *target) {
  file->fd = file->syslog.fd = -1;
  if (strcmp(target, "syslog") == 0) {
    file->prefixed = true;
    return fl_syslog_open(&file->syslog);
  }
  if (strcmp(target, "stderr") == 0) {
    file->fd = STDERR_FILENO;
    file->prefixed = is_journal(file->fd);
  } else {
    file->path = fl_path_absolute(target);
    if (file->path == NULL)
      return ENOMEM;
    file->fd = open_path(file->path);
    if (file->fd < 0)
      return errno;
  }
  file->piece = piece_of(file->fd);
  return 0;
}

struct fl_log_file *fl_log_file_open(const char *target, int *error) {
  struct fl_log_file *file = calloc(1, sizeof *file);
  *error = file == NULL ? -ENOMEM : -open_target(file, target);
  if (*error == 0)
    return file;
  fl_log_file_close(file);
  return NULL;
}

bool fl_log_file_prefixed(const struct fl_log_file *file) {
  return file->prefixed;
}

bool fl_log_file_takes_all(const char *target) {
  (void)target;
  return true;
}

/* Whole lines, at most `most` bytes, of which there is at least one line. */
static size_t cut(const char *lines, size_t size, size_t most) {
  if (size <= most)
    return size;
  while (most > 0 && lines[most - 1] != '\n')
    most--;
  return most;
}

/* One line: "<N>" and the text. */
static long to_syslog(struct fl_syslog *log, const char *lines, size_t size) {
  const char *end = memchr(lines, '\n', size);
  int priority = LOG_INFO;
  size_t length = end == NULL ? size : (size_t)(end - lines);
  size_t head = 0;
  if (length > 3 && lines[0] == '<' && lines[2] == '>') {
    priority = lines[1] - '0';
    head = 3;
  }
  int sent = fl_syslog_send(log, priority, lines + head, length - head);
  return sent <= 0 ? sent : (long)(end == NULL ? length : length + 1);
}

long fl_log_file_write(struct fl_log_file *file, const char *lines,
                       size_t size) {
  struct pollfd poll_fd = {.fd = file->fd, .events = POLLOUT};
  if (file->fd < 0)
    return to_syslog(&file->syslog, lines, size);
  /* Standard error is shared with others: it is not made non-blocking. */
  if (poll(&poll_fd, 1, 0) <= 0)
    return 0;
  ssize_t written = write(file->fd, lines, cut(lines, size, file->piece));
  if (written >= 0)
    return written;
  return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

void fl_log_file_wait(const struct fl_log_file *file, int milliseconds) {
  struct pollfd poll_fd = {.fd = file->fd, .events = POLLOUT};
  if (file->fd < 0)
    fl_syslog_wait(&file->syslog, milliseconds);
  else
    (void)poll(&poll_fd, 1, milliseconds);
}

int fl_log_file_reopen(struct fl_log_file *file) {
  if (file->path == NULL)
    return 0;
  int fd = open_path(file->path);
  if (fd < 0)
    return -errno;
  (void)close(file->fd);
  file->fd = fd;
  file->piece = piece_of(fd);
  return 0;
}

void fl_log_file_close(struct fl_log_file *file) {
  if (file == NULL)
    return;
  if (file->path != NULL && file->fd >= 0)
    (void)close(file->fd);
  fl_syslog_close(&file->syslog);
  free(file->path);
  free(file);
}
