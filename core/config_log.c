#include "core/config_log.h"

#include "core/text.h"

#include <string.h>

void fl_config_log_check(struct fl_config_reader *reader,
                         const struct fl_config_node *element,
                         struct fl_listener_config *listener) {
  struct fl_access_config *log = &listener->access_log;
  struct fl_config_node object;
  struct fl_config_node node;
  struct fl_text allowed = {0};
  if (log->events != FL_ACCESS_REQUESTS)
    return;
  if (listener->mode == FL_MODE_REQUEST) {
    if (strcmp(log->target.text, "off") == 0)
      log->events = FL_ACCESS_CONNECTIONS;
    return;
  }
  if (!fl_config_node_find(reader, element, "access_log", &object) ||
      !fl_config_node_find(reader, &object, "events", &node))
    return;
  fl_text_add(&allowed, "\"connections\" in any mode but \"request\"");
  fl_config_node_error(reader, &node, NULL, &allowed);
}
