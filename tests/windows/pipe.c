/* A peer of a named pipe. Usage:
     fl-pipe NAME   sends what comes in on standard input, and prints what
                    comes out of the pipe until its other end is closed
   Bytes pass as they come, in both directions at once. The pipe is open when
   the line "open" has been printed to standard error. A named pipe knows no
   half-close: after the end of standard input it goes on printing. */
#include <fcntl.h>
#include <io.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

enum { PIECE = 65536 };

static int fail(const char *what) {
  fprintf(stderr, "%s: error %lu\n", what, GetLastError());
  return 1;
}

/* All of its instances may be taken. */
static HANDLE open_pipe(const char *name) {
  for (;;) {
    HANDLE pipe = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL,
                              OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);
    if (pipe != INVALID_HANDLE_VALUE || GetLastError() != ERROR_PIPE_BUSY)
      return pipe;
    (void)WaitNamedPipeA(name, NMPWAIT_WAIT_FOREVER);
  }
}

/* Without FILE_FLAG_OVERLAPPED a read would hold up every write. */
static bool transfer(HANDLE pipe, bool out, char *data, DWORD size,
                     DWORD *count) {
  OVERLAPPED overlapped = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};
  BOOL done = out ? WriteFile(pipe, data, size, NULL, &overlapped)
                  : ReadFile(pipe, data, size, NULL, &overlapped);
  done = (done || GetLastError() == ERROR_IO_PENDING) &&
         GetOverlappedResult(pipe, &overlapped, count, TRUE);
  (void)CloseHandle(overlapped.hEvent);
  return done;
}

static DWORD WINAPI send_input(void *pipe) {
  char data[PIECE];
  DWORD sent;
  for (int size; (size = _read(0, data, PIECE)) > 0;)
    if (!transfer(pipe, true, data, (DWORD)size, &sent))
      break;
  return 0;
}

int main(int count, char *words[]) {
  char data[PIECE];
  DWORD size;
  (void)_setmode(0, _O_BINARY);
  (void)_setmode(1, _O_BINARY);
  if (count != 2)
    return fail("usage: fl-pipe NAME");
  HANDLE pipe = open_pipe(words[1]);
  if (pipe == INVALID_HANDLE_VALUE)
    return fail(words[1]);
  if (CreateThread(NULL, 0, send_input, pipe, 0, NULL) == NULL)
    return fail("a thread");
  fputs("open\n", stderr);
  (void)fflush(stderr);
  while (transfer(pipe, false, data, PIECE, &size))
    if (_write(1, data, size) != (int)size)
      break;
  /* Not exit: the other thread may hold the lock of standard input. */
  ExitProcess(0);
}
