/* What no key of an upstream can tell alone. */
#ifndef FL_CORE_CONFIG_CHECK_UPSTREAM_H
#define FL_CORE_CONFIG_CHECK_UPSTREAM_H

#include "core/config_node.h"

/* Requires: the element of "upstreams" was read, its mode is that of its
   listeners. Fills in how replies are cut, and reports what does not fit
   together. What has an error already is passed over. */
void fl_config_upstream_check(struct fl_config_reader *reader,
                              const struct fl_config_node *element);

#endif
