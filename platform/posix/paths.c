#include "platform/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

bool fl_path_is_absolute(const char *path) { return path[0] == '/'; }

char *fl_path_absolute(const char *path) {
  char directory[4096];
  size_t size = sizeof directory;
  if (fl_path_is_absolute(path))
    directory[0] = '\0';
  else if (uv_cwd(directory, &size) != 0)
    return NULL;
  size = strlen(directory) + strlen(path) + 2;
  char *absolute = malloc(size);
  if (absolute != NULL)
    (void)snprintf(absolute, size, "%s%s%s", directory,
                   directory[0] == '\0' ? "" : "/", path);
  return absolute;
}
