/* Names of servers and what a lookup of them says. */
#ifndef FL_TESTS_SIM_NAME_H
#define FL_TESTS_SIM_NAME_H

#include "tests/sim/worker.h"

enum { SIM_NAME_ADDRS = 3, SIM_NAME_EXTRA = 300 };

/* The first byte of addresses that nobody has. */
enum { SIM_NAME_NOBODY = 11 };

struct sim_name {
  struct sim_name *next;
  char host[48];
  uint32_t addr_count;
  struct fl_addr addrs[SIM_NAME_ADDRS];
  unsigned failures; /* of 100 lookups, how many fail */
  unsigned unknown;  /* of 100, how many say that there is no such name */
  unsigned changes;  /* of 100, how many have one of the addresses only */
  unsigned extra;    /* addresses of nobody behind the others */
};

struct sim_name *sim_name_new(struct sim *sim, const char *host);

/* Answers a gateway's lookup a little later. */
void sim_name_resolve(struct sim_worker *worker, fl_token token,
                      const char *host, uint16_t port);

#endif
