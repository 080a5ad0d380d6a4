#include "service/service_command.h"

#include "platform/windows/wide.h"
#include "service/status.h"
#include "service/windows/installation.h"
#include "service/windows/manager.h"
#include "service/windows/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With `what` it is to be. */
static int act(DWORD right, const char *what, int (*call)(SC_HANDLE)) {
  DWORD error;
  SC_HANDLE service = fl_manager_service(right | SERVICE_QUERY_STATUS, &error);
  if (service == NULL)
    return fl_manager_fail(what, error);
  int status = call(service);
  (void)CloseServiceHandle(service);
  return status;
}

/* ---- status ---- */

static const char *state_name(DWORD state) {
  switch (state) {
  case SERVICE_STOPPED:
    return "stopped";
  case SERVICE_START_PENDING:
    return "starting";
  case SERVICE_STOP_PENDING:
    return "stopping";
  case SERVICE_RUNNING:
    return "running";
  default:
    return "paused";
  }
}

static void print_state(const SERVICE_STATUS_PROCESS *status) {
  printf("service  " FL_SERVICE_NAME ": %s",
         state_name(status->dwCurrentState));
  if (status->dwProcessId != 0)
    printf(" (process %lu)", status->dwProcessId);
  if (status->dwWin32ExitCode == ERROR_SERVICE_SPECIFIC_ERROR)
    printf(", exit status %lu", status->dwServiceSpecificExitCode);
  else if (status->dwWin32ExitCode != NO_ERROR &&
           status->dwWin32ExitCode != ERROR_SERVICE_NEVER_STARTED)
    printf(", error %lu", status->dwWin32ExitCode);
  putchar('\n');
}

static void print_text(const char *name, const wchar_t *wide) {
  char *text = wide == NULL ? NULL : fl_narrow(wide);
  if (text != NULL)
    printf("%-8s %s\n", name, text);
  free(text);
}

static void print_configuration(SC_HANDLE service) {
  DWORD size = 0;
  (void)QueryServiceConfigW(service, NULL, 0, &size);
  QUERY_SERVICE_CONFIGW *config = malloc(size > 0 ? size : 1);
  if (config != NULL && QueryServiceConfigW(service, config, size, &size)) {
    print_text("account", config->lpServiceStartName);
    print_text("command", config->lpBinaryPathName);
  }
  free(config);
}

static int show(SC_HANDLE service) {
  SERVICE_STATUS_PROCESS status = {0};
  DWORD size = 0;
  if (!QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (LPBYTE)&status,
                            sizeof status, &size))
    return fl_manager_fail("the service cannot be asked", GetLastError());
  print_state(&status);
  print_configuration(service);
  return status.dwCurrentState == SERVICE_RUNNING ? FL_STATUS_OK
                                                  : FL_STATUS_NOT_RUNNING;
}

static int show_status(void) {
  DWORD error;
  SC_HANDLE service =
      fl_manager_service(SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG, &error);
  if (service == NULL && error == ERROR_SERVICE_DOES_NOT_EXIST) {
    puts("service  " FL_SERVICE_NAME ": not installed");
    return FL_STATUS_NOT_RUNNING;
  }
  if (service == NULL)
    return fl_manager_fail("the service cannot be asked", error);
  int status = show(service);
  (void)CloseServiceHandle(service);
  return status;
}

int fl_service_command(const struct fl_service_options *options) {
  if (strcmp(options->verb, "install") == 0)
    return fl_service_install(options->config, options->start);
  if (strcmp(options->verb, "uninstall") == 0)
    return fl_service_uninstall();
  if (strcmp(options->verb, "start") == 0)
    return act(SERVICE_START, "the service cannot be started",
               fl_manager_start);
  if (strcmp(options->verb, "stop") == 0)
    return act(SERVICE_STOP, "the service cannot be stopped", fl_manager_stop);
  return show_status();
}
