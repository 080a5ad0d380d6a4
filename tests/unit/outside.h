/* The outside of one gateway, for unit tests: records what core asks for and
   lets a test play the network. Time stands still unless a test moves it. */
#ifndef FL_TESTS_UNIT_OUTSIDE_H
#define FL_TESTS_UNIT_OUTSIDE_H

#include "core/conn.h"
#include "core/gateway.h"

enum { FL_OUTSIDE_SOCKS = 256, FL_OUTSIDE_BYTES = 1 << 20 };

struct fl_sock {
  struct fl_conn *conn; /* NULL once it is closed */
  bool connecting;      /* a connect not answered yet */
  bool closing;         /* io->close was called */
  bool reset;           /* with RST */
  bool shut;            /* io->shutdown was called */
  bool reading;
  bool bulk; /* reads may be large */
  struct fl_addr addr;
  size_t window;        /* bytes that send still takes */
  struct fl_slice rest; /* a send_rest under way */
  size_t rest_taken;
  size_t unacked;  /* taken by the kernel and not by the peer */
  unsigned writes; /* calls of send that took bytes */
  char *sent;      /* NUL-terminated */
  size_t sent_size;
};

struct fl_outside {
  struct fl_config config; /* a test fills it in; see fl_outside_config */
  struct fl_listener_config listeners[2];
  struct fl_upstream_config upstream;
  struct fl_endpoint servers[4];
  struct fl_occupancy occupancy[2];
  struct fl_memory memory; /* limit 0: none */
  struct fl_io io;
  struct fl_generation *generation;
  struct fl_gateway *gateway;
  fl_time now;
  struct fl_sock *socks[FL_OUTSIDE_SOCKS]; /* in order of creation */
  unsigned sock_count;
  int stopped;                   /* the last stage of a stop */
  fl_time due;                   /* what the last turn returned */
  enum fl_reason resolve_reason; /* what io->resolve answers */
  enum fl_reason connect_reason; /* what io->connect answers */
  enum fl_reason send_reason;    /* FL_OK, or io->send fails with this */
  fl_token token;                /* of the last lookup */
  unsigned lookups;
  uint64_t random;
  struct fl_event events[64]; /* pointers in them stay valid */
  unsigned event_count;
  int listening;    /* what io->listening said last; -1: nothing yet */
  unsigned stirred; /* calls of io->stir */
};

/* A configuration with a command listener (0), a request listener (1) on one
   upstream with one server, pool 0..2, one in flight, and timeouts that
   differ: see the source. A test may change it before fl_outside_start. */
void fl_outside_init(struct fl_outside *outside);
void fl_outside_start(struct fl_outside *outside);

/* fl_gateway_stop, and ends the turn. */
void fl_outside_stop(struct fl_outside *outside, enum fl_stop stage);

/* Stops at once, closes everything, frees. */
void fl_outside_end(struct fl_outside *outside);

/* The end of a loop turn: closed sockets are reported, due deadlines run,
   output is written, invariants are checked. */
void fl_outside_turn(struct fl_outside *outside);

/* Moves time on and ends a turn. */
void fl_outside_pass(struct fl_outside *outside, fl_time duration);

struct fl_sock *fl_outside_accept(struct fl_outside *outside,
                                  uint32_t listener);
struct fl_sock *fl_outside_accept_from(struct fl_outside *outside,
                                       uint32_t listener,
                                       const struct fl_addr *peer);

/* The i-th socket that core connected, counting from 0; NULL when there are
   not that many. */
struct fl_sock *fl_outside_connect(struct fl_outside *outside, unsigned i);

/* How many sockets core connected that are not closed yet. */
unsigned fl_outside_open(const struct fl_outside *outside);

/* Answers a connect; bytes come in (and the turn ends); the peer ends. */
void fl_outside_connected(struct fl_outside *outside, struct fl_sock *sock,
                          enum fl_reason reason);
void fl_outside_data(struct fl_outside *outside, struct fl_sock *sock,
                     const char *text);
void fl_outside_finish(struct fl_outside *outside, struct fl_sock *sock,
                       enum fl_reason reason);

/* The kernel takes n more bytes of a send_rest. */
void fl_outside_take(struct fl_outside *outside, struct fl_sock *sock,
                     size_t n);

/* What was sent since the last call; valid until the next. */
const char *fl_outside_sent(struct fl_sock *sock);

/* How many events of this kind and reason were told. */
unsigned fl_outside_events(const struct fl_outside *outside,
                           enum fl_event_kind kind, enum fl_reason reason);

#endif
