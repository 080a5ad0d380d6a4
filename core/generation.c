#include "core/generation.h"

#include "core/config_endpoint.h"
#include "core/config_key.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- standings ---- */

static struct fl_standing *new_standing(void) {
  struct fl_standing *standing = calloc(1, sizeof *standing);
  if (standing != NULL)
    atomic_init(&standing->holders, 1);
  return standing;
}

/* What is known of the upstream's server in the generation before, or what is
   known of a new one: nothing. */
static struct fl_standing *find_standing(const struct fl_generation *before,
                                         const struct fl_upstream_plan *plan,
                                         const struct fl_endpoint *server) {
  if (before == NULL || plan->before == FL_NONE)
    return new_standing();
  const struct fl_upstream_config *old =
      &before->config->upstreams[plan->before];
  for (uint32_t i = 0; i < old->server_count; i++) {
    struct fl_standing *standing = before->upstreams[plan->before].standings[i];
    if (!fl_endpoint_equal(&old->servers[i], server))
      continue;
    atomic_fetch_add(&standing->holders, 1);
    return standing;
  }
  return new_standing();
}

/* Returns false when memory is out. */
static bool add_standings(struct fl_generation *generation,
                          const struct fl_generation *before) {
  for (uint32_t i = 0; i < generation->config->upstream_count; i++) {
    const struct fl_upstream_config *config = &generation->config->upstreams[i];
    struct fl_upstream_plan *plan = &generation->upstreams[i];
    plan->standings =
        calloc(config->server_count, sizeof(struct fl_standing *));
    for (uint32_t k = 0; plan->standings != NULL && k < config->server_count;
         k++) {
      plan->standings[k] = find_standing(before, plan, &config->servers[k]);
      if (plan->standings[k] == NULL)
        return false;
    }
    if (plan->standings == NULL)
      return false;
  }
  return true;
}

static void free_standings(struct fl_standing **standings, uint32_t count) {
  for (uint32_t i = 0; standings != NULL && i < count; i++)
    if (standings[i] != NULL &&
        atomic_fetch_sub(&standings[i]->holders, 1) == 1)
      free(standings[i]);
  free(standings);
}

static void free_tables(struct fl_generation *generation,
                        const struct fl_config *config) {
  for (uint32_t i = 0;
       generation->upstreams != NULL && i < config->upstream_count; i++)
    free_standings(generation->upstreams[i].standings,
                   config->upstreams[i].server_count);
  free(generation->listeners);
  free(generation->upstreams);
}

/* One that holds nothing yet but its tables. */
static struct fl_generation *make(struct fl_config *config,
                                  void (*dispose)(struct fl_config *),
                                  uint32_t workers) {
  struct fl_generation *generation = calloc(1, sizeof *generation);
  if (generation == NULL)
    return NULL;
  generation->listeners =
      calloc(config->listener_count + 1, sizeof *generation->listeners);
  generation->upstreams =
      calloc(config->upstream_count + 1, sizeof *generation->upstreams);
  if (generation->listeners == NULL || generation->upstreams == NULL) {
    free_tables(generation, config);
    free(generation);
    return NULL;
  }
  generation->config = config;
  generation->dispose = dispose;
  generation->workers = workers;
  atomic_init(&generation->holders, 1);
  return generation;
}

struct fl_generation *fl_generation_first(struct fl_config *config,
                                          void (*dispose)(struct fl_config *),
                                          uint32_t workers) {
  struct fl_generation *first = make(config, dispose, workers);
  assert(config->listener_count <= FL_LISTENER_SLOTS);
  if (first == NULL)
    return NULL;
  first->number = 1;
  first->turn = fl_placement_turn(config, workers);
  for (uint32_t i = 0; i < config->upstream_count; i++) {
    first->upstreams[i].before = FL_NONE;
    first->upstreams[i].placement = fl_placement_upstream(config, i, workers);
  }
  for (uint32_t i = 0; i < config->listener_count; i++) {
    first->listeners[i].slot = i;
    first->listeners[i].before = FL_NONE;
    first->listeners[i].placement = fl_placement_listener(config, i, workers);
  }
  if (add_standings(first, NULL))
    return first;
  first->dispose = NULL; /* the configuration is left alone */
  fl_generation_release(first);
  return NULL;
}

