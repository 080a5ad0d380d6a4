/* One worker: a gateway and the loop that drives it as the platform does:
   several events a turn, then flush and tick, one timer. */
#ifndef FL_TESTS_SIM_WORKER_H
#define FL_TESTS_SIM_WORKER_H

#include "core/gateway.h"
#include "tests/sim/ledger.h"

struct fl_sock;

struct sim_worker {
  struct sim *sim;
  uint32_t index;
  struct fl_gateway *gateway;
  struct fl_io io;
  struct fl_sock *socks; /* every one that is not closed */
  struct sim_tally tally;
  /* The operator's words in effect. */
  enum fl_admin_state admin[SIM_UPSTREAMS_MAX][SIM_SERVERS_MAX];
  uint32_t connects; /* started so far, for their source addresses */
  /* The turn. */
  unsigned room;         /* events that still fit into this turn */
  bool turn_planned;     /* an end of this turn is planned */
  uint64_t turn;         /* which turn it is */
  fl_time due;           /* what the last tick returned */
  uint64_t timer;        /* which timer is the current one */
  uint64_t stirred;      /* events and calls through the seam so far */
  uint64_t stirred_then; /* ... when second began */
  uint64_t second;
  uint64_t idle_turns; /* turns in this second that only the timer caused */
};

struct sim_worker *sim_worker_new(struct sim *sim, uint32_t index);

/* Something was told to the gateway: the turn ends now or a little later. */
void sim_worker_event(struct sim_worker *worker);

/* Ends the turn at once. */
void sim_worker_end_turn(struct sim_worker *worker);

/* Reads all that has arrived, and ends the turn. */
void sim_worker_read_all(struct sim_worker *worker);

/* Reads all that has arrived, then tells the gateway to stop. */
void sim_worker_stop(struct sim_worker *worker, enum fl_stop stage);

/* Checks the counters and frees the gateway. Requires: all is closed. */
void sim_worker_finish(struct sim_worker *worker);

#endif
