/* Writes the text format of Prometheus ("Exposition formats", version 0.0.4).
 */
#ifndef FL_SERVICE_EXPOSITION_H
#define FL_SERVICE_EXPOSITION_H

#include "core/text.h"
#include "core/time.h"

struct fl_label {
  const char *name; /* NULL: it is left out */
  const char *value;
};

#define FL_LABEL(key, text) ((struct fl_label){(key), (text)})

/* The beginning of a metric: its samples follow. type: "gauge", "counter" or
   "histogram". */
void fl_exposition_head(struct fl_text *to, const char *name, const char *type,
                        const char *help);

/* The name, its suffix and labels: what stands before a value. */
void fl_exposition_name(struct fl_text *to, const char *name,
                        const char *suffix, const struct fl_label *labels,
                        unsigned count);

void fl_exposition_sample(struct fl_text *to, const char *name,
                          const struct fl_label *labels, unsigned count,
                          uint64_t value);

/* The same with a duration. */
void fl_exposition_seconds(struct fl_text *to, const char *name,
                           const struct fl_label *labels, unsigned count,
                           fl_time value);

/* A duration alone, in seconds. */
void fl_exposition_add_seconds(struct fl_text *to, fl_time value);

#endif
