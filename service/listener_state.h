/* What a listener does, as status, its JSON and the metrics show it. */
#ifndef FL_SERVICE_LISTENER_STATE_H
#define FL_SERVICE_LISTENER_STATE_H

#include "core/snapshot.h"
#include "service/control.h"

enum fl_listener_state {
  FL_LISTENER_OPEN,    /* it takes new clients */
  FL_LISTENER_CLOSED,  /* it does not listen: no server of its upstream is in,
                          or it stops, and no client is left */
  FL_LISTENER_OPENING, /* an address cannot be bound */
  FL_LISTENER_CLOSING, /* it listens no more, and has clients yet: it stops, or
                          a reload took it out */
  FL_LISTENER_STATES
};

enum fl_listener_state
fl_listener_state(const struct fl_snapshot_listener *listener,
                  const struct fl_control *control);

/* "open" and so on. */
const char *fl_listener_state_name(enum fl_listener_state state);

#endif
