#include "service/sampler.h"

#include "core/findings.h"
#include "platform/clock.h"
#include "platform/error.h"
#include "platform/tcp_info.h"
#include "platform/tcp_states.h"
#include "service/collect.h"
#include "service/log.h"
#include "service/measure.h"

#include <stdlib.h>
#include <string.h>

/* How often the configuration is looked at while no samples are wanted. */
#define OFF_INTERVAL (5 * FL_SECOND)

struct fl_sampler {
  const struct fl_instance *instance;
  uv_timer_t timer;
  uv_work_t work;
  struct fl_tcp_sample last;         /* read by the work, too */
  struct fl_tcp_sample next;         /* the work's, while it is under way */
  struct fl_connections connections; /* what was measured; likewise */
  int result;                        /* of the work */
  int error;                         /* of the last sample; 0: none */
  char why[FL_ERROR_TEXT]; /* the error, if there is one, for people */
  bool have;               /* `last` is one */
  bool unmeasured;         /* the system does not tell what TCP measures */
  bool closed;
};

static const struct fl_config *config_of(const struct fl_sampler *sampler) {
  return sampler->instance->control->reload->generation->config;
}

static void on_timer(uv_timer_t *timer);

static void wait(struct fl_sampler *sampler, fl_time time) {
  if (!sampler->closed)
    (void)uv_timer_start(&sampler->timer, on_timer, time / FL_MILLISECOND, 0);
}

/* ---- what comes of it ---- */

static void log_findings(const struct fl_sampler *sampler) {
  const struct fl_tcp_sample *before = sampler->have ? &sampler->last : NULL;
  for (uint32_t i = 0; i < sampler->next.finding_count; i++) {
    const struct fl_finding *finding = &sampler->next.findings[i];
    if (!fl_findings_have(before, finding))
      fl_log(FL_LOG_WARNING, FL_LOG_STATES, "%s: %s", finding->subject,
             finding->text);
  }
}

static void log_error(struct fl_sampler *sampler, int error) {
  if (error == sampler->error)
    return;
  if (error != 0)
    fl_log(FL_LOG_WARNING, FL_LOG_STATES,
           "the system does not tell the states of sockets: %s; all else goes "
           "on without them",
           fl_error_text(error, sampler->why));
  else
    fl_log(FL_LOG_INFO, FL_LOG_STATES,
           "the system tells the states of sockets");
}

static void forget(struct fl_sampler *sampler) {
  fl_tcp_sample_free(&sampler->last);
  sampler->have = false;
}

/* Without memory the sample before stays. */
static void keep(struct fl_sampler *sampler, int error) {
  log_error(sampler, error);
  sampler->error = error;
  if (error != 0) {
    forget(sampler);
  } else if (!sampler->next.failed) {
    log_findings(sampler);
    fl_tcp_sample_free(&sampler->last);
    sampler->last = sampler->next;
    sampler->next = (struct fl_tcp_sample){0};
    sampler->have = true;
  }
  fl_tcp_sample_free(&sampler->next);
}

/* ---- the work ---- */

static void take(uv_work_t *work) {
  struct fl_sampler *sampler = work->data;
  sampler->result = fl_tcp_states_take(&sampler->next);
  for (uint32_t i = 0; i < sampler->connections.count; i++)
    fl_tcp_sample_row(&sampler->next, &sampler->connections.rows[i],
                      FL_TCP_OF_SERVERS | FL_TCP_COUNTED);
  if (sampler->result == 0)
    fl_tcp_sample_finish(&sampler->next, sampler->have ? &sampler->last : NULL,
                         fl_clock());
}

static void drop_connections(struct fl_sampler *sampler) {
  free(sampler->connections.rows);
  sampler->connections = (struct fl_connections){0};
}

static void on_taken(uv_work_t *work, int status) {
  struct fl_sampler *sampler = work->data;
  drop_connections(sampler);
  fl_time interval = config_of(sampler)->states.interval;
  if (status == 0 && !sampler->closed)
    keep(sampler, sampler->result);
  else
    fl_tcp_sample_free(&sampler->next);
  wait(sampler, interval == 0 ? OFF_INTERVAL : interval);
}

static void begin(struct fl_sampler *sampler) {
  uv_loop_t *loop = &sampler->instance->control->loop;
  sampler->work.data = sampler;
  if (fl_tcp_sample_ready(&sampler->next) &&
      uv_queue_work(loop, &sampler->work, take, on_taken) == 0)
    return;
  drop_connections(sampler);
  fl_tcp_sample_free(&sampler->next);
  wait(sampler, OFF_INTERVAL);
}

/* ---- what each connection is asked ---- */

static void log_unmeasured(const struct fl_sampler *sampler) {
  char text[FL_ERROR_TEXT];
  fl_log(FL_LOG_WARNING, FL_LOG_STATES,
         "the system does not tell round trips and retransmits of "
         "connections: it refuses %s (%s); going on without them",
         fl_tcp_info_call(), fl_error_text(sampler->connections.error, text));
}

