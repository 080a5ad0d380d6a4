#include "core/upstream.h"

#include "core/balance.h"
#include "core/collision.h"
#include "core/gateway_state.h"
#include "core/hashing.h"
#include "core/health.h"
#include "core/placement.h"
#include "core/profile.h"
#include "core/relay.h"
#include "core/rule.h"

#include <assert.h>
#include <stdlib.h>

static struct fl_client *waiter(struct fl_list *node) {
  return FL_CONTAINER(node, struct fl_client, waiting);
}

static struct fl_client *first_waiter(const struct fl_list *list) {
  struct fl_list *node = fl_list_first(list);
  return node == NULL ? NULL : waiter(node);
}

/* Waiting. */

/* In order of tickets. A client that comes from another list has an older one
   than those at the end, but seldom than many. */
static void insert(struct fl_list *list, struct fl_client *client) {
  struct fl_list *at = list;
  while (at->prev != list && waiter(at->prev)->ticket > client->ticket)
    at = at->prev;
  fl_list_insert(at, &client->waiting);
}

static void follow(struct fl_upstream *upstream, struct fl_client *client) {
  struct fl_pooled *pooled = client->bound;
  insert(&pooled->followers, client);
  upstream->following++;
  if (fl_list_empty(&pooled->followed))
    fl_list_push_back(&upstream->followed, &pooled->followed);
}

static void wait_in_turn(struct fl_upstream *upstream,
                         struct fl_client *client) {
  insert(&upstream->waiters, client);
  upstream->waiting++;
}

void fl_upstream_unwait(struct fl_upstream *upstream,
                        struct fl_client *client) {
  struct fl_pooled *pooled = client->bound;
  if (fl_list_empty(&client->waiting))
    return;
  fl_list_remove(&client->waiting);
  if (client->parked) {
    client->parked = false;
    upstream->parked--;
    return;
  }
  if (pooled == NULL) {
    upstream->waiting--;
    return;
  }
  upstream->following--;
  if (fl_list_empty(&pooled->followers))
    fl_list_remove(&pooled->followed);
}

void fl_upstream_unbound(struct fl_upstream *upstream,
                         struct fl_client *client) {
  bool waits = !fl_list_empty(&client->waiting);
  assert(client->outstanding == 0);
  if (client->parked) {
    client->bound = NULL;
    return;
  }
  fl_upstream_unwait(upstream, client);
  client->bound = NULL;
  if (waits)
    wait_in_turn(upstream, client);
}

void fl_upstream_wake(struct fl_upstream *upstream) {
  if (fl_list_empty(&upstream->dispatch))
    fl_list_push_back(&upstream->gateway->dispatch, &upstream->dispatch);
}

/* Submitting. */

/* The connection a request of this client may go to now, nobody else's turn
   coming first; NULL for none. */
static struct fl_pooled *place_for(struct fl_upstream *upstream,
                                   const struct fl_client *client,
                                   fl_time now) {
  if (upstream->waiting + upstream->following > 0)
    return NULL;
  if (client->bound == NULL)
    return fl_balance_request(upstream, &client->conn.peer, now);
  return fl_pooled_has_room(client->bound) ? client->bound : NULL;
}

/* The key of a request, by key. Returns FL_OK, or why it cannot be paired. */
static enum fl_reason read_key(const struct fl_upstream *upstream,
                               struct fl_slice frame, struct fl_key_view *key) {
  const struct fl_pair *pair = &upstream->config->pair;
  if (pair->by == FL_PAIR_KEY)
    return fl_collision_key(upstream, frame, key);
  return fl_pair_fits(pair, frame.size) ? FL_OK : FL_NO_ID;
}

static bool send(struct fl_pooled *pooled, struct fl_client *client,
                 struct fl_slice frame, const struct fl_key_view *key,
                 fl_time decoded, fl_time now) {
  if (pooled->server->upstream->config->pair.by == FL_PAIR_KEY)
    return fl_collision_send(pooled, client, frame, key, decoded, now);
  return fl_pooled_send(pooled, client, frame, decoded, now);
}

