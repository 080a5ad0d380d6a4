#include "tests/sim/reload.h"

#include "core/reload.h"
#include "tests/sim/listeners.h"
#include "tests/sim/worker.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

enum { RELOADS_MAX = 8 };

struct reload {
  struct sim *sim;
  struct sim_random random; /* its own */
  const char *text;         /* the configuration in effect */
  uint64_t left;            /* reloads to come */
  uint32_t waits;           /* for so many workers */
  bool gives_up;
  struct sim_listeners *listeners;
};

static uint64_t chance(struct reload *reload, uint64_t low, uint64_t high) {
  return sim_random_between(&reload->random, low, high);
}

/* -- what changes -- */

static void set_time(struct reload *reload, cJSON *in, const char *key,
                     uint64_t low, uint64_t high) {
  char text[32];
  if (cJSON_GetObjectItem(in, key) == NULL) /* not in every mode */
    return;
  snprintf(text, sizeof text, "%ums", (unsigned)chance(reload, low, high));
  cJSON_DeleteItemFromObject(in, key);
  cJSON_AddStringToObject(in, key, text);
}

static void set_min_size(struct reload *reload, cJSON *pool) {
  const cJSON *max = cJSON_GetObjectItem(pool, "max_size");
  if (max == NULL)
    return;
  cJSON_DeleteItemFromObject(pool, "min_size");
  cJSON_AddNumberToObject(pool, "min_size",
                          (double)chance(reload, 0, (uint64_t)max->valueint));
}

static void set_balance(struct reload *reload, cJSON *upstream) {
  const cJSON *balance = cJSON_GetObjectItem(upstream, "balance");
  const char *name = cJSON_GetStringValue(balance);
  if (name == NULL || name[0] == 'h') /* by address */
    return;
  cJSON_DeleteItemFromObject(upstream, "balance");
  cJSON_AddStringToObject(upstream, "balance",
                          chance(reload, 0, 1) == 0 ? "round_robin"
                                                    : "least_in_flight");
}

/* Requests under way end where they are. Where servers are watched or taken
   out, others look at them by their number. */
static void remove_server(struct reload *reload, cJSON *upstream,
                          uint32_t index) {
  struct sim_upstream_plan *plan = &reload->sim->upstreams[index];
  cJSON *servers = cJSON_GetObjectItem(upstream, "servers");
  int count = cJSON_GetArraySize(servers);
  if (count < 2 || plan->watched || plan->built_in || reload->sim->operates)
    return;
  cJSON_DeleteItemFromArray(servers, (int)chance(reload, 0, 1) * (count - 1));
  plan->shifted = true; /* addresses lead elsewhere */
}

static void change_upstream(struct reload *reload, cJSON *upstream,
                            uint32_t index) {
  cJSON *pool = cJSON_GetObjectItem(upstream, "pool");
  switch (chance(reload, 0, 5)) {
  case 0:
    set_time(reload, pool, "idle_timeout", 1, 20000);
    break;
  case 1:
    set_time(reload, pool, "max_lifetime", 1000, 20000);
    break;
  case 2:
    set_min_size(reload, pool);
    break;
  case 3:
    set_balance(reload, upstream);
    break;
  case 4:
    remove_server(reload, upstream, index);
    break;
  default: /* nothing changes */
    break;
  }
}

static void change(struct reload *reload, cJSON *json) {
  cJSON *upstreams = cJSON_GetObjectItem(json, "upstreams");
  for (uint64_t changes = chance(reload, 1, 3); changes > 0; changes--) {
    uint32_t index = (uint32_t)chance(
        reload, 0, (uint64_t)cJSON_GetArraySize(upstreams) - 1);
    change_upstream(reload, cJSON_GetArrayItem(upstreams, (int)index), index);
  }
  sim_listeners_change(reload->listeners, json);
}

static const char *changed(struct reload *reload) {
  cJSON *json = cJSON_Parse(reload->text);
  change(reload, json);
  char *printed = cJSON_Print(json);
  char *text = sim_alloc(reload->sim, strlen(printed) + 1);
  strcpy(text, printed);
  cJSON_free(printed);
  cJSON_Delete(json);
  return text;
}

/* -- the steps -- */

static void begin(void *ctx, uint64_t arg);

static void plan_next(struct reload *reload) {
  if (reload->left-- == 0)
    return;
  sim_clock_after(&reload->sim->clock, chance(reload, 0, FL_SECOND), begin,
                  reload, 0);
}

