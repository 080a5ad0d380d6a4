#include "core/snapshot_server.h"

#include "core/name.h"

#include <stdlib.h>
#include <string.h>

/* There is room for as many as a name may mean. */
static void add_addresses(struct fl_snapshot_server *to,
                          const struct fl_snapshot_server *part) {
  for (uint32_t i = 0; i < part->addr_count; i++) {
    uint32_t j = 0;
    while (j < to->addr_count && !fl_addr_equal(&to->addrs[j], &part->addrs[i]))
      j++;
    if (j == to->addr_count && to->addr_count < FL_NAME_ADDRS)
      to->addrs[to->addr_count++] = part->addrs[i];
  }
}

void fl_snapshot_server_add(struct fl_snapshot_server *to,
                            const struct fl_snapshot_server *part) {
  for (int state = 0; state < FL_POOLED_STATES; state++)
    to->conns[state] += part->conns[state];
  to->in_flight += part->in_flight;
  if (part->failures > to->failures)
    to->failures = part->failures;
  if (part->state == FL_SERVER_DOWN &&
      (to->state != FL_SERVER_DOWN || part->retry_in < to->retry_in))
    to->retry_in = part->retry_in;
  if (part->down_for > to->down_for)
    to->down_for = part->down_for;
  if (part->out_for > to->out_for)
    to->out_for = part->out_for;
  if (part->state > to->state) {
    to->state = part->state;
    to->reason = part->reason;
  }
  add_addresses(to, part);
}

struct fl_snapshot_server *
fl_snapshot_server_same(struct fl_snapshot_upstream *upstream,
                        const char *address) {
  for (uint32_t i = 0; i < upstream->server_count; i++)
    if (strcmp(upstream->servers[i].address, address) == 0)
      return &upstream->servers[i];
  return NULL;
}

void fl_snapshot_server_clear(struct fl_snapshot_server *server) {
  free(server->address);
  free(server->addrs);
  *server = (struct fl_snapshot_server){0};
}
