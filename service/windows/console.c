#include "service/windows/console.h"

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

static UINT before; /* 0: there is no console */

void fl_console_restore(void) {
  if (before != 0)
    (void)SetConsoleOutputCP(before);
  before = 0;
}

/* A redirected standard error is buffered by some C libraries. */
void fl_console_open(void) {
  (void)_setmode(_fileno(stdin), _O_BINARY);
  (void)_setmode(_fileno(stdout), _O_BINARY);
  (void)_setmode(_fileno(stderr), _O_BINARY);
  (void)setvbuf(stderr, NULL, _IONBF, 0);
  before = GetConsoleOutputCP();
  if (before != 0 && SetConsoleOutputCP(CP_UTF8))
    (void)atexit(fl_console_restore);
}
