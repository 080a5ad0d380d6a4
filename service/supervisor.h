/* The system's service manager, where it is one that programs talk to: on
   Windows the service control manager. A file per system; where there is no
   such manager nothing is supervised, and signals do the rest. */
#ifndef FL_SERVICE_SUPERVISOR_H
#define FL_SERVICE_SUPERVISOR_H

#include "service/notice.h"

#include <stdbool.h>
#include <uv.h>

/* Calls program(context), under the service manager if that has started this
   process, and returns what it returned. Supervised, it is called on another
   thread, in the directory of the file `config` (NULL: where it is), for a
   service is started in one of the system's; the manager learns the status
   that it returned, or that of fl_daemon_end, and through service/notify.h
   that the program serves and that it stops. */
int fl_supervisor_run(int (*program)(void *context), void *context,
                      const char *config);

/* Whether the service manager has started this process. Standard error leads
   nowhere then. */
bool fl_supervised(void);

/* A start has come further, and takes its time. */
void fl_supervisor_progress(void);

/* What the manager orders; called in the loop. `who` is one clause. */
struct fl_supervisor_calls {
  void (*stop)(void *owner, const char *who);
  void (*reload)(void *owner, const char *who);
  void (*hurry)(void *owner, const char *who); /* a stop, and the system ends
                                                  the process soon */
};

/* Takes orders from now on, in the loop; calls outlives that. Returns 0 or an
   error of libuv. */
int fl_supervisor_watch(uv_loop_t *loop,
                        const struct fl_supervisor_calls *calls, void *owner);

/* Closes what fl_supervisor_watch opened; the loop runs once more. Does nothing
   where that was not called, or failed. */
void fl_supervisor_unwatch(void);

/* Writes one to the system's event log, where the process is supervised and
   there is one. kind FL_NOTICE_NONE: as an error or a warning of level. Returns
   whether it stands there. From any thread. */
bool fl_supervisor_tell(enum fl_notice kind, int level, const char *text);

#endif
