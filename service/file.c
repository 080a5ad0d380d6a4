#include "service/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { FIRST_SIZE = 16384 };

/* libuv's file calls wait for their result when they have no callback. They
   take UTF-8 names on every system. */

static bool fail(struct fl_file *file, const char *what, int error) {
  char text[FL_ERROR_TEXT];
  (void)snprintf(file->error, sizeof file->error, "%s: %s", what,
                 error == UV_EISDIR ? "it is a directory"
                                    : fl_error_text(error, text));
  return false;
}

static int open_file(const char *path) {
  uv_fs_t request;
  if (strcmp(path, "-") == 0)
    return 0; /* standard input */
  int fd = uv_fs_open(NULL, &request, path, UV_FS_O_RDONLY, 0, NULL);
  uv_fs_req_cleanup(&request);
  return fd;
}

static void close_file(int fd) {
  uv_fs_t request;
  if (fd == 0)
    return;
  (void)uv_fs_close(NULL, &request, fd, NULL); /* nothing was written */
  uv_fs_req_cleanup(&request);
}

/* Returns how many bytes came, 0 at the end, or an error. */
static long read_some(int fd, uint8_t *to, size_t size) {
  uv_fs_t request;
  uv_buf_t buffer = uv_buf_init((char *)to, (unsigned)size);
  int count = uv_fs_read(NULL, &request, fd, &buffer, 1, -1, NULL);
  uv_fs_req_cleanup(&request);
  return count;
}

/* Makes room for at least one byte more, up to max + 1 bytes in all. */
static bool grow(struct fl_file *file, uint8_t **bytes, size_t *capacity,
                 size_t max) {
  size_t want = *capacity == 0 ? FIRST_SIZE : *capacity * 2;
  if (want > max + 1)
    want = max + 1;
  uint8_t *grown = realloc(*bytes, want);
  file->out_of_memory = grown == NULL;
  if (grown == NULL)
    return false;
  *bytes = grown;
  *capacity = want;
  return true;
}

static bool read_all(struct fl_file *file, int fd, size_t max) {
  uint8_t *bytes = NULL;
  size_t capacity = 0;
  long count = 1;
  while (count > 0 && file->text.size <= max) {
    if (file->text.size == capacity && !grow(file, &bytes, &capacity, max))
      return false;
    file->text.bytes = bytes;
    count = read_some(fd, bytes + file->text.size, capacity - file->text.size);
    if (count < 0)
      return fail(file, "cannot be read", (int)count);
    file->text.size += (size_t)count;
  }
  if (count == 0)
    return true;
  (void)snprintf(file->error, sizeof file->error,
                 "is too large: at most %zu bytes", max);
  return false;
}

bool fl_file_read(struct fl_file *file, const char *path, size_t max) {
  *file = (struct fl_file){0};
  int fd = open_file(path);
  if (fd < 0)
    return fail(file, "cannot be opened", fd);
  bool done = read_all(file, fd, max);
  close_file(fd);
  return done;
}

void fl_file_free(struct fl_file *file) {
  free((void *)(uintptr_t)file->text.bytes);
  file->text = (struct fl_slice){NULL, 0};
}