/* Each worker takes the step some time within a millisecond or so. */
static void ask_all(struct reload *reload, sim_action *step) {
  struct sim *sim = reload->sim;
  reload->waits = sim->worker_count;
  for (uint32_t i = 0; i < sim->worker_count; i++)
    sim_clock_after(&sim->clock, chance(reload, 0, 2000), step, reload, i);
}

static void commit(void *ctx, uint64_t worker) {
  struct reload *reload = ctx;
  struct sim *sim = reload->sim;
  sim_listeners_leave(reload->listeners, (uint32_t)worker);
  fl_reload_commit(sim->workers[worker]->gateway, sim->clock.now);
  sim_worker_end_turn(sim->workers[worker]);
  if (--reload->waits > 0)
    return;
  sim_trace(sim, "the next generation is in effect");
  fl_generation_release(sim->latest);
  sim->latest = sim->coming;
  sim->coming = NULL;
  sim_listeners_settle(reload->listeners);
  plan_next(reload);
}

static void give_up(void *ctx, uint64_t worker) {
  struct reload *reload = ctx;
  fl_reload_cancel(reload->sim->workers[worker]->gateway);
  if (--reload->waits > 0)
    return;
  fl_generation_release(reload->sim->coming);
  reload->sim->coming = NULL;
  sim_listeners_forget(reload->listeners);
  plan_next(reload);
}

static void quiet(void *ctx, uint64_t arg) {
  struct reload *reload = ctx;
  (void)arg;
  if (sim_listeners_quiet(reload->listeners))
    ask_all(reload, commit);
  else
    sim_clock_after(&reload->sim->clock, 100, quiet, reload, 0);
}

static void prepare(void *ctx, uint64_t worker) {
  struct reload *reload = ctx;
  struct sim *sim = reload->sim;
  if (!fl_reload_prepare(sim->workers[worker]->gateway, sim->coming))
    sim_fail(sim, "worker %u could not prepare", (unsigned)worker);
  if (--reload->waits > 0)
    return;
  if (reload->gives_up)
    ask_all(reload, give_up);
  else
    quiet(reload, 0);
}

static struct fl_config *read(struct reload *reload, const char *text) {
  struct fl_config_errors errors;
  struct fl_config *config = fl_config_read(
      (struct fl_slice){(const uint8_t *)text, strlen(text)}, &errors);
  if (config == NULL)
    sim_fail(reload->sim, "a reload was refused: %s: found %s",
             errors.count == 0 ? "" : errors.list[0].path,
             errors.count == 0 ? "" : errors.list[0].found);
  fl_config_errors_free(&errors);
  return config;
}

/* Slots that a new listener cannot have. */
static void find_taken(struct sim *sim, bool *taken) {
  const struct fl_generation *now = sim->latest;
  for (uint32_t i = 0; i < now->config->listener_count; i++)
    taken[now->listeners[i].slot] = true;
  for (uint32_t slot = 0; slot < SIM_SLOTS; slot++)
    taken[slot] |= fl_occupancy_count(&sim->occupancy[slot]) != 0;
}

static void begin(void *ctx, uint64_t arg) {
  struct reload *reload = ctx;
  struct sim *sim = reload->sim;
  struct fl_generation_error error;
  bool taken[FL_LISTENER_SLOTS] = {false};
  (void)arg;
  if (sim->phase != SIM_SERVING)
    return;
  const char *text = changed(reload);
  reload->gives_up = sim_random_chance(&reload->random, 25);
  sim_trace(sim, "reload%s: %s", reload->gives_up ? ", given up" : "", text);
  find_taken(sim, taken);
  reload->sim->coming =
      fl_generation_next(sim->latest != NULL ? sim->latest : sim->generation,
                         read(reload, text), fl_config_free, taken, &error);
  if (sim->coming == NULL)
    sim_fail(sim, "no next generation: %s", error.faults[0].text);
  if (!reload->gives_up)
    reload->text = text;
  ask_all(reload, prepare);
}

void sim_reload_plan(struct sim *sim) {
  struct reload *reload = sim_alloc(sim, sizeof *reload);
  reload->sim = sim;
  reload->text = sim->text;
  reload->random.state = sim->seed * 31 + 7;
  reload->listeners = sim_listeners_new(sim, &reload->random);
  reload->left = sim_random_chance(&reload->random, 40)
                     ? chance(reload, 1, RELOADS_MAX)
                     : 0;
  plan_next(reload);
}
