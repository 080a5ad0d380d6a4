#include "service/windows/event_log.h"

#include "core/config.h"
#include "platform/windows/wide.h"
#include "service/windows/names.h"

#include <messages.h> /* of messages.mc */
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <windows.h>

/* ReportEvent takes strings of up to 31,839 characters. */
enum { TEXT_MAX = 31000, LINE_MAX = 128 };

#define KEY                                                                    \
  L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application"                \
  L"\\" FL_EVENT_SOURCE_WIDE

static const DWORD events[FL_NOTICES] = {
    [FL_NOTICE_NONE] = FL_EVENT_ERROR,
    [FL_NOTICE_STARTED] = FL_EVENT_STARTED,
    [FL_NOTICE_STOPPING] = FL_EVENT_STOPPING,
    [FL_NOTICE_STOPPED] = FL_EVENT_STOPPED,
    [FL_NOTICE_RELOADED] = FL_EVENT_RELOADED,
    [FL_NOTICE_UNCHANGED] = FL_EVENT_UNCHANGED,
    [FL_NOTICE_REFUSED] = FL_EVENT_REFUSED,
    [FL_NOTICE_USAGE] = FL_EVENT_USAGE,
    [FL_NOTICE_CONFIG] = FL_EVENT_CONFIG,
    [FL_NOTICE_ADVICE] = FL_EVENT_ADVICE,
    [FL_NOTICE_LISTENER] = FL_EVENT_LISTENER,
};

/* The severity stands in the two highest bits of an event's number. */
static WORD type_of(DWORD event) {
  switch (event >> 30) {
  case 1:
    return EVENTLOG_INFORMATION_TYPE;
  case 2:
    return EVENTLOG_WARNING_TYPE;
  default:
    return EVENTLOG_ERROR_TYPE;
  }
}

/* Opened anew each time: events are few, and the handle would have to be shared
   by all threads. */
static bool report(DWORD event, const wchar_t *text) {
  HANDLE log = RegisterEventSourceW(NULL, FL_EVENT_SOURCE_WIDE);
  if (log == NULL)
    return false;
  BOOL taken =
      ReportEventW(log, type_of(event), 0, event, NULL, 1, 0, &text, NULL);
  (void)DeregisterEventSource(log);
  return taken;
}

bool fl_event_log_notice(enum fl_notice kind, int level, const char *text) {
  DWORD event = events[kind];
  wchar_t *wide = fl_wide(text);
  if (kind == FL_NOTICE_NONE && level != FL_LOG_ERROR)
    event = FL_EVENT_WARNING;
  if (wide != NULL && wcslen(wide) > TEXT_MAX)
    wide[TEXT_MAX] = L'\0';
  bool taken = report(event, wide != NULL ? wide : L"(out of memory)");
  free(wide);
  return taken;
}

void fl_event_log_failed(bool started, int status) {
  wchar_t text[LINE_MAX];
  (void)swprintf(text, LINE_MAX, L"%d", status);
  (void)report(started ? FL_EVENT_FAILED : FL_EVENT_START_FAILED, text);
}

void fl_event_log_crashed(unsigned long code, const void *address) {
  wchar_t text[LINE_MAX];
  (void)swprintf(text, LINE_MAX, L"exception 0x%08lX at %p", code, address);
  (void)report(FL_EVENT_CRASHED, text);
}

/* ---- the source ---- */

/* The program's own file; owned by the caller, NULL when memory is out. */
static wchar_t *own_file(void) {
  for (DWORD room = MAX_PATH; room <= 0x10000; room *= 2) {
    wchar_t *path = malloc(room * sizeof *path);
    if (path == NULL)
      return NULL;
    DWORD size = GetModuleFileNameW(NULL, path, room);
    if (size > 0 && size < room)
      return path;
    free(path);
  }
  return NULL;
}

static LSTATUS set_values(HKEY key) {
  const DWORD types =
      EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
  wchar_t *path = own_file();
  if (path == NULL)
    return ERROR_OUTOFMEMORY;
  LSTATUS error = RegSetValueExW(key, L"EventMessageFile", 0, REG_EXPAND_SZ,
                                 (const BYTE *)path,
                                 (DWORD)((wcslen(path) + 1) * sizeof *path));
  if (error == ERROR_SUCCESS)
    error = RegSetValueExW(key, L"TypesSupported", 0, REG_DWORD,
                           (const BYTE *)&types, sizeof types);
  free(path);
  return error;
}

unsigned long fl_event_log_register(void) {
  HKEY key;
  LSTATUS error = RegCreateKeyExW(HKEY_LOCAL_MACHINE, KEY, 0, NULL, 0,
                                  KEY_SET_VALUE, NULL, &key, NULL);
  if (error != ERROR_SUCCESS)
    return (unsigned long)error;
  error = set_values(key);
  (void)RegCloseKey(key);
  return (unsigned long)error;
}

unsigned long fl_event_log_unregister(void) {
  LSTATUS error = RegDeleteKeyW(HKEY_LOCAL_MACHINE, KEY);
  return error == ERROR_FILE_NOT_FOUND ? 0 : (unsigned long)error;
}
