/* What core has to tell an operator, as data; service/ turns it into text. */
#ifndef FL_CORE_EVENT_H
#define FL_CORE_EVENT_H

#include "core/addr.h"
#include "core/reason.h"
#include "core/time.h"

enum fl_event_kind {
  FL_EVENT_CLIENT_OPENED,
  FL_EVENT_CLIENT_REFUSED,     /* it was accepted and closed at once */
  FL_EVENT_CLIENT_CLOSED,      /* every opened client, exactly once */
  FL_EVENT_UPSTREAM_CONNECTED, /* a pool connection is established */
  FL_EVENT_UPSTREAM_CLOSED,    /* every established one, exactly once */
  FL_EVENT_SERVER_DOWN,     /* first failure after it worked, or after start */
  FL_EVENT_SERVER_UP,       /* first success after SERVER_DOWN */
  FL_EVENT_SERVER_EJECTED,  /* by its health or an operator: it gets
                               no requests */
  FL_EVENT_SERVER_RETURNED, /* after SERVER_EJECTED */
  FL_EVENT_NAME_STALE,      /* the resolver fails; an old answer is used */
  FL_EVENT_NAME_FRESH,      /* it answers again, after NAME_STALE */
  FL_EVENT_NAME_CHANGED,    /* an address came or went */
  FL_EVENT_NAME_CUT,        /* it has more addresses than are used */
  FL_EVENT_LISTENER_CLOSED, /* no server of its upstream is in; with
                               on_upstream_down "close_listener" */
  FL_EVENT_LISTENER_OPENED, /* after LISTENER_CLOSED: one is */
  FL_EVENT_BUFFERS_HIGH,    /* pressure: core/memory.h */
  FL_EVENT_BUFFERS_LOW,     /* no more, after BUFFERS_HIGH */
  FL_EVENT_CONNECT_OVERTAKEN, /* a connect was given up: one to another address
                                 of the name was faster */
  FL_EVENT_REQUEST_FAILED,    /* a request was answered with an error */
  FL_EVENT_REQUEST_DONE       /* every request of a listener whose access log
                                 is of requests, exactly once; reason FL_OK: it
                                 got its reply, of bytes_out bytes */
};

/* Fields that do not apply are zero; pointers are valid during the call. */
struct fl_access_config;

struct fl_event {
  enum fl_event_kind kind;
  enum fl_reason reason;
  const struct fl_access_config *access; /* CLIENT_CLOSED and REQUEST_DONE */
  const char *listener;                  /* name */
  const char *upstream;                  /* name */
  const char *server;  /* its address as written in config.json */
  struct fl_addr peer; /* of the connection, or of the failed request */
  uint64_t bytes_in;   /* from the peer; BUFFERS_*: in all buffers */
  uint64_t bytes_out;  /* taken by the kernel for the peer */
  uint64_t frames;     /* complete frames from the peer */
  uint64_t refused;    /* CLIENT_REFUSED: so many for this reason since an
                          event told of them, this one included; 0: a later
                          one will, for there are many */
  bool none_left;      /* SERVER_EJECTED: no server is in. By its health: so all
                          are used as if all were. By an operator: so
                          requests wait; LISTENER_CLOSED: a server was taken
                          out, not merely none heard of yet; REQUEST_FAILED
                          for FL_ACQUIRE_TIMEOUT: an operator has taken out
                          all */
  bool stands;         /* REQUEST_FAILED, likewise: connections stand, and had
                          no room */
  enum fl_reason failure; /* REQUEST_FAILED, likewise: the last failure of
                             `server`; FL_OK: no server has failed since it
                             worked last */
  bool raw;               /* of a relay: nothing was cut into frames */
  uint32_t addresses;     /* NAME_CHANGED, NAME_CUT: so many there are */
  fl_time duration;       /* since it was opened; SERVER_UP: of the outage;
                             SERVER_RETURNED: since it was ejected; NAME_STALE:
                             the answer's age; LISTENER_OPENED: since it
                             closed */
  fl_time retry_in;       /* SERVER_DOWN: until the next attempt */
  fl_time failed_ago;     /* REQUEST_FAILED: since `failure` */
  fl_time waited;         /* REQUEST_DONE: until its first byte left, or it was
                             given up; of `duration`, which is from its last
                             byte's arrival */
  fl_time served;         /* REQUEST_DONE: from then to its outcome; 0: none
                             left */
};

#endif
