/* The time that a number of things has spent in some state, all added up: two
   that spend a second each make two. Costs something only where one enters or
   leaves. */
#ifndef FL_CORE_SPAN_H
#define FL_CORE_SPAN_H

#include "core/time.h"

/* A zeroed struct has nothing in it. */
struct fl_span {
  fl_time total; /* up to `at` */
  fl_time at;
  uint32_t inside;
};

/* The total up to now. */
static inline fl_time fl_span_total(const struct fl_span *span, fl_time now) {
  return span->total + (now - span->at) * span->inside;
}

static inline void fl_span_enter(struct fl_span *span, fl_time now) {
  span->total = fl_span_total(span, now);
  span->at = now;
  span->inside++;
}

/* Requires: one has entered and not left. */
static inline void fl_span_leave(struct fl_span *span, fl_time now) {
  span->total = fl_span_total(span, now);
  span->at = now;
  span->inside--;
}

#endif
