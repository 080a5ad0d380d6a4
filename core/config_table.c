#include "core/config_table.h"

#include "core/config.h"

#include <string.h>

/* clang-format off */
#define US(duration) (UINT64_C(duration))
#define MS(duration) (US(duration) * 1000)
#define S(duration) (MS(duration) * 1000)
#define HOURS(duration) (S(duration) * 3600)
#define DAYS(duration) (HOURS(duration) * 24)
#define KIB(size) (UINT64_C(size) * 1024)
#define MIB(size) (KIB(size) * 1024)

#define ROWS(rows) (rows), sizeof(rows) / sizeof((rows)[0])
#define FIELD(type, field) .offset = offsetof(struct type, field)
#define ARRAY(type, field, counter)                                            \
  FIELD(type, field), .count_offset = offsetof(struct type, counter)
#define NOT_COMMAND                                                            \
  (FL_CONFIG_REQUEST_MODE | FL_CONFIG_RELAY_MODE | FL_CONFIG_SESSION_MODE)
#define NOT_COMMAND                                                            \
  (FL_CONFIG_REQUEST_MODE | FL_CONFIG_RELAY_MODE | FL_CONFIG_SESSION_MODE)
#define NOT_RELAY (FL_CONFIG_REQUEST_MODE | FL_CONFIG_SESSION_MODE)
#define NO_FIELD .offset = FL_CONFIG_NO_FIELD

static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const area_levels[] = {"error", "warning", "info",
                                          "debug", "auto",    NULL};
static const char *const log_formats[] = {"text", "json", NULL};
static const char *const access_targets[] = {"off", "stderr", "syslog", NULL};
static const char *const access_events[] = {"connections", "requests", NULL};
static const char *const log_targets[] = {"auto", "stderr", "syslog", NULL};
const char *const fl_config_modes[] = {"command", "request", "relay",
                                          "session", NULL};
static const char *const framings[] = {"line", "delimited", "length", "fixed",
                                       "raw", NULL};
static const char *const command_framings[] = {"line", NULL};
static const char *const byte_orders[] = {"big", "little", NULL};
static const char *const encodings[] = {"binary", "ascii", "bcd", NULL};
static const char *const balances[] = {"round_robin", "least_in_flight",
                                       "hash_client", NULL};
static const char *const upstream_downs[] = {"keep", "close_listener", NULL};
static const char *const pairings[] = {"order", "id", "key", NULL};
static const char *const on_lates[] = {"discard", "retire", NULL};
static const char *const on_collisions[] = {"wait", "refuse", NULL};
static const char *const extracts[] = {"bytes", "field", "hl7", "iso8583",
                                       NULL};
static const char *const digits[] = {"ascii", "bcd", NULL};
static const char *const bitmaps[] = {"binary", "hex", NULL};
static const char *const profiles[] = {"none", "modbus-tcp", NULL};
static const char *const replies[] = {"one", "none", NULL};
static const char *const unsolicited[] = {"retire", "drop", NULL};
static const char *const jitters[] = {"full", NULL};

