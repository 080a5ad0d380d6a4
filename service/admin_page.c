#include "service/admin_page.h"

#include "core/text.h"
#include "service/prometheus.h"
#include "service/state.h"

#include <string.h>

static const char plain[] = "text/plain; charset=utf-8";

static void answer_text(struct fl_admin_answer *answer, unsigned status,
                        const char *text) {
  *answer = (struct fl_admin_answer){.status = status,
                                     .text = fl_text_copy(text, strlen(text)),
                                     .type = plain};
}

static void make_metrics(struct fl_admin_answer *answer,
                         const struct fl_instance *instance,
                         const struct fl_collected *found,
                         const char *upstream) {
  (void)upstream;
  *answer = (struct fl_admin_answer){
      .status = 200,
      .text = fl_prometheus(instance, found),
      .type = "text/plain; version=0.0.4; charset=utf-8"};
}

static void make_status(struct fl_admin_answer *answer,
                        const struct fl_instance *instance,
                        const struct fl_collected *found,
                        const char *upstream) {
  (void)upstream;
  *answer = (struct fl_admin_answer){
      .status = 200,
      .text = fl_state_json(instance, &found->sum, false),
      .type = "application/json"};
}

/* That every worker has answered is all there is to say. */
static void make_health(struct fl_admin_answer *answer,
                        const struct fl_instance *instance,
                        const struct fl_collected *found,
                        const char *upstream) {
  (void)instance, (void)found, (void)upstream;
  answer_text(answer, 200, "ok\n");
}

static bool usable(const struct fl_snapshot_upstream *upstream) {
  for (uint32_t i = 0; i < upstream->server_count; i++)
    if (upstream->servers[i].state == FL_SERVER_UP ||
        upstream->servers[i].state == FL_SERVER_UNUSED)
      return true;
  return false;
}

/* Whether there are listeners with an upstream and each of them is closed
   because none of its servers is in. */
static bool all_shut(const struct fl_snapshot *sum) {
  bool any = false;
  for (uint32_t i = 0; i < sum->listener_count; i++) {
    if (!sum->listeners[i].shut && sum->listeners[i].mode != FL_MODE_COMMAND)
      return false;
    any |= sum->listeners[i].shut;
  }
  return any;
}

static void make_ready(struct fl_admin_answer *answer,
                       const struct fl_instance *instance,
                       const struct fl_collected *found, const char *upstream) {
  const struct fl_snapshot *sum = &found->sum;
  if (!fl_control_serves(instance->control)) {
    answer_text(answer, 503, "stopping\n");
    return;
  }
  if (upstream == NULL) {
    bool shut = all_shut(sum);
    answer_text(answer, shut ? 503 : 200,
                shut ? "every listener is closed: no server is in\n"
                     : "ready\n");
    return;
  }
  for (uint32_t i = 0; i < sum->upstream_count; i++)
    if (strcmp(sum->upstreams[i].name, upstream) == 0) {
      bool ready = usable(&sum->upstreams[i]);
      answer_text(answer, ready ? 200 : 503,
                  ready ? "ready\n" : "no server of this upstream is up\n");
      return;
    }
  answer_text(answer, 404, "there is no such upstream\n");
}

static const struct fl_admin_page pages[] = {
    {"/metrics", false, FL_SNAPSHOT_STATE, make_metrics},
    {"/status.json", false, FL_SNAPSHOT_STATE, make_status},
    {"/healthz", true, 0, make_health},
    {"/readyz", true, FL_SNAPSHOT_STATE, make_ready},
};

const struct fl_admin_page *fl_admin_page_find(const char *path,
                                               bool health_only) {
  for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
    if (strcmp(pages[i].path, path) == 0 && (pages[i].health || !health_only))
      return &pages[i];
  return NULL;
}
