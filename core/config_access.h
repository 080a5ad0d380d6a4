/* Checks of what a listener says about who may connect. */
#ifndef FL_CORE_CONFIG_ACCESS_H
#define FL_CORE_CONFIG_ACCESS_H

#include "core/config_node.h"

/* Reports blocks that stand twice in the access lists, a limit for one
   address above that for all, and a burst without a rate. Requires: element was
   read into listener. */
void fl_config_access_check(struct fl_config_reader *reader,
                            const struct fl_config_node *element,
                            const struct fl_listener_config *listener);

#endif
