#include "service/verbs.h"

#include "core/json_write.h"
#include "service/acts.h"
#include "service/collect.h"
#include "service/log.h"
#include "service/log_line.h"
#include "service/state.h"
#include "service/status.h"

#include <stdio.h>
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

/* ---- log-level ---- */

#define AREA(area, name, text) name ", "

static void run_log_level(struct fl_channel_peer *peer,
                          const char *const *arguments) {
  const char *name = arguments[1];
  enum fl_log_area area = name == NULL ? FL_LOG_AREAS : fl_log_area(name);
  int level = fl_log_level(arguments[0]);
  if (level == FL_LOG_LEVELS) {
    fl_channel_fail(peer, FL_STATUS_USAGE,
                    "\"%.32s\" is no level; allowed: error, warning, info, "
                    "debug",
                    arguments[0]);
  } else if (name != NULL && area == FL_LOG_AREAS) {
    fl_channel_fail(peer, FL_STATUS_USAGE,
                    "\"%.32s\" is no area; allowed: " FL_LOG_AREA_LIST(
                        AREA) "or none, for all",
                    name);
  } else {
    fl_log_set_level(area, level);
    fl_log(FL_LOG_INFO, FL_LOG_CONTROL, "log level of %s: %s",
           name == NULL ? "all areas" : name, arguments[0]);
    fl_channel_done(peer,
                    "log level of %s: %s, until a reload changes something",
                    name == NULL ? "all areas" : name, arguments[0]);
  }
}

/* ---- the table ---- */

static const struct verb {
  const char *name;
  unsigned least; /* so many arguments */
  unsigned most;
  void (*run)(struct fl_channel_peer *peer, const char *const *arguments);
} verbs[] = {
    {"status", 0, 0, run_status},       {"connections", 0, 0, run_connections},
    {"stop", 0, 0, run_stop},           {"reload", 0, 0, run_reload},
    {"log-level", 1, 2, run_log_level}, {"close", 1, 1, fl_act_close},
    {"drain", 1, 1, fl_act_drain},      {"eject", 1, 1, fl_act_eject},
    {"restore", 1, 1, fl_act_restore},
};

enum { VERBS = sizeof verbs / sizeof verbs[0] };

static void wrong_count(struct fl_channel_peer *peer, const struct verb *verb,
                        unsigned count) {
  char or_more[16] = "";
  if (verb->most > verb->least)
    (void)snprintf(or_more, sizeof or_more, " to %u", verb->most);
  fl_channel_fail(peer, FL_STATUS_USAGE, "%s takes %u%s arguments, not %u",
                  verb->name, verb->least, or_more, count);
}

void fl_verb_run(struct fl_channel_peer *peer,
                 const char *const words[FL_CHANNEL_WORDS], unsigned count) {
  for (int i = 0; i < VERBS; i++) {
    if (strcmp(verbs[i].name, words[0]) != 0)
      continue;
    if (count - 1 >= verbs[i].least && count - 1 <= verbs[i].most)
      verbs[i].run(peer, words + 1);
    else
      wrong_count(peer, &verbs[i], count - 1);
    return;
  }
  fl_channel_fail(peer, FL_STATUS_USAGE,
                  "this fairlead knows no \"%.32s\"; is it of another version?",
                  words[0]);
}
