/* Which server gets the next request or the next connection. */
#ifndef FL_CORE_BALANCE_H
#define FL_CORE_BALANCE_H

#include "core/time.h"

struct fl_upstream;
struct fl_pooled;
struct fl_server;

/* A connection with room for a request, idle ones first; NULL for none. Idle
   ones that have to be checked first (validate_after) have no room: then as
   many of them as those that wait need are checked now. */
struct fl_pooled *fl_balance_request(struct fl_upstream *upstream, fl_time now);

/* A server that may be connected to now; NULL for none. */
struct fl_server *fl_balance_connect(struct fl_upstream *upstream, fl_time now);

/* The next moment at which backoff lets a server be tried; FL_NEVER when none
   waits for that. */
fl_time fl_balance_retry_at(const struct fl_upstream *upstream);

#endif
