#include "service/reload.h"

#include "platform/error.h"
#include "platform/random.h"
#include "service/check.h"
#include "service/control.h"
#include "service/format.h"
#include "service/kept.h"
#include "service/log.h"
#include "service/notify.h"
#include "service/status.h"

#include <stdlib.h>
#include <string.h>

/* ---- telling ---- */

static void answer(const struct fl_reload_state *reload,
                   struct fl_list *askers) {
  struct fl_list *node;
  while ((node = fl_list_pop(askers)) != NULL) {
    struct fl_reload_asker *asker =
        FL_CONTAINER(node, struct fl_reload_asker, link);
    asker->done(asker, reload);
  }
}

/* Those who asked while this one was under way get none. */
static void refuse_later(struct fl_reload_state *reload) {
  fl_reload_report_clear(&reload->report);
  reload->status = FL_STATUS_SYSTEM;
  reload->outcome = FL_RELOAD_FAILED;
  fl_reload_say(&reload->report, FL_NOTICE_REFUSED, FL_LOG_ERROR,
                "fairlead is stopping; nothing was changed");
  answer(reload, &reload->later);
}

static void note_success(struct fl_reload_state *reload,
                         const struct fl_config *config) {
  uv_timeval64_t now = {0};
  (void)uv_gettimeofday(&now);
  reload->succeeded = (uint64_t)now.tv_sec;
  (void)memcpy(reload->sha256, config->sha256, sizeof reload->sha256);
}

/* ---- the end ---- */

static void free_guard_changes(struct fl_reload_state *reload) {
  for (uint32_t i = 0; i < reload->change.guard_count; i++)
    fl_guard_change_free(reload->change.guards[i].change);
}

/* Guards of listeners that were to come. */
static void free_new_guards(struct fl_reload_state *reload) {
  const struct fl_generation *next = reload->next;
  for (uint32_t i = 0; i < next->config->listener_count; i++) {
    const struct fl_listener_plan *plan = &next->listeners[i];
    if (plan->before != FL_NONE)
      continue;
    fl_guard_free(reload->admission->guards[plan->slot]);
    reload->admission->guards[plan->slot] = NULL;
  }
}

/* What was needed only on the way. Begins the next one, if one is due. */
static void finish(struct fl_reload_state *reload,
                   enum fl_reload_outcome outcome, int status) {
  free(reload->change.acceptors);
  free(reload->change.guards);
  free(reload->steps);
  reload->change = (struct fl_change){0};
  reload->steps = NULL;
  reload->next = NULL;
  reload->outcome = outcome;
  reload->status = status;
  reload->counts[outcome]++;
  fl_notify_ready();
  answer(reload, &reload->askers);
  reload->running = false;
  fl_control_reloaded(reload->control);
  if (!reload->again)
    return;
  if (fl_control_stops(reload->control)) {
    refuse_later(reload);
    return;
  }
  while (!fl_list_empty(&reload->later))
    fl_list_push_back(&reload->askers, fl_list_pop(&reload->later));
  fl_reload_begin(reload);
}

/* Takes everything back. Requires: no worker has anything of it. notice: what
   the faults are. */
static void give_up(struct fl_reload_state *reload, enum fl_notice notice,
                    struct fl_text *faults, int status) {
  char error[FL_LOG_ERROR_TEXT];
  free_guard_changes(reload);
  if (reload->next != NULL)
    free_new_guards(reload);
  fl_listeners_close(&reload->opened, &reload->listeners);
  fl_generation_release(reload->next);
  (void)fl_log_open(reload->generation->config, error); /* as it was */
  fl_reload_say_all(&reload->report, notice, FL_LOG_ERROR, faults);
  fl_reload_say(&reload->report, FL_NOTICE_REFUSED, FL_LOG_ERROR,
                "nothing was changed; the configuration in effect stays "
                "(generation %u)",
                reload->generation->number);
  finish(reload, FL_RELOAD_FAILED, status);
}

