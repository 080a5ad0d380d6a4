/* What one worker's listeners and upstreams look like at a moment: taken on
   the worker, read anywhere. It owns all it points at, so it outlives the
   worker and its configuration; those of several workers add up to one. */
#ifndef FL_CORE_SNAPSHOT_H
#define FL_CORE_SNAPSHOT_H

#include "core/addr.h"
#include "core/config.h"
#include "core/histogram.h"
#include "core/metrics.h"
#include "core/pool.h"

struct fl_gateway;

/* What to take. Without any, a snapshot only shows that the worker turns.
   ADDRESSES stands alone: names of upstreams, and their servers' `address`,
   `state` and `addrs`; it takes no time for each connection. */
enum {
  FL_SNAPSHOT_STATE = 1,
  FL_SNAPSHOT_CONNECTIONS = 2,
  FL_SNAPSHOT_ADDRESSES = 4
};

/* Connections listed at most for each worker; of more only how many. */
enum { FL_SNAPSHOT_CONNECTIONS_MAX = 10000 };

/* What a client is seen doing. */
enum fl_client_shown {
  FL_SHOWN_IDLE,       /* nothing is under way */
  FL_SHOWN_WAITING,    /* for a connection to a server */
  FL_SHOWN_IN_FLIGHT,  /* its requests are with a server */
  FL_SHOWN_CONNECTING, /* of a relay: the connection is on its way */
  FL_SHOWN_OPEN,       /* of a relay: bytes go both ways */
  FL_SHOWN_DELIVERING, /* of a relay: one side is gone */
  FL_SHOWN_FLUSHING,   /* it ends, and output still leaves */
  FL_SHOWN_LINGERING,  /* FIN was sent */
  FL_SHOWN_CLOSING,
  FL_SHOWN_STATES
};

struct fl_snapshot_listener {
  char *name;
  char *upstream;      /* NULL: a command listener */
  uint32_t index;      /* in its configuration, */
  uint32_t generation; /* which has this number */
  enum fl_mode mode;
  uint32_t clients;                 /* not closed yet */
  uint32_t states[FL_SHOWN_STATES]; /* of them */
  uint32_t max_connections;
  bool left;        /* a reload took it out: it drains */
  bool shut;        /* it does not listen, for no server is in */
  uint32_t unbound; /* of its addresses, those that cannot be opened again */
  struct fl_metrics metrics; /* those of open clients included */
  fl_time held;              /* clients' time under backpressure, added up */
  struct fl_histogram total;
};

/* Of several workers' the last one counts. */
enum fl_server_state {
  FL_SERVER_REMOVED, /* a reload took it out, and connections are left */
  FL_SERVER_UNUSED,  /* nothing was tried, or nothing is left of it */
  FL_SERVER_DOWN,    /* the last attempt failed and no connection stands */
  FL_SERVER_UP,      /* a connection stands */
  FL_SERVER_EJECTED, /* its health checks failed */
  FL_SERVER_DRAINED, /* by an operator */
  FL_SERVER_OPERATOR_EJECTED,
  FL_SERVER_STATES
};

struct fl_snapshot_server {
  char *address; /* as in config.json */
  enum fl_server_state state;
  uint32_t conns[FL_POOLED_STATES]; /* of a relay's, established ones are
                                       FULL */
  uint32_t in_flight;
  uint32_t failures;     /* in a row */
  enum fl_reason reason; /* DOWN and EJECTED: the last failure, and for which
                            its health checks took it out */
  fl_time out_for;       /* EJECTED to OPERATOR_EJECTED: since that */
  fl_time down_for;      /* DOWN: since it was told to be */
  fl_time retry_in;      /* DOWN: until the next attempt; 0: any moment */
  struct fl_addr *addrs; /* ADDRESSES: what its name meant last on one of the
                            workers */
  uint32_t addr_count;
};

struct fl_snapshot_upstream {
  char *name;
  uint32_t index;      /* in its configuration, */
  uint32_t generation; /* which has this number */
  enum fl_mode mode;
  struct fl_snapshot_server *servers;
  uint32_t server_count;
  uint32_t size;             /* connections in whatever state */
  uint32_t max_size;         /* 0: no limit */
  uint32_t waiting;          /* clients */
  struct fl_metrics metrics; /* those of open connections included */
  struct fl_histogram acquire;
  struct fl_histogram serve;
};

struct fl_snapshot_conn {
  uint64_t id;
  bool of_client;      /* else one to a server */
  char *name;          /* of the listener, or of the upstream */
  char *server;        /* of the latter; else NULL */
  const char *state;   /* one word; static */
  struct fl_addr peer; /* FL_ADDR_NONE: not known yet */
  fl_time age;
  uint64_t bytes_in;
  uint64_t bytes_out;
  uint64_t frames;
  uint32_t in_flight; /* requests without an outcome */
};

struct fl_snapshot {
  struct fl_snapshot_listener *listeners; /* those served here */
  uint32_t listener_count;
  struct fl_snapshot_upstream *upstreams; /* those that live here */
  uint32_t upstream_count;
  struct fl_snapshot_conn *conns;
  uint32_t conn_count;
  uint32_t conns_omitted;
  bool failed; /* memory was out: it may be short of some */
};

/* `what` is FL_SNAPSHOT_*. STATE and CONNECTIONS take time for each
   connection. */
void fl_snapshot_take(struct fl_snapshot *snapshot,
                      const struct fl_gateway *gateway, unsigned what,
                      fl_time now);

/* Adds what `part` has, which is empty afterwards. A zeroed sum is fine. */
void fl_snapshot_add(struct fl_snapshot *sum, struct fl_snapshot *part);

/* Puts listeners and upstreams in the order of the configuration. */
void fl_snapshot_sort(struct fl_snapshot *snapshot);

/* Leaves it empty. A zeroed one is fine. */
void fl_snapshot_free(struct fl_snapshot *snapshot);

/* "idle" and so on, of enum fl_client_shown. */
const char *fl_client_shown_name(int state);

/* "connecting" and so on, of enum fl_pooled_state. */
const char *fl_pooled_state_name(int state);

/* "unused" and so on: "drained" and "ejected_by_operator" as the reasons. */
const char *fl_server_state_name(enum fl_server_state state);

#endif
