/* What a tool of Windows does that Wine lacks. Usage:
     fl-control paramchange   has the service read its configuration again
     fl-control query         prints state, checkpoint, wait hint and the orders
                              that are accepted
     fl-control make COMMAND  makes the service with that command line
     fl-control config        prints what of the configuration Wine keeps
     fl-control close PID     closes the console of that process
     fl-control end PID       ends the session of that process
     fl-control show PROGRAM  prints the program's version, and the text of each
                              event whose number comes in on standard input */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static int fail(const char *what) {
  fprintf(stderr, "%s: error %lu\n", what, GetLastError());
  return 1;
}

static int query(SC_HANDLE service) {
  SERVICE_STATUS_PROCESS status = {0};
  DWORD size = 0;
  if (!QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (LPBYTE)&status,
                            sizeof status, &size))
    return fail("query");
  printf("%lu %lu %lu %lu\n", status.dwCurrentState, status.dwCheckPoint,
         status.dwWaitHint, status.dwControlsAccepted);
  return 0;
}

static int paramchange(SC_HANDLE service) {
  SERVICE_STATUS status;
  return ControlService(service, SERVICE_CONTROL_PARAMCHANGE, &status)
             ? 0
             : fail("paramchange");
}

static int config(SC_HANDLE service) {
  char room[4096];
  DWORD size = 0;
  SERVICE_PRESHUTDOWN_INFO preshutdown;
  QUERY_SERVICE_CONFIGA *config = (QUERY_SERVICE_CONFIGA *)(void *)room;
  SERVICE_DESCRIPTIONA *description = (SERVICE_DESCRIPTIONA *)(void *)room;
  if (!QueryServiceConfigA(service, config, sizeof room, &size))
    return fail("config");
  printf("start %lu\n", config->dwStartType);
  if (!QueryServiceConfig2A(service, SERVICE_CONFIG_DESCRIPTION, (BYTE *)room,
                            sizeof room, &size))
    return fail("description");
  printf("description %s\n", description->lpDescription);
  if (!QueryServiceConfig2A(service, SERVICE_CONFIG_PRESHUTDOWN_INFO,
                            (BYTE *)&preshutdown, sizeof preshutdown, &size))
    return fail("preshutdown");
  printf("preshutdown %lu\n", preshutdown.dwPreshutdownTimeout);
  return 0;
}

static int make(SC_HANDLE manager, const char *command) {
  SC_HANDLE service = CreateServiceA(
      manager, "fairlead", "Fairlead", SERVICE_ALL_ACCESS,
      SERVICE_WIN32_OWN_PROCESS, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL,
      command, NULL, NULL, NULL, NULL, NULL);
  if (service == NULL)
    return fail("make");
  (void)CloseServiceHandle(service);
  return 0;
}

static void show_version(HMODULE program) {
  HRSRC found = FindResourceA(program, MAKEINTRESOURCEA(VS_VERSION_INFO),
                              MAKEINTRESOURCEA(16)); /* RT_VERSION */
  const char *info = found == NULL ? NULL : LoadResource(program, found);
  const VS_FIXEDFILEINFO *fixed; /* behind length, type and a padded name */
  if (info == NULL)
    return;
  fixed = (const VS_FIXEDFILEINFO *)(const void *)(info + 40);
  printf("version %08lx %lu.%lu.%lu.%lu\n", fixed->dwSignature,
         fixed->dwFileVersionMS >> 16, fixed->dwFileVersionMS & 0xffff,
         fixed->dwFileVersionLS >> 16, fixed->dwFileVersionLS & 0xffff);
}

static int show(const char *path) {
  char line[64];
  char text[4096];
  char insert[] = "INSERT";
  char *inserts[] = {insert};
  HMODULE program = LoadLibraryExA(path, NULL, LOAD_LIBRARY_AS_DATAFILE);
  if (program == NULL)
    return fail("the program");
  show_version(program);
  while (fgets(line, sizeof line, stdin) != NULL) {
    DWORD size = FormatMessageA(
        FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY, program,
        strtoul(line, NULL, 0), 0, text, sizeof text, (va_list *)inserts);
    printf("event %lu: %s\n", strtoul(line, NULL, 0) & 0xffff,
           size == 0 ? "(none)" : text);
  }
  return 0;
}

/* What a console does with each process of its own when it is closed. */
static int close_console(DWORD pid) {
  FARPROC routine =
      GetProcAddress(GetModuleHandleA("kernelbase"), "CtrlRoutine");
  LPTHREAD_START_ROUTINE start;
  HANDLE process = OpenProcess(PROCESS_ALL_ACCESS, FALSE, pid);
  if (routine == NULL || process == NULL)
    return fail("the process");
  memcpy(&start, &routine, sizeof start);
  return CreateRemoteThread(process, NULL, 0, start,
                            (void *)(ULONG_PTR)CTRL_CLOSE_EVENT, 0,
                            NULL) != NULL
             ? 0
             : fail("the console");
}

static BOOL CALLBACK find(HWND window, LPARAM to) {
  struct {
    DWORD pid;
    HWND window;
  } *found = (void *)to;
  DWORD pid = 0;
  (void)GetWindowThreadProcessId(window, &pid);
  if (pid == found->pid)
    found->window = window;
  return found->window == NULL;
}

/* What Windows does with each window at the top. Its thread may take a while to
   come up; the last message is not answered before the process ends. */
static int end_session(DWORD pid) {
  struct {
    DWORD pid;
    HWND window;
  } found = {pid, NULL};
  for (int i = 0; i < 200 && found.window == NULL; i++) {
    (void)EnumWindows(find, (LPARAM)&found);
    Sleep(found.window == NULL ? 50 : 0);
  }
  if (found.window == NULL)
    return fail("the window");
  if (!SendMessageA(found.window, WM_QUERYENDSESSION, 0,
                    (LPARAM)ENDSESSION_LOGOFF))
    return fail("the question");
  return SendNotifyMessageA(found.window, WM_ENDSESSION, TRUE,
                            (LPARAM)ENDSESSION_LOGOFF)
             ? 0
             : fail("the end");
}

int main(int count, char *words[]) {
  if (count == 3 && strcmp(words[1], "close") == 0)
    return close_console(strtoul(words[2], NULL, 10));
  if (count == 3 && strcmp(words[1], "end") == 0)
    return end_session(strtoul(words[2], NULL, 10));
  if (count == 3 && strcmp(words[1], "show") == 0)
    return show(words[2]);
  SC_HANDLE manager = OpenSCManagerA(NULL, NULL, SC_MANAGER_ALL_ACCESS);
  if (manager == NULL || count < 2)
    return fail("the service control manager");
  if (strcmp(words[1], "make") == 0 && count == 3)
    return make(manager, words[2]);
  SC_HANDLE service = OpenServiceA(manager, "fairlead", SERVICE_ALL_ACCESS);
  if (service == NULL)
    return fail("the service");
  if (strcmp(words[1], "paramchange") == 0)
    return paramchange(service);
  return strcmp(words[1], "config") == 0 ? config(service) : query(service);
}
