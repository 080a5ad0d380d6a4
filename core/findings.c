#include "core/findings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *fl_finding_name(enum fl_finding_kind kind) {
  static const char *const names[FL_FINDINGS] = {
      [FL_FINDING_LISTENER_CLOSE_WAIT] = "listener_close_wait",
      [FL_FINDING_SERVER_CLOSE_WAIT] = "server_close_wait",
      [FL_FINDING_LISTEN_QUEUE] = "listen_queue",
      [FL_FINDING_PORTS] = "ports",
      [FL_FINDING_RETRANSMITS] = "retransmits",
  };
  return names[kind];
}

bool fl_findings_have(const struct fl_tcp_sample *sample,
                      const struct fl_finding *finding) {
  for (uint32_t i = 0; sample != NULL && i < sample->finding_count; i++)
    if (sample->findings[i].kind == finding->kind &&
        strcmp(sample->findings[i].subject, finding->subject) == 0)
      return true;
  return false;
}

/* Room for one more, of this kind; NULL when memory is out. */
static struct fl_finding *add(struct fl_tcp_sample *sample,
                              enum fl_finding_kind kind) {
  struct fl_finding *grown =
      realloc(sample->findings, (sample->finding_count + 1) * sizeof *grown);
  sample->failed |= grown == NULL;
  if (grown == NULL)
    return NULL;
  sample->findings = grown;
  grown += sample->finding_count++;
  *grown = (struct fl_finding){.kind = kind};
  return grown;
}

static struct fl_finding *add_of_listener(struct fl_tcp_sample *sample,
                                          const struct fl_tcp_listener *of,
                                          enum fl_finding_kind kind) {
  char addr[FL_ADDR_TEXT];
  struct fl_finding *made = add(sample, kind);
  if (made != NULL)
    (void)snprintf(made->subject, sizeof made->subject, "listener %.300s at %s",
                   of->name, fl_addr_format(&of->addr, addr));
  return made;
}

static struct fl_finding *add_of_server(struct fl_tcp_sample *sample,
                                        const struct fl_tcp_server *of,
                                        enum fl_finding_kind kind) {
  struct fl_finding *made = add(sample, kind);
  if (made != NULL)
    (void)snprintf(made->subject, sizeof made->subject,
                   "upstream %.100s server %.280s", of->upstream, of->server);
  return made;
}

#define SAY(finding, ...)                                                      \
  (void)snprintf((finding)->text, sizeof(finding)->text, __VA_ARGS__)

/* ---- CLOSE_WAIT ---- */

/* Counts samples in a row; returns whether they are enough. */
static bool many_close_waits(const uint64_t *sockets, unsigned *in_a_row) {
  bool many = sockets[FL_TCP_CLOSE_WAIT] >= FL_CLOSE_WAIT_MIN &&
              sockets[FL_TCP_CLOSE_WAIT] * 2 >= sockets[FL_TCP_ESTABLISHED];
  *in_a_row = many ? *in_a_row + 1 : 0;
  return *in_a_row >= FL_CLOSE_WAIT_SAMPLES;
}

static void find_close_waits_of_clients(struct fl_tcp_sample *sample,
                                        struct fl_tcp_listener *listener) {
  if (!many_close_waits(listener->sockets, &listener->close_waits))
    return;
  struct fl_finding *made =
      add_of_listener(sample, listener, FL_FINDING_LISTENER_CLOSE_WAIT);
  if (made != NULL)
    SAY(made,
        "%" PRIu64 " clients have closed their side and this machine has not "
        "yet (CLOSE_WAIT): they are owed replies, their relay's server has "
        "not closed, or nobody has accepted them; see WAITING and IN FLIGHT "
        "of the upstream, CLIENTS against max_connections, and for relays "
        "half_close_timeout",
        listener->sockets[FL_TCP_CLOSE_WAIT]);
}

static void find_close_waits_of_server(struct fl_tcp_sample *sample,
                                       struct fl_tcp_server *server) {
  if (!many_close_waits(server->sockets, &server->close_waits))
    return;
  struct fl_finding *made =
      add_of_server(sample, server, FL_FINDING_SERVER_CLOSE_WAIT);
  if (made != NULL)
    SAY(made,
        "%" PRIu64 " connections that the server has closed are still open "
        "here (CLOSE_WAIT): relays keep them until their client has closed "
        "or for half_close_timeout; others are another program's on this "
        "machine (ss -tnp state close-wait)",
        server->sockets[FL_TCP_CLOSE_WAIT]);
}

/* ---- the listen queue ---- */

