/* What an upstream says of fairlead's own messages to its servers, held
   against its framing. */
#ifndef FL_CORE_CONFIG_OWN_H
#define FL_CORE_CONFIG_OWN_H

#include "core/config_node.h"

/* Requires: element, an upstream that is not of relays, was read into
   reader->config. */
void fl_config_own_check(struct fl_config_reader *reader,
                         const struct fl_config_node *element);

#endif
