#include "service/socket_metrics.h"

#include "core/findings.h"
#include "service/exposition.h"

/* ---- listeners ---- */

typedef void listener_fn(struct fl_text *to, const char *name,
                         struct fl_label labels[3],
                         const struct fl_tcp_listener *listener);

static void each_listener(struct fl_text *to, const char *name,
                          const struct fl_tcp_sample *sample,
                          listener_fn *call) {
  for (uint32_t i = 0; i < sample->listener_count; i++) {
    char address[FL_ADDR_TEXT];
    struct fl_label labels[3] = {
        FL_LABEL("listener", sample->listeners[i].name),
        FL_LABEL("address",
                 fl_addr_format(&sample->listeners[i].addr, address))};
    call(to, name, labels, &sample->listeners[i]);
  }
}

static void add_states(struct fl_text *to, const char *name,
                       struct fl_label labels[3], const uint64_t *sockets) {
  for (int state = 0; state < FL_TCP_STATES; state++) {
    labels[2] = FL_LABEL("state", fl_tcp_state_name(state));
    fl_exposition_sample(to, name, labels, 3, sockets[state]);
  }
}

static void add_clients(struct fl_text *to, const char *name,
                        struct fl_label labels[3],
                        const struct fl_tcp_listener *listener) {
  add_states(to, name, labels, listener->sockets);
}

static void add_queue(struct fl_text *to, const char *name,
                      struct fl_label labels[3],
                      const struct fl_tcp_listener *listener) {
  if (listener->found > 0)
    fl_exposition_sample(to, name, labels, 2, listener->queue);
}

static void add_limit(struct fl_text *to, const char *name,
                      struct fl_label labels[3],
                      const struct fl_tcp_listener *listener) {
  if (listener->found > 0)
    fl_exposition_sample(to, name, labels, 2, listener->queue_limit);
}

static void add_drops(struct fl_text *to, const char *name,
                      struct fl_label labels[3],
                      const struct fl_tcp_listener *listener) {
  if (listener->drops_known)
    fl_exposition_sample(to, name, labels, 2, listener->drops);
}

static void add_listeners(struct fl_text *to,
                          const struct fl_tcp_sample *sample) {
  static const struct {
    const char *name;
    const char *type;
    const char *help;
    listener_fn *call;
  } metrics[] = {
      {"fairlead_listener_sockets", "gauge",
       "Sockets of clients, by state of TCP.", add_clients},
      {"fairlead_listener_queue_clients", "gauge",
       "Clients in the kernel's queue that nobody has accepted yet.",
       add_queue},
      {"fairlead_listener_queue_limit", "gauge",
       "The most clients that may wait there.", add_limit},
      {"fairlead_listener_queue_drops_total", "counter",
       "Connection attempts that the kernel has dropped at the listening "
       "socket, most often because the queue was full.",
       add_drops},
  };
  for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
    fl_exposition_head(to, metrics[i].name, metrics[i].type, metrics[i].help);
    each_listener(to, metrics[i].name, sample, metrics[i].call);
  }
}

/* ---- servers ---- */

typedef void server_fn(struct fl_text *to, const char *name,
                       struct fl_label labels[3],
                       const struct fl_tcp_sample *sample,
                       const struct fl_tcp_server *server);

static void each_server(struct fl_text *to, const char *name,
                        const struct fl_tcp_sample *sample, server_fn *call) {
  for (uint32_t i = 0; i < sample->server_count; i++) {
    const struct fl_tcp_server *server = &sample->servers[i];
    struct fl_label labels[3] = {FL_LABEL("upstream", server->upstream),
                                 FL_LABEL("server", server->server)};
    call(to, name, labels, sample, server);
  }
}

static void add_connections(struct fl_text *to, const char *name,
                            struct fl_label labels[3],
                            const struct fl_tcp_sample *sample,
                            const struct fl_tcp_server *server) {
  (void)sample;
  add_states(to, name, labels, server->sockets);
}

static void add_rtt_min(struct fl_text *to, const char *name,
                        struct fl_label labels[3],
                        const struct fl_tcp_sample *sample,
                        const struct fl_tcp_server *server) {
  (void)sample;
  if (server->rtt_min > 0)
    fl_exposition_seconds(to, name, labels, 2, server->rtt_min);
}

static void add_rtt_median(struct fl_text *to, const char *name,
                           struct fl_label labels[3],
                           const struct fl_tcp_sample *sample,
                           const struct fl_tcp_server *server) {
  (void)sample;
  if (server->measured > 0)
    fl_exposition_seconds(to, name, labels, 2, server->rtt_median);
}

