/* config.json as a checked struct. Reading it is one pass over one table
   (config_table.c: a row per key with its type, unit, default, range and
   meaning); the schema and docs/configuration.md are held against that table.
   Everything here is plain data: no pointer leaves the struct, and nobody
   changes it after reading. */
#ifndef FL_CORE_CONFIG_H
#define FL_CORE_CONFIG_H

#include "core/acl.h"
#include "core/addr.h"
#include "core/backoff.h"
#include "core/framing.h"
#include "core/log_area.h"
#include "core/pair.h"
#include "core/payload.h"
#include "core/place.h"
#include "core/rule.h"
#include "core/slice.h"
#include "core/time.h"

/* A "host:port" of the file. */
struct fl_endpoint {
  char *text;          /* as written */
  char *host;          /* without brackets */
  uint16_t port;       /* 0 only in `listen`: any free port */
  struct fl_addr addr; /* family FL_ADDR_NONE when host is a name */
  struct fl_place place;
};

/* The most that in_flight * max_frame of an upstream may be: 256 MiB. (The
   largest max_frame, 16 MiB, leaves room for 16 in flight; so the rule is
   only broken by files that set in_flight.) */
enum { FL_CONFIG_REPLIES_MAX = 256 * 1024 * 1024 };

enum {
  FL_LOG_ERROR,
  FL_LOG_WARNING,
  FL_LOG_INFO,
  FL_LOG_DEBUG,
  FL_LOG_LEVELS,
  FL_LOG_AUTO = FL_LOG_LEVELS /* of an area: log.level */
};

enum fl_log_format { FL_LOG_TEXT, FL_LOG_JSON };

enum { FL_LOG_TARGET_MAX = 511 };

/* Where lines go: "auto", "stderr", "syslog", or a file's path. */
struct fl_log_target {
  char text[FL_LOG_TARGET_MAX + 1];
};

enum fl_access_events { FL_ACCESS_CONNECTIONS, FL_ACCESS_REQUESTS };

/* A listener's access log. */
struct fl_access_config {
  enum fl_access_events events; /* resolved: FL_ACCESS_CONNECTIONS where the
                                   target is "off" */
  enum fl_log_format format;
  struct fl_log_target target; /* also "off" */
};

struct fl_log_config {
  int level;                /* FL_LOG_* */
  int levels[FL_LOG_AREAS]; /* by enum fl_log_area; FL_LOG_AUTO */
  enum fl_log_format format;
  struct fl_log_target target;
  uint32_t max_size; /* bytes, of every file of the log; 0: no limit */
  uint32_t keep;     /* full files */
};

struct fl_sockopts {
  bool nodelay;
  bool keepalive;              /* keepalive.enabled */
  uint32_t keepalive_idle;     /* seconds */
  uint32_t keepalive_interval; /* seconds */
  uint32_t keepalive_count;
  fl_time user_timeout;    /* resolved: auto is idle + interval * count (0 when
                              keepalive is off); 0 leaves the system's */
  uint32_t receive_buffer; /* bytes, 0 auto */
  uint32_t send_buffer;    /* bytes, 0 auto */
  uint32_t dscp;           /* 0: the system's, which is 0 */
  bool free_bind;
  /* listeners only */
  uint32_t backlog;
  bool reuse_port;
  bool ipv6_only;
  /* upstream connections only */
  uint32_t syn_retries; /* 0: the system's */
  struct fl_addr bind;  /* FL_ADDR_NONE: any */
};

enum fl_mode {
  FL_MODE_COMMAND,
  FL_MODE_REQUEST,
  FL_MODE_RELAY,
  FL_MODE_SESSION,
  FL_MODES
};

enum fl_balance {
  FL_BALANCE_ROUND_ROBIN,
  FL_BALANCE_LEAST_IN_FLIGHT,
  FL_BALANCE_HASH_CLIENT
};

enum fl_upstream_down { FL_UPSTREAM_DOWN_KEEP, FL_UPSTREAM_DOWN_CLOSE };

