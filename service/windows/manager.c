#include "service/windows/manager.h"

#include "platform/windows/system_error.h"
#include "service/status.h"
#include "service/windows/names.h"
#include "service/windows/start_report.h"

#include <stdio.h>

/* How often it is asked, and how long a state may last whose checkpoint does
   not grow, whatever hint there is. */
enum { ASK_MS = 100, PATIENCE_MS = 30000 };

static const char *advice(DWORD error) {
  switch (error) {
  case ERROR_ACCESS_DENIED:
    return "; run this as an administrator";
  case ERROR_SERVICE_DOES_NOT_EXIST:
    return "; install it first: fairlead service install --config FILE";
  case ERROR_SERVICE_EXISTS:
    return "; to change it, remove it first: fairlead service uninstall";
  case ERROR_SERVICE_MARKED_FOR_DELETE:
    return "; close what has the list of services open, such as services.msc";
  case ERROR_SERVICE_DISABLED:
    return "; allow it to start: sc config fairlead start= delayed-auto";
  default:
    return "";
  }
}

int fl_manager_fail(const char *what, DWORD error) {
  char words[FL_ERROR_TEXT];
  (void)fprintf(stderr, "fairlead: %s: %s%s\n", what,
                fl_system_error_text(error, words), advice(error));
  return FL_STATUS_SYSTEM;
}

SC_HANDLE fl_manager_open(DWORD rights) {
  SC_HANDLE manager = OpenSCManagerW(NULL, NULL, rights);
  if (manager == NULL)
    (void)fl_manager_fail("the service control manager", GetLastError());
  return manager;
}

SC_HANDLE fl_manager_service(DWORD rights, DWORD *error) {
  SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
  SC_HANDLE service = manager == NULL
                          ? NULL
                          : OpenServiceW(manager, FL_SERVICE_NAME_WIDE, rights);
  *error = service == NULL ? GetLastError() : ERROR_SUCCESS;
  if (manager != NULL)
    (void)CloseServiceHandle(manager);
  return service;
}

static bool ask(SC_HANDLE service, SERVICE_STATUS_PROCESS *status) {
  DWORD size = 0;
  return QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (LPBYTE)status,
                              sizeof *status, &size);
}

/* Waits while the service is in a state that leads to another one. Returns
   false, the last error being why, when it cannot be asked or hangs. */
static bool await(SC_HANDLE service, DWORD pending,
                  SERVICE_STATUS_PROCESS *status) {
  ULONGLONG since = GetTickCount64();
  DWORD checkpoint = 0;
  while (ask(service, status)) {
    DWORD patience =
        status->dwWaitHint > PATIENCE_MS ? status->dwWaitHint : PATIENCE_MS;
    if (status->dwCurrentState != pending)
      return true;
    if (status->dwCheckPoint != checkpoint) {
      checkpoint = status->dwCheckPoint;
      since = GetTickCount64();
    } else if (GetTickCount64() - since > patience) {
      SetLastError(ERROR_SERVICE_REQUEST_TIMEOUT);
      return false;
    }
    Sleep(ASK_MS);
  }
  return false;
}

/* Why it is not running: the exit status of the program, where it had one. */
static int tell_end(const SERVICE_STATUS_PROCESS *status) {
  char words[FL_ERROR_TEXT];
  int code = FL_STATUS_SYSTEM;
  if (status->dwWin32ExitCode == ERROR_SERVICE_SPECIFIC_ERROR) {
    code = (int)status->dwServiceSpecificExitCode;
    (void)fprintf(stderr, "fairlead: the service ended with exit status %d",
                  code);
  } else {
    (void)fprintf(stderr, "fairlead: the service ended: %s",
                  fl_system_error_text(status->dwWin32ExitCode, words));
  }
  (void)fputs("; the Event Log has the reason (log Application, source " //
              FL_EVENT_SOURCE "): Get-WinEvent -ProviderName " FL_EVENT_SOURCE
              " -MaxEvents 10\n",
              stderr);
  return code;
}

/* With a pipe that the service may tell its errors by: what it told is
   printed where it does not come to run. */
static int start(SC_HANDLE service, HANDLE pipe, const wchar_t *name) {
  SERVICE_STATUS_PROCESS status = {0};
  DWORD words = pipe == INVALID_HANDLE_VALUE ? 0 : 1;
  DWORD error =
      StartServiceW(service, words, &name) ? ERROR_SUCCESS : GetLastError();
  if (error == ERROR_SERVICE_ALREADY_RUNNING && ask(service, &status) &&
      status.dwCurrentState == SERVICE_RUNNING) {
    puts("the service runs already");
    return FL_STATUS_OK;
  }
  if (error != ERROR_SUCCESS && error != ERROR_SERVICE_ALREADY_RUNNING)
    return fl_manager_fail("the service cannot be started", error);
  if (!await(service, SERVICE_START_PENDING, &status))
    return fl_manager_fail("the service does not start", GetLastError());
  if (status.dwCurrentState != SERVICE_RUNNING) {
    fl_start_report_print(pipe);
    return tell_end(&status);
  }
  printf("the service runs (process %lu)\n", status.dwProcessId);
  return FL_STATUS_OK;
}

int fl_manager_start(SC_HANDLE service) {
  wchar_t name[FL_START_REPORT_NAME];
  HANDLE pipe = fl_start_report_make(name);
  int status = start(service, pipe, name);
  if (pipe != INVALID_HANDLE_VALUE)
    (void)CloseHandle(pipe);
  return status;
}

int fl_manager_stop(SC_HANDLE service) {
  SERVICE_STATUS last;
  SERVICE_STATUS_PROCESS status = {0};
  DWORD error = ControlService(service, SERVICE_CONTROL_STOP, &last)
                    ? ERROR_SUCCESS
                    : GetLastError();
  if (error == ERROR_SERVICE_NOT_ACTIVE) {
    puts("the service is stopped already");
    return FL_STATUS_OK;
  }
  /* It may be stopping already. */
  if (error != ERROR_SUCCESS && error != ERROR_SERVICE_CANNOT_ACCEPT_CTRL)
    return fl_manager_fail("the service cannot be stopped", error);
  if (!await(service, SERVICE_STOP_PENDING, &status))
    return fl_manager_fail("the service does not stop", GetLastError());
  if (status.dwCurrentState != SERVICE_STOPPED)
    return fl_manager_fail("the service cannot be stopped",
                           ERROR_SERVICE_CANNOT_ACCEPT_CTRL);
  if (status.dwWin32ExitCode != NO_ERROR)
    return tell_end(&status);
  puts("the service has stopped");
  return FL_STATUS_OK;
}
