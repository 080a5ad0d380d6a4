/* How a relay ends: its sides are closed and told of, its turn and its place
   on a server are given back. */
#ifndef FL_CORE_RELAY_END_H
#define FL_CORE_RELAY_END_H

#include "core/relay.h"

/* Closes both. `guilty` is the side that the reason is about, NULL: both. The
   other one is reset, unless what came before a FIN is on its way to it. */
void fl_relay_end(struct fl_relay *relay, const struct fl_relay_side *guilty,
                  enum fl_reason reason, fl_time now);

/* No server could be reached in time: the client has nothing to wait for.
   (What it has sent lies unread in the kernel, so this resets it where the
   system does that.) `server`: the address that failed, or NULL. */
void fl_relay_refuse(struct fl_relay *relay, enum fl_reason reason,
                     const char *server, fl_time now);

/* Closes one side of an open relay, and leaves the other. */
void fl_relay_close_side(struct fl_relay *relay, struct fl_relay_side *side,
                         enum fl_reason reason, fl_time now);

/* It is open and will be no more: who was held for backpressure is not held
   for that any longer. */
void fl_relay_let_go(struct fl_relay *relay, fl_time now);

/* Takes it off the upstream's waiters, if it is on them. */
void fl_relay_stop_waiting(struct fl_relay *relay);

/* The place on the server is free again. */
void fl_relay_give_place_back(struct fl_relay *relay, fl_time now);

/* A stop waits for both sides. */
void fl_relay_free_if_gone(struct fl_relay *relay);

#endif
