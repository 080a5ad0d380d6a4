/* A named pipe. Its name goes with the process, so nothing is left behind, and
   the first instance of a name is made by one process only
   (FILE_FLAG_FIRST_PIPE_INSTANCE, which libuv sets).

   libuv makes the pipe with the system's default permissions, by which others
   of the machine may connect, if only to read, and takes none of its own. They
   are replaced before the program listens, and whoever connected in between is
   thrown out, so that nobody is ever served whom they do not admit. They are
   those of the name, not of one instance: a later instance gets them too. */
#include "platform/local.h"

#include "platform/format.h"
#include "platform/paths.h"
#include "platform/windows/system_error.h"
#include "platform/windows/wide.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <sddl.h>

#define PREFIX "\\\\.\\pipe\\"

/* For a peer to take the last words. */
enum { LAST_MS = 1000 };

FL_FORMAT(2, 3)
static bool fail(char error[FL_LOCAL_ERROR], const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(error, FL_LOCAL_ERROR, format, arguments);
  va_end(arguments);
  return false;
}

/* ---- permissions ---- */

/* The account that this process runs as, as text; LocalFree is due. */
static wchar_t *own_sid(void) {
  union {
    TOKEN_USER user;
    BYTE room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
  } of;
  HANDLE token;
  DWORD size;
  wchar_t *text = NULL;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
    return NULL;
  if (!GetTokenInformation(token, TokenUser, &of, sizeof of, &size) ||
      !ConvertSidToStringSidW(of.user.User.Sid, &text))
    text = NULL;
  (void)CloseHandle(token);
  return text;
}

/* Nobody over the network (NU); all for the system (SY), administrators (BA)
   and the account itself; nobody else ("Security Descriptor String Format",
   Windows documentation). LocalFree is due. */
static PSECURITY_DESCRIPTOR permissions(void) {
  static const wchar_t format[] =
      L"D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;%ls)";
  wchar_t text[512];
  PSECURITY_DESCRIPTOR descriptor = NULL;
  wchar_t *sid = own_sid();
  if (sid == NULL)
    return NULL;
  int size = _snwprintf(text, sizeof text / sizeof text[0], format, sid);
  (void)LocalFree(sid);
  if (size < 0 || (size_t)size >= sizeof text / sizeof text[0] ||
      !ConvertStringSecurityDescriptorToSecurityDescriptorW(
          text, SDDL_REVISION_1, &descriptor, NULL))
    return NULL;
  return descriptor;
}

static bool permit(uv_pipe_t *pipe) {
  uv_os_fd_t handle;
  PSECURITY_DESCRIPTOR descriptor = permissions();
  if (descriptor == NULL)
    return false;
  bool done =
      uv_fileno((const uv_handle_t *)pipe, &handle) == 0 &&
      SetKernelObjectSecurity(handle, DACL_SECURITY_INFORMATION, descriptor);
  (void)LocalFree(descriptor);
  if (done)
    (void)DisconnectNamedPipe(handle);
  return done;
}

/* ---- the place ---- */

/* Whether a process serves there; one that is about to is left to
   uv_pipe_bind. */
static bool is_served(const char *path) {
  wchar_t *wide = fl_wide(path);
  bool served = wide != NULL && (WaitNamedPipeW(wide, 1) ||
                                 GetLastError() == ERROR_SEM_TIMEOUT);
  free(wide);
  return served;
}

bool fl_local_bind(struct fl_local *local, uv_pipe_t *pipe,
                   const struct fl_local_setup *setup,
                   char error[FL_LOCAL_ERROR]) {
  char text[FL_ERROR_TEXT];
  *local = (struct fl_local){.lock = -1};
  if (setup->group != NULL) {
    local->refused = true;
    return fail(error,
                "control.group: not on Windows, where the pipe is for "
                "administrators, the system and the account that runs this; "
                "leave it out");
  }
  if (_strnicmp(setup->path, PREFIX, sizeof PREFIX - 1) != 0)
    return fail(error,
                "%s is no name of a pipe; set control.path to " PREFIX
                "NAME, or leave it out",
                setup->path);
  int failed =
      is_served(setup->path) ? UV_EADDRINUSE : uv_pipe_bind(pipe, setup->path);
  local->refused = failed == UV_EADDRINUSE;
  if (local->refused)
    return fail(error,
                "%s: another fairlead that runs is controlled there; stop it, "
                "or set control.path",
                setup->path);
  if (failed != 0)
    return fail(error, "%s cannot be opened: %s", setup->path,
                fl_error_text(failed, text));
  if (!permit(pipe)) {
    local->refused = true;
    return fail(error, "%s: its permissions cannot be set: %s", setup->path,
                fl_system_error_text(GetLastError(), text));
  }
  (void)snprintf(local->path, sizeof local->path, "%s", setup->path);
  local->lock = 0;
  return true;
}

bool fl_local_refused(const struct fl_local *local) { return local->refused; }

const char *fl_local_users(void) {
  return "an administrator, or the account that runs it";
}

/* The number of an event with its lowest bit set keeps the result from the
   loop's own queue (GetQueuedCompletionStatus, Windows documentation). */
static void write_now(HANDLE pipe, const char *text, size_t size) {
  HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
  OVERLAPPED overlapped = {.hEvent = (HANDLE)((ULONG_PTR)event | 1)};
  DWORD written = 0;
  if (event == NULL)
    return;
  if (!WriteFile(pipe, text, (DWORD)size, NULL, &overlapped) &&
      GetLastError() == ERROR_IO_PENDING &&
      WaitForSingleObject(event, LAST_MS) != WAIT_OBJECT_0) {
    (void)CancelIoEx(pipe, &overlapped);
    (void)GetOverlappedResult(pipe, &overlapped, &written, TRUE);
  }
  (void)CloseHandle(event);
}

void fl_local_last(uv_pipe_t *pipe, const char *text, size_t size) {
  uv_os_fd_t handle;
  HANDLE process = GetCurrentProcess();
  HANDLE copy;
  if (uv_fileno((const uv_handle_t *)pipe, &handle) != 0)
    return;
  write_now(handle, text, size);
  (void)DuplicateHandle(process, handle, process, &copy, 0, FALSE,
                        DUPLICATE_SAME_ACCESS);
}

void fl_local_close(struct fl_local *local) { local->lock = -1; }

bool fl_local_place(unsigned n, const char *name, char path[FL_LOCAL_PATH]) {
  int size = snprintf(path, FL_LOCAL_PATH, PREFIX "fairlead-%s", name);
  return n == 0 && size > 0 && size < FL_LOCAL_PATH;
}

/* ---- full names ---- */

/* As the volume has it: upper and lower case, long names, links followed. */
static bool final_name(const wchar_t *file, wchar_t *full, DWORD size) {
  HANDLE handle = CreateFileW(
      file, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
      OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
  if (handle == INVALID_HANDLE_VALUE)
    return false;
  DWORD length =
      GetFinalPathNameByHandleW(handle, full, size, FILE_NAME_NORMALIZED);
  if (length == 0) /* a folder above may not be listed */
    length = GetFinalPathNameByHandleW(handle, full, size, FILE_NAME_OPENED);
  (void)CloseHandle(handle);
  return length > 0 && length < size;
}

bool fl_local_full_name(const char *file, char path[FL_LOCAL_PATH]) {
  wchar_t full[FL_LOCAL_PATH];
  wchar_t *wide = fl_wide(file);
  bool found = wide != NULL && final_name(wide, full, FL_LOCAL_PATH);
  free(wide);
  return found && fl_narrow_into(path, FL_LOCAL_PATH, full);
}
