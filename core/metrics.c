#include "core/metrics.h"

#include <stddef.h>

static void add_reasons(uint64_t *sum, const uint64_t *part) {
  for (int reason = 0; reason < FL_REASON_COUNT; reason++)
    sum[reason] += part[reason];
}

void fl_metrics_add(struct fl_metrics *sum, const struct fl_metrics *part) {
#define ADD(name) sum->name += part->name;
  FL_METRICS(ADD)
#undef ADD
#define ADD(name) add_reasons(sum->name, part->name);
  FL_METRICS_BY_REASON(ADD)
#undef ADD
}

/* Where the counters go. */
struct visitor {
  void (*each)(void *ctx, const char *name, const char *reason, uint64_t value);
  void *ctx;
};

static void visit(const struct visitor *visitor, const char *name,
                  const char *reason, uint64_t value) {
  if (value != 0)
    visitor->each(visitor->ctx, name, reason, value);
}

static void visit_reasons(const struct visitor *visitor, const char *name,
                          const uint64_t *values) {
  for (int reason = 0; reason < FL_REASON_COUNT; reason++)
    visit(visitor, name, fl_reason_name((enum fl_reason)reason),
          values[reason]);
}

void fl_metrics_each(const struct fl_metrics *metrics,
                     void (*each)(void *ctx, const char *name,
                                  const char *reason, uint64_t value),
                     void *ctx) {
  const struct visitor visitor = {each, ctx};
#define VISIT(name) visit(&visitor, #name, NULL, metrics->name);
  FL_METRICS(VISIT)
#undef VISIT
#define VISIT(name) visit_reasons(&visitor, #name, metrics->name);
  FL_METRICS_BY_REASON(VISIT)
#undef VISIT
}
