/* One limit for the bytes in all buffers of the process. Workers draw on it
   in steps, so that most buffers that fill and empty touch nothing that is
   shared; what all have drawn and not used is at most a quarter of it. From
   three quarters of the limit on there is pressure: peers that would fill more
   are not read until it is below a half. The last eighth is for small buffers,
   so that those with short frames are served on while somebody with long ones
   takes all that he can. */
#ifndef FL_CORE_MEMORY_H
#define FL_CORE_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FL_MEMORY_STEP_MAX = 65536 };

/* Of the process. */
struct fl_memory {
  uint64_t workers;
  atomic_uint_least64_t drawn;
  atomic_uint_least64_t limit; /* 0: none */
  atomic_uint_least64_t step;
  atomic_uint_least64_t high;  /* above it pressure begins */
  atomic_uint_least64_t low;   /* not above it, it ends */
  atomic_uint_least64_t watch; /* see fl_memory_watches */
  atomic_bool pressed;         /* told; see fl_memory_look */
};

/* A worker's part. A zeroed one has no limit. */
struct fl_memory_share {
  struct fl_memory *memory; /* NULL: no limit; see fl_memory_join */
  uint64_t drawn;
  uint64_t used;
  uint64_t keep;  /* so much may be drawn and not used */
  bool pressed;   /* as of the last look */
  bool attentive; /* there may be news: more or less is used, or some is */
};

/* For so many workers. A zeroed one has no limit. */
void fl_memory_init(struct fl_memory *memory, uint64_t limit, uint32_t workers);

/* Another limit, from now on. What is held above it stays. */
void fl_memory_set(struct fl_memory *memory, uint64_t limit);

/* The share of one of the workers; memory may be NULL: no limit. */
void fl_memory_join(struct fl_memory *memory, struct fl_memory_share *share);

/* For the two below. */
bool fl_memory_draw(struct fl_memory_share *share, size_t n, bool small);
void fl_memory_give_back(struct fl_memory_share *share);

/* Takes n bytes; small: of the last eighth, too. Returns false when the limit
   does not allow it. */
static inline bool fl_memory_take(struct fl_memory_share *share, size_t n,
                                  bool small) {
  if (n > share->drawn - share->used && !fl_memory_draw(share, n, small))
    return false;
  share->used += n;
  share->attentive = true;
  return true;
}

static inline void fl_memory_give(struct fl_memory_share *share, size_t n) {
  share->used -= n;
  share->attentive = true;
  if (share->drawn - share->used > share->keep)
    fl_memory_give_back(share);
}

/* Gives back what was drawn. Requires: nothing is used. */
void fl_memory_end(struct fl_memory_share *share);

/* Whether a look would find that pressure began or ended. */
static inline bool fl_memory_turned(const struct fl_memory_share *share) {
  struct fl_memory *memory = share->memory;
  if (memory == NULL)
    return false;
  uint64_t mark = atomic_load_explicit(
      share->pressed ? &memory->low : &memory->high, memory_order_relaxed);
  bool above =
      atomic_load_explicit(&memory->drawn, memory_order_relaxed) > mark;
  return above != share->pressed;
}

enum fl_memory_news {
  FL_MEMORY_NOTHING,
  FL_MEMORY_PRESSED, /* for the first worker that sees it */
  FL_MEMORY_RELIEVED /* likewise */
};

/* Whether to look: false in most turns, in which no more than this is asked. */
static inline bool
fl_memory_may_have_turned(const struct fl_memory_share *share) {
  return share->attentive && fl_memory_turned(share);
}

/* Looks whether there is pressure; share->pressed says so then. */
enum fl_memory_news fl_memory_look(struct fl_memory_share *share);

/* Whether this worker has to look now and then though nothing happens to it:
   it sees pressure, or holds so much that pressure may not end without it. */
static inline bool fl_memory_watches(const struct fl_memory_share *share) {
  struct fl_memory *memory = share->memory;
  if (memory == NULL)
    return false;
  return share->pressed ||
         share->drawn >
             atomic_load_explicit(&memory->watch, memory_order_relaxed);
}

#endif