static void no_memory(struct fl_reload_state *reload) {
  struct fl_text faults = {0};
  FL_TEXT(&faults, "out of memory");
  give_up(reload, FL_NOTICE_NONE, &faults, FL_STATUS_SYSTEM);
}

static void complete(struct fl_reload_state *reload) {
  struct fl_generation *before = reload->generation;
  fl_listeners_close(&reload->listeners, &reload->opened);
  reload->listeners = reload->opened;
  reload->opened = (struct fl_listeners){0};
  reload->generation = reload->next;
  fl_kept_keep(&reload->listeners, reload->generation->config);
  fl_listeners_announce(&reload->listeners, reload->generation->config,
                        reload->hooks);
  fl_reload_say_changes(&reload->report, reload->generation, before);
  fl_generation_release(before);
  note_success(reload, reload->generation->config);
  finish(reload, FL_RELOAD_CHANGED, FL_STATUS_OK);
}

/* ---- steps ---- */

static void on_done(void *owner, struct fl_message *message);

static void ask(struct fl_reload_state *reload, enum fl_step step) {
  reload->waits = reload->count;
  for (uint32_t i = 0; i < reload->count; i++) {
    struct fl_step_message *to = &reload->steps[i];
    to->change = &reload->change;
    to->done = on_done;
    to->step = step;
    to->worker = i;
    fl_worker_step(reload->workers[i], to);
  }
}

static void prepared(struct fl_reload_state *reload) {
  if (reload->error != 0) {
    ask(reload, FL_STEP_CANCEL);
    return;
  }
  /* So that acceptors that go have the last descriptors of their sockets, and
     empty their queues for good. */
  fl_kept_drop(&reload->listeners, &reload->opened);
  ask(reload, FL_STEP_QUIET);
}

static void on_done(void *owner, struct fl_message *message) {
  struct fl_reload_state *reload = fl_control_reload(owner);
  const struct fl_step_message *step =
      (const struct fl_step_message *)(const void *)message;
  struct fl_text faults = {0};
  char text[FL_ERROR_TEXT];
  if (step->error != 0)
    reload->error = step->error;
  if (--reload->waits > 0)
    return;
  switch (step->step) {
  case FL_STEP_PREPARE:
    prepared(reload);
    break;
  case FL_STEP_CANCEL:
    FL_TEXT(&faults,
            "a worker cannot prepare: ", fl_error_text(reload->error, text));
    give_up(reload, FL_NOTICE_NONE, &faults, FL_STATUS_SYSTEM);
    break;
  case FL_STEP_QUIET:
    fl_memory_set(&reload->admission->memory,
                  reload->next->config->max_buffered);
    ask(reload, FL_STEP_COMMIT);
    break;
  case FL_STEP_COMMIT:
    ask(reload, FL_STEP_START);
    break;
  case FL_STEP_START:
    complete(reload);
    break;
  }
}

/* ---- what is to change ---- */

static struct fl_acceptor_setup setup_of(const struct fl_reload_state *reload,
                                         uint32_t listener) {
  const struct fl_generation *next = reload->next;
  return (struct fl_acceptor_setup){
      .config = &next->config->listeners[listener],
      .slot = next->listeners[listener].slot,
      .admission = reload->admission,
      .placement = next->listeners[listener].placement,
      .workers = reload->workers,
      .worker_count = reload->count};
}

