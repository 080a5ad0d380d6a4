/* The flow of bytes between the two sides of a relay: what one sends is
   written to the other, watermarks keep the faster one back, FIN is passed on
   behind all that comes before it, and silence and stalls have their
   timeouts. */
#ifndef FL_CORE_RELAY_FLOW_H
#define FL_CORE_RELAY_FLOW_H

#include "core/relay.h"

/* Sets the deadlines of both sides. The client's is also the relay's. */
void fl_relay_arm(struct fl_relay *relay);

/* Passes on what `from` sent. */
void fl_relay_pass(struct fl_relay *relay, struct fl_relay_side *from,
                   struct fl_slice bytes, fl_time now);

/* What a side had sent before the relay was OPEN, and its FIN. */
void fl_relay_pass_kept(struct fl_relay *relay, struct fl_relay_side *from,
                        fl_time now);

/* The kernel took bytes for `to`. */
void fl_relay_sent(struct fl_relay *relay, struct fl_relay_side *to,
                   fl_time now);

/* The side's end: FL_PEER_CLOSED for FIN, else it broke. */
void fl_relay_side_ended(struct fl_relay *relay, struct fl_relay_side *side,
                         enum fl_reason reason, fl_time now);

/* A side's deadline. Requires: the relay is OPEN or later. */
void fl_relay_side_expired(struct fl_relay *relay, struct fl_relay_side *side,
                           fl_time now);

/* Pressure began or ended (core/memory.h). */
void fl_relay_look_again(struct fl_relay *relay, fl_time now);

#endif