static const struct fl_tcp_listener *
listener_before(const struct fl_tcp_sample *before,
                const struct fl_tcp_listener *listener) {
  for (uint32_t i = 0; before != NULL && i < before->listener_count; i++)
    if (fl_addr_equal(&before->listeners[i].addr, &listener->addr) &&
        strcmp(before->listeners[i].name, listener->name) == 0)
      return &before->listeners[i];
  return NULL;
}

/* A socket that was opened anew counts from zero again. */
static void follow_drops(struct fl_tcp_listener *listener,
                         const struct fl_tcp_listener *before, fl_time now) {
  uint64_t more = listener->drops - before->drops;
  if (before->dropped_at != 0 &&
      now - before->dropped_at < FL_LISTEN_DROPS_FOR) {
    listener->dropped = before->dropped;
    listener->dropped_at = before->dropped_at;
  }
  if (listener->drops <= before->drops || !before->drops_known)
    return;
  listener->dropped += more;
  listener->dropped_at = now;
}

static void find_drops(struct fl_tcp_sample *sample,
                       const struct fl_tcp_listener *listener) {
  if (listener->dropped == 0)
    return;
  struct fl_finding *made =
      add_of_listener(sample, listener, FL_FINDING_LISTEN_QUEUE);
  if (made != NULL)
    SAY(made,
        "the kernel has dropped %" PRIu64 " connection attempts: clients that "
        "nobody had accepted filled the queue (its limit is %" PRIu64
        ", %" PRIu64 " wait); if CLIENTS is at max_connections raise that, "
        "else socket.backlog and net.core.somaxconn, of which the lower "
        "counts",
        listener->dropped, listener->queue_limit, listener->queue);
}

/* ---- servers ---- */

static void find_ports(struct fl_tcp_sample *sample,
                       const struct fl_tcp_server *server) {
  uint32_t left = fl_tcp_sample_ports_free(sample, server);
  uint64_t limit = (uint64_t)sample->system.ports * FL_PORTS_PERCENT;
  if (!sample->system.ports_known || (uint64_t)left * 100 >= limit)
    return;
  struct fl_finding *made = add_of_server(sample, server, FL_FINDING_PORTS);
  if (made != NULL)
    SAY(made,
        "%" PRIu32 " of %" PRIu32 " local ports are left for connections to "
        "it (%" PRIu64 " sockets are in TIME_WAIT, %" PRIu64
        " are established); keep connections open instead of making new "
        "ones (pool.min_size, pool.idle_timeout), add servers or addresses, "
        "or widen net.ipv4.ip_local_port_range",
        left, sample->system.ports, server->sockets[FL_TCP_TIME_WAIT],
        server->sockets[FL_TCP_ESTABLISHED]);
}

/* The rate is that of the last FL_SEGMENTS_MIN segments or more. */
static void find_retransmits(struct fl_tcp_sample *sample,
                             struct fl_tcp_server *server) {
  uint64_t sent = server->sent - server->window_sent;
  uint64_t again = server->retransmitted - server->window_retransmitted;
  if (sent >= FL_SEGMENTS_MIN) {
    server->resent_percent = (uint32_t)(again * 100 / sent);
    server->window_sent = server->sent;
    server->window_retransmitted = server->retransmitted;
  }
  if (server->resent_percent < FL_RETRANSMIT_PERCENT)
    return;
  struct fl_finding *made =
      add_of_server(sample, server, FL_FINDING_RETRANSMITS);
  if (made != NULL)
    SAY(made,
        "%" PRIu32 "%% of the segments sent to it were sent again: the "
        "network on the way, or the server, loses them; every loss costs a "
        "request at least a round trip, often 200 ms; look at cables, "
        "duplex, Wi-Fi and overloaded links on the way",
        server->resent_percent);
}

void fl_findings_make(struct fl_tcp_sample *sample,
                      const struct fl_tcp_sample *before) {
  for (uint32_t i = 0; i < sample->listener_count; i++) {
    struct fl_tcp_listener *listener = &sample->listeners[i];
    const struct fl_tcp_listener *old = listener_before(before, listener);
    if (old != NULL) {
      listener->close_waits = old->close_waits;
      follow_drops(listener, old, sample->taken);
    }
    find_close_waits_of_clients(sample, listener);
    find_drops(sample, listener);
  }
  for (uint32_t i = 0; i < sample->server_count; i++) {
    find_close_waits_of_server(sample, &sample->servers[i]);
    find_ports(sample, &sample->servers[i]);
    find_retransmits(sample, &sample->servers[i]);
  }
}
