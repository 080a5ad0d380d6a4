/* What an operator does to one worker's half of a running gateway. Call it
   between two turns. */
#ifndef FL_CORE_OPERATOR_H
#define FL_CORE_OPERATOR_H

#include "core/time.h"

#include <stdbool.h>
#include <stdint.h>

struct fl_gateway;
struct fl_standing;

/* Closes the connection of this number (fl_transport_id) for
   FL_CLOSED_BY_OPERATOR: a client, whose requests under way are given up; a
   connection of a pool, whose requests get errors or, where unsent, another
   one; of a relay or session both sides, by reset, for what was cut short
   must not look like the end. Returns false when there is none.
   Takes time for each connection. */
bool fl_operator_close(struct fl_gateway *gateway, uint64_t id, fl_time now);

/* Puts into effect what was said of servers (fl_standing_say) since the last
   call. */
void fl_operator_apply(struct fl_gateway *gateway, fl_time now);

/* Closes all connections to servers that a reload has taken out, and whose
   address is `text` (as "UPSTREAM/ADDRESS" that of one upstream), for
   FL_EJECTED_BY_OPERATOR. Returns whether there are any. */
bool fl_operator_eject_removed(struct fl_gateway *gateway, const char *text,
                               fl_time now);

/* What one worker still has on a server. */
struct fl_operator_load {
  uint32_t requests; /* in flight */
  uint32_t lent;     /* connections that a relay or a session has */
};

/* Of the server that stands so. `standing` is only compared, and need not be
   one that is there any more. */
struct fl_operator_load fl_operator_load(const struct fl_gateway *gateway,
                                         const struct fl_standing *standing);

#endif