static bool list_acceptors(struct fl_reload_state *reload) {
  const struct fl_generation *now = reload->generation;
  const struct fl_listeners *old = &reload->listeners;
  const struct fl_listeners *opened = &reload->opened;
  struct fl_change *change = &reload->change;
  change->acceptors =
      calloc(old->count + opened->count + 1, sizeof *change->acceptors);
  if (change->acceptors == NULL)
    return false;
  for (uint32_t n = 0; n < opened->count; n++) {
    const struct fl_listening *it = &opened->list[n];
    bool stays = fl_listeners_have(old, it->acceptor);
    change->acceptors[change->acceptor_count++] = (struct fl_acceptor_change){
        .acceptor = it->acceptor,
        .fate = stays ? FL_ACCEPTOR_STAYS : FL_ACCEPTOR_COMES,
        .worker = reload->next->listeners[it->listener].placement.first,
        .setup = setup_of(reload, it->listener)};
  }
  for (uint32_t n = 0; n < old->count; n++) {
    const struct fl_listening *it = &old->list[n];
    bool moves = false;
    if (fl_listeners_have(opened, it->acceptor))
      continue;
    for (uint32_t i = 0; i < opened->count; i++)
      moves |= opened->list[i].before == n;
    change->acceptors[change->acceptor_count++] = (struct fl_acceptor_change){
        .acceptor = it->acceptor,
        .fate = moves ? FL_ACCEPTOR_MOVES : FL_ACCEPTOR_GOES,
        .worker = now->listeners[it->listener].placement.first};
  }
  return true;
}

static bool plan_guard(struct fl_reload_state *reload, uint32_t listener) {
  const struct fl_listener_config *config =
      &reload->next->config->listeners[listener];
  const struct fl_listener_plan *plan = &reload->next->listeners[listener];
  struct fl_guard **guard = &reload->admission->guards[plan->slot];
  if (plan->before == FL_NONE) {
    const uint64_t key[2] = {fl_random_next(reload->random),
                             fl_random_next(reload->random)};
    *guard = fl_guard_new(config, key);
    return *guard != NULL;
  }
  struct fl_guard_plan *change =
      &reload->change.guards[reload->change.guard_count];
  *change = (struct fl_guard_plan){.guard = *guard,
                                   .change = fl_guard_prepare(*guard, config),
                                   .config = config,
                                   .worker = plan->placement.first};
  reload->change.guard_count += change->change != NULL;
  return change->change != NULL;
}

static bool plan_guards(struct fl_reload_state *reload) {
  uint32_t count = reload->next->config->listener_count;
  reload->change.guards = calloc(count + 1, sizeof *reload->change.guards);
  if (reload->change.guards == NULL)
    return false;
  for (uint32_t i = 0; i < count; i++)
    if (!plan_guard(reload, i))
      return false;
  return true;
}

/* Slots that a new listener cannot have. Those of listeners that are gone, the
   last client too, are freed here. */
static void find_taken(struct fl_reload_state *reload, bool *taken) {
  struct fl_admission *admission = reload->admission;
  const struct fl_generation *now = reload->generation;
  memset(taken, 0, FL_LISTENER_SLOTS * sizeof *taken);
  for (uint32_t i = 0; i < now->config->listener_count; i++)
    taken[now->listeners[i].slot] = true;
  for (uint32_t slot = 0; slot < FL_LISTENER_SLOTS; slot++) {
    if (taken[slot] || admission->guards[slot] == NULL)
      continue;
    taken[slot] = atomic_load(&admission->occupancy[slot].open) != 0;
    if (taken[slot])
      continue;
    fl_guard_free(admission->guards[slot]);
    admission->guards[slot] = NULL;
  }
}

static void add_faults(const struct fl_reload_state *reload,
                       const struct fl_config *config,
                       const struct fl_generation_error *error,
                       struct fl_text *to) {
  uint32_t named =
      error->count < FL_GENERATION_FAULTS ? error->count : FL_GENERATION_FAULTS;
  for (uint32_t i = 0; i < named; i++) {
    const struct fl_generation_fault *fault = &error->faults[i];
    fl_check_add_place(to,
                       fl_config_file_name(config, fault->place, reload->name),
                       fault->place);
    FL_TEXT(to, fault->text, "\n");
  }
  if (error->count > named)
    fl_format(to, "and %u more\n", (unsigned)(error->count - named));
}

