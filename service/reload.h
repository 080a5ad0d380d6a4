/* Putting the configuration file into effect again while the gateway serves.
   The file is read and checked, new sockets are opened, all workers prepare;
   only when all of that has worked do they change over. Else nothing changes,
   and the log says why. All on the main thread. */
#ifndef FL_SERVICE_RELOAD_H
#define FL_SERVICE_RELOAD_H

#include "core/list.h"
#include "core/text.h"
#include "platform/worker.h"
#include "service/listeners.h"
#include "service/reload_report.h"

struct fl_control;
struct fl_reload_state;

enum fl_reload_outcome {
  FL_RELOAD_CHANGED,
  FL_RELOAD_UNCHANGED, /* the file says what is in effect */
  FL_RELOAD_FAILED,    /* nothing was changed */
  FL_RELOAD_OUTCOMES
};

/* One who waits for the end of a reload. It is told once: report, outcome and
   status of *reload are those of the reload that it asked for. */
struct fl_reload_asker {
  void (*done)(struct fl_reload_asker *asker,
               const struct fl_reload_state *reload);
  struct fl_list link; /* the reload's */
};

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
  char sha256[FL_CONFIG_SHA256]; /* of the file that was put into effect last */
  uint64_t succeeded;            /* when it was: seconds of Unix time */
  uint64_t counts[FL_RELOAD_OUTCOMES]; /* reloads */

  /* Of the reload under way. */
  bool running;
  bool again; /* it was asked for once more meanwhile */
  struct fl_generation *next;
  struct fl_listeners opened;
  struct fl_change change;
  struct fl_step_message *steps; /* one per worker */
  uint32_t waits;                /* workers that have not answered yet */
  int error;                     /* that one of them answered */
  struct fl_list askers;
  struct fl_list later; /* those who asked when it had begun: they wait for the
                           next one */

  /* Of the last one that has ended. */
  struct fl_reload_report report; /* also of the one under way */
  enum fl_reload_outcome outcome;
  int status; /* service/status.h */
};

/* Before anything else: config is put into effect at the start. */
void fl_reload_start(struct fl_reload_state *reload,
                     const struct fl_config *config);

/* Begins a reload, or another one after that under way: then the file is read
   again, so that what was asked for last is in effect in the end. Requires:
   the workers serve. */
void fl_reload_begin(struct fl_reload_state *reload);

/* The same, for one who waits. The asker is in use until it is told, which may
   be before this returns. */
void fl_reload_ask(struct fl_reload_state *reload,
                   struct fl_reload_asker *asker);

/* "changed", "unchanged", "failed". */
const char *fl_reload_outcome_name(enum fl_reload_outcome outcome);

/* Frees what it has of its own. Requires: no reload is under way. */
void fl_reload_end(struct fl_reload_state *reload);

#endif
