#include "core/config_order.h"

#include "core/config_value.h"

bool fl_config_find_in(struct fl_config_reader *reader,
                       const struct fl_config_node *element, const char *name,
                       const char *key, struct fl_config_node *group,
                       struct fl_config_node *node) {
  *group = *element;
  if (name[0] != '\0')
    fl_config_node_find(reader, element, name, group);
  return fl_config_node_find(reader, group, key, node);
}

static void add_value(struct fl_text *text, uint64_t value,
                      const struct fl_config_unit *units) {
  if (units == NULL)
    fl_text_add_number(text, value);
  else
    fl_config_value_print(text, value, units);
}

void fl_config_order_check(struct fl_config_reader *reader,
                           const struct fl_config_node *element,
                           const struct fl_config_order *order) {
  struct fl_config_node low_group;
  struct fl_config_node high_group;
  struct fl_config_node low;
  struct fl_config_node high;
  if (order->low_value <= order->high_value)
    return;
  bool has_low = fl_config_find_in(reader, element, order->low_group,
                                   order->low, &low_group, &low);
  bool has_high = fl_config_find_in(reader, element, order->high_group,
                                    order->high, &high_group, &high);
  if ((has_low && !fl_config_node_good(reader, &low)) ||
      (has_high && !fl_config_node_good(reader, &high)))
    return; /* the value compared is only the default */
  const char *group = has_low ? order->high_group : order->low_group;
  struct fl_text allowed = {0};
  FL_TEXT(&allowed, has_low ? "at most " : "at least ", group,
          group[0] == '\0' ? "" : ".", has_low ? order->high : order->low,
          ", which is ");
  add_value(&allowed, has_low ? order->high_value : order->low_value,
            order->units);
  fl_config_node_error(reader, has_low ? &low : &high, NULL, &allowed);
}
