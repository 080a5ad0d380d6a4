#include "service/log_rotate.h"

#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <uv.h>

uint64_t fl_log_rotate_size(const char *path) {
  uv_fs_t request;
  int error = uv_fs_stat(NULL, &request, path, NULL);
  bool plain = error == 0 && (request.statbuf.st_mode & S_IFMT) == S_IFREG;
  uint64_t size = plain ? request.statbuf.st_size : 0;
  uv_fs_req_cleanup(&request);
  return size;
}

/* "PATH.N", "PATH" for 0; owned by the caller, NULL when memory is out. */
static char *name_of(const char *path, uint32_t number) {
  struct fl_text text = {0};
  char digits[16];
  (void)snprintf(digits, sizeof digits, ".%u", (unsigned)number);
  FL_TEXT(&text, path, number == 0 ? "" : digits);
  return fl_text_take(&text);
}

static int remove_file(const char *name) {
  uv_fs_t request;
  int error = uv_fs_unlink(NULL, &request, name, NULL);
  uv_fs_req_cleanup(&request);
  return error == UV_ENOENT ? 0 : error;
}

/* One that is not there is no error. */
static int rename_file(const char *from, const char *to) {
  uv_fs_t request;
  int error = uv_fs_rename(NULL, &request, from, to, NULL);
  uv_fs_req_cleanup(&request);
  return error == UV_ENOENT ? 0 : error;
}

/* Makes PATH.N of the file before it, whose name is free then. */
static int shift(const char *path, uint32_t number) {
  char *from = name_of(path, number - 1);
  char *to = name_of(path, number);
  int error = from == NULL || to == NULL ? UV_ENOMEM : rename_file(from, to);
  free(from);
  free(to);
  return error;
}

int fl_log_rotate(const char *path, uint32_t keep) {
  char *last = name_of(path, keep);
  int error = last == NULL ? UV_ENOMEM : remove_file(last);
  for (uint32_t number = keep; error == 0 && number > 0; number--)
    error = shift(path, number);
  free(last);
  return error;
}
