/* Attempts at further addresses of a server's name, beside a connector's own:
   each is started `head_start` after the one before it, if that has no result
   yet and max_size has room (RFC 8305, section 5: Connection Attempts). The
   first that stands is the connection; the others are closed. A rival has a
   place like any connection, from the moment it is started until its socket is
   closed.

   Only while the connector's own connection has a socket that connects are
   there rivals that do. */
#ifndef FL_CORE_RIVAL_H
#define FL_CORE_RIVAL_H

#include "core/transport.h"

struct fl_connector;
struct fl_upstream;

/* Starts one at the connector's next address, if there is a place and memory;
   else this is looked at again in another head_start, or in 100 ms if that is
   less. */
void fl_rival_start(struct fl_connector *connector, fl_time now);

/* The connector's own attempt has failed: where a rival connects, it takes that
   one's place, and the failed socket closes. Returns false when there is
   none. */
bool fl_rival_succeed(struct fl_connector *connector);

/* The connector's connection stands: the others were slower. */
void fl_rivals_overtaken(struct fl_connector *connector);

/* The connection is not wanted any more. */
void fl_rivals_drop(struct fl_connector *connector);

/* Somebody needs a place that a rival has. Its address comes later. */
void fl_rivals_yield(struct fl_upstream *upstream);

/* max_size has become smaller: all of them end. */
void fl_rivals_clear(struct fl_upstream *upstream);

#endif