static void on_measured(void *context, struct fl_connections *found) {
  struct fl_sampler *sampler = context;
  sampler->connections = *found;
  if (sampler->closed) {
    drop_connections(sampler);
    return;
  }
  if (found->error != 0) {
    log_unmeasured(sampler);
    sampler->unmeasured = true;
  }
  begin(sampler);
}

/* ---- what is asked about ---- */

static void add_listeners(struct fl_sampler *sampler) {
  const struct fl_listeners *listeners = sampler->instance->listeners;
  const struct fl_config *config = config_of(sampler);
  for (uint32_t i = 0; i < listeners->count; i++)
    fl_tcp_sample_listener(&sampler->next,
                           config->listeners[listeners->list[i].listener].name,
                           &listeners->list[i].addr);
}

/* What a name means, the workers know. */
static const struct fl_snapshot_server *
find_server(const struct fl_snapshot *found, const char *upstream,
            const char *server) {
  for (uint32_t i = 0; i < found->upstream_count; i++) {
    const struct fl_snapshot_upstream *one = &found->upstreams[i];
    if (strcmp(one->name, upstream) != 0)
      continue;
    for (uint32_t j = 0; j < one->server_count; j++)
      if (strcmp(one->servers[j].address, server) == 0)
        return &one->servers[j];
  }
  return NULL;
}

static void add_server(struct fl_sampler *sampler, const char *upstream,
                       const struct fl_endpoint *server,
                       const struct fl_snapshot *found) {
  const struct fl_addr *addrs = &server->addr;
  uint32_t count = 1;
  if (server->addr.family == FL_ADDR_NONE) {
    const struct fl_snapshot_server *known =
        find_server(found, upstream, server->text);
    addrs = known == NULL ? NULL : known->addrs;
    count = known == NULL ? 0 : known->addr_count;
  }
  fl_tcp_sample_server(&sampler->next, upstream, server->text, addrs, count);
}

static void on_addresses(void *context, const struct fl_collected *found) {
  struct fl_sampler *sampler = context;
  const struct fl_config *config = config_of(sampler);
  if (sampler->closed)
    return;
  if (found->sum.failed) {
    wait(sampler, OFF_INTERVAL);
    return;
  }
  add_listeners(sampler);
  for (uint32_t i = 0; i < config->upstream_count; i++)
    for (uint32_t j = 0; j < config->upstreams[i].server_count; j++)
      add_server(sampler, config->upstreams[i].name,
                 &config->upstreams[i].servers[j], &found->sum);
  if (fl_tcp_info_call() == NULL || sampler->unmeasured)
    begin(sampler);
  else
    fl_measure(sampler->instance, on_measured, sampler);
}

static bool has_names(const struct fl_config *config) {
  for (uint32_t i = 0; i < config->upstream_count; i++)
    for (uint32_t j = 0; j < config->upstreams[i].server_count; j++)
      if (config->upstreams[i].servers[j].addr.family == FL_ADDR_NONE)
        return true;
  return false;
}

/* Workers are asked only for what the configuration does not say. */
static void on_timer(uv_timer_t *timer) {
  static const struct fl_collected nothing;
  struct fl_sampler *sampler = timer->data;
  const struct fl_config *config = config_of(sampler);
  if (config->states.interval == 0) {
    forget(sampler);
    sampler->error = 0;
    wait(sampler, OFF_INTERVAL);
  } else if (has_names(config)) {
    fl_collect(sampler->instance, FL_SNAPSHOT_ADDRESSES, on_addresses, sampler);
  } else {
    on_addresses(sampler, &nothing);
  }
}

/* ---- the whole ---- */

struct fl_sampler *fl_sampler_open(const struct fl_instance *instance) {
  struct fl_sampler *sampler = calloc(1, sizeof *sampler);
  if (sampler == NULL)
    return NULL;
  sampler->instance = instance;
  (void)uv_timer_init(&instance->control->loop, &sampler->timer);
  sampler->timer.data = sampler;
  wait(sampler, 0);
  return sampler;
}

const struct fl_tcp_sample *fl_sampler_last(const struct fl_sampler *sampler) {
  return sampler != NULL && sampler->have ? &sampler->last : NULL;
}

const char *fl_sampler_error(const struct fl_sampler *sampler) {
  return sampler == NULL || sampler->error == 0 ? NULL : sampler->why;
}

void fl_sampler_close(struct fl_sampler *sampler) {
  if (sampler == NULL)
    return;
  sampler->closed = true;
  uv_close((uv_handle_t *)&sampler->timer, NULL);
}

void fl_sampler_free(struct fl_sampler *sampler) {
  if (sampler == NULL)
    return;
  fl_tcp_sample_free(&sampler->last);
  fl_tcp_sample_free(&sampler->next);
  free(sampler);
}
