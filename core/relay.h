/* A client of a relay or session listener and the connection to a server that
   it has for itself. (core/session.h: what is different in a session.)

   WAITING     accepted; nothing is read from a relay's client, so that its
               bytes stay in the kernel, until there is a connection. A
               session's waits for its first byte, then for its turn
   CONNECTING  a place on a server is taken
   OPEN        bytes go both ways. FIN from one side is passed on once all
               before it was delivered; after both, both are closed. A side
               that breaks takes the other with it, by reset; but what a side
               had sent before its FIN is still delivered (DELIVERING)
   DELIVERING  one side is gone; the other gets what is left for it
   CLOSING     neither side is open; sockets still close

   A connection to a server counts against max_size from the moment it is
   wanted until its socket is closed. */
#ifndef FL_CORE_RELAY_H
#define FL_CORE_RELAY_H

#include "core/connector.h"
#include "core/framing.h"
#include "core/listener.h"
#include "core/transport.h"

struct fl_upstream;

enum fl_relay_state {
  FL_RELAY_WAITING,
  FL_RELAY_CONNECTING,
  FL_RELAY_OPEN,
  FL_RELAY_DELIVERING,
  FL_RELAY_CLOSING
};

/* One of the two connections. */
struct fl_relay_side {
  struct fl_conn conn; /* first */
  bool exists;         /* fl_conn_closed was not called yet; of the server's
                          side: a place is taken */
  bool told;           /* that it is closed */
  bool fin;            /* its FIN came */
  bool shut;           /* FIN was sent to it */
  bool held;           /* it is not read until the other has taken more */
  struct fl_framing_state framing; /* of what it sends */
};

struct fl_relay {
  struct fl_relay_side client;
  struct fl_relay_side server; /* conn.link: on the server's relays */
  struct fl_list link;         /* on the listener's clients until it is freed */
  struct fl_listener *listener;
  struct fl_connector connector;
  struct fl_list waiting; /* on the upstream's waiters */
  fl_time active;         /* the last byte or FIN passed on; before OPEN:
                             since when it waits */
  fl_time expires;        /* the end of its connection's life */
  uint64_t frames_before; /* of its connection, in earlier sessions */
  uint32_t attempts;      /* connects that failed */
  uint8_t state;          /* enum fl_relay_state */
  uint8_t failed;         /* enum fl_reason of the last failed connect, and
                             in DELIVERING of the side that is gone */
  bool server_spoke;      /* the last bytes were the server's */
  bool framed;            /* bytes pass as whole frames, in a session */
};

/* Takes an accepted socket. Returns NULL when memory is out. */
struct fl_relay *fl_relay_new(struct fl_listener *listener,
                              struct fl_sock *sock, const struct fl_addr *peer,
                              fl_time now);

/* Joins those that wait for a connection, before all others if `first`. */
void fl_relay_wait(struct fl_relay *relay, bool first);

/* Gives connections to those that wait, in turn, as max_size and backoff
   allow. Requires: the upstream is one of relay or session listeners. */
void fl_relay_dispatch(struct fl_upstream *upstream, fl_time now);

/* Closes both sides at once, for FL_SHUTDOWN or FL_RELOAD. */
void fl_relay_shut(struct fl_relay *relay, fl_time now);

/* The server is taken out. Clients whose connection to it is on its way have
   their turn again; none that is open comes back to the pool, and if `cut` it
   is reset for FL_EJECTED_BY_OPERATOR. */
void fl_relays_leave(struct fl_server *server, bool cut, fl_time now);

/* Asserts the invariants of the upstream's relays, beyond those of its pool. */
void fl_relay_check(const struct fl_upstream *upstream);

#endif
