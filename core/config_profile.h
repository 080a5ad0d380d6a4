/* Profiles in config.json: what an upstream does not say, its profile does. */
#ifndef FL_CORE_CONFIG_PROFILE_H
#define FL_CORE_CONFIG_PROFILE_H

#include "core/config_node.h"

/* Fills in what the upstream `element` does not state. */
void fl_config_profile_apply(struct fl_config_reader *reader,
                             const struct fl_config_node *element);

/* Checks read_only of the listener `element`, whose upstream is known. */
void fl_config_profile_check_listener(struct fl_config_reader *reader,
                                      const struct fl_config_node *element);

#endif
