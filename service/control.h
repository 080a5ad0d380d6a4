/* The main thread's loop while the gateway serves: waits for signals and
   leads the workers through the stages of a stop. */
#ifndef FL_SERVICE_CONTROL_H
#define FL_SERVICE_CONTROL_H

#include "platform/worker.h"
#include "service/reload.h"
#include "service/signals.h"

struct fl_control {
  uv_loop_t loop;
  uv_signal_t signals[FL_SIGNALS_MAX]; /* fl_signals, in that order */
  unsigned watched;                    /* of them */
  uv_timer_t limit; /* drain_delay, then the time limit of the stop, then the
                       last second */
  uv_timer_t grace; /* of a restart, before clients are closed */
  struct fl_mailbox mailbox; /* of the workers' reports */
  struct fl_reload_state *reload;
  struct fl_admission *admission;
  struct fl_worker **workers; /* those that have started */
  uint32_t count;
  enum fl_stage stage;
  uint32_t done;  /* workers that have done the stage */
  unsigned asked; /* signals to stop that came */
  bool restart;   /* the stop is that of a restart: short, and listening
                     sockets that are kept (service/kept.h) stay so */
  fl_time leaves; /* how long the system lets it live on; 0: it does not say */
  const char *stop; /* who began a stop; NULL: nobody. The stop itself waits for
                       the end of a reload under way */
  fl_time stopped;  /* when they did */
  fl_time cut_at; /* when clients that are left are closed; 0: not known yet */
};

/* Catches the signals from now on. Returns 0 or an error of libuv. */
int fl_control_open(struct fl_control *control, struct fl_reload_state *reload,
                    struct fl_admission *admission);

/* What workers report to, with control->mailbox; owner is the control. */
void fl_control_report(void *owner, struct fl_message *message);

/* From the reload: the control's own one, which owner leads to; its end;
   whether there is to be no more. */
struct fl_reload_state *fl_control_reload(void *owner);
void fl_control_reloaded(struct fl_control *control);
bool fl_control_stops(const struct fl_control *control);

/* Serves until a signal comes and all is drained. The workers' threads are
   at their end when it returns, and are to be joined. */
void fl_control_serve(struct fl_control *control, struct fl_worker **workers,
                      uint32_t count);

/* Ends workers that never served, because not all could be started. */
void fl_control_abandon(struct fl_control *control, struct fl_worker **workers,
                        uint32_t count);

/* Begins the stop that a signal begins: with drain_delay, in which everything
   is served as before, but fl_control_serves says no. `who` wants it, for the
   log: one clause. Returns false when one is under way. On the main thread. */
bool fl_control_stop(struct fl_control *control, const char *who);

/* Whether the workers still turn, so that they can be called. */
bool fl_control_turns(const struct fl_control *control);

/* Whether no stop has begun. */
bool fl_control_serves(const struct fl_control *control);

/* Whether listeners take new clients. */
bool fl_control_accepts(const struct fl_control *control);

/* For how long it has been stopping; 0: it is not. */
fl_time fl_control_stopping_for(const struct fl_control *control, fl_time now);

/* Until whoever is left is closed: drain_delay and shutdown_timeout, or what
   remains of them. FL_NEVER: no stop is under way, or it waits for the end of a
   reload. */
fl_time fl_control_cut_in(const struct fl_control *control, fl_time now);

/* Clients that are open. */
uint32_t fl_control_clients(const struct fl_control *control);

/* "serving" or "stopping". */
const char *fl_control_state(const struct fl_control *control);

/* After the workers' threads have ended: takes what they had sent. */
void fl_control_settle(struct fl_control *control);

void fl_control_close(struct fl_control *control);

#endif
