#include "service/state.h"

#include "core/config_table.h"
#include "core/json_write.h"
#include "platform/clock.h"
#include "service/listener_state.h"
#include "service/socket_state.h"

#include <string.h>

static void number(struct fl_json_writer *to, const char *key, uint64_t value) {
  fl_json_write_key(to, key);
  fl_json_write_number(to, value);
}

static void string(struct fl_json_writer *to, const char *key,
                   const char *value) {
  fl_json_write_key(to, key);
  fl_json_write_string(to, value);
}

static void seconds(struct fl_json_writer *to, const char *key, fl_time value) {
  fl_json_write_key(to, key);
  fl_json_write_seconds(to, value);
}

/* Only the reasons that came. */
static void reasons(struct fl_json_writer *to, const char *key,
                    const uint64_t *values) {
  fl_json_write_key(to, key);
  fl_json_write_open(to, '{');
  for (int i = 0; i < FL_REASON_COUNT; i++)
    if (values[i] != 0)
      number(to, fl_reason_name((enum fl_reason)i), values[i]);
  fl_json_write_close(to, '}');
}

/* ---- listeners ---- */

static void addresses(struct fl_json_writer *to,
                      const struct fl_instance *instance, const char *name) {
  const struct fl_listeners *listeners = instance->listeners;
  const struct fl_config *config =
      instance->control->reload->generation->config;
  char text[FL_ADDR_TEXT];
  fl_json_write_key(to, "addresses");
  fl_json_write_open(to, '[');
  for (uint32_t i = 0; i < listeners->count; i++) {
    const struct fl_listening *one = &listeners->list[i];
    if (strcmp(config->listeners[one->listener].name, name) == 0)
      fl_json_write_string(to, fl_addr_format(&one->addr, text));
  }
  fl_json_write_close(to, ']');
}

static void listener(struct fl_json_writer *to,
                     const struct fl_instance *instance,
                     const struct fl_snapshot_listener *from) {
  const struct fl_metrics *metrics = &from->metrics;
  fl_json_write_open(to, '{');
  string(to, "name", from->name);
  string(to, "mode", fl_config_modes[from->mode]);
  if (from->upstream != NULL)
    string(to, "upstream", from->upstream);
  addresses(to, instance, from->name);
  string(to, "state",
         fl_listener_state_name(fl_listener_state(from, instance->control)));
  number(to, "clients", from->clients);
  number(to, "max_connections", from->max_connections);
  number(to, "opened", metrics->clients_opened);
  reasons(to, "refused", metrics->clients_refused);
  reasons(to, "closed", metrics->clients_closed);
  number(to, "bytes_in", metrics->client_bytes_in);
  number(to, "bytes_out", metrics->client_bytes_out);
  if (from->mode == FL_MODE_COMMAND || from->mode == FL_MODE_REQUEST) {
    number(to, "requests", metrics->requests);
    number(to, "replies", metrics->replies);
    number(to, "abandoned", metrics->requests_abandoned);
    number(to, "resent", metrics->requests_resent);
    number(to, "sent", metrics->requests_sent);
    number(to, "repeated", metrics->requests_repeated);
    number(to, "ignored", metrics->frames_ignored);
    reasons(to, "failed", metrics->requests_failed);
  }
  fl_json_write_close(to, '}');
}

/* ---- upstreams ---- */

static void server(struct fl_json_writer *to,
                   const struct fl_snapshot_server *from) {
  fl_json_write_open(to, '{');
  string(to, "address", from->address);
  string(to, "state", fl_server_state_name(from->state));
  fl_json_write_key(to, "connections");
  fl_json_write_open(to, '{');
  for (int state = 0; state < FL_POOLED_STATES; state++)
    number(to, fl_pooled_state_name(state), from->conns[state]);
  fl_json_write_close(to, '}');
  number(to, "in_flight", from->in_flight);
  number(to, "failures", from->failures);
  if (from->reason != FL_OK)
    string(to, "reason", fl_reason_name(from->reason));
  if (from->state >= FL_SERVER_EJECTED)
    seconds(to, "out_seconds", from->out_for);
  if (from->state == FL_SERVER_DOWN) {
    seconds(to, "down_seconds", from->down_for);
    seconds(to, "retry_in_seconds", from->retry_in);
  }
  fl_json_write_close(to, '}');
}

