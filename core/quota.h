/* What each client address may have of one listener: connections open at once
   and new connections per second. Memory is bounded by the table's size,
   fixed when it is made.

   One thread enters, any thread leaves: an entry in use is never given to
   another address, so who leaves touches one atomic counter and nothing
   else. */
#ifndef FL_CORE_QUOTA_H
#define FL_CORE_QUOTA_H

#include "core/addr.h"
#include "core/reason.h"
#include "core/time.h"

struct fl_quota;
struct fl_quota_growth;

struct fl_quota_setup {
  uint32_t connections; /* that may be open at once, of all addresses */
  uint32_t per_address; /* of them for one address; 0: no limit */
  uint32_t rate;        /* new ones per second for one address; 0: no limit */
  uint32_t burst;       /* new ones at once, after a pause; 1.. */
  uint64_t key[2];      /* random, so that nobody can choose addresses that
                           collide in the table */
};

/* Returns NULL when memory is out. */
struct fl_quota *fl_quota_new(const struct fl_quota_setup *setup);

/* Takes the memory for so many connections in *growth, which may be NULL when
   the table has room for them. Returns false when memory is out. On any
   thread; of two for one quota only the first may be used. */
bool fl_quota_prepare(const struct fl_quota *quota, uint32_t connections,
                      struct fl_quota_growth **growth);
void fl_quota_growth_free(struct fl_quota_growth *growth); /* NULL is fine */

/* Other limits from now on (the key stays); who is in stays and counts. Takes
   growth, which was prepared for these connections. On the thread that
   enters. */
void fl_quota_configure(struct fl_quota *quota,
                        const struct fl_quota_setup *setup,
                        struct fl_quota_growth *growth);

/* Takes a place for a connection from this address. Returns FL_OK with *place
   to be given back; or FL_ADDRESS_CONNECTIONS or FL_ADDRESS_RATE, which costs
   the address nothing. Exact, whichever threads leave meanwhile. Requires:
   always the same thread; fewer than setup.connections places are taken; now
   never goes back. */
enum fl_reason fl_quota_enter(struct fl_quota *quota,
                              const struct fl_addr *addr, fl_time now,
                              uint32_t *place);

/* Gives a place back, once. From any thread. */
void fl_quota_leave(struct fl_quota *quota, uint32_t place);

/* How many addresses the table holds, and how often one had to be forgotten
   before its rate was back to rest, the one unseen for longest: it may begin
   a burst anew. Open connections are never forgotten. On the thread that
   enters. */
uint32_t fl_quota_size(const struct fl_quota *quota);
uint64_t fl_quota_forgotten(const struct fl_quota *quota);

void fl_quota_free(struct fl_quota *quota); /* NULL is fine */

#endif
