/* Putting another configuration into effect on one worker while it serves, in
   two steps, so that all workers do it or none: prepare takes all the memory
   that it needs and changes nothing; commit cannot fail.

   What is the same in both configurations, or changes in place, is the same
   object after: its clients and connections notice nothing but new limits and
   timeouts. A listener or upstream that is new or replaced is a new object;
   the old one, off its slot, stays until its last client has left. */
#ifndef FL_CORE_RELOAD_H
#define FL_CORE_RELOAD_H

#include "core/gateway.h"

/* Requires: `next` follows the generation in effect (fl_generation_next), and
   nothing is prepared. Returns false when memory is out, nothing changed. */
bool fl_reload_prepare(struct fl_gateway *gateway, struct fl_generation *next);

/* Gives back what was prepared. Fine when there is nothing. */
void fl_reload_cancel(struct fl_gateway *gateway);

/* Requires: it was prepared; no client that was accepted for a listener that
   goes is still on its way here, and what had arrived for such was read
   (see fl_gateway_stop). Listeners that go, and those whose upstream goes,
   are drained for the new configuration's shutdown_timeout at most. Then
   fl_gateway_turn. */
void fl_reload_commit(struct fl_gateway *gateway, fl_time now);

#endif
