#include "service/listener_state.h"

enum fl_listener_state
fl_listener_state(const struct fl_snapshot_listener *listener,
                  const struct fl_control *control) {
  if (listener->left || !fl_control_accepts(control))
    return listener->clients > 0 ? FL_LISTENER_CLOSING : FL_LISTENER_CLOSED;
  if (listener->shut)
    return FL_LISTENER_CLOSED;
  return listener->unbound > 0 ? FL_LISTENER_OPENING : FL_LISTENER_OPEN;
}

const char *fl_listener_state_name(enum fl_listener_state state) {
  static const char *const names[FL_LISTENER_STATES] = {
      [FL_LISTENER_OPEN] = "open",
      [FL_LISTENER_CLOSED] = "closed",
      [FL_LISTENER_OPENING] = "opening",
      [FL_LISTENER_CLOSING] = "closing"};
  return names[state];
}
