#include "core/generation.h"

#include <assert.h>
#include <stdlib.h>

static bool add_standings(struct fl_generation *generation,
                          const struct fl_config *config) {
  for (uint32_t i = 0; i < config->upstream_count; i++) {
    struct fl_upstream_plan *plan = &generation->upstreams[i];
    plan->standings =
        calloc(config->upstreams[i].server_count, sizeof *plan->standings);
    if (plan->standings == NULL)
      return false;
  }
  return true;
}

static void free_tables(struct fl_generation *generation,
                        const struct fl_config *config) {
  for (uint32_t i = 0;
       generation->upstreams != NULL && i < config->upstream_count; i++)
    free(generation->upstreams[i].standings);
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
  if (generation->listeners == NULL || generation->upstreams == NULL ||
      !add_standings(generation, config)) {
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
  for (uint32_t i = 0; i < config->upstream_count; i++)
    first->upstreams[i].placement = fl_placement_upstream(config, i, workers);
  for (uint32_t i = 0; i < config->listener_count; i++) {
    first->listeners[i].slot = i;
    first->listeners[i].placement = fl_placement_listener(config, i, workers);
  }
  return first;
}

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
