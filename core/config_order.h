/* One size against another: which of two keys must not be above the other. */
#ifndef FL_CORE_CONFIG_ORDER_H
#define FL_CORE_CONFIG_ORDER_H

#include "core/config_node.h"

struct fl_config_unit;

/* Two keys of an element, one not above the other. Each is in the object
   `group` ("" for the element itself). */
struct fl_config_order {
  const char *low_group, *low;
  const char *high_group, *high;
  uint64_t low_value, high_value;
  const struct fl_config_unit *units; /* NULL: plain numbers */
};

/* Finds a key of the element's object `name` ("": of the element itself),
   which is kept in *group as the node's parent. */
bool fl_config_find_in(struct fl_config_reader *reader,
                       const struct fl_config_node *element, const char *name,
                       const char *key, struct fl_config_node *group,
                       struct fl_config_node *node);

/* Reports the lower key where it is above the upper, or the upper where only
   that was written. What has an error already is passed over. */
void fl_config_order_check(struct fl_config_reader *reader,
                           const struct fl_config_node *element,
                           const struct fl_config_order *order);

#endif
