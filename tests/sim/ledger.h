/* Who was told what: the ledger sees every byte that crosses the seam of every
   gateway, and knows which promises that keeps or breaks. */
#ifndef FL_TESTS_SIM_LEDGER_H
#define FL_TESTS_SIM_LEDGER_H

#include "core/event.h"
#include "core/metrics.h"
#include "core/slice.h"
#include "tests/sim/sim.h"

/* No client of the simulation: a pool of another worker, or our own. */
#define SIM_NOBODY UINT32_MAX

/* Finds lines and their tokens in the frames of a stream, however it is
   cut. */
struct sim_lines {
  struct sim_wire_reader reader;
  char head[24];
  uint32_t size; /* of head */
  bool named;
  uint64_t lines; /* complete ones so far */
};

/* A token stands at the start of each request: "tok-CLIENT-NUMBER", then a
   space or the end of the line. Calls named(ctx, client, number) as soon as
   it is known; named may be NULL. */
void sim_lines_feed(struct sim_lines *lines, struct fl_slice bytes,
                    void (*named)(void *ctx, uint32_t client, uint32_t number),
                    void *ctx);

struct sim_ledger *sim_ledger_new(struct sim *sim);

/* The upstream a server's address belongs to. */
uint32_t sim_ledger_upstream_at(struct sim *sim, const struct fl_addr *addr);

/* A connection of an upstream begins to exist (io->connect), or is gone
   (fl_conn_closed). Holds max_size. */
void sim_ledger_opened(struct sim *sim, uint32_t upstream);
void sim_ledger_gone(struct sim *sim, uint32_t upstream);

/* `worker` serves this client from now on. */
void sim_ledger_accepted(struct sim *sim, uint32_t client, uint32_t worker,
                         uint32_t slot);

/* The gateway has sent its FIN: what still comes is not taken any more. */
void sim_ledger_ended(struct sim *sim, uint32_t client);

/* The gateway closes its connection. */
void sim_ledger_left(struct sim *sim, uint32_t client);

/* The gateway has read `frames` whole requests from this client; has written
   as many outcomes. */
void sim_ledger_delivered(struct sim *sim, uint32_t client, uint64_t frames);
void sim_ledger_answered(struct sim *sim, uint32_t client, uint64_t frames);

/* The gateway offers a request to a server's connection. Holds turns. */
void sim_ledger_assigned(struct sim *sim, uint32_t client, uint32_t number);

/* All of this worker's turn was written. */
void sim_ledger_turn_ended(struct sim *sim, uint32_t worker);

/* The kernel took the beginning of a request. Holds that none is sent twice,
   nor an idempotent one three times. */
void sim_ledger_begun(struct sim *sim, uint32_t client, uint32_t number);

/* What `worker` has read so far from clients of listeners in `mode` has to be
   answered, though it stops. */
void sim_ledger_stop(struct sim *sim, uint32_t worker, enum fl_mode mode);

/* A reload takes out what has this slot, or of that only one listener (else
   SIM_NOBODY): its clients on this worker are owed what was delivered by now;
   if `forced`, only for a time that may be too short. */
void sim_ledger_leave(struct sim *sim, uint32_t worker, uint32_t slot,
                      uint32_t listener, bool forced);

/* Whether either was said of a client. */
bool sim_ledger_stopped(const struct sim *sim, uint32_t client);

/* How many requests of this client the gateway had read when it was stopped,
   or has read so far. */
uint64_t sim_ledger_owed(const struct sim *sim, uint32_t client);

/* What a worker saw cross its seam. */
struct sim_tally {
  uint64_t clients_accepted;
  uint64_t clients_closed;
  uint64_t clients_refused;
  uint64_t rebinds_failed;
  uint64_t client_bytes_in;
  uint64_t client_bytes_out;
  uint64_t connects; /* that succeeded */
  uint64_t upstream_bytes_in;
  uint64_t upstream_bytes_out;
  uint64_t events[FL_EVENT_REQUEST_DONE + 1];
  uint64_t decoded; /* requests that an access log is to tell of */
  uint64_t told;    /* those it told of */
};

/* Once everything is closed: the counters add up, and agree with the tally. */
void sim_ledger_settle(struct sim *sim, const struct fl_metrics *metrics,
                       const struct sim_tally *tally);

#endif
