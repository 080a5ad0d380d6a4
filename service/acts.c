#include "service/acts.h"

#include "core/operator.h"
#include "core/transport.h"
#include "service/format.h"
#include "service/log.h"
#include "service/status.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- asking workers ---- */

struct act;

/* One worker's part. */
struct part {
  struct fl_call call; /* first */
  struct act *act;
  bool found;                   /* what it looked for */
  struct fl_operator_load load; /* drain */
};

struct act {
  struct fl_channel_peer *peer;
  uint64_t connection;                /* close */
  const struct fl_standing *standing; /* of the server; others: NULL */
  enum fl_admin_state admin;          /* what was said of it */
  bool none_left;                     /* in its upstream that may be used */
  char server[FL_CHANNEL_LINE];       /* for people; eject, of one that was
                                         removed: as it was said */
  uint32_t asked;                     /* workers */
  uint32_t missing;                   /* workers that have not answered yet */
  void (*finish)(struct act *act);
  struct part parts[];
};

static void on_part(void *owner, struct fl_message *message) {
  struct act *act = ((struct part *)message)->act;
  (void)owner;
  if (--act->missing > 0)
    return;
  act->finish(act);
  free(act);
}

/* For so many workers. Returns NULL with the peer answered when there is no
   memory, or the workers are past their end. */
static struct act *new_act(struct fl_channel_peer *peer, uint32_t count,
                           void (*finish)(struct act *act)) {
  struct act *act = NULL;
  if (!fl_control_turns(fl_channel_instance(peer)->control)) {
    fl_channel_fail(peer, FL_STATUS_SYSTEM, "it has stopped");
    return NULL;
  }
  act = calloc(1, sizeof *act + count * sizeof act->parts[0]);
  if (act == NULL) {
    fl_channel_reply(peer, NULL);
    return NULL;
  }
  act->peer = peer;
  act->finish = finish;
  return act;
}

static void ask(struct act *act, uint32_t worker,
                void (*run)(struct fl_call *call, struct fl_gateway *gateway,
                            fl_time now)) {
  struct part *part = &act->parts[act->asked++];
  act->missing++;
  part->act = act;
  part->call.run = run;
  part->call.done = on_part;
  fl_worker_call(fl_channel_instance(act->peer)->workers[worker], &part->call);
}

/* ---- close ---- */

static void close_there(struct fl_call *call, struct fl_gateway *gateway,
                        fl_time now) {
  struct part *part = (struct part *)call;
  part->found = fl_operator_close(gateway, part->act->connection, now);
}

static void no_connection(struct fl_channel_peer *peer, const char *number) {
  fl_channel_fail(peer, FL_STATUS_UNKNOWN,
                  "there is no connection %.32s (any more); \"fairlead status "
                  "--connections\" lists them",
                  number);
}

static void closed(struct act *act) {
  char number[24];
  (void)snprintf(number, sizeof number, "%" PRIu64, act->connection);
  if (!act->parts[0].found) {
    no_connection(act->peer, number);
    return;
  }
  fl_log(FL_LOG_INFO, FL_LOG_CONTROL, "connection %s is closed by the operator",
         number);
  fl_channel_done(act->peer, "connection %s: closed", number);
}

/* Digits only, and no more than there can be. */
static bool read_number(const char *text, uint64_t *number) {
  *number = 0;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9' || *number > (UINT64_MAX - 9) / 10)
      return false;
    *number = *number * 10 + (uint64_t)(*text - '0');
  }
  return true;
}

void fl_act_close(struct fl_channel_peer *peer, const char *const *arguments) {
  uint64_t id;
  if (!read_number(arguments[0], &id)) {
    fl_channel_fail(peer, FL_STATUS_USAGE,
                    "\"%.32s\" is no number of a connection", arguments[0]);
    return;
  }
  uint32_t worker = fl_transport_id_worker(id);
  if (worker >= fl_channel_instance(peer)->count) {
    no_connection(peer, arguments[0]);
    return;
  }
  struct act *act = new_act(peer, 1, closed);
  if (act == NULL)
    return;
  act->connection = id;
  ask(act, worker, close_there);
}

/* ---- drain, eject, restore ---- */

/* Whether text means this server, alone or as UPSTREAM/SERVER. */
static bool means(const char *text, const struct fl_upstream_config *upstream,
                  const struct fl_endpoint *server) {
  size_t size = strlen(upstream->name);
  if (strcmp(text, server->text) == 0)
    return true;
  return strncmp(text, upstream->name, size) == 0 && text[size] == '/' &&
         strcmp(text + size + 1, server->text) == 0;
}

/* How many servers the text means, and the last of them. */
static uint32_t find(const struct fl_generation *generation, const char *text,
                     uint32_t *upstream, uint32_t *server) {
  const struct fl_config *config = generation->config;
  uint32_t count = 0;
  for (uint32_t i = 0; i < config->upstream_count; i++)
    for (uint32_t j = 0; j < config->upstreams[i].server_count; j++)
      if (means(text, &config->upstreams[i],
                &config->upstreams[i].servers[j])) {
        *upstream = i;
        *server = j;
        count++;
      }
  return count;
}

static const char *none_left(const struct act *act) {
  return act->none_left ? "; no server of the upstream is left, so requests "
                          "wait"
                        : "";
}

static void apply_there(struct fl_call *call, struct fl_gateway *gateway,
                        fl_time now) {
  struct part *part = (struct part *)call;
  fl_operator_apply(gateway, now);
  part->load = fl_operator_load(gateway, part->act->standing);
}

