/* Which server gets the next request or the next connection. */
#ifndef FL_CORE_BALANCE_H
#define FL_CORE_BALANCE_H

#include "core/addr.h"
#include "core/time.h"

struct fl_upstream;
struct fl_pooled;
struct fl_server;

/* A connection with room for a request of this client, idle ones first; NULL
   for none. Idle ones that have to be checked first (validate_after) have no
   room: then as many of them as those that wait need are checked now; with
   hash_client fl_hashing_next sees to that. */
struct fl_pooled *fl_balance_request(struct fl_upstream *upstream,
                                     const struct fl_addr *client, fl_time now);

/* Such a connection of this server. */
struct fl_pooled *fl_balance_room(const struct fl_server *server, fl_time now);

/* Has idle connections of the server checked, until so many more requests will
   have room as wait for it. */
void fl_balance_revive(struct fl_server *server, uint64_t waiting, fl_time now);

/* A server that may be connected to now, for whomever; NULL for none. */
struct fl_server *fl_balance_connect(struct fl_upstream *upstream, fl_time now);

/* The next moment at which backoff lets a server be tried; FL_NEVER when none
   waits for that. */
fl_time fl_balance_retry_at(const struct fl_upstream *upstream, fl_time now);

#endif
