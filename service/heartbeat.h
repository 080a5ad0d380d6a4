/* What the service manager is told while the process serves: that every
   worker's loop turns, and how things stand. The control thread asks the
   workers now and then; nothing is added to what they do for clients. */
#ifndef FL_SERVICE_HEARTBEAT_H
#define FL_SERVICE_HEARTBEAT_H

#include "service/instance.h"

struct fl_heartbeat;

/* Begins. Returns NULL when memory is out, or nobody wants to know: then
 *failed is false. */
struct fl_heartbeat *fl_heartbeat_open(const struct fl_instance *instance,
                                       bool *failed);

/* The loop must turn once more, and what was asked of workers must have come
   back, before it is freed. NULL is fine for both. */
void fl_heartbeat_close(struct fl_heartbeat *heartbeat);
void fl_heartbeat_free(struct fl_heartbeat *heartbeat);

#endif
