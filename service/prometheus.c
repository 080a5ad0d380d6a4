#include "service/prometheus.h"

#include "core/text.h"
#include "platform/clock.h"
#include "service/exposition.h"
#include "service/listener_state.h"
#include "service/sampler.h"
#include "service/socket_metrics.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

/* ---- counters of core/metrics.h ---- */

enum owner { LISTENERS, UPSTREAMS };

static const struct counter {
  const char *name;
  const char *help;
  size_t offset; /* in struct fl_metrics */
  enum owner owner;
  bool by_reason;
} counters[] = {
#define FIELD(field) offsetof(struct fl_metrics, field)
    {"fairlead_listener_clients_opened_total", "Clients accepted.",
     FIELD(clients_opened), LISTENERS, false},
    {"fairlead_listener_clients_refused_total",
     "Clients closed at once, by the reason.", FIELD(clients_refused),
     LISTENERS, true},
    {"fairlead_listener_clients_closed_total", "Clients closed, by the reason.",
     FIELD(clients_closed), LISTENERS, true},
    {"fairlead_listener_closed_total",
     "Times it stopped listening, for no server of its upstream was in.",
     FIELD(listener_closed), LISTENERS, false},
    {"fairlead_listener_opened_total", "Times it listened again.",
     FIELD(listener_opened), LISTENERS, false},
    {"fairlead_listener_rebinds_failed_total",
     "Attempts to listen again at an address that failed.",
     FIELD(listener_rebinds_failed), LISTENERS, false},
    {"fairlead_listener_received_bytes_total", "Bytes from clients.",
     FIELD(client_bytes_in), LISTENERS, false},
    {"fairlead_listener_sent_bytes_total", "Bytes to clients.",
     FIELD(client_bytes_out), LISTENERS, false},
    {"fairlead_listener_requests_total", "Requests, complete frames.",
     FIELD(requests), LISTENERS, false},
    {"fairlead_listener_replies_total", "Requests that got their reply.",
     FIELD(replies), LISTENERS, false},
    {"fairlead_listener_requests_failed_total",
     "Requests that got an error, by the reason.", FIELD(requests_failed),
     LISTENERS, true},
    {"fairlead_listener_requests_abandoned_total",
     "Requests whose client left before the outcome.",
     FIELD(requests_abandoned), LISTENERS, false},
    {"fairlead_listener_requests_resent_total",
     "Requests sent again, for the connection broke before any byte of them "
     "had left.",
     FIELD(requests_resent), LISTENERS, false},
    {"fairlead_listener_requests_sent_total",
     "Requests without a reply that have left whole.", FIELD(requests_sent),
     LISTENERS, false},
    {"fairlead_listener_requests_repeated_total",
     "Idempotent requests sent once more, for their connection ended before "
     "the reply.",
     FIELD(requests_repeated), LISTENERS, false},
    {"fairlead_listener_frames_ignored_total",
     "Frames of clients that `ignore` passes over.", FIELD(frames_ignored),
     LISTENERS, false},
    {"fairlead_upstream_lookups_total", "Lookups of servers' names.",
     FIELD(lookups), UPSTREAMS, false},
    {"fairlead_upstream_lookups_failed_total",
     "Lookups that failed, by the reason.", FIELD(lookups_failed), UPSTREAMS,
     true},
    {"fairlead_upstream_lookups_stale_total",
     "Connects that used an old answer because the resolver gave none.",
     FIELD(lookups_stale), UPSTREAMS, false},
    {"fairlead_upstream_addresses_ignored_total",
     "Addresses left out of answers that had more than 16.",
     FIELD(addresses_ignored), UPSTREAMS, false},
    {"fairlead_upstream_connects_overtaken_total",
     "Connects given up because another address of the name was faster.",
     FIELD(connects_overtaken), UPSTREAMS, false},
    {"fairlead_upstream_connects_total", "Connections established.",
     FIELD(upstream_connects), UPSTREAMS, false},
    {"fairlead_upstream_connects_failed_total",
     "Connects that failed, by the reason.", FIELD(connects_failed), UPSTREAMS,
     true},
    {"fairlead_upstream_connections_closed_total",
     "Established connections closed, by the reason.", FIELD(upstream_closed),
     UPSTREAMS, true},
    {"fairlead_upstream_received_bytes_total", "Bytes from servers.",
     FIELD(upstream_bytes_in), UPSTREAMS, false},
    {"fairlead_upstream_sent_bytes_total", "Bytes to servers.",
     FIELD(upstream_bytes_out), UPSTREAMS, false},
    {"fairlead_upstream_own_requests_total",
     "Requests of Fairlead's own on idle connections.", FIELD(own_requests),
     UPSTREAMS, false},
    {"fairlead_upstream_probes_total", "Health checks.", FIELD(probes),
     UPSTREAMS, false},
    {"fairlead_upstream_ejections_total",
     "Servers ejected by their health checks, or taken out by an operator "
     "(drained, ejected_by_operator), by the reason.",
     FIELD(servers_ejected), UPSTREAMS, true},
    {"fairlead_upstream_returns_total",
     "Servers that came back by their health checks, or were restored.",
     FIELD(servers_returned), UPSTREAMS, false},
    {"fairlead_upstream_replies_dropped_total",
     "Replies that nobody waited for any more.", FIELD(replies_dropped),
     UPSTREAMS, false},
    {"fairlead_upstream_frames_dropped_total",
     "Frames of servers that `ignore` or `unsolicited` passes over, by the "
     "reason.",
     FIELD(frames_dropped), UPSTREAMS, true},
#undef FIELD
};

