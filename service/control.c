#include "service/control.h"

#include "platform/clock.h"
#include "service/daemon.h"
#include "service/duration.h"
#include "service/kept.h"
#include "service/log.h"
#include "service/notify.h"
#include "service/process.h"
#include "service/status.h"
#include "service/supervisor.h"

/* After FL_STAGE_NOW only closing is left, which takes a turn of each loop.
   A worker that is not through by then never will be. */
enum { LAST_MS = 5000 };

/* At a restart, for the first requests of clients that were let in last: they
   have no reason to be in a hurry, and would find their connection closed. At
   most this part of restart_timeout. */
enum { GRACE_MS = 200, GRACE_PART = 4 };

/* What the system leaves where it ends the process soon: Windows does so some
   5 s after its console was closed or its user's session ended. The rest is for
   closing what is left, and for the log. */
#define LEAVES (4 * FL_SECOND)

static fl_time configured_limit(const struct fl_control *control) {
  const struct fl_config *config = control->reload->generation->config;
  return control->restart ? config->restart_timeout : config->shutdown_timeout;
}

static bool is_short(const struct fl_control *control) {
  return control->leaves != 0 && control->leaves < configured_limit(control);
}

/* For how long clients are waited for. */
static fl_time time_limit(const struct fl_control *control) {
  return is_short(control) ? control->leaves : configured_limit(control);
}

static void ask(struct fl_control *control, enum fl_stage stage) {
  control->stage = stage;
  control->done = 0;
  for (uint32_t i = 0; i < control->count; i++)
    fl_worker_ask(control->workers[i], stage);
}

static void on_last(uv_timer_t *timer) {
  (void)timer;
  fl_log(FL_LOG_ERROR, FL_LOG_SERVICE,
         "connections could not be closed; ending");
  fl_log_stop();
  fl_daemon_end(FL_STATUS_SYSTEM);
  fl_process_exit(FL_STATUS_SYSTEM);
}

static void stop_now(struct fl_control *control) {
  (void)uv_timer_start(&control->limit, on_last, LAST_MS, 0);
  ask(control, FL_STAGE_NOW);
}

/* Nothing may come between: on_limit waits for the end of that stage. */
static void on_grace(uv_timer_t *timer) { ask(timer->data, FL_STAGE_REQUESTS); }

static void drain_requests(struct fl_control *control) {
  fl_time most = time_limit(control) / GRACE_PART / FL_MILLISECOND;
  if (control->restart)
    (void)uv_timer_start(&control->grace, on_grace,
                         most < GRACE_MS ? most : GRACE_MS, 0);
  else
    ask(control, FL_STAGE_REQUESTS);
}

static void advance(struct fl_control *control) {
  switch (control->stage) {
  case FL_STAGE_QUIET:
    drain_requests(control);
    break;
  case FL_STAGE_REQUESTS:
    ask(control, FL_STAGE_COMMANDS);
    break;
  case FL_STAGE_COMMANDS:
    stop_now(control);
    break;
  default:
    ask(control, FL_STAGE_END);
    uv_stop(&control->loop);
    break;
  }
}

void fl_control_report(void *owner, struct fl_message *message) {
  struct fl_control *control = owner;
  const struct fl_report *report = (const struct fl_report *)message;
  if (report->stage == control->stage && ++control->done == control->count)
    advance(control);
}

uint32_t fl_control_clients(const struct fl_control *control) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < FL_LISTENER_SLOTS; i++)
    sum += fl_occupancy_count(&control->admission->occupancy[i]);
  return sum;
}

static const char *limit_name(const struct fl_control *control) {
  if (is_short(control))
    return "the time that the system leaves";
  return control->restart ? "restart_timeout" : "shutdown_timeout";
}

/* The time for it is over. While a worker is still accepting what had queued
   up, others may be handed clients: then that stage ends first. */
static void on_limit(uv_timer_t *timer) {
  struct fl_control *control = timer->data;
  if (control->stage == FL_STAGE_QUIET) {
    (void)uv_timer_start(timer, on_limit, 1, 0);
    return;
  }
  fl_log(FL_LOG_WARNING, FL_LOG_SERVICE,
         "%s is over: closing the %u clients that are left",
         limit_name(control), fl_control_clients(control));
  stop_now(control);
}

/* What a person who waits can do; a service manager has no signals. */
static const char *hurry(const struct fl_control *control) {
  if (fl_supervised() || control->leaves != 0)
    return "";
  return control->asked > 0
             ? "; another signal ends it at once"
             : "; the first signal after the command changes nothing, the "
               "second one ends it at once";
}

