/* One run: everything that belongs to one seed. */
#ifndef FL_TESTS_SIM_SIM_H
#define FL_TESTS_SIM_SIM_H

#include "core/config.h"
#include "core/generation.h"
#include "core/guard.h"
#include "core/memory.h"
#include "core/occupancy.h"
#include "tests/sim/clock.h"
#include "tests/sim/random.h"
#include "tests/sim/wire.h"

#include <setjmp.h>

enum {
  SIM_WORKERS_MAX = 8,
  SIM_CLIENTS_MAX = 48,
  SIM_UPSTREAMS_MAX = 4, /* the last is of relays or sessions */
  SIM_SERVERS_MAX = 24,
  SIM_LISTENERS_MAX = 7, /* likewise */
  SIM_SLOTS = 64,        /* of listeners, with those that have gone */
  SIM_SOURCES = 6        /* addresses that clients share */
};

/* The first moment of a run. */
#define SIM_BEGIN FL_SECOND

struct sim_port;
struct sim_worker;
struct sim_acceptor;
struct sim_client;
struct sim_server;
struct sim_name;
struct sim_relays;
struct sim_sessions;
struct sim_ledger;

/* How the stop proceeds; core/gateway.h has the stages. */
enum sim_phase {
  SIM_SERVING,
  SIM_STOPPING, /* nothing is accepted any more */
  SIM_FORCED    /* FL_STOP_NOW before everything had drained */
};

/* What the scenario knows about an upstream beyond its configuration. */
struct sim_upstream_plan {
  bool clean;      /* correct servers, ample timeouts: no request may fail */
  bool built_in;   /* its server is our own command listener */
  bool greets;     /* its servers speak first */
  bool signs_on;   /* its servers are told who connects */
  bool asked;      /* on idle connections: keepalive_request */
  bool watched;    /* health */
  bool says_bye;   /* on_close */
  uint32_t bytes;  /* the longest request to send to it, its end included */
  bool silent;     /* requests that end with "!!" have no reply */
  bool denies;     /* those that end with "##" */
  bool idempotent; /* the others may be sent twice */
  bool drops;      /* unsolicited frames */
  bool ignores;    /* frames that say "noop" */
  bool shifted;    /* a server went, ever: addresses led elsewhere */
  fl_time timeout; /* of those that end with "~~"; 0: as of all */
  struct sim_wire wire; /* how requests and replies are framed */
  struct sim_wire reply_wire;
};

/* Of a listener, over all reloads. */
struct sim_idle {
  fl_time least, most;
};

struct sim {
  uint64_t seed;
  bool verbose;
  struct sim_random random;
  struct sim_clock clock;
  struct sim_arena *arena;
  jmp_buf failed;

  struct sim_port *ports; /* of the network */
  struct fl_config *config;
  const char *text;                 /* of config */
  struct fl_generation *generation; /* of config; the first */
  struct fl_generation *latest;     /* in effect on all workers */
  struct fl_generation *coming;     /* a reload puts it into effect, or NULL */
  struct sim_wire line;             /* the wire of command listeners */
  struct fl_occupancy occupancy[SIM_SLOTS];
  struct fl_memory memory;
  struct fl_guard *guards[SIM_LISTENERS_MAX];
  uint32_t denied[SIM_LISTENERS_MAX]; /* how many of the sources are denied */
  struct sim_idle idle[SIM_LISTENERS_MAX]; /* idle_timeout */
  bool went[SIM_LISTENERS_MAX];            /* a reload took it out, ever */
  struct sim_upstream_plan upstreams[SIM_UPSTREAMS_MAX];
  struct sim_worker *workers[SIM_WORKERS_MAX];
  uint32_t worker_count;
  struct sim_acceptor *acceptors[SIM_LISTENERS_MAX]; /* one per listener */
  struct sim_server *servers[SIM_SERVERS_MAX];
  uint32_t server_count;
  struct sim_name *names;
  struct sim_client *clients[SIM_CLIENTS_MAX];
  uint32_t client_count;
  uint32_t clients_left;         /* not finished yet */
  struct sim_relays *relays;     /* NULL: there is no relay listener */
  struct sim_sessions *sessions; /* NULL: no session listener with frames */
  bool numbered; /* the drawn listener is of tests/sim/session.h, not relay.h */
  uint32_t relay_listener; /* either one's */
  uint32_t relay_upstream;
  struct sim_ledger *ledger;
  enum sim_phase phase;
  bool memory_short; /* send_rest fails at times */
  bool scarce;       /* buffers may be full: anything of ours may end */
  bool operates;     /* there is an operator */
  fl_time stop_at;   /* or when every client has left, if that is sooner */
  bool ended;        /* every gateway is closed and freed */
};

/* How clients of a listener put their requests, or read the replies. */
const struct sim_wire *sim_wire_of(const struct sim *sim,
                                   const struct fl_listener_config *listener);
const struct sim_wire *
sim_reply_wire_of(const struct sim *sim,
                  const struct fl_listener_config *listener);

/* Whether a line, its LF included, ends with twice that byte. */
bool sim_line_ends(const void *line, size_t size, char byte);

/* Zeroed memory that lives as long as the run. */
void *sim_alloc(struct sim *sim, size_t size);
void sim_arena_free(struct sim *sim);

/* Memory of the caller's own, given back with free(); never NULL. */
void *sim_buffer(size_t size);

/* A promise was broken: says so, with seed, moment and how to replay, and
   leaves the run. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
_Noreturn void
sim_fail(struct sim *sim, const char *format, ...);

/* A line about what happens, with --verbose. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void sim_trace(const struct sim *sim, const char *format, ...);

/* Runs one seed. Returns whether every promise was kept. */
bool sim_run(uint64_t seed, bool verbose);

#endif
