/* Listening sockets that outlive the process. The service manager gave them to
   it at its start, because it listens for it (socket activation) or because an
   earlier process had it keep them; and it keeps those of this process for the
   next one. Clients that come in between wait in their queues. Sockets are
   matched by their addresses. Not kept are those on any free port, and those of
   listeners that close for a while (on_upstream_down), which only the last
   descriptor does. A file per system; all on the main thread. */
#ifndef FL_SERVICE_KEPT_H
#define FL_SERVICE_KEPT_H

#include "core/addr.h"
#include "platform/hooks.h"
#include "service/listeners.h"

/* Takes over what the process was given. After fl_notify_open, before
   there are threads. */
void fl_kept_open(const struct fl_hooks *hooks);

/* One that listens at the address, and for IPv6 alone if that is said. It is
   the caller's from now on. Returns false when there is none. */
bool fl_kept_take(const struct fl_addr *addr, bool ipv6_only,
                  uv_os_sock_t *socket);

/* Closes those that nobody took, and has the manager do so. */
void fl_kept_prune(void);

/* Has the sockets of these kept that are to be, and no others of them, and
   tells their acceptors. */
void fl_kept_keep(const struct fl_listeners *listeners,
                  const struct fl_config *config);

/* Has the sockets of these kept no longer, and tells their acceptors, but those
   of addresses that `others` have, too (NULL: none). When it returns, the
   acceptors' descriptors are the last ones. Those of socket activation stay:
   the manager listens there. */
void fl_kept_drop(const struct fl_listeners *listeners,
                  const struct fl_listeners *others);

void fl_kept_close(void);

#endif
