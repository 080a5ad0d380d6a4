#include "service/windows/installation.h"

#include "core/config.h"
#include "core/text.h"
#include "platform/paths.h"
#include "platform/windows/system_error.h"
#include "platform/windows/wide.h"
#include "service/check.h"
#include "service/status.h"
#include "service/windows/event_log.h"
#include "service/windows/manager.h"
#include "service/windows/names.h"

#include <stdio.h>
#include <stdlib.h>

/* A virtual account: it has no password, no profile to log on to, and only the
   rights that are given to it by name. */
#define ACCOUNT L"NT SERVICE\\" FL_SERVICE_NAME_WIDE

#define DESCRIPTION                                                            \
  L"TCP gateway: lets many clients share few connections to a server, and "    \
  L"gives each client the replies to its own requests."

/* What it may take beyond shutdown_timeout to end when Windows does. */
enum { PRESHUTDOWN_MORE_MS = 10000, FORGET_S = 86400 };

/* ---- the command line ---- */

static char *own_file(void) {
  wchar_t wide[32768];
  DWORD size = GetModuleFileNameW(NULL, wide, 32768);
  return size == 0 || size >= 32768 ? NULL : fl_narrow(wide);
}

/* With quotation marks: a path with a blank in it would name several programs.
   Neither path has any of its own; Windows allows none. NULL when memory is
   out. */
static wchar_t *command_line(const char *config) {
  struct fl_text text = {0};
  char *program = own_file();
  if (program == NULL)
    return NULL;
  FL_TEXT(&text, "\"", program, "\" run --config \"", config, "\"");
  free(program);
  char *line = fl_text_take(&text);
  wchar_t *wide = line == NULL ? NULL : fl_wide(line);
  free(line);
  return wide;
}

/* ---- what is set beside the command line ---- */

/* A system that does not know a setting (Windows before 8, Wine) does without,
   and people are told. */
static bool set(SC_HANDLE service, DWORD what, const char *name, void *value) {
  if (ChangeServiceConfig2W(service, what, value))
    return true;
  char words[FL_ERROR_TEXT];
  DWORD error = GetLastError();
  bool unknown =
      error == ERROR_INVALID_LEVEL || error == ERROR_CALL_NOT_IMPLEMENTED;
  (void)fprintf(stderr, "fairlead: %s cannot be set: %s%s\n", name,
                fl_system_error_text(error, words),
                unknown ? "; this system does without" : "");
  return unknown;
}

static bool set_description(SC_HANDLE service) {
  wchar_t text[] = DESCRIPTION;
  SERVICE_DESCRIPTIONW description = {text};
  return set(service, SERVICE_CONFIG_DESCRIPTION, "its description",
             &description);
}

static bool set_recovery(SC_HANDLE service) {
  SC_ACTION actions[] = {{SC_ACTION_RESTART, 5000},
                         {SC_ACTION_RESTART, 10000},
                         {SC_ACTION_RESTART, 60000}};
  SERVICE_FAILURE_ACTIONSW recovery = {
      .dwResetPeriod = FORGET_S, .cActions = 3, .lpsaActions = actions};
  SERVICE_FAILURE_ACTIONS_FLAG any_failure = {TRUE};
  return set(service, SERVICE_CONFIG_FAILURE_ACTIONS, "its recovery actions",
             &recovery) &&
         set(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG,
             "recovery after an exit status", &any_failure);
}

/* Everybody has SeChangeNotifyPrivilege, without which paths do not open
   through folders that may not be listed. The service needs no other. */
static bool set_rights(SC_HANDLE service) {
  wchar_t privileges[] = L"SeChangeNotifyPrivilege\0";
  SERVICE_REQUIRED_PRIVILEGES_INFOW required = {privileges};
  SERVICE_SID_INFO sid = {SERVICE_SID_TYPE_UNRESTRICTED};
  return set(service, SERVICE_CONFIG_SERVICE_SID_INFO, "its SID", &sid) &&
         set(service, SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, "its privileges",
             &required);
}

