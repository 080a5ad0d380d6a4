/* One server in two snapshots: of two workers, or a removed one and its
   successor. */
#ifndef FL_CORE_SNAPSHOT_SERVER_H
#define FL_CORE_SNAPSHOT_SERVER_H

#include "core/snapshot.h"

/* Adds what `part` has; the worse state counts. */
void fl_snapshot_server_add(struct fl_snapshot_server *to,
                            const struct fl_snapshot_server *part);

/* The server of an upstream that has this address, or NULL. By address: one of
   two may be of an older configuration. */
struct fl_snapshot_server *
fl_snapshot_server_same(struct fl_snapshot_upstream *upstream,
                        const char *address);

/* Frees what it owns, and leaves it empty. */
void fl_snapshot_server_clear(struct fl_snapshot_server *server);

#endif
