/* Keeps events that come again and again from filling the log: of one kind at
   one place so many lines are let through in a while; after it one says how
   many were left out. */
#ifndef FL_SERVICE_LOG_REPEAT_H
#define FL_SERVICE_LOG_REPEAT_H

#include "core/log_area.h"
#include "core/time.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  FL_REPEAT_BURST = 20,  /* lines let through */
  FL_REPEAT_SLOTS = 256, /* kinds and places remembered at once */
  FL_REPEAT_TEXT = 256   /* of a message kept as an example */
};
#define FL_REPEAT_WINDOW (10 * FL_SECOND)

struct fl_repeat {
  uint64_t key; /* of kind and place; 0: the slot is free */
  fl_time began;
  uint32_t passed;
  uint64_t held;
  int level;
  enum fl_log_area area;
  char example[FL_REPEAT_TEXT]; /* the last message that passed */
};

/* All zero at first. */
struct fl_repeats {
  struct fl_repeat slots[FL_REPEAT_SLOTS];
};

/* Whether a line of this key (not 0) may be written now; else it is counted.
   When another had to make room, or the key's own window is over, what is to
   be told of it is in *over (held is 0 where there is nothing). */
bool fl_repeats_pass(struct fl_repeats *repeats, uint64_t key, fl_time now,
                     struct fl_repeat *over);

/* The message of a line that passed. */
void fl_repeats_note(struct fl_repeats *repeats, uint64_t key, int level,
                     enum fl_log_area area, const char *message);

/* Takes one whose window is over, or any where `all`. Returns false when none
   is that has something to tell. */
bool fl_repeats_take(struct fl_repeats *repeats, fl_time now, bool all,
                     struct fl_repeat *over);

#endif
