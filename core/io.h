/* The seam: all that core asks of the outside. Platform, simulation and
   fuzzers each implement it, and drive core through core/conn.h and
   core/gateway.h. One worker's calls come from one thread. */
#ifndef FL_CORE_IO_H
#define FL_CORE_IO_H

#include "core/addr.h"
#include "core/config.h"
#include "core/event.h"
#include "core/slice.h"

struct fl_sock; /* the outside's half of a connection */
struct fl_conn; /* core's half; core/conn.h */

/* Names a lookup; 0 is never used. Answers to tokens core no longer waits for
   are ignored, so a lookup needs no cancel. */
typedef uint64_t fl_token;

/* None of these calls back into core before it returns. */
struct fl_io {
  void *ctx;

  /* Starts a connect with these socket options. Returns FL_OK with *sock set
     (fl_conn_connected follows, unless core closes it first), or why it could
     not even start (nothing follows). */
  enum fl_reason (*connect)(void *ctx, struct fl_conn *conn,
                            const struct fl_addr *addr,
                            const struct fl_sockopts *options,
                            struct fl_sock **sock);

  /* Offers bytes to the kernel. Returns how many it took (0: none now), or
     minus an fl_reason when the connection is broken (no fl_conn_end
     follows; core closes it). Not while send_rest is under way. */
  long (*send)(struct fl_sock *sock, struct fl_slice bytes);

  /* Sends what `send` did not take. The bytes stay put until fl_conn_sent or
     until fl_conn_closed. Returns FL_OK, or why it cannot. */
  enum fl_reason (*send_rest)(struct fl_sock *sock, struct fl_slice bytes);

  /* How many bytes of a send_rest under way the kernel has not taken yet. */
  size_t (*unsent)(struct fl_sock *sock);

  /* How many bytes the kernel has taken that the peer's TCP has not
     acknowledged yet. NULL where the system cannot tell. (A kernel with much
     room in its send buffer takes nothing for long while a slow peer does.) */
  size_t (*unacked)(struct fl_sock *sock);

  /* Switches fl_conn_data (and seeing the peer's end) on or off. Accepted and
     connected sockets start switched on. */
  void (*read)(struct fl_sock *sock, bool on);

  /* Whether fl_conn_data may bring up to FL_BULK_READ_MAX bytes at once while
     much comes, so that bulk takes fewer calls. Accepted and connected sockets
     start without. */
  void (*bulk)(struct fl_sock *sock, bool on);

  /* From now on this conn is told of what happens to the socket. Requires: no
     send_rest is under way. */
  void (*attach)(struct fl_sock *sock, struct fl_conn *conn);

  /* Sends FIN after what was sent. Requires: no send_rest under way. */
  void (*shutdown)(struct fl_sock *sock);

  /* Closes: with RST when `reset`, so that nothing of it stays in the kernel;
     else in the ordinary way. Nothing follows but one fl_conn_closed. */
  void (*close)(struct fl_sock *sock, bool reset);

  /* Looks a name up. Returns FL_OK (fl_gateway_resolved may follow), or why
     it could not even start (nothing follows). */
  enum fl_reason (*resolve)(void *ctx, fl_token token, const char *host,
                            uint16_t port);

  /* Uniform over all 64-bit values. */
  uint64_t (*random)(void *ctx);

  /* The listener with this slot is to listen or to stop listening: those who
     wait to be accepted come in, as far as there is room, and the address
     refuses connects. Listeners start as listening. The outside acts after the
     turn, and on what fl_gateway_listens says then. */
  void (*listening)(void *ctx, uint32_t slot, bool on);

  /* Makes another worker end a turn. */
  void (*stir)(void *ctx, uint32_t worker);

  /* Something an operator may want to know. */
  void (*event)(void *ctx, const struct fl_event *event);
};

#endif
