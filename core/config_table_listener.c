#include "core/config_rows.h"

/* clang-format off */
static const char *const access_targets[] = {"off", "stderr", "syslog", NULL};
static const char *const access_events[] = {"connections", "requests", NULL};
const char *const fl_config_modes[] = {"command", "request", "relay",
                                          "session", NULL};
static const char *const command_framings[] = {"line", NULL};
static const char *const upstream_downs[] = {"keep", "close_listener", NULL};

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
  {"format", FL_CONFIG_CHOICE, 0, "text", .choices = fl_config_log_formats,
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
/* clang-format on */