/* Gives a request that has a place its key. Returns NULL, or the key for which
   it has to wait. */
static struct fl_key *collide(struct fl_upstream *upstream,
                              const struct fl_client *client,
                              const struct fl_key_view *key,
                              struct fl_pooled **place, fl_time now) {
  if (upstream->config->pair.by != FL_PAIR_KEY || *place == NULL)
    return NULL;
  return fl_collision_place(upstream, client, key, place, now);
}

/* Whether a request with a key that another one has is refused. */
static bool refused(const struct fl_upstream *upstream,
                    const struct fl_key *taken) {
  return taken != NULL && taken->exchange->state != FL_EXCHANGE_EXPIRED &&
         upstream->config->pair.on_collision == FL_COLLISION_REFUSE;
}

static bool is_denied(const struct fl_upstream *upstream,
                      const struct fl_client *client, struct fl_slice frame) {
  return fl_upstream_rule(upstream, frame)->deny ||
         (client->listener->config->read_only &&
          !fl_profile_reads(upstream->config->framing.profile, frame));
}

enum fl_submit fl_upstream_submit(struct fl_upstream *upstream,
                                  struct fl_client *client,
                                  struct fl_slice frame, fl_time decoded,
                                  enum fl_reason *reason, fl_time now) {
  struct fl_key_view key;
  struct fl_pooled *pooled = place_for(upstream, client, now);
  client->ticket = upstream->next_ticket++;
  if (is_denied(upstream, client, frame)) {
    *reason = FL_DENIED;
    return FL_SUBMIT_REFUSED;
  }
  *reason = read_key(upstream, frame, &key);
  if (*reason != FL_OK)
    return FL_SUBMIT_REFUSED;
  struct fl_key *taken = collide(upstream, client, &key, &pooled, now);
  if (refused(upstream, taken)) {
    *reason = FL_KEY_IN_USE;
    return FL_SUBMIT_REFUSED;
  }
  if (pooled != NULL && taken == NULL) {
    if (send(pooled, client, frame, &key, decoded, now))
      return FL_SUBMIT_ASSIGNED;
    *reason = fl_spare_reason(&upstream->gateway->spare);
    return FL_SUBMIT_REFUSED;
  }
  if (upstream->waiting + upstream->following + upstream->parked >=
      upstream->max_waiters) {
    *reason = FL_TOO_MANY_WAITERS;
    return FL_SUBMIT_REFUSED;
  }
  if (taken != NULL)
    fl_collision_wait(upstream, client, taken, now);
  else
    fl_upstream_wait(upstream, client);
  return FL_SUBMIT_WAITS;
}

void fl_upstream_wait(struct fl_upstream *upstream, struct fl_client *client) {
  if (client->bound != NULL)
    follow(upstream, client);
  else
    wait_in_turn(upstream, client);
  fl_upstream_wake(upstream);
}

/* Dispatching. */

/* The first of the waiters that may go on, and where; NULL for none. */
static struct fl_client *next_waiter(struct fl_upstream *upstream,
                                     struct fl_pooled **place, fl_time now) {
  struct fl_client *client = first_waiter(&upstream->waiters);
  struct fl_server *server;
  if (client == NULL)
    return NULL;
  if (fl_hashing_is_on(upstream)) {
    struct fl_list *node = fl_hashing_next(upstream, place, &server, now);
    return node == NULL ? NULL : waiter(node);
  }
  *place = fl_balance_request(upstream, &client->conn.peer, now);
  return *place == NULL ? NULL : client;
}

/* The waiting client with the oldest ticket for which there is a place, and
   the place; NULL when there is none. */
