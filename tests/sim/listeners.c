#include "tests/sim/listeners.h"

#include "tests/sim/acceptor.h"
#include "tests/sim/client.h"
#include "tests/sim/ledger.h"
#include "tests/sim/worker.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

/* What is less may end before everybody has got what he is owed. */
#define AMPLE (3600 * FL_SECOND)

enum { ROOM_FOR_NAME = 16 };

struct sim_listeners {
  struct sim *sim;
  struct sim_random *random;
  char names[SIM_LISTENERS_MAX][ROOM_FOR_NAME]; /* "": it is gone */
  uint32_t given;                               /* names, so far */
  /* The change under way. */
  enum { NOTHING, REMOVE, ADD, REPLACE, LIMIT } kind;
  uint32_t one;             /* REPLACE: it gets what `other` had */
  uint32_t other;           /* REPLACE: it goes */
  char name[ROOM_FOR_NAME]; /* ADD */
};

static uint64_t chance(struct sim_listeners *listeners, uint64_t low,
                       uint64_t high) {
  return sim_random_between(listeners->random, low, high);
}

static const struct fl_listener_config *
config_of(const struct sim_listeners *listeners, uint32_t index) {
  return &listeners->sim->config->listeners[index];
}

/* -- what changes -- */

/* A pool of our own needs the first. Others know when those of relays, and
   those that close with their upstream, have to be there. */
static bool may_change(const struct sim_listeners *listeners, uint32_t index) {
  const struct fl_listener_config *config = config_of(listeners, index);
  return index > 0 && config->on_upstream_down != FL_UPSTREAM_DOWN_CLOSE &&
         (config->mode == FL_MODE_COMMAND || config->mode == FL_MODE_REQUEST);
}

static bool is_here(const struct sim_listeners *listeners, uint32_t index) {
  return listeners->names[index][0] != '\0';
}

/* One that may change, and is there or is gone; 0 for none. */
static uint32_t draw(struct sim_listeners *listeners, bool here) {
  uint32_t found[SIM_LISTENERS_MAX];
  uint32_t count = 0;
  for (uint32_t i = 1; i < listeners->sim->config->listener_count; i++)
    if (may_change(listeners, i) && is_here(listeners, i) == here)
      found[count++] = i;
  return count == 0 ? 0 : found[chance(listeners, 0, count - 1)];
}

static int place_of(const cJSON *list, const char *name) {
  for (int i = 0; i < cJSON_GetArraySize(list); i++)
    if (strcmp(cJSON_GetStringValue(
                   cJSON_GetObjectItem(cJSON_GetArrayItem(list, i), "name")),
               name) == 0)
      return i;
  return -1;
}

static cJSON *item_of(struct sim_listeners *listeners, const cJSON *list,
                      uint32_t index) {
  return cJSON_GetArrayItem(list, place_of(list, listeners->names[index]));
}

static void rename_item(cJSON *item, const char *name) {
  cJSON_DeleteItemFromObject(item, "name");
  cJSON_AddStringToObject(item, "name", name);
}

static void remove_one(struct sim_listeners *listeners, cJSON *list) {
  listeners->one = draw(listeners, true);
  if (listeners->one == 0)
    return;
  listeners->kind = REMOVE;
  cJSON_DeleteItemFromArray(list,
                            place_of(list, listeners->names[listeners->one]));
}

/* As it was drawn. */
static void add_one(struct sim_listeners *listeners, cJSON *list) {
  listeners->one = draw(listeners, false);
  if (listeners->one == 0)
    return;
  listeners->kind = ADD;
  snprintf(listeners->name, sizeof listeners->name, "x%u", listeners->given++);
  cJSON *drawn = cJSON_Parse(listeners->sim->text);
  cJSON *item = cJSON_DetachItemFromArray(
      cJSON_GetObjectItem(drawn, "listeners"), (int)listeners->one);
  cJSON_Delete(drawn);
  rename_item(item, listeners->name);
  cJSON_AddItemToArray(list, item);
}

static void replace_one(struct sim_listeners *listeners, cJSON *list) {
  uint32_t one = draw(listeners, true);
  uint32_t other = draw(listeners, true);
  const struct fl_listener_config *a = config_of(listeners, one);
  const struct fl_listener_config *b = config_of(listeners, other);
  if (one == other || (a->mode == b->mode && a->upstream == b->upstream))
    return;
  listeners->kind = REPLACE;
  listeners->one = one;
  listeners->other = other;
  cJSON *item =
      cJSON_DetachItemFromArray(list, place_of(list, listeners->names[other]));
  rename_item(item, listeners->names[one]);
  cJSON_ReplaceItemInArray(list, place_of(list, listeners->names[one]), item);
}