static void upstream(struct fl_json_writer *to,
                     const struct fl_snapshot_upstream *from) {
  const struct fl_metrics *metrics = &from->metrics;
  fl_json_write_open(to, '{');
  string(to, "name", from->name);
  string(to, "mode", fl_config_modes[from->mode]);
  number(to, "size", from->size);
  if (from->max_size != 0)
    number(to, "max_size", from->max_size);
  number(to, "waiting", from->waiting);
  number(to, "connects", metrics->upstream_connects);
  reasons(to, "connects_failed", metrics->connects_failed);
  reasons(to, "closed", metrics->upstream_closed);
  number(to, "bytes_in", metrics->upstream_bytes_in);
  number(to, "bytes_out", metrics->upstream_bytes_out);
  if (from->mode == FL_MODE_REQUEST) {
    number(to, "replies_dropped", metrics->replies_dropped);
    reasons(to, "frames_dropped", metrics->frames_dropped);
  }
  fl_json_write_key(to, "servers");
  fl_json_write_open(to, '[');
  for (uint32_t i = 0; i < from->server_count; i++)
    server(to, &from->servers[i]);
  fl_json_write_close(to, ']');
  fl_json_write_close(to, '}');
}

/* ---- connections ---- */

static void connection(struct fl_json_writer *to,
                       const struct fl_snapshot_conn *from) {
  char text[FL_ADDR_TEXT];
  fl_json_write_open(to, '{');
  number(to, "id", from->id);
  string(to, from->of_client ? "listener" : "upstream", from->name);
  if (from->server != NULL)
    string(to, "server", from->server);
  string(to, "peer", fl_addr_format(&from->peer, text));
  string(to, "state", from->state);
  seconds(to, "age_seconds", from->age);
  number(to, "bytes_in", from->bytes_in);
  number(to, "bytes_out", from->bytes_out);
  number(to, "frames", from->frames);
  number(to, "in_flight", from->in_flight);
  fl_json_write_close(to, '}');
}

static void connections(struct fl_json_writer *to,
                        const struct fl_snapshot *snapshot) {
  fl_json_write_key(to, "connections");
  fl_json_write_open(to, '[');
  for (uint32_t i = 0; i < snapshot->conn_count; i++)
    connection(to, &snapshot->conns[i]);
  fl_json_write_close(to, ']');
  number(to, "connections_omitted", snapshot->conns_omitted);
}

/* ---- the whole ---- */

static void configuration(struct fl_json_writer *to,
                          const struct fl_reload_state *reload) {
  number(to, "generation", reload->generation->number);
  string(to, "config_sha256", reload->sha256);
  number(to, "config_loaded_at", reload->succeeded);
  fl_json_write_key(to, "reloads");
  fl_json_write_open(to, '{');
  for (int i = 0; i < FL_RELOAD_OUTCOMES; i++)
    number(to, fl_reload_outcome_name((enum fl_reload_outcome)i),
           reload->counts[i]);
  fl_json_write_close(to, '}');
}

static void process(struct fl_json_writer *to,
                    const struct fl_instance *instance) {
  string(to, "version", FL_VERSION);
  number(to, "pid", (uint64_t)uv_os_getpid());
  fl_time now = fl_clock();
  fl_time cut_in = fl_control_cut_in(instance->control, now);
  string(to, "state", fl_control_state(instance->control));
  if (fl_control_stops(instance->control))
    seconds(to, "stopping_seconds",
            fl_control_stopping_for(instance->control, now));
  if (cut_in != FL_NEVER)
    seconds(to, "cut_in_seconds", cut_in);
  seconds(to, "uptime_seconds", now - instance->started);
  number(to, "workers", instance->count);
  string(to, "config_file", instance->path);
  configuration(to, instance->control->reload);
}

char *fl_state_json(const struct fl_instance *instance,
                    const struct fl_snapshot *snapshot, bool with_connections) {
  struct fl_json_writer to = {0};
  if (snapshot->failed)
    return NULL;
  fl_json_write_open(&to, '{');
  process(&to, instance);
  fl_json_write_key(&to, "listeners");
  fl_json_write_open(&to, '[');
  for (uint32_t i = 0; i < snapshot->listener_count; i++)
    listener(&to, instance, &snapshot->listeners[i]);
  fl_json_write_close(&to, ']');
  fl_json_write_key(&to, "upstreams");
  fl_json_write_open(&to, '[');
  for (uint32_t i = 0; i < snapshot->upstream_count; i++)
    upstream(&to, &snapshot->upstreams[i]);
  fl_json_write_close(&to, ']');
  fl_socket_state_json(&to, instance->sampler, fl_clock());
  if (with_connections)
    connections(&to, snapshot);
  fl_json_write_close(&to, '}');
  return fl_text_take(&to.text);
}
