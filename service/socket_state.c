#include "service/socket_state.h"

#include "core/findings.h"

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

static void states(struct fl_json_writer *to, const uint64_t *sockets) {
  fl_json_write_key(to, "states");
  fl_json_write_open(to, '{');
  for (int state = 0; state < FL_TCP_STATES; state++)
    number(to, fl_tcp_state_name(state), sockets[state]);
  fl_json_write_close(to, '}');
}

static void listener(struct fl_json_writer *to,
                     const struct fl_tcp_listener *from) {
  char address[FL_ADDR_TEXT];
  fl_json_write_open(to, '{');
  string(to, "listener", from->name);
  string(to, "address", fl_addr_format(&from->addr, address));
  states(to, from->sockets);
  if (from->found > 0) {
    number(to, "queue", from->queue);
    number(to, "queue_limit", from->queue_limit);
  }
  if (from->drops_known)
    number(to, "queue_drops", from->drops);
  fl_json_write_close(to, '}');
}

static void server(struct fl_json_writer *to,
                   const struct fl_tcp_sample *sample,
                   const struct fl_tcp_server *from) {
  fl_json_write_open(to, '{');
  string(to, "upstream", from->upstream);
  string(to, "server", from->server);
  states(to, from->sockets);
  if (from->rtt_min > 0)
    seconds(to, "rtt_min_seconds", from->rtt_min);
  if (from->measured > 0) {
    seconds(to, "rtt_median_seconds", from->rtt_median);
    seconds(to, "rtt_max_seconds", from->rtt_max);
  }
  number(to, "segments_sent", from->sent);
  number(to, "segments_retransmitted", from->retransmitted);
  if (sample->system.ports_known)
    number(to, "ports_free", fl_tcp_sample_ports_free(sample, from));
  fl_json_write_close(to, '}');
}

static void numbers(struct fl_json_writer *to,
                    const struct fl_tcp_sample *sample, fl_time now) {
  seconds(to, "age_seconds", now - sample->taken);
  if (sample->system.ports_known)
    number(to, "ephemeral_ports", sample->system.ports);
  if (sample->system.listen_known) {
    number(to, "system_listen_overflows", sample->system.listen_overflows);
    number(to, "system_listen_drops", sample->system.listen_drops);
  }
  fl_json_write_key(to, "listeners");
  fl_json_write_open(to, '[');
  for (uint32_t i = 0; i < sample->listener_count; i++)
    listener(to, &sample->listeners[i]);
  fl_json_write_close(to, ']');
  fl_json_write_key(to, "servers");
  fl_json_write_open(to, '[');
  for (uint32_t i = 0; i < sample->server_count; i++)
    server(to, sample, &sample->servers[i]);
  fl_json_write_close(to, ']');
}

static void findings(struct fl_json_writer *to,
                     const struct fl_tcp_sample *sample) {
  fl_json_write_key(to, "findings");
  fl_json_write_open(to, '[');
  for (uint32_t i = 0; i < sample->finding_count; i++) {
    fl_json_write_open(to, '{');
    string(to, "kind", fl_finding_name(sample->findings[i].kind));
    string(to, "subject", sample->findings[i].subject);
    string(to, "text", sample->findings[i].text);
    fl_json_write_close(to, '}');
  }
  fl_json_write_close(to, ']');
}

void fl_socket_state_json(struct fl_json_writer *to,
                          const struct fl_sampler *sampler, fl_time now) {
  const struct fl_tcp_sample *sample = fl_sampler_last(sampler);
  const char *error = fl_sampler_error(sampler);
  if (sample == NULL && error == NULL)
    return;
  fl_json_write_key(to, "sockets");
  fl_json_write_open(to, '{');
  if (error != NULL)
    string(to, "error", error);
  if (sample != NULL)
    numbers(to, sample, now);
  fl_json_write_close(to, '}');
  if (sample != NULL)
    findings(to, sample);
}
