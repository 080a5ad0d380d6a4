#include "core/config_rows.h"

/* clang-format off */
static const struct fl_config_row keepalive_rows[] = {
  {"enabled", FL_CONFIG_BOOLEAN, 0, "true", FIELD(fl_sockopts, keepalive),
   .meaning = "Whether the system probes idle connections."},
  {"idle", FL_CONFIG_SECONDS, 0, "60s", S(1), HOURS(8), S(1),
   FIELD(fl_sockopts, keepalive_idle),
   .meaning = "Silence before the first probe."},
  {"interval", FL_CONFIG_SECONDS, 0, "30s", S(1), HOURS(1), S(1),
   FIELD(fl_sockopts, keepalive_interval),
   .meaning = "Time between probes that are not answered."},
  {"count", FL_CONFIG_INTEGER, 0, "5", 1, 127,
   FIELD(fl_sockopts, keepalive_count),
   .meaning = "Unanswered probes after which the connection ends."},
};
static const struct fl_config_section keepalive_section = {
  "socket.keepalive", ROWS(keepalive_rows), .size = 0};

/* Those of upstream connections only come first, those of listeners only come
   last, so that each side's section is one piece of the table. */
static const struct fl_config_row socket_rows[] = {
  {"bind", FL_CONFIG_ADDRESS, FL_CONFIG_AUTO, "auto", FIELD(fl_sockopts, bind),
   .meaning = "Local address of upstream connections; `\"auto\"`: the system "
              "chooses. Servers must be of its kind, IPv4 or IPv6. Upstreams "
              "only."},
  {"syn_retries", FL_CONFIG_INTEGER, FL_CONFIG_AUTO, "auto", 1, 127,
   FIELD(fl_sockopts, syn_retries),
   .meaning = "How often an unanswered SYN is sent again (`TCP_SYNCNT`, "
              "Linux), within `connect_timeout`; `\"auto\"`: as the system "
              "says. Upstreams only."},
  {"nodelay", FL_CONFIG_BOOLEAN, 0, "true", FIELD(fl_sockopts, nodelay),
   .meaning = "Send small segments at once (`TCP_NODELAY`)."},
  {"keepalive", FL_CONFIG_OBJECT, 0, NULL, .section = &keepalive_section,
   .offset = 0,
   .meaning = "Finding peers that vanished without a word."},
  {"user_timeout", FL_CONFIG_DURATION, FL_CONFIG_AUTO, "auto", S(0), DAYS(7),
   MS(1), FIELD(fl_sockopts, user_timeout),
   .meaning = "How long sent bytes may stay unacknowledged before the "
              "connection ends (`TCP_USER_TIMEOUT`, Linux). `\"auto\"` is "
              "keep-alive's idle time and all its intervals, or `\"0s\"` "
              "with keep-alive off; `\"0s\"` leaves the system's."},
  {"receive_buffer", FL_CONFIG_SIZE, FL_CONFIG_AUTO, "auto", KIB(4), MIB(64),
   FIELD(fl_sockopts, receive_buffer),
   .meaning = "Kernel buffer for arriving bytes. A size switches the system's "
              "own tuning off."},
  {"send_buffer", FL_CONFIG_SIZE, FL_CONFIG_AUTO, "auto", KIB(4), MIB(64),
   FIELD(fl_sockopts, send_buffer),
   .meaning = "Kernel buffer for bytes that leave; likewise."},
  {"dscp", FL_CONFIG_INTEGER, 0, "0", 0, 63, FIELD(fl_sockopts, dscp),
   .meaning = "Differentiated services code point of what is sent (RFC 2474; "
              "`IP_TOS`, `IPV6_TCLASS`): 46 is expedited forwarding."},
  {"free_bind", FL_CONFIG_BOOLEAN, 0, "false", FIELD(fl_sockopts, free_bind),
   .meaning = "Bind also to an address that this machine does not have yet "
              "(`IP_FREEBIND`, Linux): one that moves between machines."},
  {"backlog", FL_CONFIG_INTEGER, 0, "4096", 1, 65535,
   FIELD(fl_sockopts, backlog),
   .meaning = "Connections that may wait to be accepted. The system may "
              "allow fewer. Listeners only."},
  {"reuse_port", FL_CONFIG_BOOLEAN, FL_CONFIG_RESTART, "false",
   FIELD(fl_sockopts, reuse_port),
   .meaning = "Share the port with other programs of this user that ask for "
              "it too (`SO_REUSEPORT`); the system spreads new clients, and "
              "those queued at one that ends are lost. Listeners only."},
  {"ipv6_only", FL_CONFIG_BOOLEAN, FL_CONFIG_RESTART, "true",
   FIELD(fl_sockopts, ipv6_only),
   .meaning = "`false`: a listener on `[::]` takes IPv4 clients too "
              "(`IPV6_V6ONLY`). Listeners only."},
};
enum {
  SOCKET_ROWS = sizeof socket_rows / sizeof socket_rows[0],
  UPSTREAM_ONLY = 2,
  LISTENER_ONLY = 3
};
const struct fl_config_section fl_config_socket = {
  "socket", ROWS(socket_rows), .size = 0};
const struct fl_config_section fl_config_listener_socket = {
  "socket", socket_rows + UPSTREAM_ONLY, SOCKET_ROWS - UPSTREAM_ONLY,
  .size = 0};
const struct fl_config_section fl_config_upstream_socket = {
  "socket", socket_rows, SOCKET_ROWS - LISTENER_ONLY, .size = 0};
/* clang-format on */
