#include "service/run.h"

#include "platform/clock.h"
#include "platform/error.h"
#include "platform/random.h"
#include "platform/worker.h"
#include "service/admin.h"
#include "service/channel.h"
#include "service/complain.h"
#include "service/daemon.h"
#include "service/heartbeat.h"
#include "service/kept.h"
#include "service/log.h"
#include "service/notify.h"
#include "service/process.h"
#include "service/sampler.h"
#include "service/status.h"
#include "service/supervisor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct run {
  struct fl_config *config;    /* until reload.generation has it */
  struct fl_generation *first; /* whose config the instance has */
  struct fl_reload_state reload;
  struct fl_random random;
  struct fl_admission admission;
  struct fl_control control;
  struct fl_instance instance;
  struct fl_channel *channel;
  struct fl_admin *admin;
  struct fl_heartbeat *heartbeat;
  struct fl_worker **workers;
  uint32_t count;
};

static const struct fl_hooks hooks = {.log = fl_log, .event = fl_log_event};

static bool no_memory(void) {
  fl_log(FL_LOG_ERROR, FL_LOG_SERVICE, "out of memory");
  return false;
}

static bool make_guards(struct run *run) {
  char text[FL_ERROR_TEXT];
  const struct fl_config *config = run->config;
  int error = fl_random_seed(&run->random);
  if (error != 0) {
    fl_log(FL_LOG_ERROR, FL_LOG_SERVICE, "no randomness: %s",
           fl_error_text(error, text));
    return false;
  }
  for (uint32_t i = 0; i < config->listener_count; i++) {
    uint64_t key[2] = {fl_random_next(&run->random),
                       fl_random_next(&run->random)};
    run->admission.guards[i] = fl_guard_new(&config->listeners[i], key);
    if (run->admission.guards[i] == NULL)
      return no_memory();
  }
  return true;
}

static bool make_tables(struct run *run) {
  uint32_t auto_count = uv_available_parallelism();
  if (auto_count > FL_CONFIG_WORKERS_MAX)
    auto_count = FL_CONFIG_WORKERS_MAX;
  run->count = run->config->workers != 0 ? run->config->workers : auto_count;
  run->workers = calloc(run->count, sizeof *run->workers);
  run->admission.mailboxes =
      calloc(run->count, sizeof *run->admission.mailboxes);
  run->admission.occupancy =
      calloc(FL_LISTENER_SLOTS, sizeof *run->admission.occupancy);
  run->admission.guards =
      calloc(FL_LISTENER_SLOTS, sizeof *run->admission.guards);
  run->reload.generation =
      fl_generation_first(run->config, fl_config_free, run->count);
  if (run->workers == NULL || run->admission.mailboxes == NULL ||
      run->admission.occupancy == NULL || run->admission.guards == NULL ||
      run->reload.generation == NULL)
    return no_memory();
  run->first = fl_generation_hold(run->reload.generation);
  run->admission.count = run->count;
  fl_memory_init(&run->admission.memory, run->config->max_buffered, run->count);
  return make_guards(run);
}

static bool make_workers(struct run *run) {
  char text[FL_ERROR_TEXT];
  struct fl_worker_setup setup = {.generation = run->reload.generation,
                                  .admission = &run->admission,
                                  .hooks = &hooks,
                                  .control = &run->control.mailbox,
                                  .report = fl_control_report};
  for (; setup.index < run->count; setup.index++) {
    int error = 0;
    struct fl_worker *worker = fl_worker_new(&setup, &error);
    if (worker == NULL) {
      fl_log(FL_LOG_ERROR, FL_LOG_SERVICE, "worker %u cannot be made: %s",
             setup.index, fl_error_text(error, text));
      return false;
    }
    run->workers[setup.index] = worker;
    run->admission.mailboxes[setup.index] = fl_worker_mailbox(worker);
  }
  return true;
}

