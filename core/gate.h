/* Whether a listener's sockets listen. With on_upstream_down "close_listener"
   they do while a server of its upstream is in: once one has answered, and
   until all are ejected. What is in front of the gateway and only connects to
   see whether it works then sees the truth. The worker that accepts for the
   listener decides, for it has the shard that makes the checks, too. */
#ifndef FL_CORE_GATE_H
#define FL_CORE_GATE_H

#include "core/time.h"

struct fl_gateway;
struct fl_listener;
struct fl_upstream;

/* The listener's configuration may have changed. */
void fl_gate_configure(struct fl_listener *listener);

/* The end of a turn: tells the outside what has changed. */
void fl_gate_turn(struct fl_gateway *gateway, fl_time now);

/* A server of this shard's upstream came in or was ejected: the worker that
   decides looks at it. */
void fl_gate_stir(const struct fl_upstream *upstream);

#endif
