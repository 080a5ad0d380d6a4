/* How replies find their requests: by order; by an id that stands at a fixed
   place in every frame, a big-endian number that means nothing to us; or by a
   key that stands somewhere in a request and somewhere in its reply. */
#ifndef FL_CORE_PAIR_H
#define FL_CORE_PAIR_H

#include "core/extract.h"
#include "core/slice.h"

#include <stdbool.h>

enum fl_pair_by {
  FL_PAIR_ORDER, /* the oldest request gets the next reply */
  FL_PAIR_ID,    /* the request with the reply's id gets it */
  FL_PAIR_KEY    /* the request with the reply's key gets it */
};

enum fl_on_late {
  FL_LATE_DISCARD, /* a late reply is dropped */
  FL_LATE_RETIRE   /* a request that times out ends its connection */
};

/* What a request does whose key another one under way has. */
enum fl_on_collision { FL_COLLISION_WAIT, FL_COLLISION_REFUSE };

/* By order nothing else means anything. */
struct fl_pair {
  enum fl_pair_by by;
  uint32_t offset; /* of the id in the frame */
  uint32_t width;  /* 1..8 bytes */
  enum fl_on_late on_late;
  struct fl_extract request; /* where the key is */
  struct fl_extract reply;
  enum fl_on_collision on_collision;
};

/* Whether a frame of that size has an id, where it needs one. */
static inline bool fl_pair_fits(const struct fl_pair *pair, size_t size) {
  return pair->by != FL_PAIR_ID || size >= pair->offset + pair->width;
}

/* The greatest id. Requires: by id. */
uint64_t fl_pair_id_max(const struct fl_pair *pair);

/* The id in a frame. Requires: by id, and it fits. */
uint64_t fl_pair_id(const struct fl_pair *pair, struct fl_slice frame);

/* Puts an id in its place in a frame; but by id does nothing. Requires: it
   fits. */
void fl_pair_put(const struct fl_pair *pair, uint8_t *frame, uint64_t id);

#endif
