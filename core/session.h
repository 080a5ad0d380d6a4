/* What sessions add to relays. A session is a relay (core/relay.h) whose
   client takes a connection out of the pool with its first byte and has it
   until it leaves. Bytes pass as in a relay, or as whole frames that are held
   against the framing. At the end the connection is closed, or goes back to
   the pool and is reset for the next session. */
#ifndef FL_CORE_SESSION_H
#define FL_CORE_SESSION_H

#include "core/relay.h"

/* The client waits for its own first byte: it claims nothing. */
bool fl_session_silent(const struct fl_relay *relay);

/* Whether bytes are to pass as whole frames, as config.json says; false of
   relays and of raw sessions. */
bool fl_session_framed(const struct fl_relay *relay);

/* Bytes of a client that has no connection yet: they are kept, and the first
   make it wait for one in turn. */
void fl_session_keep(struct fl_relay *relay, struct fl_slice bytes,
                     fl_time now);

/* Counts the whole frames at the start of bytes. Returns their size, and in
 *broken FL_OK or why `from` can be understood no further. */
size_t fl_session_cut(struct fl_relay *relay, struct fl_relay_side *from,
                      struct fl_slice bytes, enum fl_reason *broken);

/* The client has sent FIN. Returns whether that is not passed on, for it would
   end a connection that can be reset: then the session ends once *answered. */
bool fl_session_keeps_fin(const struct fl_relay *relay, bool *answered);

/* Gives the connection back to the pool, if it can be reset and nothing of
   the session is left on it. Requires: OPEN. Returns whether it did: then the
   relay has no server's side any more. */
bool fl_session_give_back(struct fl_relay *relay, enum fl_reason reason,
                          fl_time now);

/* Ends sessions that were silent for pool.hold_timeout, the longest first, as
   far as clients wait for their places. Returns when the next one is due. */
fl_time fl_session_relieve(struct fl_upstream *upstream, fl_time now);

/* A stop begins: ends it if it is silent. */
void fl_session_drain(struct fl_relay *relay, fl_time now);

#endif