static struct fl_client *next_turn(struct fl_upstream *upstream,
                                   struct fl_pooled **place, fl_time now) {
  struct fl_client *next = NULL;
  struct fl_list *node = upstream->followed.next;
  for (; node != &upstream->followed; node = node->next) {
    struct fl_pooled *pooled = FL_CONTAINER(node, struct fl_pooled, followed);
    struct fl_client *client = first_waiter(&pooled->followers);
    if (fl_pooled_has_room(pooled) &&
        (next == NULL || client->ticket < next->ticket)) {
      next = client;
      *place = pooled;
    }
  }
  struct fl_client *client = first_waiter(&upstream->waiters);
  if (client == NULL || (next != NULL && next->ticket < client->ticket))
    return next;
  struct fl_pooled *pooled;
  client = next_waiter(upstream, &pooled, now);
  if (client == NULL || (next != NULL && next->ticket < client->ticket))
    return next;
  *place = pooled;
  return client;
}

/* Sends the request of a client whose turn it is, or makes it wait for its
   key. */
static void take_turn(struct fl_upstream *upstream, struct fl_client *client,
                      struct fl_pooled *pooled, fl_time now) {
  struct fl_slice frame = fl_client_request(client);
  struct fl_key_view key;
  fl_upstream_unwait(upstream, client);
  enum fl_reason reason = read_key(upstream, frame, &key);
  assert(reason == FL_OK); /* it was when the request came */
  (void)reason;
  struct fl_key *taken = collide(upstream, client, &key, &pooled, now);
  if (refused(upstream, taken))
    fl_client_refused(client, FL_KEY_IN_USE, now);
  else if (taken != NULL)
    fl_collision_wait(upstream, client, taken, now);
  else if (send(pooled, client, frame, &key, client->since, now))
    fl_client_assigned(client, now);
  else
    fl_client_refused(client, fl_spare_reason(&upstream->gateway->spare), now);
}

void fl_upstream_dispatch(struct fl_upstream *upstream, fl_time now) {
  struct fl_client *client;
  struct fl_pooled *pooled;
  while ((client = next_turn(upstream, &pooled, now)) != NULL)
    take_turn(upstream, client, pooled, now);
  /* Clients have the first claim on places. */
  fl_pool_fill(upstream, now);
  fl_health_run(upstream, now);
}

static void probe_expired(struct fl_deadline *deadline, fl_time now) {
  (void)now;
  fl_upstream_wake(FL_CONTAINER(deadline, struct fl_upstream, probe));
}

static void upstream_expired(struct fl_deadline *deadline, fl_time now) {
  (void)now;
  fl_upstream_wake(FL_CONTAINER(deadline, struct fl_upstream, deadline));
}

bool fl_upstream_stands(const struct fl_upstream *upstream) {
  for (uint32_t i = 0; i < upstream->server_count; i++)
    for (int state = 0; state < FL_POOLED_LEAVING; state++)
      if (state != FL_POOLED_CONNECTING && state != FL_POOLED_SIGNING_ON &&
          !fl_list_empty(&upstream->servers[i]->conns[state]))
        return true;
  return false;
}

/* Begin and end. */

static bool init_keys(struct fl_upstream *upstream) {
  const struct fl_io *io = upstream->gateway->io;
  if (upstream->config->pair.by != FL_PAIR_KEY)
    return true;
  const uint64_t seed[2] = {io->random(io->ctx), io->random(io->ctx)};
  return fl_keys_init(
      &upstream->keys,
      (uint64_t)upstream->budget->max * upstream->config->in_flight, seed);
}

static bool add_servers(struct fl_upstream *upstream) {
  const struct fl_upstream_config *config = upstream->config;
  upstream->servers = calloc(config->server_count, sizeof(struct fl_server *));
  if (upstream->servers == NULL)
    return false;
  upstream->server_count = config->server_count;
  for (uint32_t i = 0; i < config->server_count; i++) {
    upstream->servers[i] =
        fl_server_new(upstream, upstream->generation, upstream->index, i);
    if (upstream->servers[i] == NULL)
      return false;
  }
  return true;
}

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

