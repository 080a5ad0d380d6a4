/* What a tool of Windows does that Wine lacks. Usage:
     fl-control paramchange   has the service read its configuration again
     fl-control query         prints state, checkpoint and wait hint
     fl-control make COMMAND  makes the service with that command line
     fl-control config        prints what of the configuration Wine keeps
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
  printf("%lu %lu %lu\n", status.dwCurrentState, status.dwCheckPoint,
         status.dwWaitHint);
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

int main(int count, char *words[]) {
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
