/* The client's end of the named pipe. libuv opens one with the defaults, which
   let the server act as the client does; so it is opened here. */
#include "platform/local.h"

#include "platform/windows/pipe_owner.h"
#include "platform/windows/system_error.h"
#include "platform/windows/wide.h"

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

/* For a turn, where nothing limits it. */
enum { WAIT_MS = 30000 };

/* The server may learn who asks, and not act in their name
   ("CreateFileW", Windows documentation). */
static HANDLE open_once(const wchar_t *path) {
  return CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                     FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT |
                         SECURITY_IDENTIFICATION,
                     NULL);
}

/* While all instances are taken somebody else may be quicker, again and
   again. */
static HANDLE open_in_turn(const wchar_t *path, ULONGLONG wait) {
  ULONGLONG begin = GetTickCount64();
  HANDLE pipe = open_once(path);
  while (pipe == INVALID_HANDLE_VALUE && GetLastError() == ERROR_PIPE_BUSY) {
    ULONGLONG passed = GetTickCount64() - begin;
    if (passed >= wait) {
      SetLastError(WSAETIMEDOUT);
      break;
    }
    if (!WaitNamedPipeW(path, (DWORD)(wait - passed)) &&
        GetLastError() != ERROR_SEM_TIMEOUT)
      break;
    pipe = open_once(path);
  }
  return pipe;
}

/* libuv takes a descriptor of the C library's. */
static int hand_over(uv_pipe_t *to, HANDLE pipe) {
  int descriptor = _open_osfhandle((intptr_t)pipe, _O_BINARY);
  if (descriptor < 0) {
    (void)CloseHandle(pipe);
    return UV_EMFILE;
  }
  int error = uv_pipe_open(to, descriptor);
  if (error != 0)
    (void)_close(descriptor);
  return error;
}

static int connect_to(struct fl_local_client *client, uv_pipe_t *pipe) {
  char owner[256];
  wchar_t *wide = fl_wide(client->path);
  if (wide == NULL)
    return UV_ENOMEM;
  HANDLE handle = open_in_turn(
      wide, client->timeout_ms == 0 ? WAIT_MS : client->timeout_ms);
  int error =
      handle == INVALID_HANDLE_VALUE ? fl_system_error(GetLastError()) : 0;
  free(wide);
  if (error != 0)
    return error;
  if (client->named || fl_pipe_trusted(handle, owner, sizeof owner))
    return hand_over(pipe, handle);
  (void)CloseHandle(handle);
  (void)snprintf(client->error, sizeof client->error,
                 "%s is %s's, who is neither this user nor the system, a "
                 "service or administrators; if it is meant, name it with "
                 "--control",
                 client->path, owner);
  return UV_EPERM;
}

void fl_local_connect(struct fl_local_client *client, uv_pipe_t *pipe,
                      uv_connect_cb connected) {
  client->error[0] = '\0';
  client->request.handle = (uv_stream_t *)pipe;
  connected(&client->request, connect_to(client, pipe));
}