#define AREA(area, name, what)                                                 \
  {(name), FL_CONFIG_CHOICE, 0, "auto", .choices = area_levels,                \
   .offset = sizeof(int) * (FL_LOG_##area), .meaning = (what)},
static const struct fl_config_row levels_rows[] = {FL_LOG_AREA_LIST(AREA)};
static const struct fl_config_section levels_section = {
  "log.levels", ROWS(levels_rows), .size = 0};

static const struct fl_config_row log_rows[] = {
  {"level", FL_CONFIG_CHOICE, 0, "info", .choices = levels,
   FIELD(fl_log_config, level),
   .meaning = "Messages less grave than this are not logged."},
  {"levels", FL_CONFIG_OBJECT, 0, NULL, .section = &levels_section,
   FIELD(fl_log_config, levels),
   .meaning = "Levels of single areas; `\"auto\"` is `level`."},
  {"format", FL_CONFIG_CHOICE, 0, "text", .choices = log_formats,
   FIELD(fl_log_config, format),
   .meaning = "`\"text\"`: lines for people. `\"json\"`: an object on each "
              "line."},
  {"target", FL_CONFIG_TARGET, 0, "auto", .choices = log_targets,
   FIELD(fl_log_config, target),
   .meaning = "`\"stderr\"`: standard error, with the priorities of the "
              "journal where that reads it. `\"syslog\"`: the system's log; on "
              "Windows the Event Log, which takes errors and warnings. A "
              "path: that file, appended to. `\"auto\"` is `\"stderr\"`, and "
              "`\"syslog\"` after `run --daemon` and in a service of Windows."},
  {"max_size", FL_CONFIG_SIZE, FL_CONFIG_AUTO, "auto", KIB(64), MIB(1024),
   FIELD(fl_log_config, max_size),
   .meaning = "A file of the log, or of an access log, that has grown to this "
              "size is renamed to `PATH.1`, and a new one begun. `\"auto\"`: "
              "it grows; something else renames it, such as logrotate."},
  {"keep", FL_CONFIG_INTEGER, 0, "5", 1, 1000, FIELD(fl_log_config, keep),
   .meaning = "With `max_size`: how many full files are kept, `PATH.1` (the "
              "newest) to `PATH.5`."},
};
static const struct fl_config_section log_section = {
  "log", ROWS(log_rows), .size = 0};

static const struct fl_config_row control_rows[] = {
  {"path", FL_CONFIG_FILE, FL_CONFIG_AUTO, "auto", 1, 107,
   FIELD(fl_config, control.path),
   .meaning = "The socket; `\"auto\"` is one in `/run/fairlead`, or without "
              "root in `$XDG_RUNTIME_DIR/fairlead`, named after the "
              "configuration file."},
  {"group", FL_CONFIG_NAME, FL_CONFIG_AUTO, "auto", 1, 32,
   FIELD(fl_config, control.group),
   .meaning = "The group whose members may use it, too; `\"auto\"`: none, "
              "only the user that runs Fairlead, and root."},
};
static const struct fl_config_section control_section = {
  "control", ROWS(control_rows), .size = 0};

static const struct fl_config_row admin_rows[] = {
  {"listen", FL_CONFIG_ENDPOINT, FL_CONFIG_AUTO, "auto",
   FIELD(fl_config, admin.listen),
   .meaning = "Where HTTP clients get `/metrics`, `/status.json`, `/healthz` "
              "and `/readyz`; `\"auto\"`: nowhere."},
  {"health_listen", FL_CONFIG_ENDPOINT, FL_CONFIG_AUTO, "auto",
   FIELD(fl_config, admin.health_listen),
   .meaning = "Where they get the last two only, for balancers; `\"auto\"`: "
              "nowhere."},
  {"hosts", FL_CONFIG_NAMES, 0, NULL, 0, 16,
   ARRAY(fl_config, admin.hosts, admin.host_count),
   .meaning = "Names by which `listen` may be called, besides numeric "
              "addresses and `localhost`. Requests with another `Host` are "
              "refused: they may come from a page in somebody's browser."},
};
static const struct fl_config_section admin_section = {
  "admin", ROWS(admin_rows), .size = 0};

static const struct fl_config_row states_rows[] = {
  {"interval", FL_CONFIG_DURATION, 0, "5s", S(0), HOURS(1), MS(100),
   FIELD(fl_states_config, interval),
   .meaning = "How often the operating system is asked; `\"0s\"`: never."},
};
static const struct fl_config_section states_section = {
  "states", ROWS(states_rows), .size = 0};

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
static const struct fl_config_section socket_section = {
  "socket", ROWS(socket_rows), .size = 0};
const struct fl_config_section fl_config_listener_socket = {
  "socket", socket_rows + UPSTREAM_ONLY, SOCKET_ROWS - UPSTREAM_ONLY,
  .size = 0};
static const struct fl_config_section upstream_socket_section = {
  "socket", socket_rows, SOCKET_ROWS - LISTENER_ONLY, .size = 0};

static const struct fl_config_row listener_framing_rows[] = {
  {"type", FL_CONFIG_CHOICE, 0, "line", .choices = command_framings,
   FIELD(fl_framing, type),
   .meaning = "`\"line\"`: a frame ends at LF; a CR before it belongs to the "
              "end. The built-in commands are lines.",
   .why = ", for the built-in commands are lines"},
};
static const struct fl_config_section listener_framing_section = {
  "listeners[].framing", ROWS(listener_framing_rows), .size = 0};

static const struct fl_config_row access_rows[] = {
  {"allow", FL_CONFIG_BLOCKS, 0, NULL, 0, 1000,
   ARRAY(fl_acl, allow, allow_count),
   .meaning = "Addresses that may connect. With any here, all that no list "
              "names may not."},
  {"deny", FL_CONFIG_BLOCKS, 0, NULL, 0, 1000, ARRAY(fl_acl, deny, deny_count),
   .meaning = "Addresses that may not connect."},
};
static const struct fl_config_section access_section = {
  "listeners[].access", ROWS(access_rows), .size = 0};

static const struct fl_config_row access_log_rows[] = {
  {"target", FL_CONFIG_TARGET, 0, "off", .choices = access_targets,
   FIELD(fl_access_config, target),
   .meaning = "`\"off\"`: there is none. Else as in `log`; a path of its own "
              "is usual."},
  {"events", FL_CONFIG_CHOICE, 0, "connections", .choices = access_events,
   FIELD(fl_access_config, events),
   .meaning = "`\"connections\"`: a line for each client when it is closed. "
              "`\"requests\"`: a line for each request when it has its "
              "outcome; only in mode `request`."},
  {"format", FL_CONFIG_CHOICE, 0, "text", .choices = log_formats,
   FIELD(fl_access_config, format),
   .meaning = "`\"text\"`: time, listener, peer and `name=value` pairs. "
              "`\"json\"`: an object on each line."},
};
static const struct fl_config_section access_log_section = {
  "listeners[].access_log", ROWS(access_log_rows), .size = 0};

static const struct fl_config_row listener_rows[] = {
  {"name", FL_CONFIG_NAME, FL_CONFIG_REQUIRED, NULL, 1, 64,
   FIELD(fl_listener_config, name),
   .meaning = "Unique among listeners; stands in logs."},
  {"listen", FL_CONFIG_LISTEN, FL_CONFIG_REQUIRED, NULL, 1, 16,
   ARRAY(fl_listener_config, listen, listen_count),
   .meaning = "Numeric addresses to listen on, IPv6 in brackets. Port 0 takes "
              "any free port. No address may occur twice in the file."},
  {"mode", FL_CONFIG_CHOICE, FL_CONFIG_REQUIRED | FL_CONFIG_STREAM, NULL,
   .choices = fl_config_modes, FIELD(fl_listener_config, mode),
   .meaning = "`\"command\"`: the built-in commands. `\"request\"`: each "
              "frame is a request to the upstream. `\"relay\"`: raw bytes both "
              "ways, each client with a connection of its own. `\"session\"`: "
              "a client has a connection of the pool from its first byte until "
              "it leaves."},
  {"upstream", FL_CONFIG_UPSTREAM,
   FL_CONFIG_REQUIRED | NOT_COMMAND, NULL,
   FIELD(fl_listener_config, upstream),
   .meaning = "Not in mode `command`. Who answers: an upstream of this file, "
              "or a server, which makes an upstream with every default. "
              "Listeners of one upstream have the same mode."},
  {"read_only", FL_CONFIG_BOOLEAN, FL_CONFIG_REQUEST_MODE, "false",
   FIELD(fl_listener_config, read_only),
   .meaning = "Mode `request` only, with an upstream that has a `profile`. "
              "Requests that may change anything are not sent; their clients "
              "get the error `denied`."},
  {"workers", FL_CONFIG_INTEGER,
   FL_CONFIG_AUTO | FL_CONFIG_COMMAND_MODE | FL_CONFIG_REPLACE,
   "auto", 1, 64, FIELD(fl_listener_config, workers),
   .meaning = "Mode `command` only. Workers that serve it, at most as many as "
              "there are; `\"auto\"` is all."},
  {"framing", FL_CONFIG_OBJECT, FL_CONFIG_COMMAND_MODE | FL_CONFIG_STREAM, NULL,
   .section = &listener_framing_section, FIELD(fl_listener_config, framing),
   .meaning = "Mode `command` only. How frames are cut; in mode `request` as "
              "the upstream says."},
  {"max_frame", FL_CONFIG_SIZE, FL_CONFIG_COMMAND_MODE | NOT_RELAY,
   "64KiB", 64, MIB(16), FIELD(fl_listener_config, max_frame),
   .meaning = "Not in mode `relay`. The longest request, its end included."},
  {"max_connections", FL_CONFIG_INTEGER, 0, "10000", 1, 1000000,
   FIELD(fl_listener_config, max_connections),
   .meaning = "Clients open at once, over all workers. Further ones wait "
              "until one leaves."},
  {"on_upstream_down", FL_CONFIG_CHOICE, NOT_COMMAND,
   "keep", .choices = upstream_downs,
   FIELD(fl_listener_config, on_upstream_down),
   .meaning = "Not in mode `command`. Needs `health` of the upstream. "
              "`\"close_listener\"`: the addresses refuse connects while no "
              "server of the upstream is in, and until the first has "
              "answered."},
  {"access", FL_CONFIG_OBJECT, 0, NULL, .section = &access_section,
   FIELD(fl_listener_config, access),
   .meaning = "Who may connect; without it everybody."},
  {"max_connections_per_address", FL_CONFIG_INTEGER, 0, "0", 0, 1000000,
   FIELD(fl_listener_config, max_connections_per_address),
   .meaning = "Clients open at once from one address, over all workers; "
              "further ones are refused. 0: no such limit."},
  {"max_connection_rate", FL_CONFIG_INTEGER, 0, "0", 0, 1000000,
   FIELD(fl_listener_config, max_connection_rate),
   .meaning = "New connections per second from one address; faster ones are "
              "refused. 0: no such limit."},
  {"max_connection_burst", FL_CONFIG_INTEGER, FL_CONFIG_AUTO, "auto", 1,
   1000000, FIELD(fl_listener_config, max_connection_burst),
   .meaning = "With `max_connection_rate`: new connections at once from an "
              "address that paused; `\"auto\"` is those of one second."},
  {"idle_timeout", FL_CONFIG_DURATION, FL_CONFIG_AUTO, "auto", MS(1), DAYS(30),
   .step = 0, FIELD(fl_listener_config, idle_timeout),
   .meaning = "A client that completes no frame for so long is closed; in "
              "modes `relay` and `session` one of which no byte came or went. "
              "`\"auto\"` is `\"5m\"`, and no limit in those two."},
  {"half_close_timeout", FL_CONFIG_DURATION,
   FL_CONFIG_RELAY_MODE | FL_CONFIG_SESSION_MODE, "1m", MS(1),
   DAYS(30), .step = 0, FIELD(fl_listener_config, half_close_timeout),
   .meaning = "Modes `relay` and `session` only. Once one side has ended and "
              "its end was passed on, the other may be silent for so long; "
              "then both are closed."},
  {"frame_timeout", FL_CONFIG_DURATION,
   FL_CONFIG_COMMAND_MODE | FL_CONFIG_REQUEST_MODE, "1m", MS(1), DAYS(1),
   .step = 0, FIELD(fl_listener_config, frame_timeout),
   .meaning = "Modes `command` and `request` only. Time to complete a frame "
              "once its first "
              "byte came."},
  {"write_timeout", FL_CONFIG_DURATION, 0, "30s", MS(1), DAYS(1), .step = 0,
   FIELD(fl_listener_config, write_timeout),
   .meaning = "A client that takes no byte of what is sent to it for so "
              "long is closed."},
  {"access_log", FL_CONFIG_OBJECT, 0, NULL, .section = &access_log_section,
   FIELD(fl_listener_config, access_log),
   .meaning = "A log of this listener's clients or requests."},
  {"socket", FL_CONFIG_OBJECT, FL_CONFIG_INHERITS, NULL,
   .section = &fl_config_listener_socket, FIELD(fl_listener_config, socket),
   .meaning = "Socket options that differ from the outermost `socket`; all "
              "but those of upstreams only."},
};
const struct fl_config_section fl_config_listener = {
  "listeners[]", ROWS(listener_rows), sizeof(struct fl_listener_config),
  offsetof(struct fl_listener_config, place),
  offsetof(struct fl_listener_config, socket)};

enum { DELIMITER_MAX = 16 }; /* bytes */
#define DELIMITED .types = FL_CONFIG_TYPE(FL_FRAMING_DELIMITED)
#define LENGTH .types = FL_CONFIG_TYPE(FL_FRAMING_LENGTH)
#define FIXED .types = FL_CONFIG_TYPE(FL_FRAMING_FIXED)
static const struct fl_config_row upstream_framing_rows[] = {
  {"type", FL_CONFIG_CHOICE, 0, "line", .choices = framings,
   FIELD(fl_framing, type),
   .meaning = "`\"line\"`: a frame ends at LF. `\"delimited\"`: it stands "
              "between given bytes. `\"length\"`: a field in it says how long "
              "it is. `\"fixed\"`: all have the same size. `\"raw\"`: no "
              "frames, only in mode `session`. Frames are passed on byte for "
              "byte."},
  {"start", FL_CONFIG_BYTES, 0, "", 0, DELIMITER_MAX,
   FIELD(fl_framing, delimited.start), DELIMITED,
   .meaning = "What every frame begins with; empty for nothing. A stream that "
              "goes on with other bytes is closed."},
  {"end", FL_CONFIG_BYTES, FL_CONFIG_REQUIRED, NULL, 1, DELIMITER_MAX,
   FIELD(fl_framing, delimited.end), DELIMITED,
   .meaning = "What ends a frame, at the first place after `start` where it "
              "stands."},
  /* Up to the end of the field a frame is never longer than the least
     max_frame. */
  {"length_offset", FL_CONFIG_INTEGER, 0, "0", 0, 56,
   FIELD(fl_framing, length.offset), LENGTH,
   .meaning = "Bytes of a frame before the field."},
  {"length_width", FL_CONFIG_INTEGER, FL_CONFIG_REQUIRED, NULL, 1, 8,
   FIELD(fl_framing, length.width), LENGTH,
   .meaning = "Bytes of the field."},
  {"byte_order", FL_CONFIG_CHOICE, 0, "big", .choices = byte_orders,
   FIELD(fl_framing, length.order), LENGTH,
   .meaning = "`\"big\"`: the field's first byte counts most. `\"little\"`: "
              "its last."},
  {"length_adjustment", FL_CONFIG_SIGNED, 0, "0", 0, 65535,
   FIELD(fl_framing, length.adjustment), LENGTH,
   .meaning = "A frame has `length_offset` + `length_width` + the field's "
              "value + this many bytes. Negative where the value counts the "
              "field or what is before it."},
  {"length_encoding", FL_CONFIG_CHOICE, 0, "binary", .choices = encodings,
   FIELD(fl_framing, length.encoding), LENGTH,
   .meaning = "`\"binary\"`: an unsigned number. `\"ascii\"`: a decimal digit "
              "in each byte. `\"bcd\"`: two."},
  {"size", FL_CONFIG_SIZE, FL_CONFIG_REQUIRED, NULL, 1, MIB(16),
   FIELD(fl_framing, fixed.size), FIXED,
   .meaning = "Bytes of every frame; not above `max_frame`."},
};
static const struct fl_config_section upstream_framing_section = {
  "upstreams[].framing", ROWS(upstream_framing_rows), .size = 0};

#define BYTES_TYPE FL_CONFIG_TYPE(FL_EXTRACT_BYTES)
#define FIELD_TYPE FL_CONFIG_TYPE(FL_EXTRACT_FIELD)
#define HL7_TYPE FL_CONFIG_TYPE(FL_EXTRACT_HL7)
#define ISO8583_TYPE FL_CONFIG_TYPE(FL_EXTRACT_ISO8583)
static const struct fl_config_row extract_rows[] = {
  {"type", FL_CONFIG_CHOICE, 0, "bytes", .choices = extracts,
   FIELD(fl_extract, type),
   .meaning = "`\"bytes\"`: some at a fixed place. `\"field\"`: what stands "
              "between separators in a line. `\"hl7\"`: a field of an HL7 "
              "version 2 message. `\"iso8583\"`: a field of an ISO 8583:1987 "
              "message."},
  {"offset", FL_CONFIG_INTEGER, 0, "0", 0, 65535, FIELD(fl_extract, offset),
   .types = BYTES_TYPE | ISO8583_TYPE,
   .meaning = "Bytes of a frame before the key; of ISO 8583 before the message "
              "type: length and header."},
  {"width", FL_CONFIG_INTEGER, FL_CONFIG_REQUIRED, NULL, 1, 64,
   FIELD(fl_extract, width), .types = BYTES_TYPE,
   .meaning = "Bytes of the key."},
  {"segment", FL_CONFIG_BYTES, 0, "", 0, FL_BYTES_MAX,
   FIELD(fl_extract, segment), .types = FIELD_TYPE | HL7_TYPE,
   .meaning = "The line or segment: the first one whose first field is this; "
              "empty for the first of all."},
  {"field", FL_CONFIG_INTEGER, FL_CONFIG_REQUIRED, NULL, 0, 1000,
   FIELD(fl_extract, field), .types = FIELD_TYPE | HL7_TYPE | ISO8583_TYPE,
   .meaning = "Which field. Of a line the first is 0. Of HL7 as the standard "
              "counts: 10 is the control ID in `MSH`, 2 the one in `MSA`. Of "
              "ISO 8583 2 to 41: 11 is the trace number."},
  {"separator", FL_CONFIG_BYTES, FL_CONFIG_REQUIRED, NULL, 1, FL_BYTES_MAX,
   FIELD(fl_extract, separator), .types = FIELD_TYPE,
   .meaning = "What stands between two fields."},
  {"segment_end", FL_CONFIG_BYTES, 0, "hex:0a", 1, FL_BYTES_MAX,
   FIELD(fl_extract, segment_end), .types = FIELD_TYPE,
   .meaning = "What ends a line in a frame; the last one needs none."},
  {"encoding", FL_CONFIG_CHOICE, 0, "ascii", .choices = digits,
   FIELD(fl_extract, encoding), .types = ISO8583_TYPE,
   .meaning = "The message type, numbers and lengths: `\"ascii\"`: a digit in "
              "each byte. `\"bcd\"`: two."},
  {"bitmap", FL_CONFIG_CHOICE, 0, "binary", .choices = bitmaps,
   FIELD(fl_extract, bitmap), .types = ISO8583_TYPE,
   .meaning = "`\"binary\"`: 8 bytes. `\"hex\"`: 16 digits."},
};
static const struct fl_config_section extract_section = {
  "upstreams[].pair.request", ROWS(extract_rows), .size = 0};

#define BY_KEY .types = FL_CONFIG_TYPE(FL_PAIR_KEY)
#define BY_ID .types = FL_CONFIG_TYPE(FL_PAIR_ID)
static const struct fl_config_row pair_rows[] = {
  {"by", FL_CONFIG_CHOICE, 0, "order", .choices = pairings, FIELD(fl_pair, by),
   .meaning = "`\"order\"`: the first reply belongs to the first request, and "
              "so on. `\"id\"`: a reply has the id of its request; only with "
              "framing `length` or `fixed`. `\"key\"`: a reply has the key of "
              "its request, and frames are not changed."},
  {"offset", FL_CONFIG_INTEGER, FL_CONFIG_REQUIRED, NULL, 0, 65535,
   FIELD(fl_pair, offset), BY_ID,
   .meaning = "Bytes of a frame, request or reply, before the id."},
  {"width", FL_CONFIG_INTEGER, FL_CONFIG_REQUIRED, NULL, 1, 8,
   FIELD(fl_pair, width), BY_ID,
   .meaning = "Bytes of the id. With 1, `in_flight` is at most 128."},
  {"request", FL_CONFIG_OBJECT, FL_CONFIG_REQUIRED, NULL,
   .section = &extract_section, FIELD(fl_pair, request), BY_KEY,
   .meaning = "Where the key is in a request. A client whose request has none "
              "gets the error `no_key`."},
  {"reply", FL_CONFIG_OBJECT, FL_CONFIG_REQUIRED, NULL,
   .section = &extract_section, FIELD(fl_pair, reply), BY_KEY,
   .meaning = "Where it is in a reply."},
  {"on_late", FL_CONFIG_CHOICE, 0, "discard", .choices = on_lates,
   FIELD(fl_pair, on_late),
   .types = FL_CONFIG_TYPE(FL_PAIR_ID) | FL_CONFIG_TYPE(FL_PAIR_KEY),
   .meaning = "`\"discard\"`: a request that times out gets its error alone, "
              "and its reply is dropped if it still comes; after 3 timeouts "
              "in a row, or with 64 replies still due, the connection is "
              "closed. `\"retire\"`: the first timeout closes it."},
  {"on_collision", FL_CONFIG_CHOICE, 0, "wait", .choices = on_collisions,
   FIELD(fl_pair, on_collision), BY_KEY,
   .meaning = "What a request does whose key another one under way has: "
              "`\"wait\"` until that has its outcome, or `\"refuse\"`: get "
              "the error `key_in_use` at once."},
};
static const struct fl_config_section pair_section = {
  "upstreams[].pair", ROWS(pair_rows), .size = 0};

static const struct fl_config_row match_rows[] = {
  {"prefix", FL_CONFIG_BYTES, 0, "", 0, FL_BYTES_MAX, FIELD(fl_match, prefix),
   .meaning = "How the request begins."},
  {"suffix", FL_CONFIG_BYTES, 0, "", 0, FL_BYTES_MAX, FIELD(fl_match, suffix),
   .meaning = "How it ends; of a line what stands before its end, CR LF or "
              "LF."},
  {"offset", FL_CONFIG_INTEGER, 0, "0", 0, 65535, FIELD(fl_match, offset),
   .meaning = "Bytes of the request before one of `any_of`."},
  {"any_of", FL_CONFIG_STRINGS, 0, NULL, 0, 256,
   ARRAY(fl_match, any_of, any_of_count),
   .meaning = "What one of must stand there."},
};
static const struct fl_config_section match_section = {
  "upstreams[].requests[].match", ROWS(match_rows), .size = 0};

static const struct fl_config_row rule_rows[] = {
  {"match", FL_CONFIG_OBJECT, 0, NULL, .section = &match_section,
   FIELD(fl_rule, match),
   .meaning = "Which requests: those for which all that it states holds; "
              "without it all."},
  {"reply", FL_CONFIG_CHOICE, 0, "one", .choices = replies,
   FIELD(fl_rule, reply),
   .meaning = "`\"none\"`: no reply follows, and the request is done once the "
              "system has taken its last byte. If it fails before that, its "
              "client is closed, for it expects no error either."},
  {"idempotent", FL_CONFIG_BOOLEAN, 0, "false", FIELD(fl_rule, idempotent),
   .meaning = "Doing it twice is as good as once: when its connection ends "
              "before its reply, it is sent once more, on another one. "
              "`acquire_timeout` and `request_timeout` go on from the first "
              "time."},
  {"request_timeout", FL_CONFIG_DURATION, FL_CONFIG_AUTO, "auto", MS(1),
   DAYS(1), .step = 0, FIELD(fl_rule, request_timeout),
   .meaning = "In place of the upstream's; `\"auto\"`: the upstream's."},
  {"deny", FL_CONFIG_BOOLEAN, 0, "false", FIELD(fl_rule, deny),
   .meaning = "It is not sent; its client gets the error `denied`."},
};
static const struct fl_config_section rule_section = {
  "upstreams[].requests[]", ROWS(rule_rows), sizeof(struct fl_rule),
  offsetof(struct fl_rule, place), FL_CONFIG_NO_FIELD};

static const struct fl_config_row pool_rows[] = {
  {"min_size", FL_CONFIG_INTEGER, 0, "0", 0, 10000,
   FIELD(fl_pool_config, min_size),
   .meaning = "Connections kept open when there is nothing to do; for relays "
              "and sessions: that no client has, so that the next one gets one "
              "at once. Not above `max_size`. Without that limit each worker "
              "of the upstream keeps at least one."},
  {"max_size", FL_CONFIG_INTEGER, FL_CONFIG_AUTO, "auto", 1, 10000,
   FIELD(fl_pool_config, max_size),
   .meaning = "Hard limit of connections over all servers and workers; each "
              "counts until it is closed. `\"auto\"` is 10, and no limit for "
              "relays and sessions."},
  {"acquire_timeout", FL_CONFIG_DURATION, 0, "10s", MS(1), DAYS(1), .step = 0,
   FIELD(fl_pool_config, acquire_timeout),
   .meaning = "How long a request, or the client of a relay or session, waits "
              "for a connection."},
  {"max_waiters", FL_CONFIG_INTEGER, 0, "1000", 0, 1000000,
   FIELD(fl_pool_config, max_waiters),
   .meaning = "Clients that may wait for a connection; the next one's request "
              "gets an error at once, and the client of a relay or session is "
              "closed."},
  {"hold_timeout", FL_CONFIG_DURATION, FL_CONFIG_SESSION_MODE, "0s", S(0),
   DAYS(30), .step = 0, FIELD(fl_pool_config, hold_timeout),
   .meaning = "Mode `session` only. A client that has a connection on which no "
              "byte came or went for so long is closed when another waits for "
              "one and `max_size` are open. `\"0s\"`: it may keep it. (Its "
              "listener's `idle_timeout` ends it in any case.)"},
  {"idle_timeout", FL_CONFIG_DURATION, NOT_RELAY, "4m", MS(1),
   DAYS(30), .step = 0, FIELD(fl_pool_config, idle_timeout),
   .meaning = "Not for relays. An unused connection beyond `min_size` is "
              "closed after this."},
  {"max_lifetime", FL_CONFIG_DURATION, 0, "30m", S(0),
   DAYS(30), .step = 0, FIELD(fl_pool_config, max_lifetime),
   .meaning = "A connection older than this gets no more requests and is "
              "closed when its last reply is in; one that a client has to "
              "itself when that leaves. Each lives "
              "up to a tenth "
              "less, drawn when it is made, so that they do not all end at "
              "once. `\"0s\"`: any age."},
  {"validate_after", FL_CONFIG_DURATION, FL_CONFIG_REQUEST_MODE, "0s", S(0),
   DAYS(30), .step = 0, FIELD(fl_pool_config, validate_after),
   .meaning = "Requests only. A connection on which nothing was answered for "
              "so long is first checked, by `keepalive_request` or else by the "
              "request of `health`, and then gets a client's request. "
              "`\"0s\"`: none is."},
};
static const struct fl_config_section pool_section = {
  "upstreams[].pool", ROWS(pool_rows), .size = 0};

static const struct fl_config_row reset_rows[] = {
  {"send", FL_CONFIG_BYTES, 0, "", 0, FL_BYTES_MAX,
   FIELD(fl_reset_config, send),
   .meaning = "What is sent when a client has left; empty: the connection is "
              "closed instead. It is closed, too, when the server still owes "
              "the client an answer: fewer reply frames than request frames, "
              "with framing `raw` when the last bytes were the client's. So a "
              "client's FIN is not passed on but means that it leaves once it "
              "is answered."},
  {"expect", FL_CONFIG_BYTES, 0, "", 0, FL_BYTES_MAX,
   FIELD(fl_reset_config, expect),
   .meaning = "The answer to `send`, exactly and alone, within "
              "`request_timeout`; else the connection is closed. Choose what "
              "answers nothing that clients send."},
};
static const struct fl_config_section reset_section = {
  "upstreams[].reset", ROWS(reset_rows), .size = 0};

static const struct fl_config_row backoff_rows[] = {
  {"initial", FL_CONFIG_DURATION, 0, "100ms", MS(1), HOURS(1), .step = 0,
   FIELD(fl_backoff, initial),
   .meaning = "The longest wait after the first failed connect."},
  {"factor", FL_CONFIG_INTEGER, 0, "2", 1, 10, FIELD(fl_backoff, factor),
   .meaning = "What each further failure multiplies it by."},
  {"max", FL_CONFIG_DURATION, 0, "30s", MS(1), DAYS(1), .step = 0,
   FIELD(fl_backoff, max),
   .meaning = "The longest wait of all; not below `initial`."},
  {"jitter", FL_CONFIG_CHOICE, 0, "full", .choices = jitters, NO_FIELD,
   .meaning = "`\"full\"`: the wait is drawn evenly from zero to the "
              "longest."},
};
static const struct fl_config_section backoff_section = {
  "upstreams[].backoff", ROWS(backoff_rows), .size = 0};

static const struct fl_config_row keepalive_request_rows[] = {
  {"send", FL_CONFIG_PAYLOAD, FL_CONFIG_REQUIRED, NULL, 0, FL_PAYLOAD_MAX,
   FIELD(fl_keepalive_config, send),
   .meaning = "The request, a frame as in `on_connect`; empty for none."},
  {"expect", FL_CONFIG_PAYLOAD, 0, NULL, 0, FL_PAYLOAD_MAX,
   FIELD(fl_keepalive_config, expect),
   .meaning = "What its reply begins with, as in `on_connect`; without it any "
              "reply will do."},
  {"interval", FL_CONFIG_DURATION, 0, "30s", MS(1), DAYS(1), .step = 0,
   FIELD(fl_keepalive_config, interval),
   .meaning = "How long a connection is idle before it is sent, each time."},
};
static const struct fl_config_section keepalive_request_section = {
  "upstreams[].keepalive_request", ROWS(keepalive_request_rows), .size = 0};

static const struct fl_config_row health_rows[] = {
  {"interval", FL_CONFIG_DURATION, FL_CONFIG_REQUIRED, NULL, S(0), HOURS(1),
   .step = 0, FIELD(fl_health_config, interval),
   .meaning = "Time between checks of a server of which nothing else was "
              "heard; `\"0s\"`: no checks, and no server is ejected."},
  {"timeout", FL_CONFIG_DURATION, FL_CONFIG_REQUEST_MODE, "5s", MS(1), HOURS(1),
   .step = 0, FIELD(fl_health_config, timeout),
   .meaning = "Requests only. How long the reply to `send` may take."},
  {"send", FL_CONFIG_PAYLOAD, FL_CONFIG_REQUEST_MODE, NULL, 0, FL_PAYLOAD_MAX,
   FIELD(fl_health_config, send),
   .meaning = "Requests only. The request, a frame as in `on_connect`; "
              "without it a check is a connect."},
  {"expect", FL_CONFIG_PAYLOAD, FL_CONFIG_REQUEST_MODE, NULL, 0,
   FL_PAYLOAD_MAX, FIELD(fl_health_config, expect),
   .meaning = "Requests only. What its reply begins with, as in "
              "`on_connect`; without it any reply will do."},
  {"rise", FL_CONFIG_INTEGER, 0, "2", 1, 100, FIELD(fl_health_config, rise),
   .meaning = "Successes in a row that bring an ejected server back; after "
              "the first the others are sought at once."},
  {"fall", FL_CONFIG_INTEGER, 0, "3", 1, 100, FIELD(fl_health_config, fall),
   .meaning = "Failures in a row that eject a server: of checks, connects "
              "and requests."},
};
static const struct fl_config_section health_section = {
  "upstreams[].health", ROWS(health_rows), .size = 0};

static const struct fl_config_row step_rows[] = {
  {"send", FL_CONFIG_PAYLOAD, 0, NULL, 1, FL_PAYLOAD_MAX,
   FIELD(fl_step_config, send),
   .meaning = "A frame to send: whole, or without the start and end that "
              "framing `line` and `delimited` put around it."},
  {"expect", FL_CONFIG_PAYLOAD, 0, NULL, 0, FL_PAYLOAD_MAX,
   FIELD(fl_step_config, expect),
   .meaning = "What the server's next frame begins with, after the `start` "
              "of framing `delimited`; empty for any frame. Without it none "
              "is awaited."},
};
static const struct fl_config_section step_section = {
  "upstreams[].on_connect[]", ROWS(step_rows), sizeof(struct fl_step_config),
  FL_CONFIG_NO_FIELD, FL_CONFIG_NO_FIELD};

static const struct fl_config_row resolve_rows[] = {
  {"ttl", FL_CONFIG_DURATION, 0, "30s", S(0), DAYS(1), .step = 0,
   FIELD(fl_resolve_config, ttl),
   .meaning = "How long an answer is used. Names are looked up only when a "
              "connection is to be opened; `\"0s\"`: each time."},
  {"stale", FL_CONFIG_DURATION, 0, "1d", S(0), DAYS(30), .step = 0,
   FIELD(fl_resolve_config, stale),
   .meaning = "When the resolver fails, or takes longer than 1.8 s, the last "
              "answer is used until it is so old. `\"0s\"`: never."},
  {"head_start", FL_CONFIG_DURATION, 0, "250ms", S(0), S(60), .step = 0,
   FIELD(fl_resolve_config, head_start),
   .meaning = "An address that has not answered for so long is tried further, "
              "and the next one beside it, where `max_size` has room; the "
              "first connection that stands is used. `\"0s\"`: one after the "
              "other."},
};
static const struct fl_config_section resolve_section = {
  "upstreams[].resolve", ROWS(resolve_rows), .size = 0};

static const struct fl_config_row upstream_rows[] = {
  {"name", FL_CONFIG_NAME, FL_CONFIG_REQUIRED, NULL, 1, 64,
   FIELD(fl_upstream_config, name),
   .meaning = "Unique among upstreams; listeners refer to it."},
  {"servers", FL_CONFIG_SERVERS, FL_CONFIG_REQUIRED, NULL, 1, 64,
   ARRAY(fl_upstream_config, servers, server_count),
   .meaning = "Who answers: numeric addresses (IPv6 in brackets) or DNS "
              "names, each once."},
  {"balance", FL_CONFIG_CHOICE, 0, "least_in_flight", .choices = balances,
   FIELD(fl_upstream_config, balance),
   .meaning = "Which server gets the next request or connection: each in "
              "turn, the one with the fewest requests (for relays: "
              "connections) under way, or the one that belongs to the "
              "client's IP address."},
  {"workers", FL_CONFIG_INTEGER, FL_CONFIG_AUTO | FL_CONFIG_RESTART, "auto", 1,
   64, FIELD(fl_upstream_config, workers),
   .meaning = "Workers it is spread over, at most as many as there are and "
              "not above `pool.max_size`. Each has its part of the pool and "
              "its own queue; with 1, turns and limits are exact. `\"auto\"` "
              "is 1, and all for relays and sessions without `pool.max_size`."},
  {"profile", FL_CONFIG_CHOICE, FL_CONFIG_REQUEST_MODE | FL_CONFIG_STREAM,
   "none", .choices = profiles, FIELD(fl_upstream_config, profile),
   .meaning = "Mode `request` only. A protocol that Fairlead knows: what it "
              "says of `framing`, `pair`, `max_frame` and `requests` holds "
              "where this upstream does not state the key. `\"modbus-tcp\"`: "
              "see below."},
  {"framing", FL_CONFIG_OBJECT, NOT_RELAY | FL_CONFIG_STREAM, NULL,
   .section = &upstream_framing_section, FIELD(fl_upstream_config, framing),
   .meaning = "Not for relays. How requests and replies are cut out of the "
              "byte stream."},
  {"reply_framing", FL_CONFIG_OBJECT, NOT_RELAY | FL_CONFIG_STREAM, NULL,
   .section = &upstream_framing_section,
   FIELD(fl_upstream_config, reply_framing),
   .meaning = "Not for relays. How replies are cut where that differs from "
              "`framing`."},
  {"pair", FL_CONFIG_OBJECT, FL_CONFIG_REQUEST_MODE | FL_CONFIG_STREAM, NULL,
   .section = &pair_section, FIELD(fl_upstream_config, pair),
   .meaning = "Mode `request` only. How a reply finds its request."},
  {"requests", FL_CONFIG_LIST, FL_CONFIG_REQUEST_MODE, NULL, 0, 100,
   .section = &rule_section, ARRAY(fl_upstream_config, rules, rule_count),
   .meaning = "Mode `request` only. Rules for some requests; the first that "
              "matches a request decides."},
  {"ignore", FL_CONFIG_STRINGS, FL_CONFIG_REQUEST_MODE, NULL, 0, 16,
   ARRAY(fl_upstream_config, ignore, ignore_count),
   .meaning = "Mode `request` only. Whole frames, of lines without their end, "
              "that are neither requests nor replies, such as empty ones that "
              "keep a connection alive. They are dropped, from clients and "
              "from servers."},
  {"unsolicited", FL_CONFIG_CHOICE, FL_CONFIG_REQUEST_MODE, "retire",
   .choices = unsolicited, FIELD(fl_upstream_config, unsolicited),
   .meaning = "Mode `request` only. What a server sends while no reply is due, "
              "and by id a reply to no request under way: `\"retire\"` closes "
              "the connection, `\"drop\"` drops the frame."},
  {"in_flight", FL_CONFIG_INTEGER,
   FL_CONFIG_REQUEST_MODE | FL_CONFIG_RECONNECT, "1", 1, 1000,
   FIELD(fl_upstream_config, in_flight),
   .meaning = "Mode `request` only. Requests under way on one connection. By "
              "order, "
              "more than 1 only for servers that never skip or repeat a reply. "
              "Times `max_frame`, at most 256MiB: so much may wait for one "
              "client."},
  {"max_frame", FL_CONFIG_SIZE, NOT_RELAY, "1MiB", 64, MIB(16),
   FIELD(fl_upstream_config, max_frame),
   .meaning = "Not for relays. The longest reply, its end included."},
  {"pool", FL_CONFIG_OBJECT, 0, NULL, .section = &pool_section,
   FIELD(fl_upstream_config, pool),
   .meaning = "Its connections."},
  {"reset", FL_CONFIG_OBJECT,
   FL_CONFIG_SESSION_MODE | FL_CONFIG_RECONNECT, NULL,
   .section = &reset_section, FIELD(fl_upstream_config, reset),
   .meaning = "Mode `session` only. How a connection that a client has left "
              "becomes fit for the next one."},
  {"resolve", FL_CONFIG_OBJECT, 0, NULL, .section = &resolve_section,
   FIELD(fl_upstream_config, resolve),
   .meaning = "What its servers' names mean. Up to 16 addresses of a name are "
              "used, IPv6 and IPv4 in turn. A connection to an address that "
              "is no longer among them is closed once it is idle."},
  {"connect_timeout", FL_CONFIG_DURATION, 0, "5s", MS(1), HOURS(1), .step = 0,
   FIELD(fl_upstream_config, connect_timeout),
   .meaning = "How long looking the name up may take, and then connecting "
              "to each of its addresses."},
  {"on_connect", FL_CONFIG_LIST,
   FL_CONFIG_REQUEST_MODE | FL_CONFIG_RECONNECT, NULL, 0, 16,
   .section = &step_section,
   ARRAY(fl_upstream_config, on_connect, on_connect_count),
   .meaning = "Requests only. What is said on a new connection before its "
              "first request, step by step: a greeting to expect, a sign-on "
              "to send. All of it has `connect_timeout`; whatever else the "
              "server says closes the connection and counts as a failed "
              "connect."},
  {"keepalive_request", FL_CONFIG_OBJECT,
   FL_CONFIG_REQUEST_MODE | FL_CONFIG_RECONNECT, NULL,
   .section = &keepalive_request_section,
   FIELD(fl_upstream_config, keepalive),
   .meaning = "Requests only. What is asked on an idle connection so that "
              "nobody on the way forgets it, and to see that it still works."},
  {"on_close", FL_CONFIG_PAYLOAD, FL_CONFIG_REQUEST_MODE, NULL, 0,
   FL_PAYLOAD_MAX, FIELD(fl_upstream_config, on_close),
   .meaning = "Requests only. A frame that is sent before a connection is "
              "closed because it is not needed, has reached its age, or "
              "Fairlead stops; never after a fault."},
  {"health", FL_CONFIG_OBJECT, 0, NULL, .section = &health_section,
   FIELD(fl_upstream_config, health),
   .meaning = "Which servers are fit for use."},
  {"connect_settle", FL_CONFIG_DURATION, NOT_RELAY, "0s", S(0),
   S(60), .step = 0, FIELD(fl_upstream_config, connect_settle),
   .meaning = "Not for relays. Quiet time after a connection is made, for "
              "servers that drop what comes too early. A greeting that "
              "`on_connect` expects may come within it."},
  {"request_gap", FL_CONFIG_DURATION, FL_CONFIG_REQUEST_MODE, "0s", S(0),
   S(60), .step = 0, FIELD(fl_upstream_config, request_gap),
   .meaning = "Mode `request` only. Quiet time between a reply and the next "
              "request on the same connection. What the server repeats "
              "within it closes the "
              "connection instead of answering the next request. Needs "
              "`in_flight` 1."},
  {"reconnect_delay", FL_CONFIG_DURATION, 0, "0s", S(0), S(60), .step = 0,
   FIELD(fl_upstream_config, reconnect_delay),
   .meaning = "Quiet time between a connection's end and the next connect to "
              "the same server, for devices that free a place late."},
  {"drain_timeout", FL_CONFIG_DURATION,
   FL_CONFIG_RELAY_MODE | FL_CONFIG_SESSION_MODE, "0s", S(0), DAYS(30),
   .step = 0, FIELD(fl_upstream_config, drain_timeout),
   .meaning = "Modes `relay` and `session` only. How long clients keep a "
              "connection to a server that an operator has drained, or that a "
              "reload has taken out of `servers`; then both sides are reset "
              "(`drain_timeout`). `\"0s\"`: until they leave."},
  {"request_timeout", FL_CONFIG_DURATION, NOT_RELAY, "5s", MS(1),
   DAYS(1), .step = 0, FIELD(fl_upstream_config, request_timeout),
   .meaning = "Not for relays. From the first byte sent to the last byte of "
              "the reply; of sessions the time to answer `reset`."},
  {"write_timeout", FL_CONFIG_DURATION, 0, "30s", MS(1), DAYS(1), .step = 0,
   FIELD(fl_upstream_config, write_timeout),
   .meaning = "A connection whose server takes no byte for so long is "
              "closed."},
  {"backoff", FL_CONFIG_OBJECT, 0, NULL, .section = &backoff_section,
   FIELD(fl_upstream_config, backoff),
   .meaning = "Waits between connects to a server that fails."},
  {"socket", FL_CONFIG_OBJECT, FL_CONFIG_INHERITS, NULL,
   .section = &upstream_socket_section, FIELD(fl_upstream_config, socket),
   .meaning = "Socket options that differ from the outermost `socket`; all "
              "but those of listeners only."},
};
const struct fl_config_section fl_config_upstream = {
  "upstreams[]", ROWS(upstream_rows), sizeof(struct fl_upstream_config),
  offsetof(struct fl_upstream_config, place),
  offsetof(struct fl_upstream_config, socket)};

static const struct fl_config_row root_rows[] = {
  {"$schema", FL_CONFIG_IGNORED, 0, NULL, NO_FIELD,
   .meaning = "For editors that check the file while it is written."},
  {"include", FL_CONFIG_PATTERNS, 0, NULL, 0, 100, NO_FIELD,
   .meaning = "Further files, each with `listeners` and `upstreams` that are "
              "added to those here. Relative to the directory of this file; in "
              "the last part `*` stands for any characters and `?` for one."},
  {"workers", FL_CONFIG_INTEGER, FL_CONFIG_AUTO | FL_CONFIG_RESTART, "auto", 1,
   FL_CONFIG_WORKERS_MAX, FIELD(fl_config, workers),
   .meaning = "Threads that serve; `\"auto\"` is one per processor, 64 at "
              "most."},
  {"drain_delay", FL_CONFIG_DURATION, 0, "0s", S(0), HOURS(1), .step = 0,
   FIELD(fl_config, drain_delay),
   .meaning = "How long a stop goes on serving, new clients included, after "
              "`/readyz` has begun to say no, so that balancers notice; "
              "`shutdown_timeout` counts from its end."},
  {"shutdown_timeout", FL_CONFIG_DURATION, 0, "30s", S(0), HOURS(1), .step = 0,
   FIELD(fl_config, shutdown_timeout),
   .meaning = "How long a stop may wait for requests under way and for relays "
              "to end; likewise a reload, for those of listeners it removes."},
  {"restart_timeout", FL_CONFIG_DURATION, 0, "2s", S(0), HOURS(1), .step = 0,
   FIELD(fl_config, restart_timeout),
   .meaning = "The same for the stop of a restart (SIGUSR2), without "
              "`drain_delay`. New clients wait meanwhile, in the queues of "
              "listening sockets that the service manager keeps open."},
  {"max_buffered", FL_CONFIG_SIZE, 0, "256MiB", MIB(1), MIB(2048),
   FIELD(fl_config, max_buffered),
   .meaning = "What all buffers of the process may hold: frames that are not "
              "complete, and what peers have not taken. From three quarters "
              "on, until it is below a half, clients that would need more "
              "have to wait, and those in the middle of a long frame for "
              "more than a second are closed, the oldest first; at the limit "
              "whoever needs more is (`buffers_full`). At least four times "
              "every `max_frame`; the default is 4000 times what one that "
              "does not read may have."},
  {"log", FL_CONFIG_OBJECT, 0, NULL, .section = &log_section,
   FIELD(fl_config, log),
   .meaning = "What is logged, how, and where to."},
  {"control", FL_CONFIG_OBJECT, FL_CONFIG_RESTART, NULL,
   .section = &control_section, .offset = 0,
   .meaning = "Where `fairlead status`, `stop` and the other commands reach "
              "the program that runs."},
  {"admin", FL_CONFIG_OBJECT, FL_CONFIG_RESTART, NULL,
   .section = &admin_section, .offset = 0,
   .meaning = "Metrics, status and health over HTTP."},
  {"states", FL_CONFIG_OBJECT, 0, NULL, .section = &states_section,
   FIELD(fl_config, states),
   .meaning = "Connection states as the operating system has them."},
  /* Before listeners and upstreams, which start from it. */
  {"socket", FL_CONFIG_OBJECT, 0, NULL, .section = &socket_section,
   FIELD(fl_config, socket),
   .meaning = "Options of every socket, clients' and upstreams'."},
  {"listeners", FL_CONFIG_LIST, FL_CONFIG_REQUIRED, NULL, 1, 1000,
   .section = &fl_config_listener, ARRAY(fl_config, listeners, listener_count),
   .meaning = "Where clients connect."},
  {"upstreams", FL_CONFIG_LIST, 0, NULL, 0, 1000,
   .section = &fl_config_upstream, ARRAY(fl_config, upstreams, upstream_count),
   .meaning = "Named groups of servers that answer requests."},
};
const struct fl_config_section fl_config_root = {
  "", ROWS(root_rows), .size = 0};
/* clang-format on */

bool fl_config_row_applies(const struct fl_config_section *section,
                           const struct fl_config_row *row, const void *base) {
  int choice;
  if (row->types == 0)
    return true;
  memcpy(&choice, (const unsigned char *)base + section->rows[0].offset,
         sizeof choice);
  return (row->types & FL_CONFIG_TYPE(choice)) != 0;
}

bool fl_config_row_in_mode(const struct fl_config_row *row, int mode) {
  unsigned modes = row->flags & FL_CONFIG_MODES;
  return modes == 0 || (modes & (unsigned)FL_CONFIG_COMMAND_MODE << mode) != 0;
}

const struct fl_config_row *
fl_config_row_find(const struct fl_config_section *section, const char *key) {
  for (uint32_t i = 0; i < section->count; i++)
    if (strcmp(section->rows[i].key, key) == 0)
      return &section->rows[i];
  return NULL;
}