/* No new clients from now on. */
static void begin_stages(struct fl_control *control) {
  fl_time limit = time_limit(control);
  uint32_t open = fl_control_clients(control);
  char text[FL_DURATION_TEXT];
  if (!control->restart)
    fl_kept_drop(&control->reload->listeners, NULL);
  fl_log_notice(
      FL_NOTICE_STOPPING, FL_LOG_INFO, FL_LOG_SERVICE,
      "stopping: %s; %u client%s connected, requests that have arrived "
      "are answered for up to %s%s",
      control->stop, open, open == 1 ? " is" : "s are",
      fl_duration_format(limit, text), hurry(control));
  control->cut_at = fl_time_add(fl_clock(), limit);
  (void)uv_timer_start(&control->limit, on_limit, limit / FL_MILLISECOND, 0);
  ask(control, FL_STAGE_QUIET);
}

static void on_delayed(uv_timer_t *timer) { begin_stages(timer->data); }

static void begin_stop(struct fl_control *control) {
  fl_time delay = control->restart || control->leaves != 0
                      ? 0
                      : control->reload->generation->config->drain_delay;
  char text[FL_DURATION_TEXT];
  fl_notify_stopping(delay + time_limit(control) +
                     FL_MILLISECOND * 2 * LAST_MS);
  if (delay == 0) {
    begin_stages(control);
    return;
  }
  fl_log(FL_LOG_INFO, FL_LOG_SERVICE,
         "%s: not ready any more; clients are served as before for %s "
         "(drain_delay), then it stops%s",
         control->stop, fl_duration_format(delay, text), hurry(control));
  control->cut_at = fl_time_add(fl_clock(), delay + time_limit(control));
  (void)uv_timer_start(&control->limit, on_delayed, delay / FL_MILLISECOND, 0);
}

bool fl_control_stop(struct fl_control *control, const char *who) {
  if (control->stop != NULL || control->stage != FL_STAGE_SERVE)
    return false;
  control->stop = who;
  control->stopped = fl_clock();
  if (!control->reload->running)
    begin_stop(control);
  return true;
}

/* A stop under way ends sooner. */
static void hurry_up(void *owner, const char *who) {
  struct fl_control *control = owner;
  control->leaves = LEAVES;
  if (fl_control_stop(control, who) || control->stop == NULL)
    return;
  fl_log(FL_LOG_WARNING, FL_LOG_SERVICE, "stopping already; %s", who);
  if (control->stage == FL_STAGE_SERVE && !control->reload->running) {
    begin_stages(control); /* drain_delay is over */
  } else if (control->stage > FL_STAGE_SERVE && control->stage < FL_STAGE_NOW &&
             uv_timer_get_due_in(&control->limit) > LEAVES / FL_MILLISECOND) {
    control->cut_at = fl_time_add(fl_clock(), LEAVES);
    (void)uv_timer_start(&control->limit, on_limit, LEAVES / FL_MILLISECOND, 0);
  }
}

/* The first signal begins the stop, the second ends the process. One behind
   the command `stop` is the first: a supervisor that runs the command may
   send it, too. */
static void on_stop(struct fl_control *control,
                    const struct fl_signal *signal) {
  bool first = control->asked++ == 0;
  control->restart |= signal->act == FL_SIGNAL_RESTART && control->stop == NULL;
  if (fl_control_stop(control, signal->name))
    return;
  if (first) {
    fl_log(FL_LOG_INFO, FL_LOG_SERVICE,
           "%s: stopping already; another signal ends it at once",
           signal->name);
    return;
  }
  fl_log(FL_LOG_WARNING, FL_LOG_SERVICE, "%s again: ending at once",
         signal->name);
  fl_log_stop();
  fl_daemon_end(128 + signal->number);
  fl_process_exit(128 + signal->number);
}

bool fl_control_turns(const struct fl_control *control) {
  return control->count > 0 && control->stage < FL_STAGE_END;
}

bool fl_control_serves(const struct fl_control *control) {
  return control->stage == FL_STAGE_SERVE && control->stop == NULL;
}

bool fl_control_accepts(const struct fl_control *control) {
  return control->stage <= FL_STAGE_SERVE;
}

const char *fl_control_state(const struct fl_control *control) {
  return fl_control_serves(control) ? "serving" : "stopping";
}

fl_time fl_control_stopping_for(const struct fl_control *control, fl_time now) {
  return control->stop == NULL ? 0 : now - control->stopped;
}

fl_time fl_control_cut_in(const struct fl_control *control, fl_time now) {
  if (control->cut_at == 0)
    return FL_NEVER;
  return control->cut_at > now ? control->cut_at - now : 0;
}

