#include "core/tcp_sample.h"

#include "core/findings.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

struct fl_tcp_place {
  const struct fl_addr *addr;
  uint32_t owner;   /* index */
  uint32_t address; /* index among the server's */
};

const char *fl_tcp_state_name(int state) {
  static const char *const names[FL_TCP_STATES] = {
      [FL_TCP_ESTABLISHED] = "established",
      [FL_TCP_SYN_SENT] = "syn_sent",
      [FL_TCP_SYN_RECEIVED] = "syn_received",
      [FL_TCP_FIN_WAIT_1] = "fin_wait_1",
      [FL_TCP_FIN_WAIT_2] = "fin_wait_2",
      [FL_TCP_CLOSE_WAIT] = "close_wait",
      [FL_TCP_LAST_ACK] = "last_ack",
      [FL_TCP_CLOSING] = "closing",
      [FL_TCP_TIME_WAIT] = "time_wait",
  };
  return names[state];
}

/* ---- making one ---- */

/* Room for element `count` of an array that grows by doubling; NULL when
   memory is out. */
static void *room(struct fl_tcp_sample *sample, void *list, uint32_t count,
                  size_t size) {
  if ((count & (count - 1)) != 0)
    return list;
  void *grown = realloc(list, (count == 0 ? 1 : (size_t)count * 2) * size);
  sample->failed |= grown == NULL;
  return grown;
}

static char *copy(struct fl_tcp_sample *sample, const char *text) {
  char *made = fl_text_copy(text, strlen(text));
  sample->failed |= made == NULL;
  return made;
}

void fl_tcp_sample_listener(struct fl_tcp_sample *sample, const char *name,
                            const struct fl_addr *addr) {
  struct fl_tcp_listener *grown =
      room(sample, sample->listeners, sample->listener_count, sizeof *grown);
  if (grown == NULL)
    return;
  sample->listeners = grown;
  grown[sample->listener_count++] =
      (struct fl_tcp_listener){.name = copy(sample, name), .addr = *addr};
}

void fl_tcp_sample_server(struct fl_tcp_sample *sample, const char *upstream,
                          const char *server, const struct fl_addr *addrs,
                          uint32_t addr_count) {
  struct fl_tcp_server *grown =
      room(sample, sample->servers, sample->server_count, sizeof *grown);
  if (grown == NULL)
    return;
  sample->servers = grown;
  struct fl_tcp_server *to = &grown[sample->server_count++];
  *to = (struct fl_tcp_server){.upstream = copy(sample, upstream),
                               .server = copy(sample, server)};
  if (addr_count == 0)
    return;
  to->addrs = calloc(addr_count, sizeof *to->addrs);
  sample->failed |= to->addrs == NULL;
  if (to->addrs == NULL)
    return;
  memcpy(to->addrs, addrs, addr_count * sizeof *addrs);
  to->addr_count = addr_count;
}

static int compare_places(const void *a, const void *b) {
  const struct fl_tcp_place *one = a;
  const struct fl_tcp_place *two = b;
  return (one->addr->port > two->addr->port) -
         (one->addr->port < two->addr->port);
}

static void index_listeners(struct fl_tcp_sample *sample) {
  for (uint32_t i = 0; i < sample->listener_count; i++)
    sample->local[sample->local_count++] =
        (struct fl_tcp_place){.addr = &sample->listeners[i].addr, .owner = i};
  qsort(sample->local, sample->local_count, sizeof *sample->local,
        compare_places);
}

static void index_servers(struct fl_tcp_sample *sample) {
  for (uint32_t i = 0; i < sample->server_count; i++)
    for (uint32_t j = 0; j < sample->servers[i].addr_count; j++)
      sample->remote[sample->remote_count++] = (struct fl_tcp_place){
          .addr = &sample->servers[i].addrs[j], .owner = i, .address = j};
  qsort(sample->remote, sample->remote_count, sizeof *sample->remote,
        compare_places);
}

bool fl_tcp_sample_ready(struct fl_tcp_sample *sample) {
  size_t remote = 0;
  for (uint32_t i = 0; i < sample->server_count; i++)
    remote += sample->servers[i].addr_count;
  sample->local = calloc(sample->listener_count + 1, sizeof *sample->local);
  sample->remote = calloc(remote + 1, sizeof *sample->remote);
  sample->failed |= sample->local == NULL || sample->remote == NULL;
  if (sample->failed)
    return false;
  index_listeners(sample);
  index_servers(sample);
  return true;
}

/* ---- whose socket it is ---- */

/* The first place with this port, or the end. */
static uint32_t first_place(const struct fl_tcp_place *places, uint32_t count,
                            uint16_t port) {
  uint32_t low = 0;
  while (low < count) {
    uint32_t middle = low + (count - low) / 2;
    if (places[middle].addr->port < port)
      low = middle + 1;
    else
      count = middle;
  }
  return low;
}

