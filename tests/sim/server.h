/* A simulated server: answers each line with "re:" and the line, or does what
   its plan says servers also do. */
#ifndef FL_TESTS_SIM_SERVER_H
#define FL_TESTS_SIM_SERVER_H

#include "tests/sim/sim.h"

/* Chances are percents of requests, or of connections where it says so.
   Those marked * would make pairing by order wrong with several requests in
   flight, so they are only for in_flight 1, or for pairing by id; there
   replies overtake each other, and none is split. */
struct sim_server_plan {
  fl_time service;      /* the longest a correct reply takes */
  unsigned slow;        /* up to half the request_timeout */
  unsigned late;        /* after the request_timeout */
  unsigned silent;      /* no reply to this request * (or any after it) */
  unsigned extra;       /* the reply twice in one write * */
  unsigned split;       /* the reply in two parts with a pause */
  unsigned wrong;       /* too long, or no frame at all */
  unsigned close_mid;   /* FIN after half the reply */
  unsigned reset_mid;   /* RST instead of the reply */
  unsigned close_after; /* FIN after the reply */
  unsigned unsolicited; /* of connections: bytes nobody asked for */
  unsigned stalls;      /* of connections: reads nothing for a while */
  unsigned hang_up;     /* of connections: FIN at once */
  unsigned rude;        /* of connections: no greeting, a wrong one, or more
                           than it */
  bool falls;           /* at times takes no connection for a while */
  bool absent;          /* nobody ever listens there */
  bool mute;            /* no connect is ever answered there */
  unsigned lag;         /* connects take so many ms longer */
};

struct sim_server *sim_server_new(struct sim *sim, uint32_t upstream,
                                  const struct fl_addr *addr,
                                  const struct sim_server_plan *plan);

/* NULL for an address of no server. */
struct sim_server *sim_server_at(struct sim *sim, const struct fl_addr *addr);

uint32_t sim_server_upstream(const struct sim_server *server);

/* A connect to this address starts. Holds that a server that is down is not
   bothered more often than backoff allows. */
void sim_server_attempt(struct sim *sim, const struct fl_addr *addr);

#endif
