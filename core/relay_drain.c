#include "core/relay_drain.h"

#include "core/relay_end.h"
#include "core/server.h"
#include "core/upstream.h"

static void cut(struct fl_server *server, fl_time now) {
  struct fl_list *link = server->relays.next;
  while (link != &server->relays) {
    struct fl_relay *relay =
        FL_CONTAINER(link, struct fl_relay, server.conn.link);
    link = link->next; /* the relay may leave the list */
    if (relay->state == FL_RELAY_OPEN || relay->state == FL_RELAY_DELIVERING)
      fl_relay_end(relay, NULL, FL_DRAIN_TIMEOUT, now);
  }
}

fl_time fl_relay_drain(struct fl_upstream *upstream, fl_time now) {
  fl_time timeout = upstream->config->drain_timeout;
  fl_time next = FL_NEVER;
  if (timeout == 0)
    return FL_NEVER;
  struct fl_list *link = upstream->all_servers.next;
  for (; link != &upstream->all_servers; link = link->next) {
    struct fl_server *server = FL_CONTAINER(link, struct fl_server, link);
    fl_time due = fl_time_add(server->left_at, timeout);
    if (due <= now)
      cut(server, now);
    else if (!fl_list_empty(&server->relays))
      next = fl_time_min(next, due);
  }
  return next;
}
