#include "core/hashing.h"

#include "core/balance.h"
#include "core/relay.h"
#include "core/siphash.h"
#include "core/upstream.h"

#include <string.h>

/* Weights. */

/* It spreads and protects nothing, so it need not be secret. */
static const uint64_t fixed_key = 0x6661697261656164;

uint64_t fl_hashing_seed(const char *server) {
  const uint64_t key[2] = {fixed_key, 0};
  return fl_siphash(key, (const uint8_t *)server, strlen(server));
}

uint64_t fl_hashing_weight(uint64_t seed, const struct fl_addr *client) {
  const uint64_t key[2] = {fixed_key, seed};
  return fl_siphash(key, client->ip, client->family == FL_ADDR_IP4 ? 4 : 16);
}

/* Servers. */

/* Whether one of its connections will have room some time. */
static bool stands(const struct fl_server *server) {
  return server->quiet > 0 || !fl_list_empty(&server->conns[FL_POOLED_RESET]) ||
         !fl_list_empty(&server->conns[FL_POOLED_IDLE]) ||
         !fl_list_empty(&server->conns[FL_POOLED_BUSY]) ||
         !fl_list_empty(&server->conns[FL_POOLED_FULL]);
}

/* Clients do not wait for a connect to a server that failed before. */
static bool can_use(const struct fl_server *server, fl_time now) {
  return fl_server_may_use(server) &&
         (stands(server) || fl_server_may_connect(server, now) ||
          (server->connecting > 0 && server->failures == 0));
}

struct fl_server *fl_hashing_server(const struct fl_upstream *upstream,
                                    const struct fl_addr *client, fl_time now) {
  struct fl_server *best = NULL;
  uint64_t most = 0;
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    struct fl_server *server = upstream->servers[i];
    uint64_t weight = fl_hashing_weight(server->seed, client);
    if ((best == NULL || weight > most) && can_use(server, now)) {
      best = server;
      most = weight;
    }
  }
  return best;
}

/* Those that wait. */

static const struct fl_addr *address_of(const struct fl_upstream *upstream,
                                        struct fl_list *node) {
  if (fl_pool_lends(upstream))
    return &FL_CONTAINER(node, struct fl_relay, waiting)->client.conn.peer;
  return &FL_CONTAINER(node, struct fl_client, waiting)->conn.peer;
}

static uint32_t room_of_one(const struct fl_upstream *upstream) {
  return fl_pool_lends(upstream) ? 1 : upstream->config->in_flight;
}

/* For how many waiters connections of this server are on their way. Those that
   relays open are their own. */
static uint64_t coming(const struct fl_server *server) {
  const struct fl_upstream *upstream = server->upstream;
  uint64_t count = server->quiet + server->promised +
                   fl_list_size(&server->conns[FL_POOLED_RESET]);
  if (upstream->config->mode != FL_MODE_RELAY && server->failures == 0)
    count += server->connecting;
  return count * room_of_one(upstream);
}

/* The idle connection of another server that is unused for longest, or
   NULL. */
static struct fl_pooled *spare(const struct fl_server *server) {
  const struct fl_upstream *upstream = server->upstream;
  struct fl_pooled *found = NULL;
  for (uint32_t i = 0; i < upstream->server_count; i++) {
    const struct fl_list *list = &upstream->servers[i]->conns[FL_POOLED_IDLE];
    if (upstream->servers[i] == server || fl_list_empty(list))
      continue;
    struct fl_pooled *last =
        FL_CONTAINER(list->prev, struct fl_pooled, conn.link);
    if (found == NULL || last->used < found->used)
      found = last;
  }
  return found;
}

/* Connections that are to be opened, over all servers. */
static uint64_t promises(const struct fl_upstream *upstream) {
  uint64_t count = 0;
  for (uint32_t i = 0; i < upstream->server_count; i++)
    count += upstream->servers[i]->promised;
  return count;
}

/* Promises the server a connection more where those that wait for it need it
   and there is a place, or an idle connection of another one makes place. */
static bool promise(struct fl_server *server, bool displace, fl_time now) {
  struct fl_upstream *upstream = server->upstream;
  const struct fl_budget *budget = upstream->budget;
  uint64_t places = upstream->closing + upstream->racing;
  if (server->wanted <= coming(server) || !fl_server_may_connect(server, now))
    return false;
  if (budget->max > budget->size)
    places += budget->max - budget->size;
  if (promises(upstream) >= places) {
    struct fl_pooled *pooled = displace ? spare(server) : NULL;
    if (pooled == NULL)
      return false;
    fl_pooled_retire(pooled, FL_DISPLACED, now);
  }
  server->promised++;
  return true;
}

/* One more waits for this server. Where it has no connection at all, those who
   came later do not get theirs first. */
static void want(struct fl_server *server, fl_time now) {
  server->wanted++;
  fl_balance_revive(server, server->wanted, now);
  (void)promise(server, !stands(server), now);
}

/* All are looked at: what is idle now is of use to nobody else. */
static void share(struct fl_upstream *upstream, fl_time now) {
  for (uint32_t i = 0; i < upstream->server_count; i++)
    while (promise(upstream->servers[i], true, now))
      ;
}

/* Whether anything can be done for anybody. */
static bool is_of_use(const struct fl_upstream *upstream) {
  bool of_use = fl_budget_allows(upstream) || upstream->racing > 0;
  for (uint32_t i = 0; i < upstream->server_count && !of_use; i++) {
    const struct fl_list *conns = upstream->servers[i]->conns;
    of_use = !fl_list_empty(&conns[FL_POOLED_IDLE]) ||
             !fl_list_empty(&conns[FL_POOLED_BUSY]);
  }
  return of_use;
}

struct fl_list *fl_hashing_next(struct fl_upstream *upstream,
                                struct fl_pooled **place,
                                struct fl_server **server, fl_time now) {
  *place = NULL;
  *server = NULL;
  for (uint32_t i = 0; i < upstream->server_count; i++)
    upstream->servers[i]->wanted = upstream->servers[i]->promised = 0;
  if (!is_of_use(upstream))
    return NULL;
  struct fl_list *node = upstream->waiters.next;
  for (; node != &upstream->waiters; node = node->next) {
    struct fl_server *of =
        fl_hashing_server(upstream, address_of(upstream, node), now);
    if (of == NULL)
      break;
    *place = fl_balance_room(of, now);
    if (*place != NULL)
      return node;
    if (upstream->config->mode == FL_MODE_RELAY && fl_budget_allows(upstream) &&
        fl_server_may_connect(of, now)) {
      *server = of;
      return node;
    }
    want(of, now);
  }
  share(upstream, now);
  return NULL;
}
