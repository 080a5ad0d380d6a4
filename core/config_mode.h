/* Keys that belong to some modes only. */
#ifndef FL_CORE_CONFIG_MODE_H
#define FL_CORE_CONFIG_MODE_H

#include "core/config_node.h"
#include "core/config_table.h"

/* Reports the keys of a section, and of those in it, that are written and that
   the mode has no use for. */
void fl_config_mode_check(struct fl_config_reader *reader,
                          const struct fl_config_section *section,
                          const struct fl_config_node *object,
                          enum fl_mode mode);

#endif