void fl_upstream_configure(struct fl_upstream *upstream,
                           struct fl_generation *generation, uint32_t index) {
  struct fl_placement placement = generation->upstreams[index].placement;
  const struct fl_upstream_config *config =
      &generation->config->upstreams[index];
  const struct fl_pool_config *pool = &config->pool;
  uint32_t count = placement.count;
  uint32_t shard = 0;
  bool here = fl_placement_has(placement, upstream->gateway->worker,
                               generation->workers, &shard);
  assert(here);
  (void)here;
  (void)fl_generation_hold(generation);
  fl_generation_release(upstream->generation);
  upstream->generation = generation;
  upstream->config = config;
  upstream->index = index;
  upstream->probes = shard == 0 && config->health.interval != 0;
  upstream->min_size = fl_placement_part(pool->min_size, shard, count);
  if (pool->max_size == 0 && pool->min_size > 0 && upstream->min_size == 0)
    upstream->min_size = 1;
  upstream->max_waiters = fl_placement_part(pool->max_waiters, shard, count);
  upstream->most_in_flight =
      larger(upstream->most_in_flight, config->in_flight);
  upstream->most_frame = larger(upstream->most_frame, config->max_frame);
  if (upstream->budget != NULL)
    fl_budget_set(upstream->budget,
                  pool->max_size == 0
                      ? UINT32_MAX
                      : fl_placement_part(pool->max_size, shard, count));
}

struct fl_upstream *fl_upstream_new(struct fl_gateway *gateway,
                                    struct fl_generation *generation,
                                    uint32_t index) {
  struct fl_upstream *upstream = calloc(1, sizeof *upstream);
  if (upstream == NULL)
    return NULL;
  upstream->gateway = gateway;
  fl_list_init(&upstream->link);
  fl_list_init(&upstream->sharing);
  fl_list_init(&upstream->all_servers);
  fl_list_init(&upstream->waiters);
  fl_list_init(&upstream->followed);
  fl_list_init(&upstream->retries);
  fl_list_init(&upstream->dispatch);
  upstream->budget = fl_budget_new(upstream, 0);
  fl_upstream_configure(upstream, generation, index);
  if (upstream->budget != NULL && add_servers(upstream) &&
      init_keys(upstream) &&
      fl_deadline_add(&gateway->deadlines, &upstream->deadline,
                      upstream_expired) &&
      fl_deadline_add(&gateway->deadlines, &upstream->probe, probe_expired))
    return upstream;
  fl_upstream_free(upstream);
  return NULL;
}

void fl_upstream_free(struct fl_upstream *upstream) {
  struct fl_list *link;
  assert(upstream->size == 0 && upstream->waiting + upstream->parked == 0);
  assert(upstream->listeners == 0);
  fl_metrics_add(&upstream->gateway->gone, &upstream->metrics);
  assert(fl_list_empty(&upstream->retries));
  fl_keys_free(&upstream->keys);
  fl_list_remove(&upstream->link);
  fl_list_remove(&upstream->dispatch);
  fl_deadline_remove(&upstream->gateway->deadlines, &upstream->deadline);
  fl_deadline_remove(&upstream->gateway->deadlines, &upstream->probe);
  while ((link = fl_list_first(&upstream->all_servers)) != NULL)
    fl_server_free(FL_CONTAINER(link, struct fl_server, link));
  free(upstream->servers);
  fl_budget_leave(upstream);
  fl_generation_release(upstream->generation);
  free(upstream);
}

void fl_upstream_shut(struct fl_upstream *upstream, enum fl_reason reason,
                      fl_time now) {
  struct fl_list *link = upstream->all_servers.next;
  for (; link != &upstream->all_servers; link = link->next)
    fl_pool_cut(FL_CONTAINER(link, struct fl_server, link), reason, now);
}

/* Checking. */

