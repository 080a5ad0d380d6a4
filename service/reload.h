/* Putting the configuration file into effect again while the gateway serves.
   The file is read and checked, new sockets are opened, all workers prepare;
   only when all of that has worked do they change over. Else nothing changes,
   and the log says why. All on the main thread. */
#ifndef FL_SERVICE_RELOAD_H
#define FL_SERVICE_RELOAD_H

#include "core/text.h"
#include "platform/worker.h"
#include "service/listeners.h"

struct fl_control;

struct fl_reload_state {
  const char *name; /* the file's, for people */
  const char *path; /* absolute; NULL: it was standard input */
  const struct fl_hooks *hooks;
  struct fl_control *control;
  struct fl_generation *generation; /* in effect; held */
  struct fl_listeners listeners;    /* its sockets */
  struct fl_admission *admission;
  struct fl_worker **workers;
  uint32_t count;
  struct fl_random *random;

  /* Of the reload under way. */
  bool running;
  bool again; /* it was asked for once more meanwhile */
  struct fl_generation *next;
  struct fl_listeners opened;
  struct fl_change change;
  struct fl_step_message *steps; /* one per worker */
  uint32_t waits;                /* workers that have not answered yet */
  int error;                     /* that one of them answered */
};

/* Begins a reload, or another one after that under way: then the file is read
   again, so that what was asked for last is in effect in the end. Requires:
   the workers serve. */
void fl_reload_begin(struct fl_reload_state *reload);

/* Frees what it has of its own. Requires: no reload is under way. */
void fl_reload_end(struct fl_reload_state *reload);

#endif
