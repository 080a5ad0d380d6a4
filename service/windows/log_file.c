#include "service/log_file.h"

#include "core/config.h"
#include "platform/paths.h"
#include "platform/windows/system_error.h"
#include "platform/windows/wide.h"
#include "service/windows/event_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct fl_log_file {
  HANDLE handle; /* INVALID_HANDLE_VALUE: the Event Log */
  wchar_t *path; /* NULL: no file */
};

enum { PIECE = 1024 * 1024 };

static int last_error(void) { return fl_system_error(GetLastError()); }

/* Appends in one step, as O_APPEND does. Others may read, rename and remove
   it meanwhile. The folder's permissions hold. */
static HANDLE open_path(const wchar_t *path) {
  return CreateFileW(path, FILE_APPEND_DATA,
                     FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                     NULL, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
}

static int open_stderr(struct fl_log_file *file) {
  file->handle = GetStdHandle(STD_ERROR_HANDLE);
  return file->handle == NULL || file->handle == INVALID_HANDLE_VALUE ? UV_EBADF
                                                                      : 0;
}

static int open_target(struct fl_log_file *file, const char *target) {
  if (strcmp(target, "stderr") == 0)
    return open_stderr(file);
  if (strcmp(target, "syslog") == 0)
    return 0;
  char *absolute = fl_path_absolute(target);
  file->path = absolute == NULL ? NULL : fl_wide(absolute);
  free(absolute);
  if (file->path == NULL)
    return UV_ENOMEM;
  file->handle = open_path(file->path);
  return file->handle == INVALID_HANDLE_VALUE ? last_error() : 0;
}

struct fl_log_file *fl_log_file_open(const char *target, int *error) {
  struct fl_log_file *file = calloc(1, sizeof *file);
  *error = UV_ENOMEM;
  if (file == NULL)
    return NULL;
  file->handle = INVALID_HANDLE_VALUE;
  *error = open_target(file, target);
  if (*error == 0)
    return file;
  fl_log_file_close(file);
  return NULL;
}

bool fl_log_file_prefixed(const struct fl_log_file *file) {
  return file->handle == INVALID_HANDLE_VALUE;
}

bool fl_log_file_takes_all(const char *target) {
  return strcmp(target, "syslog") != 0;
}

/* One line: "<N>" and the text. Administrators look through the Event Log by
   hand, so that only what is wrong goes there. */
static long to_event_log(const char *lines, size_t size) {
  enum { ERROR_PRIORITY = '3', WARNING_PRIORITY = '4', TEXT_MAX = 4096 };
  const char *end = memchr(lines, '\n', size);
  size_t length = end == NULL ? size : (size_t)(end - lines);
  char text[TEXT_MAX];
  if (length > 3 && lines[1] <= WARNING_PRIORITY) {
    (void)snprintf(text, sizeof text, "%.*s", (int)(length - 3), lines + 3);
    (void)fl_event_log_notice(
        FL_NOTICE_NONE,
        lines[1] <= ERROR_PRIORITY ? FL_LOG_ERROR : FL_LOG_WARNING, text);
  }
  return (long)(end == NULL ? length : length + 1);
}

/* Whole lines, at most PIECE bytes, of which there is at least one line. */
static size_t cut(const char *lines, size_t size) {
  if (size <= PIECE)
    return size;
  size = PIECE;
  while (size > 0 && lines[size - 1] != '\n')
    size--;
  return size;
}

/* Windows cannot say whether a pipe or a console takes anything without
   waiting: this may wait. Then only the log does, whose lines are dropped and
   counted meanwhile. */
long fl_log_file_write(struct fl_log_file *file, const char *lines,
                       size_t size) {
  DWORD written = 0;
  if (file->handle == INVALID_HANDLE_VALUE)
    return to_event_log(lines, size);
  if (WriteFile(file->handle, lines, (DWORD)cut(lines, size), &written, NULL))
    return (long)written;
  return last_error();
}

void fl_log_file_wait(const struct fl_log_file *file, int milliseconds) {
  (void)file;
  (void)milliseconds;
}

int fl_log_file_reopen(struct fl_log_file *file) {
  if (file->path == NULL)
    return 0;
  HANDLE handle = open_path(file->path);
  if (handle == INVALID_HANDLE_VALUE)
    return last_error();
  (void)CloseHandle(file->handle);
  file->handle = handle;
  return 0;
}

void fl_log_file_close(struct fl_log_file *file) {
  if (file == NULL)
    return;
  if (file->path != NULL && file->handle != INVALID_HANDLE_VALUE)
    (void)CloseHandle(file->handle);
  free(file->path);
  free(file);
}