struct fl_listener_config {
  char *name;
  struct fl_endpoint *listen; /* numeric addresses */
  uint32_t listen_count;      /* 1.. */
  enum fl_mode mode;
  uint32_t upstream;         /* index; not in command mode */
  bool read_only;            /* requests that may change anything are denied */
  uint32_t workers;          /* command mode only; 0: all workers */
  struct fl_framing framing; /* request, session mode: upstream's */
  uint32_t max_frame;        /* bytes, of a request */
  uint32_t max_connections;
  uint32_t max_connections_per_address; /* 0: no limit of its own */
  uint32_t max_connection_rate;         /* per second and address; 0: none */
  uint32_t max_connection_burst;        /* 0: as the rate */
  struct fl_acl access;
  enum fl_upstream_down on_upstream_down; /* not in command mode */
  fl_time idle_timeout;                   /* FL_NEVER: none */
  fl_time half_close_timeout;             /* relay and session mode */
  fl_time frame_timeout;
  fl_time write_timeout;
  struct fl_access_config access_log;
  struct fl_sockopts socket;
  struct fl_place place;
};

struct fl_pool_config {
  uint32_t min_size;
  uint32_t max_size; /* hard, over all servers and shards; 0: no limit, only
                        of relays and sessions */
  uint32_t max_waiters;
  fl_time acquire_timeout;
  fl_time idle_timeout;
  fl_time hold_timeout;   /* session mode; 0: none */
  fl_time max_lifetime;   /* 0: none */
  fl_time validate_after; /* 0: never */
};

/* A step of what is said on a new connection: first `send`, where it has any
   bytes, then a frame that begins with `expect` is awaited, if that is given.
 */
struct fl_step_config {
  struct fl_payload send;
  struct fl_payload expect;
};

/* What is asked on a connection that was idle for `interval`. */
struct fl_keepalive_config {
  struct fl_payload send; /* empty: nothing */
  struct fl_payload expect;
  fl_time interval;
};

/* What makes an upstream connection fit for the next session. */
struct fl_reset_config {
  struct fl_bytes send; /* empty: nothing does */
  struct fl_bytes expect;
};

struct fl_health_config {
  fl_time interval;       /* 0: no health checks, nothing is ejected */
  fl_time timeout;        /* of the reply to `send` */
  struct fl_payload send; /* empty: a check is a connect */
  struct fl_payload expect;
  uint32_t rise; /* successes in a row that bring an ejected server back */
  uint32_t fall; /* failures in a row that eject one */
};

enum fl_unsolicited {
  FL_UNSOLICITED_RETIRE, /* what no request asked for ends the connection */
  FL_UNSOLICITED_DROP    /* such frames are dropped */
};

/* Answers of the resolver; core/name.h. */
struct fl_resolve_config {
  fl_time ttl;        /* 0: asked at each connect */
  fl_time stale;      /* 0: an old answer is never used */
  fl_time head_start; /* of an address before the next is tried beside it; 0:
                         one after the other */
};

struct fl_upstream_config {
  char *name; /* of an inline "host:port": that text */
  struct fl_endpoint *servers;
  uint32_t server_count; /* 1.. */
  enum fl_mode mode; /* of the listeners that use it; request if none does */
  enum fl_balance balance;
  uint32_t workers; /* shards, 1..; 0: all workers, only without
                       max_size */
  enum fl_profile profile;
  struct fl_framing framing;       /* of requests */
  struct fl_framing reply_framing; /* as framing, unless the file has it */
  struct fl_pair pair;
  struct fl_rule *rules; /* of requests, rule_count of them */
  uint32_t rule_count;
  struct fl_bytes *ignore; /* frames to pass over, ignore_count of them */
  uint32_t ignore_count;
  enum fl_unsolicited unsolicited;
  uint32_t max_frame; /* bytes, of a reply */
  uint32_t in_flight; /* requests per connection, 1.. */
  struct fl_pool_config pool;
  struct fl_step_config *on_connect;
  uint32_t on_connect_count;
  struct fl_payload on_close; /* empty: nothing */
  struct fl_keepalive_config keepalive;
  struct fl_reset_config reset; /* session mode */
  struct fl_health_config health;
  struct fl_resolve_config resolve;
  fl_time connect_timeout;
  fl_time connect_settle; /* the three quiet times: 0 for none */
  fl_time request_gap;
  fl_time drain_timeout; /* relay and session mode; 0: none */
  fl_time reconnect_delay;
  fl_time request_timeout;
  fl_time write_timeout;
  struct fl_backoff backoff;
  struct fl_sockopts socket;
  struct fl_place place;
};

