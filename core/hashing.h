/* balance "hash_client": each client address has a server of its own, by
   rendezvous hashing (Thaler and Ravishankar, "Using Name-Based Mappings to
   Increase Hit Rates", 1998). Every server has a weight for the address, and
   the heaviest that can be used is the client's. So a server that goes away
   moves only its own clients, each to the next in its rank, and they come back
   with it. Weights depend on nothing but the client's address and the server
   as config.json has it: all workers agree, after a restart too. */
#ifndef FL_CORE_HASHING_H
#define FL_CORE_HASHING_H

#include "core/addr.h"
#include "core/list.h"
#include "core/time.h"
#include "core/upstream.h"

#include <stdbool.h>
#include <stdint.h>

struct fl_pooled;
struct fl_server;
struct fl_upstream;

/* What weights of this server are made with; server: as in config.json. */
uint64_t fl_hashing_seed(const char *server);

/* The weight of the server with this seed for a client; its port is no part of
   it. */
uint64_t fl_hashing_weight(uint64_t seed, const struct fl_addr *client);

/* Whether the upstream is balanced so. */
static inline bool fl_hashing_is_on(const struct fl_upstream *upstream) {
  return upstream->config->balance == FL_BALANCE_HASH_CLIENT;
}

/* The client's server; NULL when none can be used. One that was ejected
   cannot, nor one without a connection in the pool that may not be connected
   to either, because its backoff or reconnect_delay runs. */
struct fl_server *fl_hashing_server(const struct fl_upstream *upstream,
                                    const struct fl_addr *client, fl_time now);

/* The first of the upstream's waiters whose server has a connection with room,
   *place; or, in relays, that may be connected to now, *server. The other is
   NULL. Returns NULL when nobody's has: then server->promised says how many
   connections are to be opened to each. Where those that were looked at need
   places that max_size does not have, idle connections of other servers are
   closed. */
struct fl_list *fl_hashing_next(struct fl_upstream *upstream,
                                struct fl_pooled **place,
                                struct fl_server **server, fl_time now);

#endif
