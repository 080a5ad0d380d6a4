/* The connection of fairlead ping: connects, sends lines, cuts what comes
   back into lines. */
#ifndef FL_SERVICE_PING_LINK_H
#define FL_SERVICE_PING_LINK_H

#include "core/addr.h"
#include "core/slice.h"

#include <uv.h>

struct fl_ping_link;

enum fl_ping_event {
  FL_PING_CONNECTED,
  FL_PING_REPLY, /* the first whole line after fl_ping_link_send */
  FL_PING_FAILED
};

/* The longest reply, its end included. */
enum { FL_PING_REPLY_MAX = 65536 };

/* `reply` is that of FL_PING_REPLY, valid during the call; `failure` that of
   FL_PING_FAILED, for people: "refused". The call may close the link, and has
   to after FL_PING_FAILED. */
typedef void (*fl_ping_report)(void *context, enum fl_ping_event event,
                               struct fl_slice reply, const char *failure);

/* Begins to connect. Whatever comes of it is reported from the loop. Returns
   NULL when memory is out. */
struct fl_ping_link *fl_ping_link_open(uv_loop_t *loop,
                                       const struct fl_addr *addr,
                                       fl_ping_report report, void *context);

/* Sends bytes, which outlive the link. What arrived before and was not
   reported is dropped: it cannot be the reply. Requires: connected. */
void fl_ping_link_send(struct fl_ping_link *link, struct fl_slice bytes);

/* Closes the connection. Nothing is reported any more; its memory is freed
   from the loop. */
void fl_ping_link_close(struct fl_ping_link *link);

#endif