enum { FL_CONFIG_WORKERS_MAX = 64 };

struct fl_admin_config {
  struct fl_endpoint listen; /* text NULL: none */
  struct fl_endpoint health_listen;
  char **hosts;
  uint32_t host_count;
};

/* What the operating system knows of the sockets. */
struct fl_states_config {
  fl_time interval; /* between two samples; 0: none is taken */
};

enum { FL_CONFIG_SHA256 = 65 };

struct fl_control_config {
  char *path;  /* NULL: auto */
  char *group; /* NULL: none */
};

struct fl_config {
  uint32_t workers; /* 0: auto, one per processor */
  fl_time drain_delay;
  fl_time shutdown_timeout;
  fl_time restart_timeout;
  uint32_t max_buffered; /* bytes */
  struct fl_log_config log;
  struct fl_control_config control;
  struct fl_admin_config admin;
  struct fl_states_config states;
  char sha256[FL_CONFIG_SHA256]; /* of the text, and behind it those of the
                                    included files; hexadecimal digits */
  char **included;               /* names of the files 1..; see fl_place */
  uint32_t included_count;
  struct fl_config_key *keys; /* core/config_key.h */
  uint32_t key_count;
  struct fl_sockopts socket; /* what listeners and upstreams start from */
  struct fl_listener_config *listeners;
  uint32_t listener_count;
  struct fl_upstream_config *upstreams;
  uint32_t upstream_count;
};

/* One thing wrong with the file. */
struct fl_config_error {
  struct fl_place place;
  char *path;    /* "listeners[0].idle_timeout"; "" for the file itself */
  char *found;   /* "\"5 parsecs\" (a string)"; "" when nothing was found */
  char *allowed; /* "a duration such as \"250ms\", 1s to 1d" */
};

/* Errors listed at most; of further ones a last entry says that they are. */
enum { FL_CONFIG_ERRORS_MAX = 1000 };

struct fl_config_errors {
  struct fl_config_error *list; /* in order of place */
  uint32_t count;
  bool out_of_memory; /* the list may be short of some */
};

/* The longest text that is read. */
enum { FL_CONFIG_SIZE_MAX = 4 * 1024 * 1024 };

/* Reads a whole file's text. Returns the configuration, owned by the caller,
   or NULL with at least one error in *errors (or out_of_memory set), every
   fault of the file among them (of a text that is not JSON only the first).
   *errors may be uninitialised before and must
   be freed after, either way. */
struct fl_config *fl_config_read(struct fl_slice text,
                                 struct fl_config_errors *errors);

/* A file that is included. */
struct fl_config_file {
  char *name; /* for people */
  struct fl_slice text;
};

/* The most files that may be included, and the most bytes in all of them. */
enum { FL_CONFIG_FILES_MAX = 1000, FL_CONFIG_INCLUDED_MAX = 16 * 1024 * 1024 };

/* Where included files come from. What it holds is its maker's. */
struct fl_config_loader {
  struct fl_config_file *files; /* in order */
  uint32_t count;
  bool out_of_memory;
  /* Adds the files that one element of `include` stands for, without those
     that are there. Returns NULL; or what went wrong, a clause for people that
     is valid until the next call, but not when out_of_memory is set. */
  const char *(*load)(struct fl_config_loader *loader, const char *pattern);
};

/* Likewise with the files that the text includes; without a loader, as
   fl_config_read, the key is checked and nothing is included. Errors have the
   number of their file: n is loader->files[n - 1]. */
struct fl_config *fl_config_read_all(struct fl_slice text,
                                     struct fl_config_loader *loader,
                                     struct fl_config_errors *errors);

/* The name of the file in which the place is; `first` is that of file 0. */
const char *fl_config_file_name(const struct fl_config *config,
                                struct fl_place place, const char *first);

/* Which one of the listeners in its own file a listener is, from 0. */
uint32_t fl_config_listener_number(const struct fl_config *config,
                                   uint32_t index);

void fl_config_free(struct fl_config *config); /* NULL is fine */

void fl_config_errors_free(struct fl_config_errors *errors);

/* The effective configuration, every default filled in, as a config.json
   that reads back to an equal struct. Returns a NUL-terminated text owned by
   the caller (free), NULL when memory is out. */
char *fl_config_print(const struct fl_config *config);

#endif