enum { COUNTERS = sizeof counters / sizeof counters[0] };

enum {
#define NUMBER(name) NUMBER_OF_##name,
  FL_METRICS(NUMBER) FL_METRICS_BY_REASON(NUMBER)
#undef NUMBER
      METRICS
};

static_assert((int)COUNTERS == (int)METRICS,
              "a counter of core/metrics.h is missing above, or in "
              "docs/metrics.md");

static void counter_samples(struct fl_text *to, const struct counter *counter,
                            struct fl_label of,
                            const struct fl_metrics *metrics) {
  const uint64_t *values =
      (const uint64_t *)(const void *)((const char *)metrics + counter->offset);
  if (!counter->by_reason) {
    fl_exposition_sample(to, counter->name, &of, 1, values[0]);
    return;
  }
  for (int i = 0; i < FL_REASON_COUNT; i++) {
    const struct fl_label labels[] = {
        of, FL_LABEL("reason", fl_reason_name((enum fl_reason)i))};
    if (values[i] != 0)
      fl_exposition_sample(to, counter->name, labels, 2, values[i]);
  }
}

static void add_counter(struct fl_text *to, const struct fl_snapshot *snapshot,
                        const struct counter *counter) {
  fl_exposition_head(to, counter->name, "counter", counter->help);
  for (uint32_t i = 0;
       counter->owner == LISTENERS && i < snapshot->listener_count; i++)
    counter_samples(to, counter,
                    FL_LABEL("listener", snapshot->listeners[i].name),
                    &snapshot->listeners[i].metrics);
  for (uint32_t i = 0;
       counter->owner == UPSTREAMS && i < snapshot->upstream_count; i++)
    counter_samples(to, counter,
                    FL_LABEL("upstream", snapshot->upstreams[i].name),
                    &snapshot->upstreams[i].metrics);
}

/* ---- histograms ---- */

static void histogram(struct fl_text *to, const char *name, struct fl_label of,
                      const struct fl_histogram *from) {
  uint64_t count = 0;
  for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
    fl_time bound = fl_histogram_bound(i);
    struct fl_text le = {0};
    count += from->counts[i];
    if (bound == FL_NEVER)
      fl_text_add(&le, "+Inf");
    else
      fl_exposition_add_seconds(&le, bound);
    char *text = fl_text_take(&le);
    const struct fl_label labels[] = {of, FL_LABEL("le", text)};
    to->failed |= text == NULL;
    if (text != NULL)
      fl_exposition_name(to, name, "_bucket", labels, 2);
    fl_text_add_number(to, count);
    fl_text_add(to, "\n");
    free(text);
  }
  fl_exposition_name(to, name, "_sum", &of, 1);
  fl_exposition_add_seconds(to, from->sum);
  fl_text_add(to, "\n");
  fl_exposition_name(to, name, "_count", &of, 1);
  fl_text_add_number(to, count);
  fl_text_add(to, "\n");
}

