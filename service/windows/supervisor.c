/* The service control manager (SCM) starts the program, which tells it so with
   StartServiceCtrlDispatcher. That keeps the main thread for the manager's
   orders and calls service_main on another one, where the program runs. What
   the program does not tell the manager in time it takes for hung, so each
   state that lasts has a checkpoint that grows. */
#include "service/supervisor.h"

#include "core/config.h"
#include "platform/paths.h"
#include "platform/windows/wide.h"
#include "service/status.h"
#include "service/windows/event_log.h"
#include "service/windows/names.h"
#include "service/windows/session.h"
#include "service/windows/start_report.h"
#include "service/windows/supervisor.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <tlhelp32.h>

/* A checkpoint that has not grown for so long is a hung service. While it stops
   there is a new one every second; while it starts, one for each step. */
enum { START_HINT_MS = 60000, STOP_HINT_MS = 15000, STOP_TICK_MS = 1000 };

enum { ORDER_STOP = 1, ORDER_SHUTDOWN = 2, ORDER_RELOAD = 4 };

static struct {
  int (*program)(void *context);
  void *context;
  const char *config;
  HANDLE done; /* set once the program has returned */
  int result;
  atomic_bool began;            /* service_main was called */
  bool started;                 /* was SERVICE_RUNNING */
  bool ended;                   /* is SERVICE_STOPPED */
  SERVICE_STATUS_HANDLE handle; /* NULL: no service */
  SRWLOCK lock;                 /* of what follows */
  SERVICE_STATUS status;
  unsigned orders; /* not taken yet */
  bool watched;    /* order can be sent to */
  uv_async_t order;
  uv_timer_t tick; /* the loop's own, as the next two */
  const struct fl_supervisor_calls *calls;
  void *owner;
} state = {.lock = SRWLOCK_INIT};

bool fl_supervised(void) { return state.handle != NULL; }

/* ---- states ---- */

static bool is_pending(DWORD current) {
  return current == SERVICE_START_PENDING || current == SERVICE_STOP_PENDING;
}

/* Requires: the lock. Nothing comes after SERVICE_STOPPED, and SERVICE_RUNNING
   not after a stop was ordered. */
static void change(DWORD current, DWORD hint) {
  SERVICE_STATUS *status = &state.status;
  if (status->dwCurrentState == SERVICE_STOPPED ||
      (status->dwCurrentState == SERVICE_STOP_PENDING &&
       current == SERVICE_RUNNING))
    return;
  status->dwCheckPoint = is_pending(current) ? status->dwCheckPoint + 1 : 0;
  status->dwCurrentState = current;
  status->dwWaitHint = hint;
  status->dwControlsAccepted = current == SERVICE_RUNNING
                                   ? SERVICE_ACCEPT_STOP |
                                         SERVICE_ACCEPT_PRESHUTDOWN |
                                         SERVICE_ACCEPT_PARAMCHANGE
                                   : 0;
  (void)SetServiceStatus(state.handle, status);
}

static void change_state(DWORD current, DWORD hint) {
  if (!fl_supervised())
    return;
  AcquireSRWLockExclusive(&state.lock);
  change(current, hint);
  ReleaseSRWLockExclusive(&state.lock);
}

void fl_supervisor_progress(void) {
  change_state(SERVICE_START_PENDING, START_HINT_MS);
}

void fl_service_running(void) {
  state.started = true;
  fl_start_report_close();
  change_state(SERVICE_RUNNING, 0);
}

void fl_service_stopped(int status) {
  if (!fl_supervised() || state.ended)
    return;
  state.ended = true;
  if (status != FL_STATUS_OK)
    fl_event_log_failed(state.started, status);
  fl_start_report_close();
  AcquireSRWLockExclusive(&state.lock);
  if (status != FL_STATUS_OK)
    state.status.dwWin32ExitCode = ERROR_SERVICE_SPECIFIC_ERROR;
  state.status.dwServiceSpecificExitCode = (DWORD)status;
  change(SERVICE_STOPPED, 0);
  ReleaseSRWLockExclusive(&state.lock);
}

/* Whoever starts it by a command is told what went wrong there, too. */
static bool is_reported(enum fl_notice kind, int level) {
  return kind == FL_NOTICE_USAGE || kind == FL_NOTICE_CONFIG ||
         kind == FL_NOTICE_LISTENER ||
         (kind == FL_NOTICE_NONE && level == FL_LOG_ERROR);
}

bool fl_supervisor_tell(enum fl_notice kind, int level, const char *text) {
  if (is_reported(kind, level))
    fl_start_report_send(text);
  return fl_supervised() && fl_event_log_notice(kind, level, text);
}

/* ---- orders ---- */

/* On the main thread, which may touch nothing of the loop's but this. */
static void order(unsigned what) {
  AcquireSRWLockExclusive(&state.lock);
  if (what != ORDER_RELOAD)
    change(SERVICE_STOP_PENDING, STOP_HINT_MS);
  state.orders |= what;
  if (state.watched)
    (void)uv_async_send(&state.order);
  ReleaseSRWLockExclusive(&state.lock);
}

static DWORD WINAPI on_control(DWORD control, DWORD type, void *data,
                               void *context) {
  (void)type;
  (void)data;
  (void)context;
  switch (control) {
  case SERVICE_CONTROL_STOP:
    order(ORDER_STOP);
    return NO_ERROR;
  case SERVICE_CONTROL_PRESHUTDOWN:
    order(ORDER_SHUTDOWN);
    return NO_ERROR;
  case SERVICE_CONTROL_PARAMCHANGE:
    order(ORDER_RELOAD);
    return NO_ERROR;
  case SERVICE_CONTROL_INTERROGATE:
    return NO_ERROR;
  default:
    return ERROR_CALL_NOT_IMPLEMENTED;
  }
}

