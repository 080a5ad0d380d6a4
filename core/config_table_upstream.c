#include "core/config_rows.h"

/* clang-format off */
static const char *const balances[] = {"round_robin", "least_in_flight",
                                       "hash_client", NULL};
static const char *const profiles[] = {"none", "modbus-tcp", NULL};
static const char *const unsolicited[] = {"retire", "drop", NULL};
static const char *const jitters[] = {"full", NULL};

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
   .section = &fl_config_upstream_framing, FIELD(fl_upstream_config, framing),
   .meaning = "Not for relays. How requests and replies are cut out of the "
              "byte stream."},
  {"reply_framing", FL_CONFIG_OBJECT, NOT_RELAY | FL_CONFIG_STREAM, NULL,
   .section = &fl_config_upstream_framing,
   FIELD(fl_upstream_config, reply_framing),
   .meaning = "Not for relays. How replies are cut where that differs from "
              "`framing`."},
  {"pair", FL_CONFIG_OBJECT, FL_CONFIG_REQUEST_MODE | FL_CONFIG_STREAM, NULL,
   .section = &fl_config_pair, FIELD(fl_upstream_config, pair),
   .meaning = "Mode `request` only. How a reply finds its request."},
  {"requests", FL_CONFIG_LIST, FL_CONFIG_REQUEST_MODE, NULL, 0, 100,
   .section = &fl_config_rule, ARRAY(fl_upstream_config, rules, rule_count),
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
   .section = &fl_config_upstream_socket, FIELD(fl_upstream_config, socket),
   .meaning = "Socket options that differ from the outermost `socket`; all "
              "but those of listeners only."},
};
const struct fl_config_section fl_config_upstream = {
  "upstreams[]", ROWS(upstream_rows), sizeof(struct fl_upstream_config),
  offsetof(struct fl_upstream_config, place),
  offsetof(struct fl_upstream_config, socket)};
/* clang-format on */