/* ---- the next one ---- */

struct next {
  const struct fl_generation *before;
  struct fl_generation *generation;
  struct fl_generation_error *error;
  const bool *taken;
  uint32_t slot; /* none below is free */
  /* What is being compared, for errors. */
  const char *list;
  const char *name;
  struct fl_place place;
};

/* Room for one more; what finds none is counted. */
static struct fl_generation_fault *add_fault(struct fl_generation_error *error,
                                             struct fl_generation_fault *none) {
  uint32_t index = error->count++;
  return index < FL_GENERATION_FAULTS ? &error->faults[index] : none;
}

/* Whether a socket option of a listener or upstream, which does not stand
   there, follows from the outermost one, which was named. */
static bool follows(const struct fl_generation_error *error,
                    const struct fl_config_row *row) {
  for (uint32_t i = 0; i < error->count && i < FL_GENERATION_FAULTS; i++)
    if (error->faults[i].row == row)
      return true;
  return false;
}

/* Notes a key that cannot change now. */
static void note_restart(void *ctx,
                         const struct fl_config_difference *difference) {
  struct next *next = ctx;
  struct fl_generation_fault none;
  if (difference->kind != FL_CHANGE_RESTART)
    return;
  struct fl_place place = fl_config_key_place(next->generation->config,
                                              difference->in, difference->row);
  if (place.line == 0) {
    if (next->name != NULL && follows(next->error, difference->row))
      return;
    place = next->place;
  }
  struct fl_generation_fault *fault = add_fault(next->error, &none);
  fault->place = place;
  fault->row = difference->row;
  if (next->name == NULL)
    (void)snprintf(fault->text, sizeof fault->text,
                   "%s: a change of it needs a restart", difference->path);
  else
    (void)snprintf(fault->text, sizeof fault->text,
                   "%s \"%s\": %s: a change of it needs a restart", next->list,
                   next->name, difference->path);
}

static unsigned compare(struct next *next,
                        const struct fl_config_section *section, const void *a,
                        const void *b) {
  return fl_config_diff(section, a, b, note_restart, next);
}

static uint32_t find_upstream(const struct fl_config *config,
                              const char *name) {
  for (uint32_t i = 0; i < config->upstream_count; i++)
    if (strcmp(config->upstreams[i].name, name) == 0)
      return i;
  return FL_NONE;
}

static uint32_t find_listener(const struct fl_config *config,
                              const char *name) {
  for (uint32_t i = 0; i < config->listener_count; i++)
    if (strcmp(config->listeners[i].name, name) == 0)
      return i;
  return FL_NONE;
}

static void plan_upstream(struct next *next, uint32_t index) {
  struct fl_generation *generation = next->generation;
  const struct fl_upstream_config *config =
      &generation->config->upstreams[index];
  struct fl_upstream_plan *plan = &generation->upstreams[index];
  plan->before = find_upstream(next->before->config, config->name);
  if (plan->before == FL_NONE) {
    plan->placement = fl_placement_take(&generation->turn, config->workers,
                                        generation->workers);
    return;
  }
  const struct fl_upstream_config *old =
      &next->before->config->upstreams[plan->before];
  next->list = "upstream";
  next->name = config->name;
  next->place = config->place;
  plan->changes = compare(next, &fl_config_upstream, old, config);
  if (config->mode != old->mode) /* that of the listeners that use it */
    plan->changes |= FL_CHANGE_STREAM;
  plan->placement = next->before->upstreams[plan->before].placement;
}

/* What its upstream means for a listener: another one is for new clients only;
   one whose bytes have another meaning is for none of those that are here. */
static unsigned rebound(const struct next *next,
                        const struct fl_listener_config *old,
                        const struct fl_listener_config *config) {
  if (config->mode == FL_MODE_COMMAND || old->mode == FL_MODE_COMMAND)
    return 0; /* else the mode has changed, too */
  const struct fl_upstream_plan *plan =
      &next->generation->upstreams[config->upstream];
  if (plan->before != old->upstream)
    return FL_CHANGE_REPLACE;
  return plan->changes & FL_CHANGE_STREAM;
}

