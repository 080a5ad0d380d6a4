#include "service/heartbeat.h"

#include "core/text.h"
#include "service/collect.h"
#include "service/format.h"
#include "service/notify.h"

#include <stdlib.h>
#include <string.h>

/* How often the workers are asked at least, and so many times before the
   manager's patience ends; servers that are told of by name. */
#define INTERVAL (2 * FL_SECOND)
enum { BEATS = 4, NAMED = 8 };

struct fl_heartbeat {
  const struct fl_instance *instance;
  uv_timer_t timer;
  char *told;  /* the last text */
  bool waits;  /* for workers */
  bool closed; /* waits for their answer to be freed, perhaps */
};

/* ---- the text ---- */

static void add_count(struct fl_text *text, uint32_t count, const char *what) {
  fl_format(text, "%u %s%s", count, what, count == 1 ? "" : "s");
}

/* Servers that get no requests, of up to NAMED the names. */
static void add_servers(struct fl_text *text, const struct fl_snapshot *found) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < found->upstream_count; i++)
    for (uint32_t j = 0; j < found->upstreams[i].server_count; j++) {
      const struct fl_snapshot_server *one = &found->upstreams[i].servers[j];
      if (one->state == FL_SERVER_UP || one->state == FL_SERVER_UNUSED ||
          one->state == FL_SERVER_REMOVED)
        continue;
      if (count++ < NAMED)
        FL_TEXT(text, count == 1 ? "; " : ", ", found->upstreams[i].name, "/",
                one->address, " ", fl_server_state_name(one->state));
    }
  if (count > NAMED)
    fl_format(text, " and %u more", count - NAMED);
}

/* NULL when memory is out. */
static char *compose(const struct fl_instance *instance,
                     const struct fl_snapshot *found) {
  const struct fl_control *control = instance->control;
  const struct fl_config *config = control->reload->generation->config;
  struct fl_text text = {0};
  if (fl_control_serves(control)) {
    fl_text_add(&text, "Serving ");
    add_count(&text, config->listener_count, "listener");
    fl_text_add(&text, ", ");
    add_count(&text, fl_control_clients(control), "client");
  } else {
    FL_TEXT(&text, "Stopping (", control->stop, "), ");
    add_count(&text, fl_control_clients(control), "client");
    fl_text_add(&text, " left");
  }
  add_servers(&text, found);
  fl_format(&text, "; generation %u", control->reload->generation->number);
  return fl_text_take(&text);
}

static void inform(struct fl_heartbeat *heartbeat,
                   const struct fl_snapshot *found) {
  char *text = compose(heartbeat->instance, found);
  if (text != NULL &&
      (heartbeat->told == NULL || strcmp(text, heartbeat->told) != 0)) {
    fl_notify_status(text);
    free(heartbeat->told);
    heartbeat->told = text;
  } else {
    free(text);
  }
}

/* ---- the beat ---- */

/* Without lags no worker was asked. */
static void on_answer(void *context, const struct fl_collected *found) {
  struct fl_heartbeat *heartbeat = context;
  heartbeat->waits = false;
  if (heartbeat->closed || found->lags == NULL)
    return;
  fl_notify_alive();
  if (!found->sum.failed)
    inform(heartbeat, &found->sum);
}

/* While one worker does not answer, nobody is asked again. */
static void on_timer(uv_timer_t *timer) {
  struct fl_heartbeat *heartbeat = timer->data;
  if (heartbeat->waits)
    return;
  heartbeat->waits = true;
  fl_collect(heartbeat->instance, FL_SNAPSHOT_ADDRESSES, on_answer, heartbeat);
}

struct fl_heartbeat *fl_heartbeat_open(const struct fl_instance *instance,
                                       bool *failed) {
  fl_time patience = fl_notify_patience();
  fl_time interval = INTERVAL;
  *failed = false;
  if (patience == 0 && !fl_notify_reads())
    return NULL;
  if (patience != 0)
    interval = fl_time_min(interval, patience / BEATS);
  struct fl_heartbeat *heartbeat = calloc(1, sizeof *heartbeat);
  *failed = heartbeat == NULL;
  if (heartbeat == NULL)
    return NULL;
  uint64_t period = interval / FL_MILLISECOND + 1;
  heartbeat->instance = instance;
  (void)uv_timer_init(&instance->control->loop, &heartbeat->timer);
  heartbeat->timer.data = heartbeat;
  (void)uv_timer_start(&heartbeat->timer, on_timer, 0, period);
  return heartbeat;
}

void fl_heartbeat_close(struct fl_heartbeat *heartbeat) {
  if (heartbeat == NULL)
    return;
  heartbeat->closed = true;
  uv_close((uv_handle_t *)&heartbeat->timer, NULL);
}

void fl_heartbeat_free(struct fl_heartbeat *heartbeat) {
  if (heartbeat == NULL)
    return;
  free(heartbeat->told);
  free(heartbeat);
}
