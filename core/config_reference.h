/* A listener's "upstream": a name, or a server that becomes an upstream. */
#ifndef FL_CORE_CONFIG_REFERENCE_H
#define FL_CORE_CONFIG_REFERENCE_H

#include "core/config_node.h"

/* The index of the first upstream of that name, -1: none. */
long fl_config_upstream_index(const struct fl_config *config, const char *name);

/* Requires: element is one of "listeners", not in command mode, and all
   upstreams were read. Finds or makes its upstream, or reports why it cannot
   and leaves the index UINT32_MAX. */
void fl_config_reference_read(struct fl_config_reader *reader,
                              const struct fl_config_node *element);

#endif
