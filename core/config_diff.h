/* What differs between two configurations, and what it takes to put that into
   effect. Row by row of the configuration's table, so that no key can be
   forgotten. */
#ifndef FL_CORE_CONFIG_DIFF_H
#define FL_CORE_CONFIG_DIFF_H

#include "core/config_table.h"

/* Kinds of change, a bit each. */
enum {
  FL_CHANGE_VALUES = 1,    /* takes effect in place */
  FL_CHANGE_LISTEN = 2,    /* other addresses to listen on */
  FL_CHANGE_SERVERS = 4,   /* other servers */
  FL_CHANGE_RECONNECT = 8, /* upstream connections are made anew, each once it
                              is idle */
  FL_CHANGE_REPLACE = 16,  /* clients that are there keep what they began
                              with; new ones get the new */
  FL_CHANGE_STREAM = 32,   /* bytes have another meaning: clients and upstream
                              connections that are there are drained */
  FL_CHANGE_RESTART = 64   /* only a restart can do it */
};

enum { FL_CONFIG_DIFF_PATH = 128 };

/* One key that differs. */
struct fl_config_difference {
  const char *path; /* from the section on: "pool.max_size" */
  const struct fl_config_row *row;
  unsigned kind;  /* of change */
  const void *in; /* the struct of b that it is a field of */
};

typedef void fl_config_diff_fn(void *ctx,
                               const struct fl_config_difference *difference);

/* Compares two structs of this section: the kinds of change together, 0 where
   they are equal. Names, the upstream of a listener, and the lists of
   listeners and upstreams are left out: who matches listeners and upstreams
   by name compares those. differs, which may be NULL, is told of each key. */
unsigned fl_config_diff(const struct fl_config_section *section, const void *a,
                        const void *b, fl_config_diff_fn *differs, void *ctx);

/* What a change of this row alone is; 0 for those that are left out or never
   matter. */
unsigned fl_config_diff_kind(const struct fl_config_row *row);

/* A sentence for people that says so, after a blank; "" where a change takes
   effect in place. */
const char *fl_config_diff_note(const struct fl_config_row *row);

#endif
