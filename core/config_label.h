/* What several elements of config.json have to do with each other, in words:
   "listeners[3]" of a message, and the errors that name another element. */
#ifndef FL_CORE_CONFIG_LABEL_H
#define FL_CORE_CONFIG_LABEL_H

#include "core/config_node.h"

/* Reports the node at its value; allowed is all of `parts` in a row. */
void fl_config_report(struct fl_config_reader *reader,
                      const struct fl_config_node *node,
                      const char *const *parts);
#define FL_CONFIG_REPORT(reader, node, ...)                                    \
  fl_config_report((reader), (node), (const char *const[]){__VA_ARGS__, NULL})

/* "listeners[3]", for messages about what stands at `node`; with its file where
   that is another. `place` is that of the element, NULL in the same list. The
   caller frees it; NULL when memory is used up, which is noted. */
char *fl_config_label(struct fl_config_reader *reader,
                      const struct fl_config_node *node, const char *list,
                      uint32_t index, const struct fl_place *place);
char *fl_config_listener_label(struct fl_config_reader *reader,
                               const struct fl_config_node *node,
                               uint32_t index);
char *fl_config_upstream_label(struct fl_config_reader *reader,
                               const struct fl_config_node *node,
                               uint32_t index);

/* Reports a value that `owner`, which is freed, has too. */
void fl_config_taken(struct fl_config_reader *reader,
                     const struct fl_config_node *node, const char *what,
                     char *owner);

/* Reports a server that cannot be reached from socket.bind. */
void fl_config_check_family(struct fl_config_reader *reader,
                            const struct fl_config_node *node,
                            const struct fl_endpoint *server, uint8_t bind);

#endif