void fl_control_settle(struct fl_control *control) {
  (void)uv_run(&control->loop, UV_RUN_NOWAIT);
}

static void reload(struct fl_control *control, const char *who) {
  if (control->stop != NULL || control->stage != FL_STAGE_SERVE)
    fl_log(FL_LOG_WARNING, FL_LOG_RELOAD, "%s: not while stopping", who);
  else
    fl_reload_begin(control->reload);
}

static void on_signal(uv_signal_t *handle, int number) {
  struct fl_control *control = handle->data;
  size_t count;
  const struct fl_signal *signal =
      &fl_signals(&count)[handle - control->signals];
  (void)number;
  switch (signal->act) {
  case FL_SIGNAL_STOP:
  case FL_SIGNAL_RESTART:
    on_stop(control, signal);
    break;
  case FL_SIGNAL_HURRY:
    hurry_up(control, signal->name);
    break;
  case FL_SIGNAL_RELOAD:
    reload(control, signal->name);
    break;
  case FL_SIGNAL_REOPEN:
    fl_log_reopen();
    break;
  }
}

static void on_ordered_stop(void *owner, const char *who) {
  (void)fl_control_stop(owner, who);
}

static void on_ordered_reload(void *owner, const char *who) {
  reload(owner, who);
}

struct fl_reload_state *fl_control_reload(void *owner) {
  return ((struct fl_control *)owner)->reload;
}

void fl_control_reloaded(struct fl_control *control) {
  if (control->stop != NULL)
    begin_stop(control);
}

bool fl_control_stops(const struct fl_control *control) {
  return control->stop != NULL;
}

static int watch(struct fl_control *control, const struct fl_signal *signal) {
  uv_signal_t *handle = &control->signals[control->watched];
  int error = uv_signal_init(&control->loop, handle);
  if (error != 0)
    return error;
  handle->data = control;
  control->watched++;
  return uv_signal_start(handle, on_signal, signal->number);
}

static int watch_all(struct fl_control *control) {
  size_t count;
  const struct fl_signal *signals = fl_signals(&count);
  int error = 0;
  for (size_t i = 0; error == 0 && i < count; i++)
    error = watch(control, &signals[i]);
  return error;
}

static void unwatch_all(struct fl_control *control) {
  while (control->watched > 0)
    uv_close((uv_handle_t *)&control->signals[--control->watched], NULL);
}

/* Runs the closing of handles. */
static void close_loop(struct fl_control *control) {
  (void)uv_run(&control->loop, UV_RUN_DEFAULT);
  (void)uv_loop_close(&control->loop);
}

int fl_control_open(struct fl_control *control, struct fl_reload_state *reload,
                    struct fl_admission *admission) {
  static const struct fl_supervisor_calls calls = {on_ordered_stop,
                                                   on_ordered_reload, hurry_up};
  *control = (struct fl_control){
      .reload = reload, .admission = admission, .stage = FL_STAGE_SERVE};
  int error = uv_loop_init(&control->loop);
  if (error != 0)
    return error;
  error = fl_mailbox_open(&control->mailbox, &control->loop, control, NULL);
  if (error != 0)
    goto no_mailbox;
  error = watch_all(control);
  if (error != 0)
    goto no_signals;
  error = fl_supervisor_watch(&control->loop, &calls, control);
  if (error != 0)
    goto no_signals;
  (void)uv_timer_init(&control->loop, &control->limit);
  control->limit.data = control;
  (void)uv_timer_init(&control->loop, &control->grace);
  control->grace.data = control;
  return 0;
no_signals:
  unwatch_all(control);
  fl_mailbox_close(&control->mailbox);
no_mailbox:
  close_loop(control);
  return error;
}

void fl_control_serve(struct fl_control *control, struct fl_worker **workers,
                      uint32_t count) {
  control->workers = workers;
  control->count = count;
  ask(control, FL_STAGE_SERVE);
  (void)uv_run(&control->loop, UV_RUN_DEFAULT);
}

void fl_control_abandon(struct fl_control *control, struct fl_worker **workers,
                        uint32_t count) {
  if (count == 0)
    return;
  control->workers = workers;
  control->count = count;
  stop_now(control);
  (void)uv_run(&control->loop, UV_RUN_DEFAULT);
}

void fl_control_close(struct fl_control *control) {
  fl_mailbox_close(&control->mailbox);
  unwatch_all(control);
  fl_supervisor_unwatch();
  uv_close((uv_handle_t *)&control->limit, NULL);
  uv_close((uv_handle_t *)&control->grace, NULL);
  close_loop(control);
}
