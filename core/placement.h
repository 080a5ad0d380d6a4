/* Which worker serves what. An upstream lives on its home worker (on
   `workers` of them when it is sharded; one of relays without a limit on all),
   and listeners that use it are served there; a command listener is served on
   all workers, or on as many as its `workers` says. Homes are given in turn, so
   the answer depends on the configuration alone. */
#ifndef FL_CORE_PLACEMENT_H
#define FL_CORE_PLACEMENT_H

#include "core/config.h"

/* `count` workers from `first` on, wrapping round at the number of workers. */
struct fl_placement {
  uint32_t first;
  uint32_t count; /* 1..workers */
};

struct fl_placement fl_placement_upstream(const struct fl_config *config,
                                          uint32_t upstream, uint32_t workers);

/* The next `wanted` workers (0: all), at most as many as there are, from *turn
   on, which moves on behind them; behind the first where it is all of them. */
struct fl_placement fl_placement_take(uint32_t *turn, uint32_t wanted,
                                      uint32_t workers);

/* Whose turn it is after everything in config. */
uint32_t fl_placement_turn(const struct fl_config *config, uint32_t workers);

/* The first of them is the worker whose loop accepts. */
struct fl_placement fl_placement_listener(const struct fl_config *config,
                                          uint32_t listener, uint32_t workers);

/* Whether `worker` is one of them, and if so which (0..count-1) in *shard;
   shard may be NULL. */
bool fl_placement_has(struct fl_placement placement, uint32_t worker,
                      uint32_t workers, uint32_t *shard);

/* Shard `shard`'s part of a total shared out over `count` shards; the parts
   add up to the total exactly. */
uint32_t fl_placement_part(uint32_t total, uint32_t shard, uint32_t count);

#endif