static void add_histograms(struct fl_text *to,
                           const struct fl_snapshot *snapshot) {
  static const char total[] = "fairlead_listener_request_duration_seconds";
  static const char acquire[] = "fairlead_upstream_acquire_wait_seconds";
  static const char serve[] = "fairlead_upstream_server_time_seconds";
  fl_exposition_head(
      to, total, "histogram",
      "Of requests with a reply: from the complete frame to the reply.");
  for (uint32_t i = 0; i < snapshot->listener_count; i++)
    if (snapshot->listeners[i].mode == FL_MODE_REQUEST)
      histogram(to, total, FL_LABEL("listener", snapshot->listeners[i].name),
                &snapshot->listeners[i].total);
  fl_exposition_head(
      to, acquire, "histogram",
      "How long requests, and clients of relays, waited for a connection.");
  for (uint32_t i = 0; i < snapshot->upstream_count; i++)
    histogram(to, acquire, FL_LABEL("upstream", snapshot->upstreams[i].name),
              &snapshot->upstreams[i].acquire);
  fl_exposition_head(
      to, serve, "histogram",
      "Of requests with a reply: from the first byte sent to the reply.");
  for (uint32_t i = 0; i < snapshot->upstream_count; i++)
    if (snapshot->upstreams[i].mode == FL_MODE_REQUEST)
      histogram(to, serve, FL_LABEL("upstream", snapshot->upstreams[i].name),
                &snapshot->upstreams[i].serve);
}

/* ---- gauges ---- */

static void add_listener_states(struct fl_text *to,
                                const struct fl_snapshot *snapshot,
                                const struct fl_control *control) {
  static const char name[] = "fairlead_listener_state";
  fl_exposition_head(to, name, "gauge",
                     "1 for the state that it is in, else 0.");
  for (uint32_t i = 0; i < snapshot->listener_count; i++) {
    enum fl_listener_state in =
        fl_listener_state(&snapshot->listeners[i], control);
    for (int state = 0; state < FL_LISTENER_STATES; state++) {
      const struct fl_label labels[] = {
          FL_LABEL("listener", snapshot->listeners[i].name),
          FL_LABEL("state",
                   fl_listener_state_name((enum fl_listener_state)state))};
      fl_exposition_sample(to, name, labels, 2, (int)in == state);
    }
  }
}

static void add_clients(struct fl_text *to,
                        const struct fl_snapshot *snapshot) {
  static const char clients[] = "fairlead_listener_clients";
  static const char most[] = "fairlead_listener_max_connections";
  static const char held[] = "fairlead_listener_backpressure_seconds_total";
  fl_exposition_head(to, clients, "gauge",
                     "Clients that are not closed yet, by state.");
  for (uint32_t i = 0; i < snapshot->listener_count; i++)
    for (int state = 0; state < FL_SHOWN_STATES; state++) {
      const struct fl_label labels[] = {
          FL_LABEL("listener", snapshot->listeners[i].name),
          FL_LABEL("state", fl_client_shown_name(state))};
      fl_exposition_sample(to, clients, labels, 2,
                           snapshot->listeners[i].states[state]);
    }
  fl_exposition_head(to, most, "gauge",
                     "The most clients that may be open at once.");
  for (uint32_t i = 0; i < snapshot->listener_count; i++)
    fl_exposition_sample(to, most,
                         &FL_LABEL("listener", snapshot->listeners[i].name), 1,
                         snapshot->listeners[i].max_connections);
  fl_exposition_head(
      to, held, "counter",
      "Time that connections were not read because what had been sent was "
      "not taken, added up over all of them.");
  for (uint32_t i = 0; i < snapshot->listener_count; i++)
    fl_exposition_seconds(to, held,
                          &FL_LABEL("listener", snapshot->listeners[i].name), 1,
                          snapshot->listeners[i].held);
}

static void add_pools(struct fl_text *to, const struct fl_snapshot *snapshot) {
  static const char most[] = "fairlead_upstream_max_connections";
  static const char waiting[] = "fairlead_upstream_waiters";
  fl_exposition_head(to, most, "gauge",
                     "The most connections that the pool may have.");
  for (uint32_t i = 0; i < snapshot->upstream_count; i++)
    if (snapshot->upstreams[i].max_size != 0)
      fl_exposition_sample(to, most,
                           &FL_LABEL("upstream", snapshot->upstreams[i].name),
                           1, snapshot->upstreams[i].max_size);
  fl_exposition_head(to, waiting, "gauge",
                     "Clients that wait for a connection.");
  for (uint32_t i = 0; i < snapshot->upstream_count; i++)
    fl_exposition_sample(to, waiting,
                         &FL_LABEL("upstream", snapshot->upstreams[i].name), 1,
                         snapshot->upstreams[i].waiting);
}

