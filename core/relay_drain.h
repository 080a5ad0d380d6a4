/* How long relays and sessions may go on with a server that an operator has
   drained, or that a reload has taken out: drain_timeout of their upstream. */
#ifndef FL_CORE_RELAY_DRAIN_H
#define FL_CORE_RELAY_DRAIN_H

#include "core/time.h"

struct fl_upstream;

/* Ends those whose time is over, by reset, so that nobody takes what was cut
   short for the end. Returns when the next are due; FL_NEVER for none.
   Requires: the upstream is one of relay or session listeners. */
fl_time fl_relay_drain(struct fl_upstream *upstream, fl_time now);

#endif
