#include "service/verbs.h"

#include "core/json_write.h"
#include "service/collect.h"
#include "service/log_line.h"
#include "service/state.h"
#include "service/status.h"

#include <stdlib.h>
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

/* ---- reload ---- */

struct reloading {
  struct fl_reload_asker asker; /* first */
  struct fl_channel_peer *peer;
};

static void write_lines(struct fl_json_writer *to,
                        const struct fl_reload_report *report) {
  fl_json_write_key(to, "lines");
  fl_json_write_open(to, '[');
  for (uint32_t i = 0; i < report->count; i++) {
    fl_json_write_open(to, '{');
    fl_json_write_key(to, "level");
    fl_json_write_string(to, fl_log_level_name(report->lines[i].level));
    fl_json_write_key(to, "text");
    fl_json_write_string(to, report->lines[i].text);
    fl_json_write_close(to, '}');
  }
  fl_json_write_close(to, ']');
}

static void on_reloaded(struct fl_reload_asker *asker,
                        const struct fl_reload_state *reload) {
  struct reloading *reloading = (struct reloading *)asker;
  struct fl_json_writer to = {0};
  fl_json_write_open(&to, '{');
  fl_json_write_key(&to, "result");
  fl_json_write_string(&to, fl_reload_outcome_name(reload->outcome));
  fl_json_write_key(&to, "status");
  fl_json_write_number(&to, (uint64_t)reload->status);
  fl_json_write_key(&to, "generation");
  fl_json_write_number(&to, reload->generation->number);
  fl_json_write_key(&to, "sha256");
  fl_json_write_string(&to, reload->sha256);
  write_lines(&to, &reload->report);
  fl_json_write_close(&to, '}');
  to.text.failed |= reload->report.incomplete;
  fl_channel_reply(reloading->peer, fl_text_take(&to.text));
  free(reloading);
}

static void run_reload(struct fl_channel_peer *peer,
                       const char *const *arguments) {
  struct fl_control *control = fl_channel_instance(peer)->control;
  struct reloading *reloading = malloc(sizeof *reloading);
  (void)arguments;
  if (reloading == NULL) {
    fl_channel_reply(peer, NULL);
    return;
  }
  if (fl_control_stops(control) || !fl_control_serves(control)) {
    free(reloading);
    fl_channel_fail(peer, FL_STATUS_SYSTEM,
                    "it is stopping; nothing was changed");
    return;
  }
  *reloading = (struct reloading){.asker.done = on_reloaded, .peer = peer};
  fl_reload_ask(control->reload, &reloading->asker);
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
    {"reload", 0, run_reload},
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
