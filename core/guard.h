/* Who may become a client of one listener: its access list, then its limits
   for each address. Whoever accepts sockets asks here, before anything is
   read from them. */
#ifndef FL_CORE_GUARD_H
#define FL_CORE_GUARD_H

#include "core/config.h"
#include "core/reason.h"

struct fl_guard;
struct fl_guard_change;

/* `key` is random (struct fl_quota_setup). config outlives the guard. Returns
   NULL when memory is out. */
struct fl_guard *fl_guard_new(const struct fl_listener_config *config,
                              const uint64_t key[2]);

/* Returns FL_OK, with *place to be given back once when the client's socket
   is closed; or why the client is to be refused: FL_DENIED_ADDRESS,
   FL_ADDRESS_CONNECTIONS or FL_ADDRESS_RATE. Requires: always the same
   thread; fewer than the listener's max_connections are in. */
enum fl_reason fl_guard_enter(struct fl_guard *guard,
                              const struct fl_addr *peer, fl_time now,
                              uint32_t *place);

/* What it takes to guard by another configuration; NULL when memory is out.
   On any thread. */
struct fl_guard_change *
fl_guard_prepare(const struct fl_guard *guard,
                 const struct fl_listener_config *config);
void fl_guard_change_free(struct fl_guard_change *change); /* NULL is fine */

/* Guards by this configuration, which outlives it, from now on; frees `change`,
   which was prepared for it. Who is in stays. Those who came while addresses
   had no limit do not count against the first one. On the thread that
   enters. */
void fl_guard_configure(struct fl_guard *guard,
                        const struct fl_listener_config *config,
                        struct fl_guard_change *change);

/* From any thread. */
void fl_guard_leave(struct fl_guard *guard, uint32_t place);

/* Once, on the thread that enters, after the table of addresses overflowed:
   how many it holds. Else 0. */
uint32_t fl_guard_overflow(struct fl_guard *guard);

void fl_guard_free(struct fl_guard *guard); /* NULL is fine */

#endif