/* Zones are left out: the system does not name them for every socket. */
static bool same_ip(const struct fl_addr *a, const struct fl_addr *b) {
  return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static bool wildcard(const struct fl_addr *addr) {
  static const uint8_t zero[sizeof addr->ip];
  return memcmp(addr->ip, zero, sizeof zero) == 0;
}

/* How well a socket's address fits that of a listener; 0: not at all. The
   IPv6 wildcard may take IPv4 clients, unless there is one for these. */
static int fits(const struct fl_addr *listener, const struct fl_addr *local) {
  if (same_ip(listener, local))
    return 3;
  if (!wildcard(listener))
    return 0;
  if (listener->family == local->family)
    return 2;
  return listener->family == FL_ADDR_IP6 ? 1 : 0;
}

static struct fl_tcp_listener *listener_of(struct fl_tcp_sample *sample,
                                           const struct fl_tcp_row *row) {
  struct fl_tcp_listener *found = NULL;
  uint16_t port = row->local.port;
  int best = 0;
  for (uint32_t i = first_place(sample->local, sample->local_count, port);
       i < sample->local_count && sample->local[i].addr->port == port; i++) {
    int fit = fits(sample->local[i].addr, &row->local);
    if (fit > best) {
      best = fit;
      found = &sample->listeners[sample->local[i].owner];
    }
  }
  return found;
}

/* ---- one socket ---- */

static void add_to_listener(struct fl_tcp_listener *listener,
                            const struct fl_tcp_row *row) {
  if (row->state != FL_TCP_LISTEN) {
    listener->sockets[row->state]++;
    return;
  }
  if (!same_ip(&listener->addr, &row->local))
    return;
  listener->found++;
  listener->queue += row->queue;
  listener->queue_limit += row->queue_limit;
  listener->drops_known |= row->drops_known;
  listener->drops += row->drops;
}

static void add_port(struct fl_tcp_sample *sample, struct fl_tcp_server *server,
                     uint32_t address, const struct fl_tcp_row *row) {
  const struct fl_tcp_system *system = &sample->system;
  if (!system->ports_known || row->local.port < system->port_first ||
      row->local.port > system->port_last)
    return;
  for (uint32_t i = 0; i < server->source_count; i++)
    if (server->sources[i].address == address &&
        same_ip(&server->sources[i].local, &row->local)) {
      server->sources[i].ports++;
      return;
    }
  struct fl_tcp_source *grown =
      room(sample, server->sources, server->source_count, sizeof *grown);
  if (grown == NULL)
    return;
  server->sources = grown;
  grown[server->source_count++] = (struct fl_tcp_source){
      .local = row->local, .address = address, .ports = 1};
}

static void add_seen(struct fl_tcp_sample *sample, uint32_t server,
                     const struct fl_tcp_row *row) {
  struct fl_tcp_seen *grown =
      room(sample, sample->seen, sample->seen_count, sizeof *grown);
  if (grown == NULL)
    return;
  sample->seen = grown;
  grown[sample->seen_count++] =
      (struct fl_tcp_seen){.cookie = row->cookie,
                           .rtt = row->rtt,
                           .server = server,
                           .sent = row->sent,
                           .retransmitted = row->retransmitted};
}

static void add_to_server(struct fl_tcp_sample *sample,
                          const struct fl_tcp_place *place,
                          const struct fl_tcp_row *row, bool counted) {
  struct fl_tcp_server *server = &sample->servers[place->owner];
  if (!counted) {
    server->sockets[row->state]++;
    add_port(sample, server, place->address, row);
  }
  if (!row->measured)
    return;
  add_seen(sample, place->owner, row);
  if (row->rtt != 0 && row->min_rtt != 0 &&
      (server->rtt_min == 0 || row->min_rtt < server->rtt_min))
    server->rtt_min = row->min_rtt;
}

void fl_tcp_sample_row(struct fl_tcp_sample *sample,
                       const struct fl_tcp_row *row, unsigned of) {
  struct fl_tcp_listener *listener = listener_of(sample, row);
  uint16_t port = row->remote.port;
  if (listener != NULL) {
    if ((of & FL_TCP_OF_LISTENERS) != 0)
      add_to_listener(listener, row);
    return;
  }
  if ((of & FL_TCP_OF_SERVERS) == 0 || row->state == FL_TCP_LISTEN)
    return;
  for (uint32_t i = first_place(sample->remote, sample->remote_count, port);
       i < sample->remote_count && sample->remote[i].addr->port == port; i++)
    if (same_ip(sample->remote[i].addr, &row->remote))
      add_to_server(sample, &sample->remote[i], row,
                    (of & FL_TCP_COUNTED) != 0);
}

/* ---- all of them ---- */

static int compare_rtts(const void *a, const void *b) {
  const struct fl_tcp_seen *one = a;
  const struct fl_tcp_seen *two = b;
  if (one->server != two->server)
    return one->server < two->server ? -1 : 1;
  return (one->rtt > two->rtt) - (one->rtt < two->rtt);
}

static void find_rtts(struct fl_tcp_sample *sample) {
  uint32_t next;
  qsort(sample->seen, sample->seen_count, sizeof *sample->seen, compare_rtts);
  for (uint32_t from = 0; from < sample->seen_count; from = next) {
    uint32_t index = sample->seen[from].server;
    struct fl_tcp_server *server = &sample->servers[index];
    for (next = from;
         next < sample->seen_count && sample->seen[next].server == index;
         next++)
      if (sample->seen[next].rtt == 0)
        from = next + 1;
    server->measured = next - from;
    if (next == from)
      continue;
    server->rtt_median = sample->seen[from + (next - from - 1) / 2].rtt;
    server->rtt_max = sample->seen[next - 1].rtt;
  }
}

static int compare_cookies(const void *a, const void *b) {
  const struct fl_tcp_seen *one = a;
  const struct fl_tcp_seen *two = b;
  return (one->cookie > two->cookie) - (one->cookie < two->cookie);
}

/* A connection that two upstreams see is in `before` twice, with the same
   numbers. */
static const struct fl_tcp_seen *seen_in(const struct fl_tcp_sample *before,
                                         const struct fl_tcp_seen *seen) {
  if (before->seen_count == 0)
    return NULL;
  return bsearch(seen, before->seen, before->seen_count, sizeof *seen,
                 compare_cookies);
}

/* What was sent since the sample before. A connection that was not there then
   is new; of a server that was not there, nobody knows. Numbers of 32 bits go
   round. */
static void count_segments(struct fl_tcp_sample *sample,
                           const struct fl_tcp_sample *before,
                           const bool *followed) {
  qsort(sample->seen, sample->seen_count, sizeof *sample->seen,
        compare_cookies);
  for (uint32_t i = 0; before != NULL && i < sample->seen_count; i++) {
    const struct fl_tcp_seen *seen = &sample->seen[i];
    const struct fl_tcp_seen *old = seen_in(before, seen);
    struct fl_tcp_server *server = &sample->servers[seen->server];
    if (!followed[seen->server])
      continue;
    server->sent += (uint32_t)(seen->sent - (old == NULL ? 0 : old->sent));
    server->retransmitted += (uint32_t)(seen->retransmitted -
                                        (old == NULL ? 0 : old->retransmitted));
  }
}

static void count_ports(struct fl_tcp_server *server) {
  for (uint32_t i = 0; i < server->source_count; i++)
    if (server->sources[i].ports > server->ports_used)
      server->ports_used = server->sources[i].ports;
}

static bool follow(struct fl_tcp_server *to,
                   const struct fl_tcp_sample *before) {
  for (uint32_t i = 0; before != NULL && i < before->server_count; i++) {
    const struct fl_tcp_server *from = &before->servers[i];
    if (strcmp(from->server, to->server) != 0 ||
        strcmp(from->upstream, to->upstream) != 0)
      continue;
    to->sent = from->sent;
    to->retransmitted = from->retransmitted;
    to->window_sent = from->window_sent;
    to->window_retransmitted = from->window_retransmitted;
    to->resent_percent = from->resent_percent;
    to->close_waits = from->close_waits;
    return true;
  }
  return false;
}

void fl_tcp_sample_finish(struct fl_tcp_sample *sample,
                          const struct fl_tcp_sample *before, fl_time now) {
  bool *followed = calloc(sample->server_count + 1, sizeof *followed);
  sample->taken = now;
  sample->failed |= followed == NULL;
  if (!sample->failed) {
    for (uint32_t i = 0; i < sample->server_count; i++) {
      followed[i] = follow(&sample->servers[i], before);
      count_ports(&sample->servers[i]);
    }
    if (sample->seen_count > 0) {
      find_rtts(sample);
      count_segments(sample, before, followed);
    }
    fl_findings_make(sample, before);
  }
  free(followed);
}

uint32_t fl_tcp_sample_ports_free(const struct fl_tcp_sample *sample,
                                  const struct fl_tcp_server *server) {
  uint32_t all = sample->system.ports;
  return server->ports_used >= all ? 0 : all - server->ports_used;
}

void fl_tcp_sample_free(struct fl_tcp_sample *sample) {
  for (uint32_t i = 0; i < sample->listener_count; i++)
    free(sample->listeners[i].name);
  for (uint32_t i = 0; i < sample->server_count; i++) {
    free(sample->servers[i].upstream);
    free(sample->servers[i].server);
    free(sample->servers[i].addrs);
    free(sample->servers[i].sources);
  }
  free(sample->listeners);
  free(sample->servers);
  free(sample->seen);
  free(sample->local);
  free(sample->remote);
  free(sample->findings);
  *sample = (struct fl_tcp_sample){0};
}
