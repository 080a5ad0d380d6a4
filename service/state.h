/* The state of the running gateway as JSON: what `fairlead status --json`
   shows. */
#ifndef FL_SERVICE_STATE_H
#define FL_SERVICE_STATE_H

#include "core/snapshot.h"
#include "service/instance.h"

/* Returns a text owned by the caller (free), NULL when memory is out.
   `connections`: whether the snapshot was taken with them. */
char *fl_state_json(const struct fl_instance *instance,
                    const struct fl_snapshot *snapshot, bool connections);

#endif
