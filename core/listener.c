#include "core/listener.h"

#include "core/client.h"
#include "core/gate.h"
#include "core/gateway_state.h"
#include "core/relay_end.h"
#include "core/relay_flow.h"
#include "core/session.h"
#include "core/upstream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct fl_client *client_of(struct fl_list *link) {
  return FL_CONTAINER(link, struct fl_client, conn.link);
}

static struct fl_relay *relay_of(struct fl_list *link) {
  return FL_CONTAINER(link, struct fl_relay, link);
}

static bool relays(const struct fl_listener *listener) {
  return listener->config->mode == FL_MODE_RELAY ||
         listener->config->mode == FL_MODE_SESSION;
}

/* Time is up. */
static void listener_expired(struct fl_deadline *deadline, fl_time now) {
  struct fl_listener *listener =
      FL_CONTAINER(deadline, struct fl_listener, deadline);
  struct fl_list *link = listener->clients.next;
  listener->stopping = FL_STOP_NOW;
  for (; link != &listener->clients; link = link->next)
    if (relays(listener))
      fl_relay_shut(relay_of(link), now);
    else
      fl_client_shut(client_of(link), now);
}

void fl_listener_configure(struct fl_listener *listener,
                           struct fl_generation *generation, uint32_t index) {
  (void)fl_generation_hold(generation);
  fl_generation_release(listener->generation);
  listener->generation = generation;
  listener->config = &generation->config->listeners[index];
  if (listener->most_frame < listener->config->max_frame)
    listener->most_frame = listener->config->max_frame;
  fl_gate_configure(listener);
}

struct fl_listener *fl_listener_new(struct fl_gateway *gateway,
                                    struct fl_generation *generation,
                                    uint32_t index,
                                    struct fl_upstream *upstream) {
  struct fl_listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL)
    return NULL;
  if (!fl_deadline_add(&gateway->deadlines, &listener->deadline,
                       listener_expired)) {
    free(listener);
    return NULL;
  }
  listener->gateway = gateway;
  fl_list_init(&listener->gate);
  fl_listener_configure(listener, generation, index);
  listener->upstream = upstream;
  if (upstream != NULL)
    upstream->listeners++;
  listener->slot = generation->listeners[index].slot;
  listener->occupancy = &gateway->occupancy[listener->slot];
  fl_list_init(&listener->clients);
  fl_list_init(&listener->link);
  return listener;
}

static void release_upstream(struct fl_listener *listener) {
  struct fl_upstream *upstream = listener->upstream;
  if (upstream == NULL)
    return;
  listener->upstream = NULL;
  upstream->listeners--;
  if (upstream->leaving)
    fl_upstream_wake(upstream);
}

void fl_listener_free(struct fl_listener *listener) {
  assert(fl_list_empty(&listener->clients) && listener->held.inside == 0);
  fl_metrics_add(&listener->gateway->gone, &listener->metrics);
  fl_list_remove(&listener->link);
  fl_list_remove(&listener->gate);
  fl_deadline_remove(&listener->gateway->deadlines, &listener->deadline);
  release_upstream(listener);
  fl_generation_release(listener->generation);
  free(listener);
}

/* A partial frame is looked at anew: max_frame may be below what was. */
static void adjust_relay(struct fl_relay *relay) {
  relay->client.framing = (struct fl_framing_state){0};
  relay->server.framing = (struct fl_framing_state){0};
  fl_relay_arm(relay);
}

static void adjust_client(struct fl_client *client, fl_time now) {
  client->framing = (struct fl_framing_state){0};
  fl_client_run(client, now);
}

void fl_listener_adjust(struct fl_listener *listener, fl_time now) {
  struct fl_list *link = listener->clients.next;
  for (; link != &listener->clients; link = link->next)
    if (relays(listener))
      adjust_relay(relay_of(link));
    else
      adjust_client(client_of(link), now);
}

/* Another listener of the same name here, one that takes clients before one
   that only has some left. */
static struct fl_listener *namesake(const struct fl_listener *listener) {
  const struct fl_list *all = &listener->gateway->listeners;
  struct fl_listener *found = NULL;
  for (struct fl_list *link = all->next; link != all; link = link->next) {
    struct fl_listener *other = FL_CONTAINER(link, struct fl_listener, link);
    if (other != listener && (found == NULL || found->left) &&
        strcmp(other->config->name, listener->config->name) == 0)
      found = other;
  }
  return found;
}

static bool is_configured(const struct fl_listener *listener) {
  const struct fl_config *config = listener->gateway->config;
  for (uint32_t i = 0; i < config->listener_count; i++)
    if (strcmp(config->listeners[i].name, listener->config->name) == 0)
      return true;
  return false;
}

/* Counters never go back: those of one that was replaced go to its successor.
   Where that is on other workers only, nothing but the counters stays of this
   one, as long as the configuration has the name. */
void fl_listener_client_gone(struct fl_listener *listener) {
  if (!listener->left || !fl_list_empty(&listener->clients))
    return;
  struct fl_listener *heir = namesake(listener);
  if (heir == NULL && is_configured(listener)) {
    release_upstream(listener);
    fl_deadline_set(&listener->gateway->deadlines, &listener->deadline,
                    FL_NEVER);
    return;
  }
  if (heir != NULL) {
    fl_metrics_add(&heir->metrics, &listener->metrics);
    fl_histogram_merge(&heir->total, &listener->total);
    heir->held.total += listener->held.total;
    listener->metrics = (struct fl_metrics){0};
  }
  fl_listener_free(listener);
}

void fl_listener_drain(struct fl_listener *listener, fl_time until,
                       fl_time now) {
  if (listener->stopping != 0)
    return; /* for a reload before */
  listener->stopping = FL_STOP_REQUESTS;
  fl_deadline_set(&listener->gateway->deadlines, &listener->deadline, until);
  struct fl_list *link = listener->clients.next;
  for (; link != &listener->clients; link = link->next)
    if (relays(listener))
      fl_session_drain(relay_of(link), now);
    else
      fl_client_drain(client_of(link), now);
}

int fl_listener_stopping(const struct fl_listener *listener) {
  int all = listener->gateway->stopping;
  return all > listener->stopping ? all : listener->stopping;
}

enum fl_reason fl_listener_end_reason(const struct fl_listener *listener) {
  return listener->stopping != 0 ? FL_RELOAD : FL_SHUTDOWN;
}

bool fl_listener_may_submit(const struct fl_listener *listener) {
  struct fl_list *link = listener->clients.next;
  for (; link != &listener->clients; link = link->next)
    if (relays(listener) || client_of(link)->state == FL_CLIENT_OPEN)
      return true;
  return false;
}
