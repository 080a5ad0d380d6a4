/* A simulated network: connections are two pipes of bytes with latency,
   limited room and random segmentation; FIN, half-close and RST behave as in
   TCP (RFC 9293): bytes for a closed end are answered with RST, a close with
   unread bytes sends RST, and a RST destroys what its receiver has not read.
   Callbacks come from the clock only, never out of a call made here. */
#ifndef FL_TESTS_SIM_NETWORK_H
#define FL_TESTS_SIM_NETWORK_H

#include "core/addr.h"
#include "core/reason.h"
#include "core/slice.h"
#include "tests/sim/sim.h"

struct sim_end; /* one end of a connection */

struct sim_end_ops {
  /* The connect ended; only for the end that connected. */
  void (*connected)(void *owner, enum fl_reason reason);
  /* Bytes were read; valid during the call. */
  void (*data)(void *owner, struct fl_slice bytes);
  /* FL_PEER_CLOSED: a FIN was read. Else the connection is broken. */
  void (*end)(void *owner, enum fl_reason reason);
};

enum sim_port_state {
  SIM_PORT_OPEN,
  SIM_PORT_REFUSES,
  SIM_PORT_SILENT,
  SIM_PORT_UNREACHABLE /* the connect fails at once */
};

/* An address that may be connected to. */
struct sim_port {
  struct sim_port *next;
  struct sim *sim;
  struct fl_addr addr;
  enum sim_port_state state;
  fl_time slow; /* connects take so much longer */
  /* A connection came. The callee calls sim_end_own, at once or later. */
  void (*accept)(void *owner, struct sim_end *end, const struct fl_addr *from);
  void *owner;
};

struct sim_port *sim_port_new(struct sim *sim, const struct fl_addr *addr,
                              void *owner,
                              void (*accept)(void *owner, struct sim_end *end,
                                             const struct fl_addr *from));

/* NULL when nothing was ever at that address. */
struct sim_port *sim_port_find(struct sim *sim, const struct fl_addr *addr);

/* Starts a connect; ops->connected follows unless the end is closed first, or
   the port is silent. Returns NULL when it fails at once. */
struct sim_end *sim_connect(struct sim *sim, const struct fl_addr *from,
                            const struct fl_addr *to,
                            const struct sim_end_ops *ops, void *owner);

/* Takes over an accepted end; reading starts. */
void sim_end_own(struct sim_end *end, const struct sim_end_ops *ops,
                 void *owner);

/* Writes without limit, as a peer with a large send buffer. Bytes for a
   broken connection are lost. */
void sim_end_write(struct sim_end *end, struct fl_slice bytes);

/* As sim_end_write, but no read will end exactly `glue` bytes into it. */
void sim_end_write_glued(struct sim_end *end, struct fl_slice bytes,
                         size_t glue);

/* Writes what there is room for. Returns how much, -1 when broken. */
long sim_end_offer(struct sim_end *end, struct fl_slice bytes);

/* Makes bytes arrive at the other end this very moment, in one read. */
void sim_end_inject(struct sim_end *end, struct fl_slice bytes);

void sim_end_read(struct sim_end *end, bool on);

/* Whether one read may bring FL_BULK_READ_MAX bytes, not FL_READ_MAX. */
void sim_end_bulk(struct sim_end *end, bool on);

/* Reads everything that has arrived, now, instead of a little later. */
void sim_end_read_all(struct sim_end *end);

/* Sends FIN after what was written. */
void sim_end_finish(struct sim_end *end);

/* No callback follows. */
void sim_end_close(struct sim_end *end, bool reset);

/* Whether nothing is under way in either direction, read off or not. */
bool sim_end_quiet(const struct sim_end *end);

/* Whether the connection is broken and its owner was not told. Tells the
   owner's side to regard it as told. */
bool sim_end_take_break(struct sim_end *end);

#endif
