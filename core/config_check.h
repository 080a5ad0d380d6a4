/* What no key can tell alone: names, references, modes, one size against
   another. */
#ifndef FL_CORE_CONFIG_CHECK_H
#define FL_CORE_CONFIG_CHECK_H

#include "core/config_node.h"

/* Requires: root, the outermost object, was read into reader->config. Fills
   in what follows from several keys (the listeners' upstreams, inline ones
   among them, and their framing) and reports what does not fit together.
   What has an error already is passed over. */
void fl_config_check(struct fl_config_reader *reader,
                     const struct fl_config_node *root);

#endif
