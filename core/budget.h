/* How many connections an upstream may have on its worker. After a reload that
   changed the meaning of its bytes, the upstream and the one that takes its
   place share one budget, so that no server ever sees more than max_size. */
#ifndef FL_CORE_BUDGET_H
#define FL_CORE_BUDGET_H

#include "core/list.h"

#include <stdint.h>

struct fl_upstream;

struct fl_budget {
  uint32_t max;
  uint32_t size;            /* connections not closed yet, of all members */
  uint32_t most;            /* size may be above max so far, after max shrank */
  struct fl_list upstreams; /* members, the oldest first */
};

/* With this upstream as its member. Returns NULL when memory is out. */
struct fl_budget *fl_budget_new(struct fl_upstream *upstream, uint32_t max);

/* The upstream gives up its own budget for that of `other`, and leaves in the
   end; the last to leave frees it. */
void fl_budget_join(struct fl_upstream *upstream, struct fl_upstream *other);
void fl_budget_leave(struct fl_upstream *upstream);

/* Whether the upstream may open another connection now. One place is kept for
   each older member that still has clients to answer. */
bool fl_budget_allows(const struct fl_upstream *upstream);

/* It has one connection more; or one less, then all members look again. */
void fl_budget_took(struct fl_upstream *upstream);
void fl_budget_gave(struct fl_upstream *upstream);

/* All members look again. */
void fl_budget_wake(struct fl_budget *budget);

void fl_budget_set(struct fl_budget *budget, uint32_t max);

/* Asserts its invariants. */
void fl_budget_check(const struct fl_budget *budget);

#endif