static bool set_times(SC_HANDLE service, DWORD stop_ms) {
  SERVICE_DELAYED_AUTO_START_INFO delayed = {TRUE};
  SERVICE_PRESHUTDOWN_INFO preshutdown = {stop_ms + PRESHUTDOWN_MORE_MS};
  return set(service, SERVICE_CONFIG_DELAYED_AUTO_START_INFO,
             "its delayed start", &delayed) &&
         set(service, SERVICE_CONFIG_PRESHUTDOWN_INFO,
             "its time to end before Windows does", &preshutdown);
}

/* ---- install ---- */

static SC_HANDLE create(const wchar_t *command) {
  SC_HANDLE manager =
      fl_manager_open(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
  if (manager == NULL)
    return NULL;
  SC_HANDLE service = CreateServiceW(
      manager, FL_SERVICE_NAME_WIDE, FL_SERVICE_DISPLAY_NAME,
      SERVICE_CHANGE_CONFIG | SERVICE_START | SERVICE_QUERY_STATUS | DELETE,
      SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL,
      command, NULL, NULL, NULL, ACCOUNT, NULL);
  if (service == NULL)
    (void)fl_manager_fail("the service cannot be made", GetLastError());
  (void)CloseServiceHandle(manager);
  return service;
}

static bool register_events(void) {
  DWORD error = fl_event_log_register();
  if (error != ERROR_SUCCESS)
    (void)fl_manager_fail("its events cannot be registered", error);
  return error == ERROR_SUCCESS;
}

/* All of it or nothing. */
static int make(const wchar_t *command, DWORD stop_ms, bool start) {
  SC_HANDLE service = create(command);
  int status = FL_STATUS_SYSTEM;
  if (service == NULL)
    return status;
  if (set_description(service) && set_recovery(service) &&
      set_rights(service) && set_times(service, stop_ms) && register_events()) {
    puts("the service \"" FL_SERVICE_NAME "\" is installed");
    status = start ? fl_manager_start(service) : FL_STATUS_OK;
  } else if (!DeleteService(service)) {
    (void)fl_manager_fail("the service cannot be removed again",
                          GetLastError());
  }
  (void)CloseServiceHandle(service);
  return status;
}

int fl_service_install(const char *config, bool start) {
  int status = FL_STATUS_SYSTEM;
  char *path = fl_path_absolute(config);
  struct fl_config *checked =
      path == NULL ? NULL : fl_check_load(path, &status);
  if (checked != NULL) {
    fl_time stop = checked->drain_delay + checked->shutdown_timeout;
    wchar_t *command = command_line(path);
    if (command == NULL)
      (void)fl_manager_fail("the service's command", ERROR_OUTOFMEMORY);
    else
      status = make(command, (DWORD)(stop / FL_MILLISECOND), start);
    free(command);
    fl_config_free(checked);
  }
  free(path);
  return status;
}

/* ---- uninstall ---- */

static bool delete (SC_HANDLE service) {
  if (DeleteService(service))
    return true;
  DWORD error = GetLastError();
  if (error == ERROR_SERVICE_MARKED_FOR_DELETE)
    return true;
  (void)fl_manager_fail("the service cannot be removed", error);
  return false;
}

int fl_service_uninstall(void) {
  DWORD error;
  SC_HANDLE service =
      fl_manager_service(SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE, &error);
  if (service == NULL)
    return fl_manager_fail("the service cannot be removed", error);
  /* One that ended badly, or hangs, is removed all the same. */
  (void)fl_manager_stop(service);
  bool deleted = delete (service);
  (void)CloseServiceHandle(service);
  if (!deleted)
    return FL_STATUS_SYSTEM;
  error = fl_event_log_unregister();
  if (error != ERROR_SUCCESS)
    return fl_manager_fail("its events cannot be unregistered", error);
  puts("the service \"" FL_SERVICE_NAME "\" is removed");
  return FL_STATUS_OK;
}
