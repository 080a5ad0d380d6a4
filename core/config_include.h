/* Files that a configuration includes: what they hold joins the lists of the
   first file before anything is read, so that listeners and upstreams are the
   same wherever they stand. */
#ifndef FL_CORE_CONFIG_INCLUDE_H
#define FL_CORE_CONFIG_INCLUDE_H

#include "core/config_node.h"
#include "core/config_part.h"

/* Loads what `include` in the outermost object of the first file says, in
   order. Faults are reported there. Returns how many files there are. */
uint32_t fl_config_include_load(const struct fl_config_reader *reader,
                                const struct cJSON *item,
                                struct fl_config_loader *loader);

/* Reports what may not stand in an included file, which `item` is. */
void fl_config_include_check(const struct fl_config_reader *reader,
                             const struct cJSON *item);

/* Moves the listeners and upstreams of the parts after the first to the ends
   of its lists. Requires: they were checked without a fault. Returns false when
   memory is out. */
bool fl_config_include_merge(struct fl_config_part *parts, uint32_t count);

#endif
