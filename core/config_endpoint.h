/* A "host:port" of config.json. */
#ifndef FL_CORE_CONFIG_ENDPOINT_H
#define FL_CORE_CONFIG_ENDPOINT_H

#include "core/config.h"

/* Reads text. `listen`: the host must be numeric, and the port may be 0.
   Returns NULL and fills *endpoint, whose strings the caller owns; or a
   clause for people that says what is wrong; or "" when memory is out. */
const char *fl_endpoint_read(const char *text, bool listen,
                             struct fl_endpoint *endpoint);

/* Whether both name the same address, or the same name, and port. */
bool fl_endpoint_equal(const struct fl_endpoint *a,
                       const struct fl_endpoint *b);

void fl_endpoint_clear(struct fl_endpoint *endpoint);

#endif
