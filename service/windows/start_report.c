#include "service/windows/start_report.h"

#include <stdio.h>
#include <string.h>

#include <sddl.h>

/* So much fits into the pipe: neither side ever waits for the other. */
enum { ROOM = 65536 };

#define PREFIX L"\\\\.\\pipe\\fairlead-start-"

/* The system and administrators all; services (SU) SYNCHRONIZE,
   FILE_READ_ATTRIBUTES and FILE_WRITE_DATA. */
#define RIGHTS L"D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x100082;;;SU)"

/* ---- the command ---- */

HANDLE fl_start_report_make(wchar_t name[FL_START_REPORT_NAME]) {
  SECURITY_ATTRIBUTES rights = {.nLength = sizeof rights};
  (void)_snwprintf(name, FL_START_REPORT_NAME, PREFIX L"%lu-%llx",
                   GetCurrentProcessId(), GetTickCount64());
  name[FL_START_REPORT_NAME - 1] = L'\0';
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
          RIGHTS, SDDL_REVISION_1, &rights.lpSecurityDescriptor, NULL))
    return INVALID_HANDLE_VALUE;
  HANDLE pipe = CreateNamedPipeW(
      name, PIPE_ACCESS_INBOUND | FILE_FLAG_FIRST_PIPE_INSTANCE,
      PIPE_TYPE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, 0, ROOM, 0,
      &rights);
  (void)LocalFree(rights.lpSecurityDescriptor);
  return pipe;
}

static void print_lines(const char *line) {
  while (*line != '\0') {
    size_t size = strcspn(line, "\n");
    (void)fprintf(stderr, "fairlead: %.*s\n", (int)size, line);
    line += size + (line[size] != '\0');
  }
}

void fl_start_report_print(HANDLE pipe) {
  static char text[ROOM + 1];
  DWORD size = 0;
  DWORD waiting = 0;
  while (size < ROOM && PeekNamedPipe(pipe, NULL, 0, NULL, &waiting, NULL) &&
         waiting > 0) {
    DWORD got = 0;
    if (!ReadFile(pipe, text + size, ROOM - size, &got, NULL) || got == 0)
      break;
    size += got;
  }
  text[size] = '\0';
  print_lines(text);
}

/* ---- the service ---- */

static struct {
  SRWLOCK lock;
  HANDLE pipe; /* NULL: none */
  size_t sent;
} state = {.lock = SRWLOCK_INIT};

void fl_start_report_open(const wchar_t *name) {
  if (wcsncmp(name, PREFIX, wcslen(PREFIX)) != 0)
    return;
  HANDLE pipe =
      CreateFileW(name, FILE_WRITE_DATA | SYNCHRONIZE, 0, NULL, OPEN_EXISTING,
                  SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
  AcquireSRWLockExclusive(&state.lock);
  state.pipe = pipe == INVALID_HANDLE_VALUE ? NULL : pipe;
  ReleaseSRWLockExclusive(&state.lock);
}

void fl_start_report_send(const char *line) {
  size_t size = strlen(line);
  DWORD written;
  AcquireSRWLockExclusive(&state.lock);
  if (state.pipe != NULL && size + 1 <= ROOM - state.sent) {
    state.sent += size + 1;
    if (WriteFile(state.pipe, line, (DWORD)size, &written, NULL))
      (void)WriteFile(state.pipe, "\n", 1, &written, NULL);
  }
  ReleaseSRWLockExclusive(&state.lock);
}

void fl_start_report_close(void) {
  AcquireSRWLockExclusive(&state.lock);
  if (state.pipe != NULL)
    (void)CloseHandle(state.pipe);
  state.pipe = NULL;
  ReleaseSRWLockExclusive(&state.lock);
}