/* Returns false with reasons in *faults, and the exit status. */
static bool make_next(struct fl_reload_state *reload, struct fl_text *faults,
                      int *status) {
  struct fl_generation_error error = {0};
  bool taken[FL_LISTENER_SLOTS];
  *status = FL_STATUS_CONFIG;
  if (reload->path == NULL) {
    FL_TEXT(faults, "the configuration came from standard input and cannot be "
                    "read again; give a file to reload from");
    return false;
  }
  struct fl_config *config =
      fl_check_read(reload->path, reload->name, faults, status);
  if (config == NULL)
    return false;
  find_taken(reload, taken);
  reload->next = fl_generation_next(reload->generation, config, fl_config_free,
                                    taken, &error);
  if (reload->next != NULL)
    return true;
  *status = error.out_of_memory ? FL_STATUS_SYSTEM : FL_STATUS_CONFIG;
  if (error.out_of_memory)
    FL_TEXT(faults, "out of memory");
  else
    add_faults(reload, config, &error, faults);
  fl_config_free(config);
  return false;
}

/* Without a change in what it says the file may still be another: a comment. */
static void stay(struct fl_reload_state *reload) {
  fl_reload_say(&reload->report, FL_NOTICE_UNCHANGED, FL_LOG_INFO,
                "%s says what is in effect already (generation %u); SHA-256 %s",
                reload->name, reload->generation->number,
                reload->next->config->sha256);
  note_success(reload, reload->next->config);
  fl_generation_release(reload->next);
  finish(reload, FL_RELOAD_UNCHANGED, FL_STATUS_OK);
}

/* Opens what is new and asks the workers. */
static void change(struct fl_reload_state *reload) {
  struct fl_text faults = {0};
  char error[FL_LOG_ERROR_TEXT];
  int status = fl_listeners_change(&reload->opened, &reload->listeners,
                                   reload->next, reload->generation,
                                   reload->name, &faults, reload->hooks);
  if (status != FL_STATUS_OK) {
    give_up(reload, FL_NOTICE_LISTENER, &faults, status);
    return;
  }
  reload->change.next = reload->next;
  if (!fl_log_open(reload->next->config, error)) {
    fl_format(&faults, "%s: %s", reload->name, error);
    give_up(reload, FL_NOTICE_CONFIG, &faults, FL_STATUS_CONFIG);
    return;
  }
  reload->steps = calloc(reload->count, sizeof *reload->steps);
  if (reload->steps == NULL || !list_acceptors(reload) || !plan_guards(reload))
    no_memory(reload);
  else
    ask(reload, FL_STEP_PREPARE);
}

void fl_reload_begin(struct fl_reload_state *reload) {
  struct fl_text faults = {0};
  int status;
  if (reload->running) {
    reload->again = true;
    return;
  }
  fl_notify_reloading();
  reload->running = true;
  reload->again = false;
  reload->error = 0;
  reload->opened = (struct fl_listeners){0};
  fl_reload_report_clear(&reload->report);
  if (!make_next(reload, &faults, &status)) {
    give_up(reload, FL_NOTICE_CONFIG, &faults, status);
    return;
  }
  fl_reload_say_all(&reload->report, FL_NOTICE_ADVICE, FL_LOG_WARNING, &faults);
  if (fl_generation_changed(reload->next, reload->generation))
    change(reload);
  else
    stay(reload);
}

void fl_reload_ask(struct fl_reload_state *reload,
                   struct fl_reload_asker *asker) {
  fl_list_init(&asker->link);
  fl_list_push_back(reload->running ? &reload->later : &reload->askers,
                    &asker->link);
  fl_reload_begin(reload);
}

void fl_reload_start(struct fl_reload_state *reload,
                     const struct fl_config *config) {
  fl_list_init(&reload->askers);
  fl_list_init(&reload->later);
  note_success(reload, config);
}

const char *fl_reload_outcome_name(enum fl_reload_outcome outcome) {
  static const char *const names[FL_RELOAD_OUTCOMES] = {
      [FL_RELOAD_CHANGED] = "changed",
      [FL_RELOAD_UNCHANGED] = "unchanged",
      [FL_RELOAD_FAILED] = "failed"};
  return names[outcome];
}

void fl_reload_end(struct fl_reload_state *reload) {
  fl_reload_report_clear(&reload->report);
  fl_listeners_close(&reload->listeners, NULL);
  fl_generation_release(reload->generation);
}
