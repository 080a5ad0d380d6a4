/* Names of servers and what a lookup of them says. */
#ifndef FL_TESTS_SIM_NAME_H
#define FL_TESTS_SIM_NAME_H

#include "tests/sim/worker.h"

enum { SIM_NAME_ADDRS = 3 };

struct sim_name {
  struct sim_name *next;
  char host[48];
  uint32_t addr_count;
  struct fl_addr addrs[SIM_NAME_ADDRS];
  unsigned failures; /* of 100 lookups, how many find nothing */
};

struct sim_name *sim_name_new(struct sim *sim, const char *host);

/* Answers a gateway's lookup a little later. */
void sim_name_resolve(struct sim_worker *worker, fl_token token,
                      const char *host, uint16_t port);

#endif
