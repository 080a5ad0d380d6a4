/* Counters of one listener or one upstream on one worker. Plain numbers: the
   worker's thread writes them, and it alone reads them, to copy them into a
   snapshot (core/snapshot.h). */
#ifndef FL_CORE_METRICS_H
#define FL_CORE_METRICS_H

#include "core/reason.h"

#include <stdint.h>

/* requests = replies + requests_sent + requests_failed + requests_abandoned +
   those in progress. requests_sent: done when they had left, for no reply
   follows. Abandoned: the client left before the outcome. replies_dropped
   counts replies that came for such a request or, by id, after its timeout.
   own_requests: fairlead's own on idle connections, none of the above; probes:
   health checks, those without a request among them.
   requests_resent: the kernel had taken no byte when the connection broke;
   requests_repeated: it had, and a rule says that they are idempotent.
   frames_ignored: from clients, passed over as config.json says;
   frames_dropped: likewise from servers.
   lookups_stale: connects that used an old answer; addresses_ignored: of names
   with too many. connects_overtaken: given up, for one to another address of
   the name was faster.
   Bytes are added up when a connection closes. */
#define FL_METRICS(X)                                                          \
  X(clients_opened)                                                            \
  X(listener_closed)                                                           \
  X(listener_opened)                                                           \
  X(listener_rebinds_failed)                                                   \
  X(client_bytes_in)                                                           \
  X(client_bytes_out)                                                          \
  X(requests)                                                                  \
  X(replies)                                                                   \
  X(requests_sent)                                                             \
  X(requests_resent)                                                           \
  X(requests_repeated)                                                         \
  X(requests_abandoned)                                                        \
  X(frames_ignored)                                                            \
  X(replies_dropped)                                                           \
  X(own_requests)                                                              \
  X(probes)                                                                    \
  X(servers_returned)                                                          \
  X(lookups)                                                                   \
  X(lookups_stale)                                                             \
  X(addresses_ignored)                                                         \
  X(connects_overtaken)                                                        \
  X(upstream_connects)                                                         \
  X(upstream_bytes_in)                                                         \
  X(upstream_bytes_out)

/* Counters by reason: clients_closed[FL_IDLE_TIMEOUT] and so on. */
#define FL_METRICS_BY_REASON(X)                                                \
  X(clients_refused)                                                           \
  X(clients_closed)                                                            \
  X(requests_failed)                                                           \
  X(frames_dropped)                                                            \
  X(lookups_failed)                                                            \
  X(upstream_closed)                                                           \
  X(connects_failed)                                                           \
  X(servers_ejected)

struct fl_metrics {
#define FL_METRIC_FIELD(name) uint64_t name;
  FL_METRICS(FL_METRIC_FIELD)
#undef FL_METRIC_FIELD
#define FL_METRIC_FIELD(name) uint64_t name[FL_REASON_COUNT];
  FL_METRICS_BY_REASON(FL_METRIC_FIELD)
#undef FL_METRIC_FIELD
};

/* Adds every counter of `part` to `sum`. */
void fl_metrics_add(struct fl_metrics *sum, const struct fl_metrics *part);

/* Calls each(ctx, name, reason or NULL, value) for every counter that is not
   zero, in the order above. */
void fl_metrics_each(const struct fl_metrics *metrics,
                     void (*each)(void *ctx, const char *name,
                                  const char *reason, uint64_t value),
                     void *ctx);

#endif
