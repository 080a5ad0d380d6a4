/* The service control manager, asked by a command. Errors are printed to
   standard error. */
#ifndef FL_SERVICE_WINDOWS_MANAGER_H
#define FL_SERVICE_WINDOWS_MANAGER_H

#include <stdbool.h>
#include <windows.h>

/* What is wrong with `what`: the error of GetLastError, and what helps.
   Returns the exit status. */
int fl_manager_fail(const char *what, DWORD error);

/* Opens the manager with those rights (SC_MANAGER_*). Returns NULL after an
   error was printed. */
SC_HANDLE fl_manager_open(DWORD rights);

/* Opens the service with those rights (SERVICE_*). Returns NULL with the
   error. */
SC_HANDLE fl_manager_service(DWORD rights, DWORD *error);

/* Starts or stops the service and waits until it runs or has ended. Return
   the exit status. Requires: it was opened with SERVICE_QUERY_STATUS and
   SERVICE_START or SERVICE_STOP. */
int fl_manager_start(SC_HANDLE service);
int fl_manager_stop(SC_HANDLE service);

#endif
