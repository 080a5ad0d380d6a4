/* Why a start of the service fails, for the command that started it: the
   command makes a pipe and gives its name to the service as an argument of
   StartService; the service sends what it writes to the Event Log. */
#ifndef FL_SERVICE_WINDOWS_START_REPORT_H
#define FL_SERVICE_WINDOWS_START_REPORT_H

#include <windows.h>

enum { FL_START_REPORT_NAME = 64 };

/* The command's side. Makes the pipe and writes its name. Services may write
   to it, and nobody over the network. Returns INVALID_HANDLE_VALUE when the
   system makes none: there is no report then. The caller closes it with
   CloseHandle. */
HANDLE fl_start_report_make(wchar_t name[FL_START_REPORT_NAME]);

/* Prints the lines that have come to standard error, each with "fairlead: "
   before it, without waiting for any. */
void fl_start_report_print(HANDLE pipe);

/* The service's side. Opens the pipe; a name that is no such pipe's is passed
   over. */
void fl_start_report_open(const wchar_t *name);

/* Sends a line, UTF-8 without its end; does nothing where no pipe is open, or
   when so much was sent that it might have to wait. From any thread. */
void fl_start_report_send(const char *line);

/* Nothing is sent from now on. */
void fl_start_report_close(void);

#endif