static void change_limit(struct sim_listeners *listeners, cJSON *list) {
  char text[32];
  uint32_t one = draw(listeners, true);
  if (one == 0)
    return;
  uint64_t limit = chance(listeners, 1000, 5000);
  cJSON *item = item_of(listeners, list, one);
  snprintf(text, sizeof text, "%ums", (unsigned)limit);
  cJSON_DeleteItemFromObject(item, "idle_timeout");
  cJSON_AddStringToObject(item, "idle_timeout", text);
  struct sim_idle *idle = &listeners->sim->idle[one];
  idle->least = fl_time_min(idle->least, limit * FL_MILLISECOND);
  idle->most = fl_time_max(idle->most, limit * FL_MILLISECOND);
}

void sim_listeners_change(struct sim_listeners *listeners, cJSON *json) {
  cJSON *list = cJSON_GetObjectItem(json, "listeners");
  listeners->kind = NOTHING;
  switch (chance(listeners, 0, 6)) {
  case 0:
    remove_one(listeners, list);
    break;
  case 1:
  case 2:
    add_one(listeners, list);
    break;
  case 3:
    replace_one(listeners, list);
    break;
  case 4:
    change_limit(listeners, list);
    break;
  default:
    break;
  }
}

void sim_listeners_forget(struct sim_listeners *listeners) {
  listeners->kind = NOTHING;
}

/* -- the steps -- */

bool sim_listeners_quiet(struct sim_listeners *listeners) {
  struct sim *sim = listeners->sim;
  if (listeners->kind != REMOVE && listeners->kind != REPLACE)
    return true;
  sim->went[listeners->one] = true;
  sim_acceptor_leave(sim->acceptors[listeners->one]);
  if (listeners->kind == REMOVE)
    return !sim_acceptor_busy(sim->acceptors[listeners->one]);
  sim_acceptor_pause(sim->acceptors[listeners->other]);
  return !sim_acceptor_busy(sim->acceptors[listeners->one]) &&
         !sim_acceptor_busy(sim->acceptors[listeners->other]);
}

/* What comes with the plan of the listener that has this name. */
static const struct fl_listener_plan *
plan_of(const struct sim_listeners *listeners, const char *name) {
  const struct fl_generation *generation = listeners->sim->latest;
  if (listeners->sim->coming != NULL)
    generation = listeners->sim->coming;
  const struct fl_config *config = generation->config;
  for (uint32_t i = 0; i < config->listener_count; i++)
    if (strcmp(config->listeners[i].name, name) == 0)
      return &generation->listeners[i];
  sim_fail(listeners->sim, "there is no listener %s", name);
}

/* Where bytes have another meaning now, who is there has to go. */
static bool is_drained(const struct sim_listeners *listeners) {
  const struct fl_listener_plan *plan;
  if (listeners->kind == REMOVE)
    return true;
  plan = plan_of(listeners, listeners->names[listeners->one]);
  return (plan->changes & FL_CHANGE_STREAM) != 0;
}

void sim_listeners_leave(struct sim_listeners *listeners, uint32_t worker) {
  struct sim *sim = listeners->sim;
  bool forced = sim->config->shutdown_timeout < AMPLE;
  const struct sim_acceptor *one = sim->acceptors[listeners->one];
  if (listeners->kind != REMOVE && listeners->kind != REPLACE)
    return;
  sim_worker_read_all(sim->workers[worker]);
  sim_trace(sim, "worker %u: listener %u goes%s", worker, listeners->one,
            is_drained(listeners) ? ", drained" : "");
  /* Who is left of another one there goes with it, if the name does. */
  if (is_drained(listeners))
    sim_ledger_leave(sim, worker, sim_acceptor_slot(one),
                     listeners->kind == REMOVE ? SIM_NOBODY : listeners->one,
                     forced);
  if (listeners->kind == REPLACE)
    sim_ledger_leave(sim, worker,
                     sim_acceptor_slot(sim->acceptors[listeners->other]),
                     SIM_NOBODY, forced);
}

void sim_listeners_settle(struct sim_listeners *listeners) {
  struct sim *sim = listeners->sim;
  char *one = listeners->names[listeners->one];
  switch (listeners->kind) {
  case REMOVE:
    one[0] = '\0';
    break;
  case ADD:
    memcpy(one, listeners->name, ROOM_FOR_NAME);
    sim_acceptor_come(sim->acceptors[listeners->one], plan_of(listeners, one));
    break;
  case REPLACE:
    memcpy(listeners->names[listeners->other], one, ROOM_FOR_NAME);
    one[0] = '\0';
    sim_acceptor_come(sim->acceptors[listeners->other],
                      plan_of(listeners, listeners->names[listeners->other]));
    break;
  default:
    break;
  }
  listeners->kind = NOTHING;
}

struct sim_listeners *sim_listeners_new(struct sim *sim,
                                        struct sim_random *random) {
  struct sim_listeners *listeners = sim_alloc(sim, sizeof *listeners);
  listeners->sim = sim;
  listeners->random = random;
  for (uint32_t i = 0; i < sim->config->listener_count; i++) {
    fl_time limit = sim->config->listeners[i].idle_timeout;
    sim->idle[i] = (struct sim_idle){limit, limit};
    snprintf(listeners->names[i], ROOM_FOR_NAME, "%s",
             sim->config->listeners[i].name);
  }
  return listeners;
}