/* Calls each server with its upstream's and its own label. */
static void each_server(struct fl_text *to, const struct fl_snapshot *snapshot,
                        void (*call)(struct fl_text *to,
                                     struct fl_label labels[3],
                                     const struct fl_snapshot_server *server)) {
  for (uint32_t i = 0; i < snapshot->upstream_count; i++) {
    const struct fl_snapshot_upstream *upstream = &snapshot->upstreams[i];
    for (uint32_t j = 0; j < upstream->server_count; j++) {
      struct fl_label labels[3] = {
          FL_LABEL("upstream", upstream->name),
          FL_LABEL("server", upstream->servers[j].address)};
      call(to, labels, &upstream->servers[j]);
    }
  }
}

static const char connections[] = "fairlead_upstream_connections";
static const char in_flight[] = "fairlead_upstream_in_flight_requests";
static const char up[] = "fairlead_upstream_server_up";
static const char state_of[] = "fairlead_upstream_server_state";
static const char failures[] = "fairlead_upstream_server_failures";

static void add_connections(struct fl_text *to, struct fl_label labels[3],
                            const struct fl_snapshot_server *server) {
  for (int state = 0; state < FL_POOLED_STATES; state++) {
    labels[2] = FL_LABEL("state", fl_pooled_state_name(state));
    fl_exposition_sample(to, connections, labels, 3, server->conns[state]);
  }
}

static void add_in_flight(struct fl_text *to, struct fl_label labels[3],
                          const struct fl_snapshot_server *server) {
  fl_exposition_sample(to, in_flight, labels, 2, server->in_flight);
}

static void add_up(struct fl_text *to, struct fl_label labels[3],
                   const struct fl_snapshot_server *server) {
  if (server->state != FL_SERVER_REMOVED)
    fl_exposition_sample(to, up, labels, 2,
                         server->state == FL_SERVER_UP ||
                             server->state == FL_SERVER_UNUSED);
}

static void add_state(struct fl_text *to, struct fl_label labels[3],
                      const struct fl_snapshot_server *server) {
  for (int state = 0; state < FL_SERVER_STATES; state++) {
    labels[2] =
        FL_LABEL("state", fl_server_state_name((enum fl_server_state)state));
    fl_exposition_sample(to, state_of, labels, 3, (int)server->state == state);
  }
}

static void add_failures(struct fl_text *to, struct fl_label labels[3],
                         const struct fl_snapshot_server *server) {
  fl_exposition_sample(to, failures, labels, 2, server->failures);
}

static void add_servers(struct fl_text *to,
                        const struct fl_snapshot *snapshot) {
  fl_exposition_head(to, connections, "gauge",
                     "Connections to a server, by state.");
  each_server(to, snapshot, add_connections);
  fl_exposition_head(to, in_flight, "gauge", "Requests under way.");
  each_server(to, snapshot, add_in_flight);
  fl_exposition_head(
      to, up, "gauge",
      "0: it is ejected or drained, or the last attempt failed and no "
      "connection stands. "
      "Else 1.");
  each_server(to, snapshot, add_up);
  fl_exposition_head(to, state_of, "gauge",
                     "1 for the state that it is in, else 0.");
  each_server(to, snapshot, add_state);
  fl_exposition_head(to, failures, "gauge", "Failed attempts in a row.");
  each_server(to, snapshot, add_failures);
}

/* ---- the process ---- */

static fl_time of_timeval(uv_timeval_t time) {
  return (fl_time)time.tv_sec * FL_SECOND + (fl_time)time.tv_usec;
}

static void add_configuration(struct fl_text *to,
                              const struct fl_reload_state *reload) {
  static const char reloads[] = "fairlead_reloads_total";
  static const char last[] =
      "fairlead_config_last_reload_success_timestamp_seconds";
  fl_exposition_head(to, "fairlead_config_info", "gauge",
                     "1; the label is the SHA-256 of the configuration file.");
  fl_exposition_sample(to, "fairlead_config_info",
                       &FL_LABEL("sha256", reload->sha256), 1, 1);
  fl_exposition_head(
      to, "fairlead_config_generation", "gauge",
      "1 at the start, and 1 more for each reload that changed anything.");
  fl_exposition_sample(to, "fairlead_config_generation", NULL, 0,
                       reload->generation->number);
  fl_exposition_head(
      to, last, "gauge",
      "Unix time of the start, or of the last reload that did not fail.");
  fl_exposition_sample(to, last, NULL, 0, reload->succeeded);
  fl_exposition_head(to, reloads, "counter", "Reloads, by their result.");
  for (int i = 0; i < FL_RELOAD_OUTCOMES; i++)
    fl_exposition_sample(
        to, reloads,
        &FL_LABEL("result", fl_reload_outcome_name((enum fl_reload_outcome)i)),
        1, reload->counts[i]);
}

