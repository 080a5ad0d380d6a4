/* Checks of what a listener says about its access log. */
#ifndef FL_CORE_CONFIG_LOG_H
#define FL_CORE_CONFIG_LOG_H

#include "core/config_node.h"

/* Reports an access log of requests where there are none, and resolves
   `events` where there is no access log. Requires: element was read into
   listener, its mode included. */
void fl_config_log_check(struct fl_config_reader *reader,
                         const struct fl_config_node *element,
                         struct fl_listener_config *listener);

#endif
