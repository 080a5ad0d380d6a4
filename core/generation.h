/* One configuration in effect, and what follows from it for all workers alike:
   which worker serves what, and under which number sockets of a listener are
   known. Whoever points into a generation's configuration holds it; the last
   who lets go disposes of it, on whatever thread that is. */
#ifndef FL_CORE_GENERATION_H
#define FL_CORE_GENERATION_H

#include "core/config.h"
#include "core/config_diff.h"
#include "core/placement.h"
#include "core/standing.h"

#include <stdatomic.h>

/* Numbers for listeners, those that drain after a reload among them. */
enum { FL_LISTENER_SLOTS = 2048 };

#define FL_NONE UINT32_MAX

/* `before` is the index of the listener or upstream of the same name in the
   generation before, FL_NONE when it is new, and `changes` (FL_CHANGE_* of
   core/config_diff.h) what differs since. */
struct fl_listener_plan {
  uint32_t slot; /* 0..FL_LISTENER_SLOTS-1; its own as long as the listener or
                    a client of it is there */
  uint32_t before;
  unsigned changes;
  struct fl_placement placement;
};

struct fl_upstream_plan {
  uint32_t before;
  unsigned changes;
  struct fl_placement placement;
  struct fl_standing **standings; /* one per server; shared with generations
                                    that have the same */
};

struct fl_generation {
  const struct fl_config *config;
  uint32_t number;                    /* 1.. */
  uint32_t workers;                   /* how many there are */
  uint32_t turn;                      /* whose home the next one is */
  unsigned changes;                   /* of the keys outside both lists */
  struct fl_listener_plan *listeners; /* one per listener of config */
  struct fl_upstream_plan *upstreams; /* one per upstream of config */
  void (*dispose)(struct fl_config *config);
  atomic_uint holders;
};

/* The generation to start with, held once. Listener i of config has slot i.
   config is disposed of with it; dispose may be NULL. Returns NULL when memory
   is out, config left alone. */
struct fl_generation *fl_generation_first(struct fl_config *config,
                                          void (*dispose)(struct fl_config *),
                                          uint32_t workers);

/* So many faults are named, further ones counted. */
enum { FL_GENERATION_FAULTS = 16 };

/* Why a configuration cannot follow. */
struct fl_generation_fault {
  struct fl_place place; /* of the key; where it is not in the file, of its
                            listener or upstream; {0}: of neither */
  const struct fl_config_row *row; /* NULL: of none */
  char text[256];                  /* which key, and what to do */
};

/* Why there is no next generation. */
struct fl_generation_error {
  bool out_of_memory;
  uint32_t count; /* all of them */
  struct fl_generation_fault faults[FL_GENERATION_FAULTS];
};

/* The generation that follows `before` when config is put into effect. What
   has the same name keeps its slot and, as far as it can, its place; what is
   new gets a free slot and takes its turn. `taken`, by slot, says which are
   not free. Else as fl_generation_first, with NULL and *error also when only
   a restart can make the change, or when too many listeners drain. */
struct fl_generation *fl_generation_next(const struct fl_generation *before,
                                         struct fl_config *config,
                                         void (*dispose)(struct fl_config *),
                                         const bool *taken,
                                         struct fl_generation_error *error);

/* Whether anything differs from the generation before. */
bool fl_generation_changed(const struct fl_generation *generation,
                           const struct fl_generation *before);

/* From any thread. */
struct fl_generation *fl_generation_hold(struct fl_generation *generation);
void fl_generation_release(struct fl_generation *generation); /* NULL is fine */

#endif