static bool attach_listeners(struct run *run) {
  char text[FL_ERROR_TEXT];
  for (uint32_t n = 0; n < run->reload.listeners.count; n++) {
    uint32_t listener = run->reload.listeners.list[n].listener;
    struct fl_acceptor_setup setup = {
        .config = &run->config->listeners[listener],
        .slot = run->reload.generation->listeners[listener].slot,
        .admission = &run->admission,
        .placement = run->reload.generation->listeners[listener].placement,
        .workers = run->workers,
        .worker_count = run->count};
    int error =
        fl_acceptor_attach(run->reload.listeners.list[n].acceptor, &setup);
    if (error != 0) {
      fl_log(FL_LOG_ERROR, FL_LOG_SERVICE, "%s: cannot be polled: %s",
             setup.config->name, fl_error_text(error, text));
      return false;
    }
  }
  return true;
}

/* Returns how many could be started. */
static uint32_t start_workers(struct run *run) {
  char text[FL_ERROR_TEXT];
  for (uint32_t i = 0; i < run->count; i++) {
    int error = fl_worker_start(run->workers[i]);
    if (error != 0) {
      fl_log(FL_LOG_ERROR, FL_LOG_SERVICE, "worker %u cannot be started: %s", i,
             fl_error_text(error, text));
      return i;
    }
  }
  return run->count;
}

/* To everybody who waits for it. */
static void announce(struct run *run) {
  fl_log_echo(false);
  fl_kept_keep(&run->reload.listeners, run->config);
  fl_daemon_ready();
  fl_notify_ready();
}

/* Serves, or takes back what could be started of it. */
static int serve(struct run *run) {
  uint32_t started = start_workers(run);
  int status = FL_STATUS_SYSTEM;
  if (started == run->count) {
    fl_log_notice(FL_NOTICE_STARTED, FL_LOG_INFO, FL_LOG_SERVICE,
                  "configuration: %s, generation %u, SHA-256 %s",
                  run->reload.name, run->reload.generation->number,
                  run->reload.sha256);
    fl_log(FL_LOG_INFO, FL_LOG_SERVICE, "ready: %u listener%s, %u worker%s",
           run->config->listener_count,
           run->config->listener_count == 1 ? "" : "s", run->count,
           run->count == 1 ? "" : "s");
    announce(run);
    fl_control_serve(&run->control, run->workers, run->count);
    status = FL_STATUS_OK;
  } else {
    fl_control_abandon(&run->control, run->workers, started);
  }
  for (uint32_t i = 0; i < started; i++)
    fl_worker_join(run->workers[i]);
  fl_control_settle(&run->control);
  return status;
}

/* Opens the control socket and the pages, and serves. */
static int serve_controlled(struct run *run) {
  /* What it looks up there changes by a restart only. */
  run->instance = (struct fl_instance){.config = run->first->config,
                                       .path = run->reload.name,
                                       .listeners = &run->reload.listeners,
                                       .control = &run->control,
                                       .workers = run->workers,
                                       .count = run->count,
                                       .started = fl_clock()};
  int status = fl_channel_open(&run->channel, &run->instance);
  if (status == FL_STATUS_OK)
    status = fl_admin_open(&run->admin, &run->instance, &hooks);
  if (status == FL_STATUS_OK) {
    bool failed;
    run->instance.sampler = fl_sampler_open(&run->instance);
    run->heartbeat = fl_heartbeat_open(&run->instance, &failed);
    if ((run->instance.sampler == NULL || failed) && !no_memory())
      return FL_STATUS_SYSTEM;
    status = serve(run);
  }
  return status;
}

/* ---- totals ---- */

struct line {
  char text[512];
  size_t size;
};

static void log_line(struct line *line) {
  if (line->size > 0)
    fl_log(FL_LOG_INFO, FL_LOG_SERVICE, "totals:%s", line->text);
  line->size = 0;
}

/* Adds " name{reason}=value", on a new line when this one is full. */
static void add_total(void *ctx, const char *name, const char *reason,
                      uint64_t value) {
  struct line *line = ctx;
  char word[128];
  int size = reason == NULL
                 ? snprintf(word, sizeof word, " %s=%" PRIu64, name, value)
                 : snprintf(word, sizeof word, " %s{%s}=%" PRIu64, name, reason,
                            value);
  if (size < 0 || (size_t)size >= sizeof word)
    return;
  if (line->size + (size_t)size >= sizeof line->text)
    log_line(line);
  (void)snprintf(line->text + line->size, sizeof line->text - line->size, "%s",
                 word);
  line->size += (size_t)size;
}

