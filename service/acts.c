#include "service/acts.h"

#include "core/operator.h"
#include "core/transport.h"
#include "service/log.h"
#include "service/status.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- asking workers ---- */

struct act;

/* One worker's part. */
struct part {
  struct fl_call call; /* first */
  struct act *act;
};

struct act {
  struct fl_channel_peer *peer;
  uint64_t connection; /* close */
  bool found;          /* close; the one worker's */
  uint32_t missing;    /* workers that have not answered yet */
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
  struct part *part = &act->parts[act->missing++];
  part->act = act;
  part->call.run = run;
  part->call.done = on_part;
  fl_worker_call(fl_channel_instance(act->peer)->workers[worker], &part->call);
}

/* ---- close ---- */

static void close_there(struct fl_call *call, struct fl_gateway *gateway,
                        fl_time now) {
  struct act *act = ((struct part *)call)->act;
  act->found = fl_operator_close(gateway, act->connection, now);
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
  if (!act->found) {
    no_connection(act->peer, number);
    return;
  }
  fl_log(FL_LOG_INFO, "control", "connection %s is closed by the operator",
         number);
  fl_channel_done(act->peer);
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