static void add_process(struct fl_text *to,
                        const struct fl_instance *instance) {
  size_t resident = 0;
  uv_rusage_t usage = {0};
  (void)uv_resident_set_memory(&resident);
  (void)uv_getrusage(&usage);
  fl_exposition_head(to, "fairlead_build_info", "gauge",
                     "1; the label is the version.");
  fl_exposition_sample(to, "fairlead_build_info",
                       &FL_LABEL("version", FL_VERSION), 1, 1);
  add_configuration(to, instance->control->reload);
  fl_exposition_head(to, "fairlead_uptime_seconds", "gauge",
                     "Time since the start.");
  fl_exposition_seconds(to, "fairlead_uptime_seconds", NULL, 0,
                        fl_clock() - instance->started);
  fl_exposition_head(to, "fairlead_cpu_seconds_total", "counter",
                     "Processor time of the process, user's and system's.");
  fl_exposition_seconds(to, "fairlead_cpu_seconds_total", NULL, 0,
                        of_timeval(usage.ru_utime) +
                            of_timeval(usage.ru_stime));
  fl_exposition_head(to, "fairlead_resident_memory_bytes", "gauge",
                     "Memory of the process that is in RAM.");
  fl_exposition_sample(to, "fairlead_resident_memory_bytes", NULL, 0, resident);
}

static void add_buffers(struct fl_text *to,
                        const struct fl_instance *instance) {
  struct fl_memory *memory = &instance->control->admission->memory;
  fl_exposition_head(to, "fairlead_buffered_bytes", "gauge",
                     "What buffers have drawn from `max_buffered`.");
  fl_exposition_sample(
      to, "fairlead_buffered_bytes", NULL, 0,
      atomic_load_explicit(&memory->drawn, memory_order_relaxed));
  fl_exposition_head(to, "fairlead_max_buffered_bytes", "gauge",
                     "`max_buffered`.");
  fl_exposition_sample(
      to, "fairlead_max_buffered_bytes", NULL, 0,
      atomic_load_explicit(&memory->limit, memory_order_relaxed));
  fl_exposition_head(
      to, "fairlead_buffer_pressure", "gauge",
      "1: three quarters of `max_buffered` were reached, and it is not below a "
      "half again. Else 0.");
  fl_exposition_sample(
      to, "fairlead_buffer_pressure", NULL, 0,
      atomic_load_explicit(&memory->pressed, memory_order_relaxed));
}

static void add_workers(struct fl_text *to, const struct fl_instance *instance,
                        const fl_time *lags) {
  fl_exposition_head(
      to, "fairlead_worker_lag_seconds", "gauge",
      "How long the worker's loop let the question for these numbers wait.");
  for (uint32_t i = 0; i < instance->count; i++) {
    struct fl_text text = {0};
    fl_text_add_number(&text, i);
    char *worker = fl_text_take(&text);
    to->failed |= worker == NULL;
    if (worker != NULL)
      fl_exposition_seconds(to, "fairlead_worker_lag_seconds",
                            &FL_LABEL("worker", worker), 1, lags[i]);
    free(worker);
  }
}

char *fl_prometheus(const struct fl_instance *instance,
                    const struct fl_collected *found) {
  struct fl_text to = {0};
  if (found->sum.failed)
    return NULL;
  add_process(&to, instance);
  add_buffers(&to, instance);
  add_workers(&to, instance, found->lags);
  add_listener_states(&to, &found->sum, instance->control);
  add_clients(&to, &found->sum);
  for (int i = 0; i < COUNTERS; i++)
    add_counter(&to, &found->sum, &counters[i]);
  add_pools(&to, &found->sum);
  add_servers(&to, &found->sum);
  add_histograms(&to, &found->sum);
  fl_socket_metrics(&to, fl_sampler_last(instance->sampler), fl_clock());
  return fl_text_take(&to);
}