static void log_totals(const struct run *run) {
  struct fl_metrics sum = {0};
  struct line line = {.size = 0};
  for (uint32_t i = 0; i < run->count; i++)
    fl_metrics_add(&sum, fl_worker_metrics(run->workers[i]));
  fl_metrics_each(&sum, add_total, &line);
  log_line(&line);
}

/* ---- the whole ---- */

/* Returns whether everything could be given back. */
static bool clean_up(struct run *run) {
  struct fl_guard **guards = run->admission.guards;
  bool clean = true;
  for (uint32_t i = 0; run->workers != NULL && i < run->count; i++)
    clean &= fl_worker_free(run->workers[i]);
  if (!clean)
    return false;
  free(run->workers);
  free(run->admission.mailboxes);
  free(run->admission.occupancy);
  for (uint32_t i = 0; guards != NULL && i < FL_LISTENER_SLOTS; i++)
    fl_guard_free(guards[i]);
  free(guards);
  if (run->reload.generation == NULL)
    fl_config_free(run->config);
  fl_generation_release(run->first);
  fl_reload_end(&run->reload);
  return true;
}

static int run_all(struct run *run) {
  char text[FL_ERROR_TEXT];
  int status = FL_STATUS_SYSTEM;
  int error = fl_control_open(&run->control, &run->reload, &run->admission);
  if (error != 0) {
    fl_log(FL_LOG_ERROR, FL_LOG_SERVICE, "the main loop cannot be made: %s",
           fl_error_text(error, text));
    return status;
  }
  run->reload.control = &run->control;
  run->reload.admission = &run->admission;
  run->reload.workers = run->workers;
  run->reload.count = run->count;
  run->reload.random = &run->random;
  error = fl_log_start();
  if (error != 0)
    fl_log(FL_LOG_ERROR, FL_LOG_SERVICE,
           "the log's thread cannot be started: %s",
           fl_error_text(error, text));
  else if (make_workers(run) && attach_listeners(run))
    status = serve_controlled(run);
  if (status == FL_STATUS_OK) {
    log_totals(run);
    fl_log_notice(FL_NOTICE_STOPPED, FL_LOG_INFO, FL_LOG_SERVICE, "stopped");
  }
  fl_admin_hush(run->admin);
  fl_control_settle(&run->control);
  fl_admin_close(run->admin);
  fl_heartbeat_close(run->heartbeat);
  fl_sampler_close(run->instance.sampler);
  fl_channel_close(run->channel, status);
  fl_control_close(&run->control);
  fl_channel_free(run->channel);
  fl_admin_free(run->admin);
  fl_heartbeat_free(run->heartbeat);
  fl_sampler_free(run->instance.sampler);
  fl_log_stop();
  return status;
}

/* Opens what it listens on, as long as it may, and does the rest as whoever it
   is to be. */
static int open_and_run(struct run *run) {
  struct fl_text faults = {0};
  int status = fl_listeners_open(&run->reload.listeners, run->config,
                                 run->reload.name, &faults, &hooks);
  if (faults.size > 0)
    fl_complain_lines(FL_NOTICE_LISTENER, faults.bytes);
  free(fl_text_take(&faults));
  if (status != FL_STATUS_OK) {
    fl_config_free(run->config);
    return status;
  }
  fl_supervisor_progress();
  status = fl_daemon_drop_privileges() && make_tables(run) ? run_all(run)
                                                           : FL_STATUS_SYSTEM;
  /* A lookup that the system still works on would be waited for when the
     process ends in the ordinary way (libuv joins its threads then). */
  if (!clean_up(run)) {
    fl_daemon_end(status);
    fl_process_exit(status);
  }
  return status;
}

int fl_run(struct fl_config *config, const char *name, const char *path) {
  struct run run = {.config = config,
                    .reload = {.name = name, .path = path, .hooks = &hooks}};
  fl_process_prepare();
  fl_notify_open();
  fl_kept_open(&hooks);
  fl_supervisor_progress();
  fl_reload_start(&run.reload, config);
  int status = open_and_run(&run);
  fl_kept_close();
  fl_notify_close();
  return status;
}