static bool free_slot(struct next *next, uint32_t *slot) {
  while (next->slot < FL_LISTENER_SLOTS && next->taken[next->slot])
    next->slot++;
  *slot = next->slot++;
  if (*slot < FL_LISTENER_SLOTS)
    return true;
  struct fl_generation_fault none;
  struct fl_generation_fault *fault = add_fault(next->error, &none);
  *fault = (struct fl_generation_fault){0};
  (void)snprintf(fault->text, sizeof fault->text,
                 "too many listeners that were removed before still have "
                 "clients; try again when they have left");
  return false;
}

/* Where a listener is served that is new, or new in the place of an old one. */
static void place_listener(struct next *next,
                           const struct fl_listener_config *config,
                           struct fl_listener_plan *plan) {
  struct fl_generation *generation = next->generation;
  if (config->mode != FL_MODE_COMMAND)
    plan->placement = generation->upstreams[config->upstream].placement;
  else
    plan->placement = fl_placement_take(&generation->turn, config->workers,
                                        generation->workers);
}

static bool plan_listener(struct next *next, uint32_t index) {
  struct fl_generation *generation = next->generation;
  const struct fl_listener_config *config =
      &generation->config->listeners[index];
  struct fl_listener_plan *plan = &generation->listeners[index];
  plan->before = find_listener(next->before->config, config->name);
  if (plan->before == FL_NONE) {
    place_listener(next, config, plan);
    return free_slot(next, &plan->slot);
  }
  const struct fl_listener_config *old =
      &next->before->config->listeners[plan->before];
  next->list = "listener";
  next->name = config->name;
  next->place = config->place;
  plan->changes = compare(next, &fl_config_listener, old, config) |
                  rebound(next, old, config);
  plan->slot = next->before->listeners[plan->before].slot;
  if ((plan->changes & (FL_CHANGE_REPLACE | FL_CHANGE_STREAM)) != 0)
    place_listener(next, config, plan);
  else
    plan->placement = next->before->listeners[plan->before].placement;
  return true;
}

/* Returns false with *error. */
static bool plan(struct next *next) {
  const struct fl_config *config = next->generation->config;
  next->generation->changes =
      compare(next, &fl_config_root, next->before->config, config);
  for (uint32_t i = 0; i < config->upstream_count; i++)
    plan_upstream(next, i);
  for (uint32_t i = 0; i < config->listener_count; i++)
    if (!plan_listener(next, i))
      return false;
  return next->error->count == 0;
}

struct fl_generation *fl_generation_next(const struct fl_generation *before,
                                         struct fl_config *config,
                                         void (*dispose)(struct fl_config *),
                                         const bool *taken,
                                         struct fl_generation_error *error) {
  struct next next = {.before = before, .error = error, .taken = taken};
  *error = (struct fl_generation_error){0};
  next.generation = make(config, dispose, before->workers);
  if (next.generation == NULL) {
    error->out_of_memory = true;
    return NULL;
  }
  next.generation->number = before->number + 1;
  next.generation->turn = before->turn;
  if (plan(&next)) {
    if (add_standings(next.generation, before))
      return next.generation;
    error->out_of_memory = true;
  }
  next.generation->dispose = NULL; /* the configuration is left alone */
  fl_generation_release(next.generation);
  return NULL;
}

bool fl_generation_changed(const struct fl_generation *generation,
                           const struct fl_generation *before) {
  const struct fl_config *config = generation->config;
  bool changed = generation->changes != 0 ||
                 config->listener_count != before->config->listener_count ||
                 config->upstream_count != before->config->upstream_count;
  for (uint32_t i = 0; i < config->listener_count; i++)
    changed |= generation->listeners[i].before == FL_NONE ||
               generation->listeners[i].changes != 0;
  for (uint32_t i = 0; i < config->upstream_count; i++)
    changed |= generation->upstreams[i].before == FL_NONE ||
               generation->upstreams[i].changes != 0;
  return changed;
}

/* ---- holders ---- */

struct fl_generation *fl_generation_hold(struct fl_generation *generation) {
  atomic_fetch_add(&generation->holders, 1);
  return generation;
}

void fl_generation_release(struct fl_generation *generation) {
  if (generation == NULL || atomic_fetch_sub(&generation->holders, 1) > 1)
    return;
  free_tables(generation, generation->config);
  if (generation->dispose != NULL)
    generation->dispose((struct fl_config *)(uintptr_t)generation->config);
  free(generation);
}
