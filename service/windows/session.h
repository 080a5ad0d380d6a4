/* The end of the user's session (log off, restart and shutdown of Windows), for
   a program that runs in a console. The service is told by its manager. */
#ifndef FL_SERVICE_WINDOWS_SESSION_H
#define FL_SERVICE_WINDOWS_SESSION_H

#include "service/supervisor.h"

/* Has calls->hurry called in the loop when the session ends, and holds that up
   until the process has ended, as far as the system lets it. Returns 0 or an
   error of libuv. */
int fl_session_watch(uv_loop_t *loop, const struct fl_supervisor_calls *calls,
                     void *owner);

/* Closes what fl_session_watch opened; the loop runs once more. Does nothing
   where that was not called, or failed. */
void fl_session_unwatch(void);

#endif
