#include "service/verbs.h"

#include "service/collect.h"
#include "service/state.h"
#include "service/status.h"

#include <string.h>

/* ---- status ---- */

static void on_state(void *context, const struct fl_collected *found) {
  struct fl_channel_peer *peer = context;
  fl_channel_reply(
      peer, fl_state_json(fl_channel_instance(peer), &found->sum, false));
}

static void on_connections(void *context, const struct fl_collected *found) {
  struct fl_channel_peer *peer = context;
  fl_channel_reply(peer,
                   fl_state_json(fl_channel_instance(peer), &found->sum, true));
}

static void run_status(struct fl_channel_peer *peer,
                       const char *const *arguments) {
  (void)arguments;
  fl_collect(fl_channel_instance(peer), FL_SNAPSHOT_STATE, on_state, peer);
}

static void run_connections(struct fl_channel_peer *peer,
                            const char *const *arguments) {
  (void)arguments;
  fl_collect(fl_channel_instance(peer),
             FL_SNAPSHOT_STATE | FL_SNAPSHOT_CONNECTIONS, on_connections, peer);
}

/* ---- stop ---- */

static void run_stop(struct fl_channel_peer *peer,
                     const char *const *arguments) {
  (void)arguments;
  (void)fl_control_stop(fl_channel_instance(peer)->control, "fairlead stop");
  fl_channel_await_end(peer);
}

/* ---- the table ---- */

static const struct verb {
  const char *name;
  unsigned arguments; /* exactly so many */
  void (*run)(struct fl_channel_peer *peer, const char *const *arguments);
} verbs[] = {
    {"status", 0, run_status},
    {"connections", 0, run_connections},
    {"stop", 0, run_stop},
};

enum { VERBS = sizeof verbs / sizeof verbs[0] };

void fl_verb_run(struct fl_channel_peer *peer,
                 const char *const words[FL_CHANNEL_WORDS], unsigned count) {
  for (int i = 0; i < VERBS; i++) {
    if (strcmp(verbs[i].name, words[0]) != 0)
      continue;
    if (count - 1 == verbs[i].arguments)
      verbs[i].run(peer, words + 1);
    else
      fl_channel_fail(peer, FL_STATUS_USAGE, "%s takes %u arguments, not %u",
                      words[0], verbs[i].arguments, count - 1);
    return;
  }
  fl_channel_fail(peer, FL_STATUS_USAGE,
                  "this fairlead knows no \"%.32s\"; is it of another version?",
                  words[0]);
}
