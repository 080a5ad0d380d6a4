/* The operating system's view of the sockets of listeners and servers at a
   moment: what state of TCP they are in, what queues up, what is sent again,
   which ports are left. Whoever can see the machine's sockets passes them in
   one by one; a socket belongs to a listener by its local address and port,
   else to a server by the remote ones. Nothing else tells: one in TIME_WAIT
   has no owner any more. So sockets that other programs have to the same
   server count too, and a server that two upstreams have shows the same
   sockets in both. */
#ifndef FL_CORE_TCP_SAMPLE_H
#define FL_CORE_TCP_SAMPLE_H

#include "core/addr.h"
#include "core/time.h"

/* RFC 9293, section 3.3.2. */
enum fl_tcp_state {
  FL_TCP_ESTABLISHED,
  FL_TCP_SYN_SENT,
  FL_TCP_SYN_RECEIVED,
  FL_TCP_FIN_WAIT_1,
  FL_TCP_FIN_WAIT_2,
  FL_TCP_CLOSE_WAIT,
  FL_TCP_LAST_ACK,
  FL_TCP_CLOSING,
  FL_TCP_TIME_WAIT,
  FL_TCP_STATES,
  FL_TCP_LISTEN = FL_TCP_STATES
};

/* One socket. */
struct fl_tcp_row {
  struct fl_addr local;
  struct fl_addr remote;
  enum fl_tcp_state state;
  uint32_t queue; /* LISTEN: clients that nobody has accepted yet */
  uint32_t queue_limit;
  bool drops_known;
  uint32_t drops;  /* LISTEN: attempts that the kernel has dropped */
  bool measured;   /* the rest is known */
  uint64_t cookie; /* of this socket alone, as long as the system runs */
  fl_time rtt;     /* smoothed; 0: no sample yet */
  fl_time min_rtt;
  uint32_t sent;          /* segments with data */
  uint32_t retransmitted; /* segments */
};

struct fl_tcp_listener {
  char *name;          /* owned */
  struct fl_addr addr; /* in effect; may be a wildcard */
  uint64_t sockets[FL_TCP_STATES];
  uint32_t found; /* sockets that listen there */
  uint64_t queue;
  uint64_t queue_limit;
  bool drops_known;
  uint64_t drops;       /* since the socket was opened */
  uint64_t dropped;     /* while clients were dropped, until now */
  fl_time dropped_at;   /* the last sample that saw it; 0: none */
  unsigned close_waits; /* samples in a row that saw too many */
};

/* Local ports in use to one of a server's addresses. */
struct fl_tcp_source {
  struct fl_addr local; /* port 0 */
  uint32_t address;     /* index */
  uint32_t ports;
};

struct fl_tcp_server {
  char *upstream;        /* owned */
  char *server;          /* as in config.json; owned */
  struct fl_addr *addrs; /* what it means now; owned */
  uint32_t addr_count;
  uint64_t sockets[FL_TCP_STATES];
  struct fl_tcp_source *sources; /* owned */
  uint32_t source_count;
  uint32_t measured; /* connections whose round trip time is known */
  fl_time rtt_min;   /* the smallest ever seen on one of them */
  fl_time rtt_median;
  fl_time rtt_max;
  uint64_t sent; /* segments with data, as far as samples saw them */
  uint64_t retransmitted;
  uint64_t window_sent; /* `sent` when the rate was last found out */
  uint64_t window_retransmitted;
  uint32_t resent_percent; /* of it; rounded down */
  uint32_t ports_used;     /* from the busiest source to the busiest address */
  unsigned close_waits;
};

/* A measured connection, to be found again in the next sample. */
struct fl_tcp_seen {
  uint64_t cookie;
  fl_time rtt;
  uint32_t server; /* index */
  uint32_t sent;
  uint32_t retransmitted;
};

/* What the system says of itself, of its network namespace. */
struct fl_tcp_system {
  bool ports_known;
  uint16_t port_first; /* ephemeral ports, */
  uint16_t port_last;
  uint32_t ports; /* those among them that are not reserved */
  bool listen_known;
  uint64_t listen_overflows; /* a listening socket's queue was full */
  uint64_t listen_drops;     /* those, and others dropped there */
};

/* What the numbers say is wrong. */
enum fl_finding_kind {
  FL_FINDING_LISTENER_CLOSE_WAIT,
  FL_FINDING_SERVER_CLOSE_WAIT,
  FL_FINDING_LISTEN_QUEUE,
  FL_FINDING_PORTS,
  FL_FINDING_RETRANSMITS,
  FL_FINDINGS
};

enum { FL_FINDING_SUBJECT = 400, FL_FINDING_TEXT = 512 };

struct fl_finding {
  enum fl_finding_kind kind;
  char subject[FL_FINDING_SUBJECT]; /* "listener gateway" */
  char text[FL_FINDING_TEXT];       /* what is, and what to do */
};

struct fl_tcp_place; /* an address and whose it is */

/* A zeroed struct is empty. */
struct fl_tcp_sample {
  fl_time taken;
  struct fl_tcp_system system;
  struct fl_tcp_listener *listeners;
  uint32_t listener_count;
  struct fl_tcp_server *servers;
  uint32_t server_count;
  struct fl_tcp_seen *seen;
  uint32_t seen_count;
  struct fl_tcp_place *local; /* of listeners, by port */
  uint32_t local_count;
  struct fl_tcp_place *remote; /* of servers, by port */
  uint32_t remote_count;
  struct fl_finding *findings;
  uint32_t finding_count;
  bool failed; /* memory was out: it may be short of some */
};

/* Adds a listener's address, or a server with its addresses (perhaps none).
   Copies everything. Requires: before fl_tcp_sample_ready. */
void fl_tcp_sample_listener(struct fl_tcp_sample *sample, const char *name,
                            const struct fl_addr *addr);
void fl_tcp_sample_server(struct fl_tcp_sample *sample, const char *upstream,
                          const char *server, const struct fl_addr *addrs,
                          uint32_t addr_count);

/* All listeners and servers are there. Returns false when memory is out. */
bool fl_tcp_sample_ready(struct fl_tcp_sample *sample);

/* Whose socket a row may be. A system that passes in a socket twice, once for
   each, names them in turn. */
enum { FL_TCP_OF_LISTENERS = 1, FL_TCP_OF_SERVERS = 2 };

/* With FL_TCP_OF_SERVERS: the socket was passed in already, and counted,
   without what was measured of it; only that is new. */
enum { FL_TCP_COUNTED = 4 };

/* Counts one socket, if it is of any of them. Requires: ready, and
   sample->system is filled in. */
void fl_tcp_sample_row(struct fl_tcp_sample *sample,
                       const struct fl_tcp_row *row, unsigned of);

/* After the last row: works out what takes all of them, with the sample before
   (NULL: there is none), and what is wrong (core/findings.h). */
void fl_tcp_sample_finish(struct fl_tcp_sample *sample,
                          const struct fl_tcp_sample *before, fl_time now);

/* How many ephemeral ports are left to the server, at most. Requires:
   sample->system.ports_known. */
uint32_t fl_tcp_sample_ports_free(const struct fl_tcp_sample *sample,
                                  const struct fl_tcp_server *server);

/* Leaves it empty. */
void fl_tcp_sample_free(struct fl_tcp_sample *sample);

/* "established" and so on. */
const char *fl_tcp_state_name(int state);

#endif
