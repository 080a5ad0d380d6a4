/* To Windows a program that has loaded user32, as libuv does, is none of the
   console: its console's handler hears nothing of log off and shutdown. What
   hears of them is a window at the top, be it never shown
   ("SetConsoleCtrlHandler", remarks; "WM_QUERYENDSESSION", "WM_ENDSESSION";
   Windows documentation). It has a thread of its own, whose messages nobody
   else may hold up. */
#include "service/windows/session.h"

#include "core/config.h"
#include "platform/windows/system_error.h"
#include "service/log.h"

#include <windows.h>

static const wchar_t name[] = L"FairleadSession";

static struct {
  uv_async_t async; /* the loop's, as the next two */
  const struct fl_supervisor_calls *calls;
  void *owner;
  SRWLOCK lock; /* of what follows */
  bool watched; /* async can be sent to */
  const char *who;
} state = {.lock = SRWLOCK_INIT};

static void on_async(uv_async_t *async) {
  (void)async;
  state.calls->hurry(state.owner, state.who);
}

/* Returns when the process has ended: after its answer Windows would end it at
   any time. */
_Noreturn static void end(LPARAM why) {
  AcquireSRWLockExclusive(&state.lock);
  state.who = (why & (LPARAM)ENDSESSION_LOGOFF) != 0 ? "the user logs off"
                                                     : "Windows shuts down";
  if (state.watched)
    (void)uv_async_send(&state.async);
  ReleaseSRWLockExclusive(&state.lock);
  for (;;)
    Sleep(INFINITE);
}

/* Others may keep the session from ending after all. */
static LRESULT CALLBACK on_message(HWND window, UINT message, WPARAM ends,
                                   LPARAM why) {
  switch (message) {
  case WM_QUERYENDSESSION:
    (void)ShutdownBlockReasonCreate(window,
                                    L"Requests that have arrived are answered");
    return TRUE;
  case WM_ENDSESSION:
    if (ends)
      end(why);
    (void)ShutdownBlockReasonDestroy(window);
    return 0;
  default:
    return DefWindowProcW(window, message, ends, why);
  }
}

static void run(void *context) {
  const WNDCLASSW class = {.lpfnWndProc = on_message,
                           .hInstance = GetModuleHandleW(NULL),
                           .lpszClassName = name};
  char text[FL_ERROR_TEXT];
  MSG message;
  (void)context;
  if (RegisterClassW(&class) == 0 ||
      CreateWindowExW(0, name, L"Fairlead", 0, 0, 0, 0, 0, NULL, NULL,
                      class.hInstance, NULL) == NULL) {
    fl_log(FL_LOG_INFO, FL_LOG_SERVICE,
           "log off and shutdown will not be seen, and end this program "
           "without a drain (%s)",
           fl_system_error_text(GetLastError(), text));
    return;
  }
  while (GetMessageW(&message, NULL, 0, 0) > 0)
    (void)DispatchMessageW(&message);
}

int fl_session_watch(uv_loop_t *loop, const struct fl_supervisor_calls *calls,
                     void *owner) {
  uv_thread_t thread; /* ends with the process */
  int error = uv_async_init(loop, &state.async, on_async);
  if (error != 0)
    return error;
  state.calls = calls;
  state.owner = owner;
  state.watched = true;
  error = uv_thread_create(&thread, run, NULL);
  if (error != 0)
    fl_session_unwatch();
  return error;
}

void fl_session_unwatch(void) {
  AcquireSRWLockExclusive(&state.lock);
  bool watched = state.watched;
  state.watched = false;
  ReleaseSRWLockExclusive(&state.lock);
  if (watched)
    uv_close((uv_handle_t *)&state.async, NULL);
}
