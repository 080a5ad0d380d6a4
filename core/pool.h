/* The connections to the servers of an upstream. Every state is a list per
   server, and one function moves a connection between states. A connection
   counts against max_size from the moment it is wanted until its socket is
   closed. */
#ifndef FL_CORE_POOL_H
#define FL_CORE_POOL_H

#include "core/connector.h"
#include "core/errand.h"
#include "core/exchange.h"
#include "core/framing.h"
#include "core/transport.h"

struct fl_server;
struct fl_upstream;

enum fl_pooled_state {
  FL_POOLED_CONNECTING, /* looks its name up, connects, or closes one address
                           before it tries the next */
  FL_POOLED_QUIET,      /* connect_settle or request_gap: any byte that comes
                           now answers no request */
  FL_POOLED_SIGNING_ON, /* on_connect is under way */
  FL_POOLED_RESET,      /* a session left it, and the answer to reset.send is
                           awaited */
  FL_POOLED_IDLE,       /* no request on it */
  FL_POOLED_BUSY,       /* requests on it, and room for more */
  FL_POOLED_FULL,       /* no room for more: in_flight requests on it, or some
                           and its life is over */
  FL_POOLED_CHECKING,   /* a request of fairlead's own is on it */
  FL_POOLED_LEAVING,    /* on_close was sent; FIN, and a short wait for the
                           server's, come before the close */
  FL_POOLED_CLOSING,    /* io->close was called */
  FL_POOLED_STATES
};

struct fl_pooled {
  struct fl_conn conn; /* first; conn.link is on the server's list of state */
  struct fl_server *server;
  struct fl_exchanges exchanges;
  struct fl_list followers; /* clients that wait for this connection */
  struct fl_list followed;  /* on the upstream's list while it has some */
  struct fl_framing_state framing;
  bool stray; /* the frame at the start of conn.in began while no reply was
                 expected */
  struct fl_errand errand;
  enum fl_pooled_state state;
  struct fl_connector connector;
  bool probe;          /* it was opened for a health check that is to come */
  bool replied;        /* it has delivered a reply, or served a session */
  bool replaced;       /* fl_pooled_replace ended its life */
  uint8_t outdated;    /* enum fl_reason: why it gets no more requests and
                          closes after the last; FL_OK: it goes on */
  bool moved;          /* its address is gone from the server's name */
  uint32_t timeouts;   /* of requests, since the last reply */
  bool shut;           /* FL_POOLED_LEAVING: FIN was sent */
  uint8_t leaving;     /* FL_POOLED_LEAVING: enum fl_reason */
  fl_time used;        /* last became idle after a client's request */
  fl_time heard;       /* the last reply, be it to a request of our own */
  fl_time quiet_until; /* in FL_POOLED_QUIET */
  fl_time expires;     /* the end of its life; FL_NEVER for none */
};

/* Opens connections: up to min_size, and as many as those that wait need, as
   max_size and backoff allow. */
void fl_pool_fill(struct fl_upstream *upstream, fl_time now);

/* Gives an idle connection to a client: moves what it is to `to`, its end of
   life to *expires, and frees it. Its place on the server goes with it. What
   the server had sent unasked is in to->in. */
void fl_pooled_lend(struct fl_pooled *pooled, struct fl_conn *to,
                    fl_time *expires);

/* Takes a lent connection back, with its place, and sends reset.send. When
   the server answers reset.expect and nothing else it is idle again, else it
   is closed. Requires: fl_transport_move's. Returns false when memory is out,
   nothing changed. */
bool fl_pool_take_back(struct fl_server *server, struct fl_conn *from,
                       fl_time expires, fl_time now);

/* The connections to this server are no longer wanted, for this reason: those
   without requests close, the others get none any more and close once they have
   theirs replied. */
void fl_pool_renew(struct fl_server *server, enum fl_reason reason,
                   fl_time now);

/* Closes all of them for this reason, as fl_pooled_retire does. */
void fl_pool_cut(struct fl_server *server, enum fl_reason reason, fl_time now);

/* Does so with as many connections as there are above max_size. */
void fl_pool_shrink(struct fl_upstream *upstream, fl_time now);

/* The upstream has another configuration than it had, be it equal. */
void fl_pool_adjust(struct fl_upstream *upstream,
                    const struct fl_upstream_config *was);

/* Queues a request. Requires: the state is IDLE or BUSY. Returns false when
   memory is out, nothing changed. */
bool fl_pooled_send(struct fl_pooled *pooled, struct fl_client *client,
                    struct fl_slice frame, fl_time decoded, fl_time now);

/* How long a server may take to end its side after on_close. */
enum { FL_POOL_LINGER = 1000 * 1000 }; /* microseconds */

/* Whether it was idle for so long that it has to be checked before it gets a
   request. Requires: the state is IDLE. */
bool fl_pooled_stale(const struct fl_pooled *pooled, fl_time now);

/* Sends a request of our own, whose reply decides whether it goes on. Requires:
   the state is IDLE, and config.json has such a request. When memory is out it
   is retired. */
void fl_pooled_check(struct fl_pooled *pooled, fl_time now);

/* Likewise with the request of health. */
void fl_pooled_probe(struct fl_pooled *pooled, fl_time now);

/* Opens a connection for a health check. Requires: max_size has room. */
void fl_pool_probe(struct fl_server *server, fl_time now);

/* Closes it for this reason: requests that were not begun come back to their
   clients, the others get the reply that is kept for them or an error each.
   When it was idle and the reason is no fault, on_close is sent first.
   Requires: not CLOSING. */
void fl_pooled_retire(struct fl_pooled *pooled, enum fl_reason reason,
                      fl_time now);

/* Gives it no more requests and closes it when the last reply is in, at once
   if none is due. Requires: has room. */
void fl_pooled_replace(struct fl_pooled *pooled, fl_time now);

/* Moves it to the state that the number of requests on it says; a busy one goes
   to the end of its list, so that busy ones take turns. Requires: it stands. */
void fl_pooled_place(struct fl_pooled *pooled, fl_time now);

/* Ends its life once it is idle, for FL_ADDRESS_GONE. Requires: it stands. */
void fl_pooled_moved(struct fl_pooled *pooled, fl_time now);

static inline bool fl_pooled_has_room(const struct fl_pooled *pooled) {
  return pooled->state == FL_POOLED_IDLE || pooled->state == FL_POOLED_BUSY;
}

#endif