static void on_order(uv_async_t *async) {
  (void)async;
  AcquireSRWLockExclusive(&state.lock);
  unsigned orders = state.orders;
  state.orders = 0;
  ReleaseSRWLockExclusive(&state.lock);
  if ((orders & ORDER_RELOAD) != 0)
    state.calls->reload(state.owner, "the service manager's PARAMCHANGE");
  if ((orders & ORDER_SHUTDOWN) != 0)
    state.calls->stop(state.owner, "Windows shuts down");
  else if ((orders & ORDER_STOP) != 0)
    state.calls->stop(state.owner, "the service manager's STOP");
}

static void on_tick(uv_timer_t *timer) {
  (void)timer;
  change_state(SERVICE_STOP_PENDING, STOP_HINT_MS);
}

int fl_supervisor_watch(uv_loop_t *loop,
                        const struct fl_supervisor_calls *calls, void *owner) {
  if (!fl_supervised())
    return fl_session_watch(loop, calls, owner);
  int error = uv_async_init(loop, &state.order, on_order);
  if (error != 0)
    return error;
  (void)uv_timer_init(loop, &state.tick);
  state.calls = calls;
  state.owner = owner;
  AcquireSRWLockExclusive(&state.lock);
  state.watched = true;
  if (state.orders != 0)
    (void)uv_async_send(&state.order);
  ReleaseSRWLockExclusive(&state.lock);
  return 0;
}

void fl_service_stopping(void) {
  if (!state.watched)
    return;
  change_state(SERVICE_STOP_PENDING, STOP_HINT_MS);
  (void)uv_timer_start(&state.tick, on_tick, STOP_TICK_MS, STOP_TICK_MS);
}

void fl_supervisor_unwatch(void) {
  AcquireSRWLockExclusive(&state.lock);
  bool watched = state.watched;
  state.watched = false;
  ReleaseSRWLockExclusive(&state.lock);
  fl_session_unwatch();
  if (!watched)
    return;
  uv_close((uv_handle_t *)&state.order, NULL);
  uv_close((uv_handle_t *)&state.tick, NULL);
}

/* ---- the start ---- */

/* Whether the manager, services.exe, is this process's parent. Asking the
   dispatcher alone would do, too, but it is not everywhere quick to say no. */
static bool is_service(void) {
  PROCESSENTRY32W entry = {.dwSize = sizeof entry};
  DWORD parent = 0;
  bool found = false;
  HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
  if (all == INVALID_HANDLE_VALUE)
    return true; /* then the dispatcher says it */
  for (BOOL more = Process32FirstW(all, &entry); more;
       more = Process32NextW(all, &entry))
    if (entry.th32ProcessID == GetCurrentProcessId())
      parent = entry.th32ParentProcessID;
  for (BOOL more = Process32FirstW(all, &entry); more && !found;
       more = Process32NextW(all, &entry))
    found = entry.th32ProcessID == parent &&
            _wcsicmp(entry.szExeFile, L"services.exe") == 0;
  (void)CloseHandle(all);
  return found;
}

/* So that relative paths in the configuration are of its own directory. */
static void enter_directory(const char *config) {
  bool absolute = config != NULL && fl_path_is_absolute(config);
  char *path = absolute ? fl_path_absolute(config) : NULL;
  if (path == NULL)
    return;
  char *end = path + strlen(path);
  while (end > path && end[-1] != '\\' && end[-1] != '/')
    end--;
  *end = '\0';
  wchar_t *wide = fl_wide(path);
  if (wide != NULL)
    (void)SetCurrentDirectoryW(wide);
  free(wide);
  free(path);
}

static LONG WINAPI on_crash(EXCEPTION_POINTERS *what) {
  fl_event_log_crashed(what->ExceptionRecord->ExceptionCode,
                       what->ExceptionRecord->ExceptionAddress);
  return EXCEPTION_CONTINUE_SEARCH;
}

static int serve(const wchar_t *report) {
  state.handle =
      RegisterServiceCtrlHandlerExW(FL_SERVICE_NAME_WIDE, on_control, NULL);
  if (!fl_supervised())
    return FL_STATUS_SYSTEM;
  if (report != NULL)
    fl_start_report_open(report);
  (void)SetUnhandledExceptionFilter(on_crash);
  fl_supervisor_progress();
  enter_directory(state.config);
  return state.program(state.context);
}

static void WINAPI service_main(DWORD count, LPWSTR *words) {
  state.began = true;
  /* The first is the name of the service, the others those of StartService. */
  state.result = serve(count > 1 ? words[1] : NULL);
  fl_service_stopped(state.result);
  (void)SetEvent(state.done);
}

int fl_supervisor_run(int (*program)(void *context), void *context,
                      const char *config) {
  wchar_t name[] = FL_SERVICE_NAME_WIDE;
  const SERVICE_TABLE_ENTRYW table[] = {{name, service_main}, {NULL, NULL}};
  state.program = program;
  state.context = context;
  state.config = config;
  state.status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
  state.done = CreateEventW(NULL, TRUE, FALSE, NULL);
  if (state.done == NULL || !is_service() ||
      (!StartServiceCtrlDispatcherW(table) && !state.began))
    return program(context);
  /* Should the manager be gone, the service goes on. */
  (void)WaitForSingleObject(state.done, INFINITE);
  return state.result;
}
