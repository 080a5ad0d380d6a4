/* The connection of fairlead ping and fairlead connect: connects, sends
   requests, cuts what comes back into frames. */
#ifndef FL_SERVICE_PING_LINK_H
#define FL_SERVICE_PING_LINK_H

#include "core/addr.h"
#include "core/slice.h"
#include "service/frame_options.h"

#include <uv.h>

struct fl_ping_link;

enum fl_ping_event {
  FL_PING_CONNECTED,
  FL_PING_REPLY,   /* the first whole frame after fl_ping_link_send */
  FL_PING_UNASKED, /* bytes that came while no reply was awaited, or behind
                      one; without frames, all bytes */
  FL_PING_SENT,    /* the system has taken what was sent */
  FL_PING_FAILED
};

/* The longest reply, its end included. */
enum { FL_PING_REPLY_MAX = FL_FRAME_MAX };

/* `reply` is what came, valid during the call; `failure` that of
   FL_PING_FAILED, for people: "refused". The call may close the link, and has
   to after FL_PING_FAILED. */
typedef void (*fl_ping_report)(void *context, enum fl_ping_event event,
                               struct fl_slice reply, const char *failure);

/* Begins to connect; frames outlive the link. Whatever comes of it is reported
   from the loop. Returns NULL when memory is out. */
struct fl_ping_link *fl_ping_link_open(uv_loop_t *loop,
                                       const struct fl_addr *addr,
                                       const struct fl_frame_options *frames,
                                       fl_ping_report report, void *context);

/* Sends a copy of bytes. What arrived before and was not
   reported is dropped: it cannot be the reply. Requires: connected. */
void fl_ping_link_send(struct fl_ping_link *link, struct fl_slice bytes);

/* No reply is awaited any more: what comes is unasked. */
void fl_ping_link_give_up(struct fl_ping_link *link);

/* Sends FIN behind what was sent. */
void fl_ping_link_shut(struct fl_ping_link *link);

/* Closes the connection. Nothing is reported any more; its memory is freed
   from the loop. */
void fl_ping_link_close(struct fl_ping_link *link);

#endif
