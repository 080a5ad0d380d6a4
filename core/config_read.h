/* From JSON values to the fields of the struct, as the table says. */
#ifndef FL_CORE_CONFIG_READ_H
#define FL_CORE_CONFIG_READ_H

#include "core/config_node.h"
#include "core/config_table.h"

/* Reads the object `node` into the struct at `base`, which is zeroed but for
   what the caller put there; `inherit`: absent keys keep what is there, else
   they get their defaults. With a NULL node all keys are absent, and none is
   missed. Reports every error in the object and in what it contains. */
void fl_config_read_section(struct fl_config_reader *reader,
                            const struct fl_config_section *section,
                            const struct fl_config_node *node, void *base,
                            bool inherit);

#endif
