/* A simulated client: sends requests with unique tokens and holds the gateway
   to one outcome for each, in order and in time. */
#ifndef FL_TESTS_SIM_CLIENT_H
#define FL_TESTS_SIM_CLIENT_H

#include "tests/sim/sim.h"

enum sim_client_kind {
  SIM_POLITE,       /* leaves when it has every outcome */
  SIM_HALF_CLOSES,  /* sends FIN after its last request and still expects all */
  SIM_RESETS,       /* in the middle */
  SIM_LEAVES,       /* closes in the middle, replies unread */
  SIM_READS_LATE,   /* reads nothing for a while */
  SIM_WRONG,        /* its last frame is longer than max_frame, or none */
  SIM_FALLS_SILENT, /* stays, idle, until it is closed */
  SIM_STOPS_MID_FRAME,
  SIM_CLIENT_KINDS
};

struct sim_client_plan {
  enum sim_client_kind kind;
  uint32_t listener;
  uint32_t total;    /* requests to send, 1..1000 */
  uint32_t pipeline; /* at most so many without an outcome */
  uint32_t mishap;   /* before which request the middle is */
  fl_time start;
  fl_time think; /* the longest pause before the next request */
  fl_time pause; /* of SIM_READS_LATE */
  uint32_t size; /* the longest request, its end included; >= 64 */
  bool binary;   /* any bytes after the token that its wire permits */
};

struct sim_client *sim_client_new(struct sim *sim,
                                  const struct sim_client_plan *plan);

uint32_t sim_client_listener(const struct sim_client *client);

/* Whether it reads all the time, so that it never holds the gateway up. */
bool sim_client_reads(const struct sim_client *client);

/* Which client has this address; SIM_NOBODY for none. */
uint32_t sim_client_from(const struct fl_addr *addr);

/* A worker has taken it. */
void sim_client_accepted(struct sim_client *client);

/* Its listener has gone: it is closed as soon as it has what it is owed. */
void sim_client_left(struct sim_client *client);

/* The gateway's system failed this connection: it may be reset at any time. */
void sim_client_excuse(struct sim_client *client);

#endif