static void add_rtt_max(struct fl_text *to, const char *name,
                        struct fl_label labels[3],
                        const struct fl_tcp_sample *sample,
                        const struct fl_tcp_server *server) {
  (void)sample;
  if (server->measured > 0)
    fl_exposition_seconds(to, name, labels, 2, server->rtt_max);
}

static void add_sent(struct fl_text *to, const char *name,
                     struct fl_label labels[3],
                     const struct fl_tcp_sample *sample,
                     const struct fl_tcp_server *server) {
  (void)sample;
  fl_exposition_sample(to, name, labels, 2, server->sent);
}

static void add_retransmitted(struct fl_text *to, const char *name,
                              struct fl_label labels[3],
                              const struct fl_tcp_sample *sample,
                              const struct fl_tcp_server *server) {
  (void)sample;
  fl_exposition_sample(to, name, labels, 2, server->retransmitted);
}

static void add_ports(struct fl_text *to, const char *name,
                      struct fl_label labels[3],
                      const struct fl_tcp_sample *sample,
                      const struct fl_tcp_server *server) {
  if (sample->system.ports_known)
    fl_exposition_sample(to, name, labels, 2,
                         fl_tcp_sample_ports_free(sample, server));
}

static void add_servers(struct fl_text *to,
                        const struct fl_tcp_sample *sample) {
  static const struct {
    const char *name;
    const char *type;
    const char *help;
    server_fn *call;
  } metrics[] = {
      {"fairlead_upstream_sockets", "gauge",
       "Sockets of connections to a server, by state of TCP.", add_connections},
      {"fairlead_upstream_rtt_min_seconds", "gauge",
       "The shortest round trip that TCP has measured on a connection that is "
       "open.",
       add_rtt_min},
      {"fairlead_upstream_rtt_median_seconds", "gauge",
       "The median over open connections of TCP's smoothed round trip time.",
       add_rtt_median},
      {"fairlead_upstream_rtt_max_seconds", "gauge",
       "The largest over open connections of TCP's smoothed round trip time.",
       add_rtt_max},
      {"fairlead_upstream_segments_sent_total", "counter",
       "TCP segments with data sent to a server.", add_sent},
      {"fairlead_upstream_segments_retransmitted_total", "counter",
       "TCP segments sent to a server again.", add_retransmitted},
      {"fairlead_upstream_ports_free", "gauge",
       "Ephemeral ports left for connections to a server, at most.", add_ports},
  };
  for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
    fl_exposition_head(to, metrics[i].name, metrics[i].type, metrics[i].help);
    each_server(to, metrics[i].name, sample, metrics[i].call);
  }
}

/* ---- the system ---- */

static void add_system(struct fl_text *to, const struct fl_tcp_system *system) {
  fl_exposition_head(to, "fairlead_system_ephemeral_ports", "gauge",
                     "Ports that the system gives to outgoing connections.");
  if (system->ports_known)
    fl_exposition_sample(to, "fairlead_system_ephemeral_ports", NULL, 0,
                         system->ports);
  fl_exposition_head(to, "fairlead_system_listen_overflows_total", "counter",
                     "Clients that came while a listening socket's queue was "
                     "full, of all programs in the network namespace.");
  if (system->listen_known)
    fl_exposition_sample(to, "fairlead_system_listen_overflows_total", NULL, 0,
                         system->listen_overflows);
  fl_exposition_head(to, "fairlead_system_listen_drops_total", "counter",
                     "Those, and others dropped at listening sockets, of all "
                     "programs in the network namespace.");
  if (system->listen_known)
    fl_exposition_sample(to, "fairlead_system_listen_drops_total", NULL, 0,
                         system->listen_drops);
}

static void add_findings(struct fl_text *to,
                         const struct fl_tcp_sample *sample) {
  uint64_t counts[FL_FINDINGS] = {0};
  for (uint32_t i = 0; i < sample->finding_count; i++)
    counts[sample->findings[i].kind]++;
  fl_exposition_head(to, "fairlead_findings", "gauge",
                     "What the states of sockets say is wrong, by kind.");
  for (int i = 0; i < FL_FINDINGS; i++)
    fl_exposition_sample(
        to, "fairlead_findings",
        &FL_LABEL("kind", fl_finding_name((enum fl_finding_kind)i)), 1,
        counts[i]);
}

void fl_socket_metrics(struct fl_text *to, const struct fl_tcp_sample *sample,
                       fl_time now) {
  if (sample == NULL)
    return;
  add_listeners(to, sample);
  add_servers(to, sample);
  add_system(to, &sample->system);
  add_findings(to, sample);
  fl_exposition_head(to, "fairlead_sockets_sample_age_seconds", "gauge",
                     "How old the metrics of sockets are.");
  fl_exposition_seconds(to, "fairlead_sockets_sample_age_seconds", NULL, 0,
                        now - sample->taken);
}
