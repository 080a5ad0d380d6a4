/* The entry point on Windows: takes the words of the command line as UTF-16
   and hands them on as UTF-8. */
#include "platform/windows/wide.h"
#include "service/process.h"
#include "service/program.h"
#include "service/status.h"
#include "service/windows/console.h"

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include <shellapi.h>

static void drop_words(int count, char **words) {
  for (int i = 0; words != NULL && i < count; i++)
    free(words[i]);
  free(words);
}

/* The command line, *count words and a NULL; NULL when memory is out. */
static char **read_words(int *count) {
  LPWSTR *wide = CommandLineToArgvW(GetCommandLineW(), count);
  char **words =
      wide == NULL ? NULL : calloc((size_t)*count + 1, sizeof *words);
  for (int i = 0; words != NULL && i < *count; i++) {
    words[i] = fl_narrow(wide[i]);
    if (words[i] == NULL) {
      drop_words(*count, words);
      words = NULL;
    }
  }
  (void)LocalFree((HLOCAL)wide);
  return words;
}

int main(void) {
  int count = 0;
  fl_console_open();
  char **words = read_words(&count);
  if (words == NULL) {
    (void)fputs("fairlead: out of memory\n", stderr);
    return FL_STATUS_SYSTEM;
  }
  int status = fl_program(count, words);
  drop_words(count, words);
  /* Threads of libuv's pool may be anywhere in the system's libraries; an
     orderly end would wait for those. All of ours has ended. */
  (void)fflush(stdout);
  fl_process_exit(status);
}
