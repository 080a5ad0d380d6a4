#include "service/process.h"

#include "service/windows/console.h"

#include <windows.h>

/* A closed pipe is an error of the write, and no dialog may hold a program up
   that nobody sits in front of. */
void fl_process_prepare_client(void) {
  (void)SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
}

/* There is no limit on sockets to be raised, and the closing of the console is
   an event that the main loop gets. */
void fl_process_prepare(void) { fl_process_prepare_client(); }

void fl_process_exit(int status) {
  fl_console_restore();
  (void)TerminateProcess(GetCurrentProcess(), (UINT)status);
  ExitProcess((UINT)status);
}
