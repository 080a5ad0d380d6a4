#include "core/placement.h"

#include <assert.h>

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

static uint32_t upstream_count(const struct fl_config *config, uint32_t index,
                               uint32_t workers) {
  uint32_t wanted = config->upstreams[index].workers;
  return wanted == 0 ? workers : least(wanted, workers);
}

/* 0 asks for all. */
static uint32_t command_count(const struct fl_config *config, uint32_t index,
                              uint32_t workers) {
  uint32_t wanted = config->listeners[index].workers;
  return wanted == 0 ? workers : least(wanted, workers);
}

/* The worker whose turn it is after the upstreams before `index`. */
static uint32_t turn_of_upstream(const struct fl_config *config, uint32_t index,
                                 uint32_t workers) {
  uint32_t turn = 0;
  for (uint32_t i = 0; i < index; i++) {
    bool everywhere = config->upstreams[i].workers == 0;
    turn = (turn + (everywhere ? 1 : upstream_count(config, i, workers))) %
           workers;
  }
  return turn;
}

/* After all upstreams and the command listeners before `index`. One that is
   on all workers moves the turn by one, so that accepting is spread. */
static uint32_t turn_of_command(const struct fl_config *config, uint32_t index,
                                uint32_t workers) {
  uint32_t turn = turn_of_upstream(config, config->upstream_count, workers);
  for (uint32_t i = 0; i < index; i++) {
    if (config->listeners[i].mode != FL_MODE_COMMAND)
      continue;
    uint32_t count = command_count(config, i, workers);
    turn = (turn + (count == workers ? 1 : count)) % workers;
  }
  return turn;
}

uint32_t fl_placement_turn(const struct fl_config *config, uint32_t workers) {
  return turn_of_command(config, config->listener_count, workers);
}

struct fl_placement fl_placement_take(uint32_t *turn, uint32_t wanted,
                                      uint32_t workers) {
  uint32_t count = wanted == 0 ? workers : least(wanted, workers);
  struct fl_placement taken = {*turn, count};
  *turn = (*turn + (count == workers ? 1 : count)) % workers;
  return taken;
}

struct fl_placement fl_placement_upstream(const struct fl_config *config,
                                          uint32_t upstream, uint32_t workers) {
  assert(workers > 0 && upstream < config->upstream_count);
  return (struct fl_placement){turn_of_upstream(config, upstream, workers),
                               upstream_count(config, upstream, workers)};
}

struct fl_placement fl_placement_listener(const struct fl_config *config,
                                          uint32_t listener, uint32_t workers) {
  assert(workers > 0 && listener < config->listener_count);
  const struct fl_listener_config *wanted = &config->listeners[listener];
  if (wanted->mode != FL_MODE_COMMAND)
    return fl_placement_upstream(config, wanted->upstream, workers);
  return (struct fl_placement){turn_of_command(config, listener, workers),
                               command_count(config, listener, workers)};
}

bool fl_placement_has(struct fl_placement placement, uint32_t worker,
                      uint32_t workers, uint32_t *shard) {
  assert(worker < workers && placement.first < workers);
  uint32_t at = (worker + workers - placement.first) % workers;
  if (at >= placement.count)
    return false;
  if (shard != NULL)
    *shard = at;
  return true;
}

uint32_t fl_placement_part(uint32_t total, uint32_t shard, uint32_t count) {
  assert(shard < count);
  return total / count + (shard < total % count ? 1 : 0);
}
