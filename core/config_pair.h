/* What pairing by id and by key ask of the other keys of config.json. */
#ifndef FL_CORE_CONFIG_PAIR_H
#define FL_CORE_CONFIG_PAIR_H

#include "core/config_node.h"

/* Of an upstream. Requires: both its framings are settled. */
void fl_config_pair_check(struct fl_config_reader *reader,
                          const struct fl_config_node *element);

/* Of a listener in mode "request". Requires: its upstream and framing are
   settled. */
void fl_config_pair_check_listener(struct fl_config_reader *reader,
                                   const struct fl_config_node *element);

#endif
