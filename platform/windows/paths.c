#include "platform/paths.h"

#include "platform/windows/wide.h"

#include <stdlib.h>
#include <windows.h>

bool fl_path_is_absolute(const char *path) {
  return path[0] == '/' || path[0] == '\\' ||
         (path[0] != '\0' && path[1] == ':');
}

char *fl_path_absolute(const char *path) {
  wchar_t *wide = fl_wide(path);
  if (wide == NULL)
    return NULL;
  DWORD size = GetFullPathNameW(wide, 0, NULL, NULL);
  wchar_t *full = size > 0 ? malloc(size * sizeof *full) : NULL;
  char *absolute = NULL;
  if (full != NULL && GetFullPathNameW(wide, size, full, NULL) < size)
    absolute = fl_narrow(full);
  free(full);
  free(wide);
  return absolute;
}