/* "; 3 requests still in flight", unless there is none. */
static void add_load(struct fl_text *text, uint32_t count, const char *one,
                     const char *more) {
  if (count > 0)
    fl_format(text, "; %u %s", count, count == 1 ? one : more);
}

/* What is true now. */
static void tell_drained(const struct act *act) {
  struct fl_operator_load sum = {0};
  struct fl_text text = {0};
  for (uint32_t i = 0; i < act->asked; i++) {
    sum.requests += act->parts[i].load.requests;
    sum.lent += act->parts[i].load.lent;
  }
  add_load(&text, sum.requests, "request still in flight",
           "requests still in flight");
  add_load(&text, sum.lent, "relay or session still open",
           "relays or sessions still open");
  if (text.size == 0)
    fl_text_add(&text, "; nothing is under way on it");
  char *rest = fl_text_take(&text);
  fl_channel_done(act->peer, "%s: drained%s%s", act->server,
                  rest == NULL ? "" : rest, none_left(act));
  free(rest);
}

static void applied(struct act *act) {
  switch (act->admin) {
  case FL_ADMIN_DRAINED:
    tell_drained(act);
    break;
  case FL_ADMIN_EJECTED:
    fl_channel_done(act->peer, "%s: ejected; its connections are closed%s",
                    act->server, none_left(act));
    break;
  case FL_ADMIN_IN:
    fl_channel_done(act->peer, "%s: in use again", act->server);
    break;
  }
}

/* Whether an operator has taken out all servers. */
static bool is_without_server(const struct fl_generation *generation,
                              uint32_t upstream) {
  const struct fl_upstream_plan *plan = &generation->upstreams[upstream];
  uint32_t count = generation->config->upstreams[upstream].server_count;
  for (uint32_t i = 0; i < count; i++)
    if (fl_standing_admin(plan->standings[i]) == FL_ADMIN_IN)
      return false;
  return true;
}

static void no_server(struct fl_channel_peer *peer, const char *text) {
  fl_channel_fail(peer, FL_STATUS_UNKNOWN,
                  "no upstream has a server %.300s; \"fairlead status\" "
                  "lists them",
                  text);
}

/* Those that a reload has taken out are no configuration's any more: each
   worker looks among those that it has left. */
static void eject_there(struct fl_call *call, struct fl_gateway *gateway,
                        fl_time now) {
  struct part *part = (struct part *)call;
  part->found = fl_operator_eject_removed(gateway, part->act->server, now);
}

static void ejected(struct act *act) {
  bool found = false;
  for (uint32_t i = 0; i < act->asked; i++)
    found |= act->parts[i].found;
  if (!found) {
    no_server(act->peer, act->server);
    return;
  }
  fl_log(FL_LOG_INFO, FL_LOG_CONTROL,
         "what was left of the removed server %s is closed by the operator",
         act->server);
  fl_channel_done(act->peer, "server %.300s: what was left of it is closed",
                  act->server);
}

static void eject_removed(struct fl_channel_peer *peer, const char *text) {
  const struct fl_instance *instance = fl_channel_instance(peer);
  struct act *act = new_act(peer, instance->count, ejected);
  if (act == NULL)
    return;
  assert(instance->count > 0); /* the last worker to answer frees it */
  (void)snprintf(act->server, sizeof act->server, "%s", text);
  for (uint32_t i = 0; i < instance->count; i++)
    ask(act, i, eject_there);
}

static void say(struct fl_channel_peer *peer, const char *text,
                enum fl_admin_state admin) {
  const struct fl_instance *instance = fl_channel_instance(peer);
  const struct fl_generation *generation =
      instance->control->reload->generation;
  uint32_t upstream = 0;
  uint32_t server = 0;
  uint32_t count = find(generation, text, &upstream, &server);
  if (count == 0 && admin == FL_ADMIN_EJECTED) {
    eject_removed(peer, text);
    return;
  }
  if (count == 0) {
    no_server(peer, text);
    return;
  }
  if (count > 1) {
    fl_channel_fail(peer, FL_STATUS_UNKNOWN,
                    "%u upstreams have a server %.300s: say which one is "
                    "meant, such as %s/%.300s",
                    count, text, generation->config->upstreams[upstream].name,
                    text);
    return;
  }
  struct act *act = new_act(peer, instance->count, applied);
  if (act == NULL)
    return;
  (void)snprintf(act->server, sizeof act->server, "server %s of %s",
                 generation->config->upstreams[upstream].servers[server].text,
                 generation->config->upstreams[upstream].name);
  assert(instance->count > 0); /* the last worker to answer frees it */
  act->standing = generation->upstreams[upstream].standings[server];
  fl_standing_say(generation->upstreams[upstream].standings[server], admin);
  act->admin = admin;
  act->none_left = is_without_server(generation, upstream);
  for (uint32_t i = 0; i < instance->count; i++)
    ask(act, i, apply_there);
}

void fl_act_drain(struct fl_channel_peer *peer, const char *const *arguments) {
  say(peer, arguments[0], FL_ADMIN_DRAINED);
}

void fl_act_eject(struct fl_channel_peer *peer, const char *const *arguments) {
  say(peer, arguments[0], FL_ADMIN_EJECTED);
}

void fl_act_restore(struct fl_channel_peer *peer,
                    const char *const *arguments) {
  say(peer, arguments[0], FL_ADMIN_IN);
}
