/* Which servers are fit for use, as `health` in config.json wants it. Replies
   to clients and to checks are successes; failed checks, connects and requests
   are failures. `fall` failures in a row eject a server, `rise` successes in a
   row bring it back. Any shard of an upstream may find either; one of them, the
   owner, makes the checks. The others notice when they next look for a server.
   */
#ifndef FL_CORE_HEALTH_H
#define FL_CORE_HEALTH_H

#include "core/reason.h"
#include "core/time.h"

struct fl_pooled;
struct fl_server;
struct fl_upstream;

void fl_health_success(struct fl_server *server, fl_time now);
void fl_health_failure(struct fl_server *server, enum fl_reason reason,
                       fl_time now);

/* Begins the checks that are due. A check is a request on an idle connection;
   on one that is opened for it where there is none; or, without health.send, a
   connection that is opened and closed. A connection is only opened where
   max_size has room. Call it in each dispatch. */
void fl_health_run(struct fl_upstream *upstream, fl_time now);

/* A connection stands that was not opened for a check. Where a check is a
   connect it is one all the same for a server that is out, or of which nothing
   was heard: it may have the only place that max_size leaves. */
void fl_health_connected(struct fl_server *server, fl_time now);

/* A connection that was opened for a check is idle for the first time. It may
   be retired before this returns. */
void fl_health_stands(struct fl_pooled *pooled, fl_time now);

#endif
