#include "core/reason.h"

#include <assert.h>

static const struct {
  const char *name;
  const char *text;
} reasons[FL_REASON_COUNT] = {
#define ROW(id, name, text) {name, text},
    FL_REASONS(ROW)
#undef ROW
};

const char *fl_reason_name(enum fl_reason reason) {
  assert((unsigned)reason < FL_REASON_COUNT);
  return reasons[reason].name;
}

const char *fl_reason_text(enum fl_reason reason) {
  assert((unsigned)reason < FL_REASON_COUNT);
  return reasons[reason].text;
}