static uint32_t check_state(const struct fl_server *server, int state,
                            uint32_t *in_flight) {
  uint32_t count = 0;
  const struct fl_list *list = &server->conns[state];
  for (struct fl_list *node = list->next; node != list; node = node->next) {
    const struct fl_pooled *pooled =
        FL_CONTAINER(node, struct fl_pooled, conn.link);
    uint32_t requests = pooled->exchanges.count;
    assert(pooled->server == server && (int)pooled->state == state);
    assert(requests <= pooled->exchanges.capacity);
    assert(requests == 0 ||
           fl_exchanges_oldest(&pooled->exchanges)->state == FL_EXCHANGE_WAITS);
    assert(state == FL_POOLED_BUSY || state == FL_POOLED_FULL || requests == 0);
    assert(state != FL_POOLED_FULL || requests > 0);
    assert(state != FL_POOLED_BUSY ||
           (requests > 0 && requests < pooled->exchanges.capacity));
    *in_flight += requests;
    count++;
  }
  return count;
}

static void check_followers(const struct fl_upstream *upstream) {
  uint32_t following = 0;
  const struct fl_list *list = &upstream->followed;
  for (struct fl_list *node = list->next; node != list; node = node->next) {
    const struct fl_pooled *pooled =
        FL_CONTAINER(node, struct fl_pooled, followed);
    const struct fl_list *followers = &pooled->followers;
    assert(!fl_list_empty(followers));
    for (struct fl_list *at = followers->next; at != followers; at = at->next) {
      const struct fl_client *client = waiter(at);
      assert(client->frame_size > 0 && client->bound == pooled);
      following++;
    }
  }
  assert(following == upstream->following);
}

void fl_upstream_check(const struct fl_upstream *upstream) {
  uint32_t size = 0, waiting = 0, usable = 0, states[FL_POOLED_STATES] = {0};
  uint32_t racing = 0;
  uint64_t ticket = 0;
  struct fl_list *link = upstream->all_servers.next;
  for (; link != &upstream->all_servers; link = link->next) {
    const struct fl_server *server = FL_CONTAINER(link, struct fl_server, link);
    uint32_t of_server = 0, in_flight = 0;
    for (int state = 0; state < FL_POOLED_STATES; state++) {
      uint32_t count = check_state(server, state, &in_flight);
      states[state] += count;
      of_server += count;
    }
    of_server += fl_list_size(&server->relays);
    racing += fl_list_size(&server->rivals);
    of_server += fl_list_size(&server->rivals);
    usable += fl_server_may_use(server)
                  ? fl_list_size(&server->conns[FL_POOLED_BUSY]) +
                        (upstream->config->pool.validate_after == 0
                             ? fl_list_size(&server->conns[FL_POOLED_IDLE])
                             : 0)
                  : 0;
    assert(of_server == server->size && in_flight == server->in_flight);
    size += of_server;
  }
  assert(size == upstream->size && racing == upstream->racing);
  fl_budget_check(upstream->budget);
  assert(states[FL_POOLED_LEAVING] + states[FL_POOLED_CLOSING] ==
         upstream->closing);
  if (fl_pool_lends(upstream)) {
    /* Nobody waits beside a connection that nobody has, but for those of other
       clients' servers, and of ejected ones. */
    assert(upstream->waiting == 0 || !fl_list_empty(&upstream->dispatch) ||
           states[FL_POOLED_IDLE] == 0 || fl_hashing_is_on(upstream) ||
           upstream->config->health.interval > 0);
    fl_relay_check(upstream);
    return;
  }
  check_followers(upstream);
  const struct fl_list *list = &upstream->waiters;
  for (struct fl_list *node = list->next; node != list; node = node->next) {
    const struct fl_client *client = waiter(node);
    assert(client->frame_size > 0 && client->bound == NULL);
    assert(waiting == 0 || client->ticket > ticket);
    ticket = client->ticket;
    waiting++;
  }
  assert(waiting == upstream->waiting && upstream->lent == 0);
  assert(fl_keys_check(&upstream->keys) == upstream->parked);
  /* Nobody waits beside a connection with room, once a turn has ended, but for
     idle ones that have to be checked first. (Another shard may just have found
     that a server is fit for use again.) */
  assert(waiting == 0 || usable == 0 || !fl_list_empty(&upstream->dispatch) ||
         upstream->config->health.interval > 0 || fl_hashing_is_on(upstream));
}
