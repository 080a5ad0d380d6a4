#include "service/netsh.h"

#include <stdio.h>
#include <wchar.h>
#include <windows.h>

enum { COMMAND_MAX = MAX_PATH + 64 };

/* By its full path: a program of that name in the current directory is not
   meant. */
static bool command(wchar_t text[COMMAND_MAX]) {
  wchar_t folder[MAX_PATH];
  UINT size = GetSystemDirectoryW(folder, MAX_PATH);
  return size > 0 && size < MAX_PATH &&
         _snwprintf(text, COMMAND_MAX,
                    L"\"%ls\\netsh.exe\" interface portproxy show all",
                    folder) > 0;
}

bool fl_netsh_portproxy(struct fl_text *text, char error[FL_NETSH_ERROR]) {
  wchar_t line[COMMAND_MAX];
  char bytes[4096];
  size_t size;
  FILE *output = command(line) ? _wpopen(line, L"rb") : NULL;
  while (output != NULL && (size = fread(bytes, 1, sizeof bytes, output)) > 0)
    fl_text_add_bytes(text, bytes, size);
  if (output != NULL && _pclose(output) == 0 && !text->failed)
    return true;
  (void)snprintf(error, FL_NETSH_ERROR,
                 "netsh interface portproxy show all: it cannot be run, or "
                 "failed; give a FILE with its output");
  return false;
}
