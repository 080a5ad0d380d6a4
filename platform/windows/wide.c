#include "platform/windows/wide.h"

#include <limits.h>
#include <stdlib.h>
#include <windows.h>

wchar_t *fl_wide(const char *text) {
  int size =
      MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
  wchar_t *wide = size > 0 ? malloc((size_t)size * sizeof *wide) : NULL;
  if (wide != NULL)
    (void)MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide,
                              size);
  return wide;
}

char *fl_narrow(const wchar_t *text) {
  int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
  char *narrow = size > 0 ? malloc((size_t)size) : NULL;
  if (narrow != NULL)
    (void)WideCharToMultiByte(CP_UTF8, 0, text, -1, narrow, size, NULL, NULL);
  return narrow;
}

bool fl_narrow_into(char *to, size_t size, const wchar_t *text) {
  int room = size > INT_MAX ? INT_MAX : (int)size;
  if (WideCharToMultiByte(CP_UTF8, 0, text, -1, to, room, NULL, NULL) > 0)
    return true;
  to[0] = '\0';
  return false;
}
