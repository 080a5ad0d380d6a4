/* Reading and printing config.json: values, defaults, each kind of error with
   its place, and memory that runs out anywhere. */
#include "core/config.h"
#include "core/config_schema.h"

#include "tests/unit/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#define DAY (86400 * FL_SECOND)

static struct fl_config_errors errors;
static char json[4096];

/* Reads a text whose quotation marks are written as apostrophes. */
static struct fl_config *read_config(const char *text) {
  size_t size = strlen(text);
  assert_true(size < sizeof json);
  for (size_t i = 0; i <= size; i++)
    json[i] = (char)(text[i] == '\'' ? '"' : text[i]);
  return fl_config_read((struct fl_slice){(const uint8_t *)json, size},
                        &errors);
}

static void print_errors(void) {
  for (uint32_t i = 0; i < errors.count; i++)
    print_error("%u:%u: %s: found %s, allowed %s\n", errors.list[i].place.line,
                errors.list[i].place.column, errors.list[i].path,
                errors.list[i].found, errors.list[i].allowed);
}

static struct fl_config *read_good(const char *text) {
  struct fl_config *config = read_config(text);
  if (config == NULL)
    print_errors();
  assert_non_null(config);
  assert_int_equal(errors.count, 0);
  assert_false(errors.out_of_memory);
  fl_config_errors_free(&errors);
  return config;
}

/* Around the part of a file that a test is about, which is line 2. */
#define A_LISTENER "{'name':'a','listen':['127.0.0.1:0'],'mode':'command'}"
#define AN_UPSTREAM "'name':'u','servers':['h:1']"
#define TOP(text) "{'listeners':[" A_LISTENER "],\n" text "}"
#define LISTENER(text)                                                         \
  "{'upstreams':[{" AN_UPSTREAM "}],'listeners':[{'name':'a',"                 \
  "'listen':['127.0.0.1:0'],\n" text "}]}"
#define COMMAND(text) LISTENER("'mode':'command'," text)
#define LISTENERS(text) "{'listeners':[\n" text "]}"
#define UPSTREAM(text)                                                         \
  "{'listeners':[" A_LISTENER "],'upstreams':[{" AN_UPSTREAM ",\n" text "}]}"
#define RELAY(of_listener, of_upstream) ALONE("relay", of_listener, of_upstream)
#define SESSION(of_listener, of_upstream)                                      \
  ALONE("session", of_listener, of_upstream)
#define ALONE(mode, of_listener, of_upstream)                                  \
  "{'listeners':[{'name':'a','listen':['127.0.0.1:0'],'mode':'" mode "'"       \
  "," of_listener "'upstream':'u'}],'upstreams':[{" AN_UPSTREAM                \
  ",\n" of_upstream "}]}"
#define UPSTREAMS(text)                                                        \
  "{'listeners':[" A_LISTENER "],'upstreams':[\n" text "]}"

/* --- values ------------------------------------------------------------- */

static void defaults_are_filled_in(void **state) {
  (void)state;
  struct fl_config *config = read_good("{'listeners':[" A_LISTENER
                                       "],'upstreams':[{" AN_UPSTREAM "}]}");
  assert_int_equal(config->workers, 0);
  assert_int_equal(config->shutdown_timeout, 30 * FL_SECOND);
  assert_int_equal(config->log.level, FL_LOG_INFO);
  assert_int_equal(config->listener_count, 1);
  assert_int_equal(config->upstream_count, 1);

  const struct fl_listener_config *listener = config->listeners;
  assert_string_equal(listener->name, "a");
  assert_int_equal(listener->mode, FL_MODE_COMMAND);
  assert_int_equal(listener->listen_count, 1);
  assert_string_equal(listener->listen[0].text, "127.0.0.1:0");
  assert_string_equal(listener->listen[0].host, "127.0.0.1");
  assert_int_equal(listener->listen[0].port, 0);
  assert_int_equal(listener->listen[0].addr.family, FL_ADDR_IP4);
  assert_int_equal(listener->listen[0].place.line, 1);
  assert_int_equal(listener->listen[0].place.column, 37);
  assert_int_equal(listener->place.column, 15);
  assert_int_equal(listener->workers, 0);
  assert_int_equal(listener->framing.type, FL_FRAMING_LINE);
  assert_int_equal(listener->max_frame, 65536);
  assert_int_equal(listener->max_connections, 10000);
  assert_int_equal(listener->max_connections_per_address, 0);
  assert_int_equal(listener->max_connection_rate, 0);
  assert_int_equal(listener->max_connection_burst, 0);
  assert_int_equal(listener->access.allow_count, 0);
  assert_int_equal(listener->access.deny_count, 0);
  assert_int_equal(listener->idle_timeout, 300 * FL_SECOND);
  assert_int_equal(listener->frame_timeout, 60 * FL_SECOND);
  assert_int_equal(listener->write_timeout, 30 * FL_SECOND);

  const struct fl_sockopts *socket = &listener->socket;
  assert_true(socket->nodelay);
  assert_true(socket->keepalive);
  assert_int_equal(socket->keepalive_idle, 60);
  assert_int_equal(socket->keepalive_interval, 30);
  assert_int_equal(socket->keepalive_count, 5);
  assert_int_equal(socket->user_timeout, 210 * FL_SECOND);
  assert_int_equal(socket->receive_buffer, 0);
  assert_int_equal(socket->send_buffer, 0);
  assert_int_equal(socket->backlog, 4096);
  assert_int_equal(socket->dscp, 0);
  assert_false(socket->free_bind);
  assert_false(socket->reuse_port);
  assert_true(socket->ipv6_only);
  assert_int_equal(socket->syn_retries, 0);
  assert_int_equal(socket->bind.family, FL_ADDR_NONE);

  const struct fl_upstream_config *upstream = config->upstreams;
  assert_string_equal(upstream->name, "u");
  assert_int_equal(upstream->server_count, 1);
  assert_string_equal(upstream->servers[0].host, "h");
  assert_int_equal(upstream->servers[0].addr.family, FL_ADDR_NONE);
  assert_int_equal(upstream->balance, FL_BALANCE_LEAST_IN_FLIGHT);
  assert_int_equal(upstream->workers, 1);
  assert_int_equal(upstream->framing.type, FL_FRAMING_LINE);
  assert_int_equal(upstream->max_frame, 1048576);
  assert_int_equal(upstream->in_flight, 1);
  assert_int_equal(upstream->pool.min_size, 0);
  assert_int_equal(upstream->pool.max_size, 10);
  assert_int_equal(upstream->pool.max_waiters, 1000);
  assert_int_equal(upstream->pool.acquire_timeout, 10 * FL_SECOND);
  assert_int_equal(upstream->pool.idle_timeout, 240 * FL_SECOND);
  assert_int_equal(upstream->connect_timeout, 5 * FL_SECOND);
  assert_int_equal(upstream->request_timeout, 5 * FL_SECOND);
  assert_int_equal(upstream->write_timeout, 30 * FL_SECOND);
  assert_int_equal(upstream->backoff.initial, 100 * FL_MILLISECOND);
  assert_int_equal(upstream->backoff.factor, 2);
  assert_int_equal(upstream->backoff.max, 30 * FL_SECOND);
  assert_int_equal(upstream->socket.user_timeout, 210 * FL_SECOND);
  fl_config_free(config);
}

/* No value here is a default. */
static const char *const every_key =
    "\xEF\xBB\xBF// all of it\n"
    "{'$schema':'x','workers':3,'shutdown_timeout':'0s',"
    "'log':{'level':'debug'},"
    "'upstreams':[{'name':'u','servers':['h.example:1','[2001:db8::1]:2'],"
    "'balance':'round_robin','workers':2,'framing':{'type':'line'},"
    "'pair':{'by':'order'},'in_flight':7,'max_frame':'2KiB',"
    "'pool':{'min_size':3,'max_size':4,'acquire_timeout':'1ms',"
    "'max_waiters':0,'idle_timeout':'30d'},'connect_timeout':'1s',"
    "'request_timeout':'2s','write_timeout':'3s','backoff':{'initial':'4s',"
    "'factor':10,'max':'4s','jitter':'full'},"
    "'socket':{'nodelay':true,'keepalive':{'idle':'9s'}}}],"
    "'listeners':[{'name':'A-z_0.9','listen':['0.0.0.0:1','[::]:65535'],"
    "'mode':'command','workers':64,'framing':{'type':'line'},"
    "'max_frame':'64B','idle_timeout':'6s','frame_timeout':'7s',"
    "'write_timeout':'8s','max_connections':1000000,"
    "'max_connections_per_address':4,'max_connection_rate':5,"
    "'max_connection_burst':6,'access':{'allow':['10.0.0.0/8','::1'],"
    "'deny':['10.1.0.0/16']},"
    "'socket':{'user_timeout':'0s','backlog':1,'receive_buffer':'auto',"
    "'send_buffer':'64MiB'}},"
    "{'name':'r','listen':['127.0.0.1:0','127.0.0.1:0'],'mode':'request',"
    "'upstream':'u','max_connections':1e1},"
    "{'name':'i','listen':['127.0.0.2:0'],'mode':'request',"
    "'upstream':'h:9'},"
    "{'name':'j','listen':['127.0.0.3:5'],'mode':'request',"
    "'upstream':'h:9','socket':{'keepalive':{'enabled':true}}}],"
    /* comes last and holds for all */
    "'socket':{'nodelay':false,'keepalive':{'enabled':false,'idle':'2s',"
    "'interval':'3s','count':4},'user_timeout':'auto',"
    "'receive_buffer':'4KiB','send_buffer':'5KiB','backlog':9,'dscp':46,"
    "'free_bind':true,'reuse_port':true,'ipv6_only':false,'syn_retries':7,"
    "'bind':'::1'}}";

static void every_key_is_read(void **state) {
  (void)state;
  struct fl_config *config = read_good(every_key);
  assert_int_equal(config->workers, 3);
  assert_int_equal(config->shutdown_timeout, 0);
  assert_int_equal(config->log.level, FL_LOG_DEBUG);
  assert_int_equal(config->socket.user_timeout, 0);
  assert_int_equal(config->upstream_count, 2);

  const struct fl_upstream_config *upstream = &config->upstreams[0];
  assert_int_equal(upstream->socket.syn_retries, 7);
  assert_int_equal(upstream->socket.bind.family, FL_ADDR_IP6);
  assert_int_equal(upstream->socket.bind.ip[15], 1);
  assert_int_equal(upstream->server_count, 2);
  assert_string_equal(upstream->servers[1].text, "[2001:db8::1]:2");
  assert_string_equal(upstream->servers[1].host, "2001:db8::1");
  assert_int_equal(upstream->servers[1].port, 2);
  assert_int_equal(upstream->servers[1].addr.family, FL_ADDR_IP6);
  assert_int_equal(upstream->balance, FL_BALANCE_ROUND_ROBIN);
  assert_int_equal(upstream->workers, 2);
  assert_int_equal(upstream->in_flight, 7);
  assert_int_equal(upstream->max_frame, 2048);
  assert_int_equal(upstream->pool.min_size, 3);
  assert_int_equal(upstream->pool.max_size, 4);
  assert_int_equal(upstream->pool.acquire_timeout, FL_MILLISECOND);
  assert_int_equal(upstream->pool.max_waiters, 0);
  assert_int_equal(upstream->pool.idle_timeout, 30 * DAY);
  assert_int_equal(upstream->connect_timeout, 1 * FL_SECOND);
  assert_int_equal(upstream->request_timeout, 2 * FL_SECOND);
  assert_int_equal(upstream->write_timeout, 3 * FL_SECOND);
  assert_int_equal(upstream->backoff.initial, 4 * FL_SECOND);
  assert_int_equal(upstream->backoff.factor, 10);
  assert_int_equal(upstream->backoff.max, 4 * FL_SECOND);
  assert_true(upstream->socket.nodelay);
  assert_false(upstream->socket.keepalive);
  assert_int_equal(upstream->socket.keepalive_idle, 9);
  assert_int_equal(upstream->socket.keepalive_interval, 3);
  assert_int_equal(upstream->socket.user_timeout, 0);
  assert_int_equal(upstream->socket.send_buffer, 5120);

  const struct fl_listener_config *listener = &config->listeners[0];
  assert_string_equal(listener->name, "A-z_0.9");
  assert_int_equal(listener->listen_count, 2);
  assert_int_equal(listener->listen[1].port, 65535);
  assert_int_equal(listener->workers, 64);
  assert_int_equal(listener->max_frame, 64);
  assert_int_equal(listener->idle_timeout, 6 * FL_SECOND);
  assert_int_equal(listener->frame_timeout, 7 * FL_SECOND);
  assert_int_equal(listener->write_timeout, 8 * FL_SECOND);
  assert_int_equal(listener->max_connections, 1000000);
  assert_false(listener->socket.nodelay);
  assert_int_equal(listener->socket.receive_buffer, 0);
  assert_int_equal(listener->socket.send_buffer, 64 << 20);
  assert_int_equal(listener->socket.backlog, 1);
  assert_int_equal(listener->socket.dscp, 46);
  assert_true(listener->socket.free_bind);
  assert_true(listener->socket.reuse_port);
  assert_false(listener->socket.ipv6_only);
  assert_int_equal(listener->max_connections_per_address, 4);
  assert_int_equal(listener->max_connection_rate, 5);
  assert_int_equal(listener->max_connection_burst, 6);
  assert_int_equal(listener->access.allow_count, 2);
  assert_int_equal(listener->access.allow[0].bits, 8);
  assert_int_equal(listener->access.allow[1].family, FL_ADDR_IP6);
  assert_int_equal(listener->access.deny_count, 1);
  assert_int_equal(listener->access.deny[0].bits, 16);
  fl_config_free(config);
}

static void request_listeners_find_their_upstream(void **state) {
  (void)state;
  struct fl_config *config = read_good(every_key);
  assert_int_equal(config->listeners[1].mode, FL_MODE_REQUEST);
  assert_int_equal(config->listeners[1].upstream, 0);
  assert_int_equal(config->listeners[1].max_connections, 10);
  assert_int_equal(config->listeners[2].upstream, 1);
  assert_int_equal(config->listeners[3].upstream, 1);
  const struct fl_upstream_config *made = &config->upstreams[1];
  assert_string_equal(made->name, "h:9");
  assert_int_equal(made->server_count, 1);
  assert_string_equal(made->servers[0].host, "h");
  assert_int_equal(made->servers[0].port, 9);
  assert_int_equal(made->pool.max_size, 10);
  assert_int_equal(made->socket.keepalive_idle, 2);
  fl_config_free(config);
}

static void user_timeout_follows_what_holds_for_the_socket(void **state) {
  (void)state;
  struct fl_config *config = read_good(every_key);
  /* off for all; on again in one listener */
  assert_int_equal(config->listeners[2].socket.user_timeout, 0);
  assert_int_equal(config->listeners[3].socket.user_timeout, 14 * FL_SECOND);
  fl_config_free(config);
  config = read_good(COMMAND("'socket':{'user_timeout':'7d'}"));
  assert_int_equal(config->listeners[0].socket.user_timeout, 7 * DAY);
  assert_int_equal(config->socket.user_timeout, 210 * FL_SECOND);
  fl_config_free(config);
}

/* --- errors ------------------------------------------------------------- */

struct fault {
  const char *text;
  uint32_t line, column;
  const char *path, *found, *allowed;
};

#define DURATION "a duration such as \"250ms\" (units us, ms, s, m, h, d), "
#define SECONDS "a duration such as \"30s\" (units us, ms, s, m, h, d), "
#define SIZE "a size such as \"64KiB\" (units B, KiB, MiB, GiB), "
#define NAME "a name, 1 to 64 of A-Z a-z 0-9 . _ -"
#define SERVER                                                                 \
  "\"host:port\", a numeric address or DNS name and a port, 1 to 65535"
#define LISTEN "\"ip:port\", a numeric address and a port, 0 to 65535"
#define LONG_NAME                                                              \
  "0123456789012345678901234567890123456789012345678901234567890123"

static const struct fault faults[] = {
    /* the file */
    {"", 1, 1, "", "the end of the file",
     "a value: an object, array, string, number, true or false"},
    {"{\n 'a' 1}", 2, 6, "", "'1'", "\":\" after the name"},
    {"{'a':\v1}", 1, 6, "", "the byte 0x0b",
     "a value: an object, array, string, number, true or false"},
    {"{'a':01}", 1, 7, "", "'1'", "no digit after a leading 0"},
    {" /* ", 1, 2, "", "a comment without an end",
     "a comment from \"/*\" to \"*/\""},
    {"\n [1, 2]", 2, 2, "", "an array of 2", "an object"},
    {"null", 1, 1, "", "null", "an object"},
    {"{}", 1, 1, "listeners", "", "required: an array of 1 to 1000 objects"},
    /* keys */
    {TOP("'workerz':1"), 2, 1, "workerz", "an unknown key",
     "\"workers\", the nearest known key"},
    {TOP("'reload':1"), 2, 1, "reload", "an unknown key",
     "one of $schema, include, workers, drain_delay, shutdown_timeout, "
     "restart_timeout, max_buffered, log, control, admin, states, socket, "
     "listeners, "
     "upstreams"},
    {TOP("'a\\u001b\xC2\x9B\x7F':1"), 2, 1, "a???", "an unknown key",
     "one of $schema, include, workers, drain_delay, shutdown_timeout, "
     "restart_timeout, max_buffered, log, control, admin, states, socket, "
     "listeners, "
     "upstreams"},
    {COMMAND("'socket':{'keepalive':{ 'idlee':'1s'}}"), 2, 42,
     "listeners[0].socket.keepalive.idlee", "an unknown key",
     "\"idle\", the nearest known key"},
    {TOP("'workers':1, 'work\\u0065rs':1"), 2, 14, "workers",
     "a key for the second time", "each key once (it stands in line 2)"},
    {UPSTREAM("'socket':{'backlog':1}"), 2, 11, "upstreams[0].socket.backlog",
     "an unknown key",
     "one of bind, syn_retries, nodelay, keepalive, user_timeout, "
     "receive_buffer, send_buffer, dscp, free_bind"},
    {COMMAND("'socket':{'syn_retries':1}"), 2, 28,
     "listeners[0].socket.syn_retries", "an unknown key",
     "one of nodelay, keepalive, user_timeout, receive_buffer, send_buffer, "
     "dscp, free_bind, backlog, reuse_port, ipv6_only"},
    {TOP("'socket':{'bind':'h'}"), 2, 18, "socket.bind", "\"h\" (a string)",
     "\"auto\" or a numeric address without a port"},
    {TOP("'socket':{'bind':7}"), 2, 18, "socket.bind", "7 (a number)",
     "\"auto\" or a numeric address without a port"},
    {UPSTREAMS(
         "{'name':'u','servers':['[::1]:1'],'socket':{'bind':'10.0.0.1'}}"),
     2, 24, "upstreams[0].servers[0]", "\"[::1]:1\" (a string)",
     "an IPv4 address, as socket.bind is"},
    {"{'socket':{'bind':'::1'},'listeners':[\n{'name':'r','mode':'request',"
     "'listen':['127.0.0.1:0'],'upstream':'10.0.0.1:1'}]}",
     2, 66, "listeners[0].upstream", "\"10.0.0.1:1\" (a string)",
     "an IPv6 address, as socket.bind is"},
    {TOP("'log':7"), 2, 7, "log", "7 (a number)", "an object"},
    {TOP("'$schema':7"), 2, 11, "$schema", "7 (a number)", "a string"},
    /* who may connect */
    {COMMAND("'access':{'allow':['10.0.0.1/8']}"), 2, 37,
     "listeners[0].access.allow[0]", "\"10.0.0.1/8\" (a string)",
     "no bit set after the prefix: \"10.0.0.0/8\""},
    {COMMAND("'access':{'deny':['10.0.0.0/33']}"), 2, 36,
     "listeners[0].access.deny[0]", "\"10.0.0.0/33\" (a string)",
     "\"ip\" or \"ip/bits\", such as \"192.0.2.7\", \"10.0.0.0/8\" or "
     "\"2001:db8::/32\""},
    {COMMAND("'access':{'deny':[7]}"), 2, 36, "listeners[0].access.deny[0]",
     "7 (a number)",
     "\"ip\" or \"ip/bits\", such as \"192.0.2.7\", \"10.0.0.0/8\" or "
     "\"2001:db8::/32\""},
    {COMMAND("'access':{'deny':'::1'}"), 2, 35, "listeners[0].access.deny",
     "\"::1\" (a string)", "an array of 0 to 1000 of \"ip\" or \"ip/bits\""},
    {COMMAND("'access':{'deny':['::1','::1/128']}"), 2, 42,
     "listeners[0].access.deny[1]", "\"::1/128\" (a string)",
     "each block once"},
    {COMMAND("'access':{'deny':['::ffff:1.2.3.4'],'allow':['1.2.3.4']}"), 2, 36,
     "listeners[0].access.deny[0]", "\"::ffff:1.2.3.4\" (a string)",
     "a block that is not in access.allow as well"},
    {COMMAND("'max_connections_per_address':20,'max_connections':10"), 2, 48,
     "listeners[0].max_connections_per_address", "20 (a number)",
     "at most max_connections, which is 10"},
    {COMMAND("'max_connection_burst':20"), 2, 18,
     "listeners[0].max_connection_burst", "this key without a rate",
     "it only beside max_connection_rate"},
    /* numbers */
    {TOP("'workers':0"), 2, 11, "workers", "0 (a number)",
     "\"auto\" or a whole number, 1 to 64"},
    {TOP("'workers':65"), 2, 11, "workers", "65 (a number)",
     "\"auto\" or a whole number, 1 to 64"},
    {TOP("'workers':'4'"), 2, 11, "workers", "\"4\" (a string)",
     "\"auto\" or a whole number, 1 to 64"},
    {TOP("'workers':null"), 2, 11, "workers", "null",
     "\"auto\" or a whole number, 1 to 64"},
    {UPSTREAM("'in_flight':1.5"), 2, 13, "upstreams[0].in_flight",
     "1.5 (a number)", "a whole number, 1 to 1000"},
    {UPSTREAM("'in_flight':-1"), 2, 13, "upstreams[0].in_flight",
     "-1 (a number)", "a whole number, 1 to 1000"},
    {UPSTREAM("'in_flight':1e999"), 2, 13, "upstreams[0].in_flight",
     "1e999 (a number)", "a whole number, 1 to 1000"},
    {UPSTREAM("'in_flight':'auto'"), 2, 13, "upstreams[0].in_flight",
     "\"auto\" (a string)", "a whole number, 1 to 1000"},
    {UPSTREAM("'in_flight':[]"), 2, 13, "upstreams[0].in_flight",
     "an array of 0", "a whole number, 1 to 1000"},
    {UPSTREAM("'in_flight':{}"), 2, 13, "upstreams[0].in_flight", "an object",
     "a whole number, 1 to 1000"},
    {TOP("'socket':{'nodelay':1}"), 2, 21, "socket.nodelay", "1 (a number)",
     "true or false"},
    {TOP("'socket':{'backlog':true}"), 2, 21, "socket.backlog",
     "true (a boolean)", "a whole number, 1 to 65535"},
    /* units */
    {TOP("'shutdown_timeout': 5"), 2, 21, "shutdown_timeout", "5 (a number)",
     DURATION "0s to 1h"},
    {TOP("'shutdown_timeout':'5'"), 2, 20, "shutdown_timeout",
     "\"5\" (a string)", DURATION "0s to 1h"},
    {TOP("'shutdown_timeout':'3601s'"), 2, 20, "shutdown_timeout",
     "\"3601s\" (a string)", DURATION "0s to 1h"},
    {COMMAND("'idle_timeout':'5 parsecs'"), 2, 33, "listeners[0].idle_timeout",
     "\"5 parsecs\" (a string)", "\"auto\" or " DURATION "1ms to 30d"},
    {COMMAND("'idle_timeout':'999us'"), 2, 33, "listeners[0].idle_timeout",
     "\"999us\" (a string)", "\"auto\" or " DURATION "1ms to 30d"},
    {TOP("'socket':{'keepalive':{'idle':'1500ms'}}"), 2, 31,
     "socket.keepalive.idle", "\"1500ms\" (a string)",
     SECONDS "1s to 8h in whole seconds"},
    {TOP("'socket':{'user_timeout':'500us'}"), 2, 26, "socket.user_timeout",
     "\"500us\" (a string)",
     "\"auto\" or " DURATION "0s to 7d in whole milliseconds"},
    {COMMAND("'max_frame':65536"), 2, 30, "listeners[0].max_frame",
     "65536 (a number)", SIZE "64B to 16MiB"},
    {COMMAND("'max_frame':'63B'"), 2, 30, "listeners[0].max_frame",
     "\"63B\" (a string)", SIZE "64B to 16MiB"},
    {COMMAND("'max_frame':'5GiB'"), 2, 30, "listeners[0].max_frame",
     "\"5GiB\" (a string)", SIZE "64B to 16MiB"},
    {TOP("'socket':{'send_buffer':'1KB'}"), 2, 25, "socket.send_buffer",
     "\"1KB\" (a string)", "\"auto\" or " SIZE "4KiB to 64MiB"},
    /* choices */
    {TOP("'log':{'level':'Info'}"), 2, 16, "log.level", "\"Info\" (a string)",
     "\"error\", \"warning\", \"info\" or \"debug\""},
    {LISTENER("'mode':'tunnels'"), 2, 8, "listeners[0].mode",
     "\"tunnels\" (a string)",
     "\"command\", \"request\", \"relay\" or \"session\""},
    {LISTENER("'mode':'tunnels','upstream':'x'"), 2, 8, "listeners[0].mode",
     "\"tunnels\" (a string)",
     "\"command\", \"request\", \"relay\" or \"session\""},
    {UPSTREAM("'pair':{'by':'ids'}"), 2, 14, "upstreams[0].pair.by",
     "\"ids\" (a string)", "\"order\", \"id\" or \"key\""},
    {UPSTREAM("'backoff':{'jitter':1}"), 2, 21, "upstreams[0].backoff.jitter",
     "1 (a number)", "\"full\""},
    /* listeners */
    {"{'listeners': []}", 1, 15, "listeners", "an array of 0",
     "an array of 1 to 1000 objects"},
    {"{'listeners': {}}", 1, 15, "listeners", "an object",
     "an array of 1 to 1000 objects"},
    {LISTENERS(A_LISTENER ", 1"), 2, 57, "listeners[1]", "1 (a number)",
     "an object"},
    {LISTENERS("{'listen':['127.0.0.1:1'],'mode':'command'}"), 2, 1,
     "listeners[0].name", "", "required: " NAME},
    {LISTENERS("{'name':'a','mode':'command'}"), 2, 1, "listeners[0].listen",
     "", "required: an array of 1 to 16 of \"ip:port\""},
    {LISTENERS("{'name':'a','listen':['127.0.0.1:1']}"), 2, 1,
     "listeners[0].mode", "",
     "required: \"command\", \"request\", \"relay\" or \"session\""},
    {LISTENERS("{'name':'','listen':['127.0.0.1:1'],'mode':'command'}"), 2, 9,
     "listeners[0].name", "\"\" (a string)", NAME},
    {LISTENERS("{'name':'a b','listen':['127.0.0.1:1'],'mode':'command'}"), 2,
     9, "listeners[0].name", "\"a b\" (a string)", NAME},
    {LISTENERS("{'name':'" LONG_NAME "x','listen':['127.0.0.1:1'],"
               "'mode':'command'}"),
     2, 9, "listeners[0].name",
     "\"01234567890123456789012345678901234567890123456789012345... "
     "(a string)",
     NAME},
    {LISTENERS(A_LISTENER ",\n" A_LISTENER), 3, 9, "listeners[1].name",
     "\"a\" (a string)",
     "a name that no other listener has (listeners[0] has it)"},
    {LISTENERS("{'name':'a','listen':'127.0.0.1:1','mode':'command'}"), 2, 22,
     "listeners[0].listen", "\"127.0.0.1:1\" (a string)",
     "an array of 1 to 16 of \"ip:port\""},
    {LISTENERS("{'name':'a','listen':[],'mode':'command'}"), 2, 22,
     "listeners[0].listen", "an array of 0",
     "an array of 1 to 16 of \"ip:port\""},
    {LISTENERS("{'name':'a','listen':['[::1]:0',7],'mode':'command'}"), 2, 33,
     "listeners[0].listen[1]", "7 (a number)", LISTEN},
    {LISTENERS("{'name':'a','listen':['localhost:1'],'mode':'command'}"), 2, 23,
     "listeners[0].listen[0]",
     "\"localhost:1\" (a string): the host is not a numeric address", LISTEN},
    {LISTENERS("{'name':'a','listen':['127.0.0.1:1','[::1]:1',"
               "'127.0.0.1:1'],'mode':'command'}"),
     2, 47, "listeners[0].listen[2]", "\"127.0.0.1:1\" (a string)",
     "each address once in the file (listeners[0] has it)"},
    {LISTENERS("{'name':'a','listen':['[::1]:1'],'mode':'command'},\n"
               "{'name':'b','listen':['[0::1]:1'],'mode':'command'}"),
     3, 23, "listeners[1].listen[0]", "\"[0::1]:1\" (a string)",
     "each address once in the file (listeners[0] has it)"},
    /* modes and upstreams of listeners */
    {COMMAND("'upstream':'u'"), 2, 18, "listeners[0].upstream",
     "this key in mode \"command\"",
     "it only in mode \"request\" or \"relay\" or \"session\""},
    {LISTENER("'mode':'request','upstream':'u','workers':1"), 2, 33,
     "listeners[0].workers", "this key in mode \"request\"",
     "it only in mode \"command\""},
    {LISTENER("'mode':'request','upstream':'u','framing':{}"), 2, 33,
     "listeners[0].framing", "this key in mode \"request\"",
     "it only in mode \"command\""},
    {LISTENER("'mode':'request'"), 1, 60, "listeners[0].upstream", "",
     "required in mode \"request\": the name of an upstream, or "
     "\"host:port\""},
    {LISTENER("'mode':'request','upstream':8"), 2, 29, "listeners[0].upstream",
     "8 (a number)", "the name of an upstream, or \"host:port\""},
    {LISTENER("'mode':'request','upstream':'v'"), 2, 29,
     "listeners[0].upstream", "\"v\" (a string)",
     "\"u\", the nearest upstream"},
    {LISTENER("'mode':'request','upstream':'other'"), 2, 29,
     "listeners[0].upstream", "\"other\" (a string)",
     "the name of one of upstreams[], or \"host:port\""},
    {LISTENER("'mode':'request','upstream':'h:0'"), 2, 29,
     "listeners[0].upstream",
     "\"h:0\" (a string): the port is not a number from 1 to 65535", SERVER},
    {RELAY("", "'max_frame':'1KiB'"), 2, 1, "upstreams[0].max_frame",
     "this key in mode \"relay\"",
     "it only in mode \"request\" or \"session\""},
    {RELAY("", "'in_flight':2"), 2, 1, "upstreams[0].in_flight",
     "this key in mode \"relay\"", "it only in mode \"request\""},
    {RELAY("", "'pool':{'max_size':1,'idle_timeout':'1s'}"), 2, 22,
     "upstreams[0].pool.idle_timeout", "this key in mode \"relay\"",
     "it only in mode \"request\" or \"session\""},
    {SESSION("", "'in_flight':2"), 2, 1, "upstreams[0].in_flight",
     "this key in mode \"session\"", "it only in mode \"request\""},
    {SESSION("", "'health':{'interval':'1s','send':'x'}"), 2, 27,
     "upstreams[0].health.send", "this key in mode \"session\"",
     "it only in mode \"request\""},
    {SESSION("'frame_timeout':'1s',", "'balance':'round_robin'"), 1, 69,
     "listeners[0].frame_timeout", "this key in mode \"session\"",
     "it only in mode \"command\" or \"request\""},
    {SESSION("", "'reset':{'send':'R'}"), 2, 9, "upstreams[0].reset.expect", "",
     "bytes, for reset has the other half"},
    {SESSION("", "'framing':{'type':'raw'},'reply_framing':{'type':'line'}"), 2,
     50, "upstreams[0].reply_framing.type", "\"line\" (a string)",
     "\"raw\" for both of framing and reply_framing, or for none"},
    {UPSTREAM("'framing':{'type':'raw'}"), 2, 19, "upstreams[0].framing.type",
     "\"raw\" (a string)",
     "a framing that has frames (\"raw\" is for mode \"session\")"},
    {RELAY("", "'reset':{'send':'R','expect':'K'}"), 2, 1, "upstreams[0].reset",
     "this key in mode \"relay\"", "it only in mode \"session\""},
    {RELAY("'frame_timeout':'1s',", "'balance':'round_robin'"), 1, 67,
     "listeners[0].frame_timeout", "this key in mode \"relay\"",
     "it only in mode \"command\" or \"request\""},
    {RELAY("", "'workers':3,'pool':{'max_size':2}"), 2, 11,
     "upstreams[0].workers", "3 (a number)",
     "at most pool.max_size, which is 2"},
    {LISTENER("'mode':'request','upstream':'u','half_close_timeout':'1s'"), 2,
     33, "listeners[0].half_close_timeout", "this key in mode \"request\"",
     "it only in mode \"relay\" or \"session\""},
    {LISTENER("'mode':'relay'"), 1, 60, "listeners[0].upstream", "",
     "required in mode \"relay\": the name of an upstream, or "
     "\"host:port\""},
    {LISTENERS("{'name':'a','listen':['[::1]:0'],'mode':'relay',"
               "'upstream':'h:1'},\n{'name':'b','listen':['[::1]:0'],"
               "'mode':'request','upstream':'h:1'}"),
     3, 62, "listeners[1].upstream", "\"h:1\" (a string)",
     "an upstream that no listener of another mode uses (listeners[0] uses it "
     "in mode \"relay\")"},
    /* upstreams */
    {UPSTREAMS("{}"), 2, 1, "upstreams[0].name", "", "required: " NAME},
    {UPSTREAMS("{" AN_UPSTREAM "},\n{" AN_UPSTREAM "}"), 3, 9,
     "upstreams[1].name", "\"u\" (a string)",
     "a name that no other upstream has (upstreams[0] has it)"},
    {UPSTREAMS("{'name':'h:1','servers':['h:1']}"), 2, 9, "upstreams[0].name",
     "\"h:1\" (a string)", NAME},
    {UPSTREAMS("{'name':'u','servers':['h:1','H:1']}"), 2, 30,
     "upstreams[0].servers[1]", "\"H:1\" (a string)",
     "each server once (servers[0] has it)"},
    {UPSTREAMS("{'name':'u','servers':['h']}"), 2, 24,
     "upstreams[0].servers[0]",
     "\"h\" (a string): the port is missing, as in host:8080", SERVER},
    {UPSTREAMS("{'name':'u','servers':['a..b:1']}"), 2, 24,
     "upstreams[0].servers[0]",
     "\"a..b:1\" (a string): the host has an empty part", SERVER},
    {UPSTREAMS("{'name':'u','servers':['" LONG_NAME "x:1']}"), 2, 24,
     "upstreams[0].servers[0]",
     "\"01234567890123456789012345678901234567890123456789012345... "
     "(a string): the host has a part of more than 63 characters",
     SERVER},
    {UPSTREAM("'pool':{'min_size':11}"), 2, 20, "upstreams[0].pool.min_size",
     "11 (a number)", "at most pool.max_size, which is 10"},
    {UPSTREAM("'pool':{'max_size':4,'min_size':5}"), 2, 33,
     "upstreams[0].pool.min_size", "5 (a number)",
     "at most pool.max_size, which is 4"},
    {UPSTREAM("'workers':3,'pool':{'max_size':2}"), 2, 11,
     "upstreams[0].workers", "3 (a number)",
     "at most pool.max_size, which is 2"},
    {UPSTREAM("'in_flight':257"), 2, 13, "upstreams[0].in_flight",
     "257 (a number)",
     "at most 256, for in_flight replies of max_frame (1MiB) may wait for one "
     "client: 256MiB at most"},
    {UPSTREAM("'in_flight':2,'request_gap':'1s'"), 2, 29,
     "upstreams[0].request_gap", "\"1s\" (a string)",
     "\"0s\" where in_flight is above 1"},
    {UPSTREAM("'backoff':{'initial':'2s','max':'1s'}"), 2, 22,
     "upstreams[0].backoff.initial", "\"2s\" (a string)",
     "at most backoff.max, which is 1s"},
    {UPSTREAM("'backoff':{'initial':'31s'}"), 2, 22,
     "upstreams[0].backoff.initial", "\"31s\" (a string)",
     "at most backoff.max, which is 30s"},
    {UPSTREAM("'backoff':{'max':'99ms'}"), 2, 18, "upstreams[0].backoff.max",
     "\"99ms\" (a string)", "at least backoff.initial, which is 100ms"},
    {"{'max_buffered':'1MiB','listeners':[" A_LISTENER
     "],'upstreams':[{" AN_UPSTREAM "}]}",
     1, 17, "max_buffered", "\"1MiB\" (a string)",
     "at least four times the longest max_frame: 4MiB"},
};

static void assert_error(const struct fl_config_error *error,
                         const struct fault *fault) {
  if (error->place.line != fault->line || error->place.column != fault->column)
    fail_msg("at %u:%u, not at %u:%u: %s", error->place.line,
             error->place.column, fault->line, fault->column, fault->text);
  assert_string_equal(error->path, fault->path);
  assert_string_equal(error->found, fault->found);
  assert_string_equal(error->allowed, fault->allowed);
}

/* Each file has one fault (an upstream without anything has two). */
static void each_fault_is_reported_where_it_is(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    uint32_t count = strcmp(faults[i].text, UPSTREAMS("{}")) == 0 ? 2 : 1;
    assert_null(read_config(faults[i].text));
    if (errors.count != count) {
      print_errors();
      fail_msg("%u errors in %s", errors.count, faults[i].text);
    }
    assert_false(errors.out_of_memory);
    assert_error(&errors.list[0], &faults[i]);
    fl_config_errors_free(&errors);
  }
}

/* All of them, in the order of the file although some are found late; those
   that only follow from another are not reported. */
static void all_faults_are_reported_in_order(void **state) {
  (void)state;
  static const struct {
    uint32_t line;
    const char *path;
  } expected[] = {{1, "foo"},
                  {2, "upstreams[0].workers"},
                  {3, "upstreams[0].pool.min_size"},
                  {4, "upstreams[0].pool.max_sizes"},
                  {5, "upstreams[1].backoff.max"},
                  {6, "listeners[0].mode"},
                  {7, "listeners[0].upstrem"},
                  {8, "listeners[1].name"},
                  {9, "listeners[1].upstream"},
                  {10, "listeners[1].framing"},
                  {11, "listeners[1].socket.nodelay"},
                  {12, "workers"}};
  assert_null(
      read_config("{'foo':1,'upstreams':[{'name':'u','servers':['h:1'],\n"
                  "'workers':11,'pool':{\n"
                  "'min_size':11,\n"
                  "'max_sizes':20}},{'name':'w','servers':['h:1'],\n"
                  "'backoff':{'initial':'1h','max':'x'}}],'listeners':[\n"
                  "{'name':'a','listen':['127.0.0.1:0'],'mode':'comand',\n"
                  "'upstrem':'x'},{'listen':['127.0.0.1:0'],'mode':'request',\n"
                  "'name':'a',\n"
                  "'upstream':'x',\n"
                  "'framing':{},\n"
                  "'socket':{'nodelay':0}}],\n"
                  "'workers':[]}"));
  if (errors.count != sizeof expected / sizeof expected[0])
    print_errors();
  assert_int_equal(errors.count, sizeof expected / sizeof expected[0]);
  for (uint32_t i = 0; i < errors.count; i++) {
    assert_int_equal(errors.list[i].place.line, expected[i].line);
    assert_string_equal(errors.list[i].path, expected[i].path);
  }
  fl_config_errors_free(&errors);
}

/* A text of `count` times `piece` between two others. */
static char *repeat(const char *before, const char *piece, size_t count,
                    const char *after, size_t *size) {
  size_t length = strlen(piece);
  *size = strlen(before) + count * length + strlen(after);
  char *text = malloc(*size + 1);
  assert_non_null(text);
  memcpy(text, before, strlen(before));
  char *at = text + strlen(before);
  for (size_t i = 0; i < count; i++, at += length)
    memcpy(at, piece, length);
  memcpy(at, after, strlen(after) + 1);
  return text;
}

static void assert_refused(const char *before, const char *piece, size_t count,
                           const char *after, uint32_t expected) {
  size_t size;
  char *text = repeat(before, piece, count, after, &size);
  assert_null(
      fl_config_read((struct fl_slice){(const uint8_t *)text, size}, &errors));
  free(text);
  assert_int_equal(errors.count, expected);
}

static void rubbish_is_refused(void **state) {
  (void)state;
  assert_refused("", "[", 100000, "", 1);
  assert_string_equal(errors.list[0].found, "a bracket too many");
  assert_int_equal(errors.list[0].place.column, 17);
  fl_config_errors_free(&errors);

  assert_refused("", "{\"a\":", 100000, "", 1);
  fl_config_errors_free(&errors);

  assert_refused("{}", " ", FL_CONFIG_SIZE_MAX - 1, "", 1);
  assert_string_equal(errors.list[0].found, "4194305 bytes");
  assert_string_equal(errors.list[0].allowed, "at most 4 MiB");
  fl_config_errors_free(&errors);

  assert_refused("{}", " ", FL_CONFIG_SIZE_MAX - 2, "", 1);
  assert_string_equal(errors.list[0].path, "listeners");
  fl_config_errors_free(&errors);

  assert_null(fl_config_read((struct fl_slice){NULL, 0}, &errors));
  assert_int_equal(errors.count, 1);
  fl_config_errors_free(&errors);

  assert_null(fl_config_read(
      (struct fl_slice){(const uint8_t *)"{\"a\0\":1}", 8}, &errors));
  assert_string_equal(errors.list[0].found, "a NUL byte");
  assert_int_equal(errors.list[0].place.column, 4);
  fl_config_errors_free(&errors);
}

static void the_list_of_errors_is_bounded(void **state) {
  (void)state;
  assert_refused("{\"listeners\":[", "1,", 1500, "1]}",
                 FL_CONFIG_ERRORS_MAX + 1);
  assert_string_equal(errors.list[0].found, "an array of 1501");
  assert_string_equal(errors.list[FL_CONFIG_ERRORS_MAX].found,
                      "more errors than are listed");
  fl_config_errors_free(&errors);

  assert_refused("{", "\"a\":1,\n", 1500, "\"b\":1}", FL_CONFIG_ERRORS_MAX + 1);
  assert_int_equal(errors.list[FL_CONFIG_ERRORS_MAX - 1].place.line,
                   FL_CONFIG_ERRORS_MAX);
  assert_string_equal(errors.list[FL_CONFIG_ERRORS_MAX].found,
                      "more errors than are listed");
  fl_config_errors_free(&errors);
}

/* --- printing ----------------------------------------------------------- */

static void assert_prints_what_it_read(const char *text) {
  struct fl_config *config = read_good(text);
  char *first = fl_config_print(config);
  fl_config_free(config);
  assert_non_null(first);
  config = fl_config_read(
      (struct fl_slice){(const uint8_t *)first, strlen(first)}, &errors);
  if (config == NULL)
    print_errors();
  assert_non_null(config);
  char *second = fl_config_print(config);
  assert_non_null(second);
  assert_string_equal(first, second);
  fl_config_free(config);
  fl_config_errors_free(&errors);
  free(first);
  free(second);
}

static void sessions_have_defaults_of_their_own(void **state) {
  (void)state;
  struct fl_config *config = read_good(SESSION(
      "", "'framing':{'type':'raw'},'reset':{'send':'R','expect':'OK'}"));
  assert_int_equal(config->listeners[0].idle_timeout, FL_NEVER);
  assert_int_equal(config->upstreams[0].mode, FL_MODE_SESSION);
  assert_int_equal(config->upstreams[0].framing.type, FL_FRAMING_RAW);
  assert_int_equal(config->upstreams[0].reply_framing.type, FL_FRAMING_RAW);
  assert_int_equal(config->upstreams[0].pool.max_size, 0);
  assert_int_equal(config->upstreams[0].pool.min_size, 0);
  assert_int_equal(config->upstreams[0].pool.hold_timeout, 0);
  assert_int_equal(config->upstreams[0].reset.expect.size, 2);
  fl_config_free(config);
}

static void relays_have_defaults_of_their_own(void **state) {
  (void)state;
  struct fl_config *config = read_good(RELAY("", "'balance':'round_robin'"));
  assert_int_equal(config->listeners[0].idle_timeout, FL_NEVER);
  assert_int_equal(config->listeners[0].half_close_timeout, 60 * FL_SECOND);
  assert_int_equal(config->upstreams[0].mode, FL_MODE_RELAY);
  assert_int_equal(config->upstreams[0].pool.max_size, 0);
  assert_int_equal(config->upstreams[0].workers, 0);
  fl_config_free(config);
  config = read_good(RELAY("'idle_timeout':'7s',", "'pool':{'max_size':3}"));
  assert_int_equal(config->listeners[0].idle_timeout, 7 * FL_SECOND);
  assert_int_equal(config->upstreams[0].pool.max_size, 3);
  assert_int_equal(config->upstreams[0].workers, 1);
  fl_config_free(config);
}

static void what_is_printed_reads_back(void **state) {
  (void)state;
  assert_prints_what_it_read(every_key);
  assert_prints_what_it_read(TOP("'workers':'auto'"));
  assert_prints_what_it_read(COMMAND("'idle_timeout':'1001us'"));
  assert_prints_what_it_read(RELAY("", "'workers':2"));
  assert_prints_what_it_read(RELAY("", "'pool':{'max_size':2}"));
  /* The longest user_timeout that "auto" can give is in range. */
  assert_prints_what_it_read(TOP("'socket':{'keepalive':{'idle':'8h',"
                                 "'interval':'1h','count':127}}"));
}

static void assert_printed(const char *text, const char *part, bool expected) {
  struct fl_config *config = read_good(text);
  char *printed = fl_config_print(config);
  assert_non_null(printed);
  if ((strstr(printed, part) != NULL) != expected)
    fail_msg("%s is %s in\n%s", part, expected ? "not" : "", printed);
  free(printed);
  fl_config_free(config);
}

static void the_print_is_the_effective_file(void **state) {
  (void)state;
  assert_printed(COMMAND("'idle_timeout':'120000ms'"),
                 "\"idle_timeout\": \"2m\"", true);
  assert_printed(COMMAND("'max_frame':'1024B'"), "\"max_frame\": \"1KiB\"",
                 true);
  assert_printed(TOP("'workers':'auto'"), "\"workers\": \"auto\"", true);
  assert_printed(TOP("'workers':2"), "\"workers\": 2", true);
  assert_printed(TOP("'log':{'level':'warning'}"), "\"level\": \"warning\"",
                 true);
  assert_printed(TOP("'upstreams':[]"), "\"upstreams\": []", true);
  assert_printed(TOP("'socket':{}"), "\"user_timeout\": \"210s\"", true);
  assert_printed(UPSTREAM("'pair':{}"), "\"by\": \"order\"", true);
  assert_printed(LISTENER("'mode':'request','upstream':'h:9'"),
                 "\"upstream\": \"h:9\"", true);
  assert_printed(LISTENER("'mode':'request','upstream':'h:9'"),
                 "\"name\": \"h:9\"", false);
  assert_printed(TOP("'workers':2"), "$schema", false);
  assert_printed(RELAY("", "'workers':2"), "\"max_size\": \"auto\"", true);
  assert_printed(RELAY("", "'workers':2"), "\"idle_timeout\": \"auto\"", true);
  assert_printed(RELAY("", "'workers':2"), "framing", false);
  assert_printed(RELAY("", "'workers':2"), "request_timeout", false);
  assert_printed(SESSION("", "'workers':2"), "\"max_size\": \"auto\"", true);
  assert_printed(SESSION("", "'workers':2"), "\"idle_timeout\": \"auto\"",
                 true);
  assert_printed(SESSION("", "'reset':{'send':'hex:01','expect':'K'}"),
                 "\"send\": \"hex:01\"", true);
}

/* --- memory ------------------------------------------------------------- */

static void *parser_malloc(size_t size) { return malloc(size); }

static void parser_free(void *pointer) { free(pointer); }

/* Reads with every allocation failing in turn (and all after it). */
static void read_short_of_memory(const char *text, bool good) {
  size_t size = strlen(text);
  long live = fl_test_alloc_live();
  bool done = false;
  for (size_t i = 0; i <= size; i++)
    json[i] = (char)(text[i] == '\'' ? '"' : text[i]);
  for (long n = 0; !done; n++) {
    fl_test_alloc_fail_after(n);
    struct fl_config *config =
        fl_config_read((struct fl_slice){(const uint8_t *)json, size}, &errors);
    done = fl_test_alloc_count() <= n; /* it needed no more */
    fl_test_alloc_fail_after(-1);
    if (done) {
      assert_int_equal(config != NULL, good);
      assert_false(errors.out_of_memory);
    } else {
      assert_null(config);
      assert_true(errors.out_of_memory);
    }
    /* What is listed is true of the file. */
    if (good)
      assert_int_equal(errors.count, 0);
    fl_config_free(config);
    fl_config_errors_free(&errors);
    assert_int_equal(fl_test_alloc_live(), live);
  }
}

static void memory_may_run_out_anywhere(void **state) {
  (void)state;
  cJSON_Hooks hooks = {parser_malloc, parser_free};
  cJSON_InitHooks(&hooks);
  read_short_of_memory(every_key, true);
  read_short_of_memory(
      "{'workerz':1,'foo':2,'listeners':[" A_LISTENER "," A_LISTENER
      ",{'listen':['x:1','127.0.0.1:3','127.0.0.1:3'],'mode':'request'},"
      "{'name':'n','listen':['127.0.0.1:4'],'mode':'request',"
      "'upstream':'uu'},"
      "{'name':'o','listen':['127.0.0.1:5'],'mode':'request',"
      "'upstream':'h:0'}],"
      "'upstreams':[{'name':'u','servers':['h:1','h:1'],"
      "'pool':{'min_size':11}}]}",
      false);
  read_short_of_memory("{", false);
  cJSON_InitHooks(NULL);
}

static void printing_may_run_out_of_memory(void **state) {
  (void)state;
  struct fl_config *config = read_good(every_key);
  long live = fl_test_alloc_live();
  char *text = NULL;
  long n = 0;
  for (; text == NULL; n++) {
    fl_test_alloc_fail_after(n);
    text = fl_config_print(config);
    bool short_of_memory = fl_test_alloc_count() > n;
    fl_test_alloc_fail_after(-1);
    assert_int_equal(text == NULL, short_of_memory);
    assert_int_equal(fl_test_alloc_live(), live + (text != NULL));
  }
  free(text);
  for (text = NULL, n = 0; text == NULL; n++) {
    fl_test_alloc_fail_after(n);
    text = fl_config_schema();
    fl_test_alloc_fail_after(-1);
    assert_int_equal(fl_test_alloc_live(), live + (text != NULL));
  }
  free(text);
  fl_config_free(config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_filled_in),
      cmocka_unit_test(every_key_is_read),
      cmocka_unit_test(request_listeners_find_their_upstream),
      cmocka_unit_test(user_timeout_follows_what_holds_for_the_socket),
      cmocka_unit_test(each_fault_is_reported_where_it_is),
      cmocka_unit_test(all_faults_are_reported_in_order),
      cmocka_unit_test(rubbish_is_refused),
      cmocka_unit_test(the_list_of_errors_is_bounded),
      cmocka_unit_test(relays_have_defaults_of_their_own),
      cmocka_unit_test(sessions_have_defaults_of_their_own),
      cmocka_unit_test(what_is_printed_reads_back),
      cmocka_unit_test(the_print_is_the_effective_file),
      cmocka_unit_test(memory_may_run_out_anywhere),
      cmocka_unit_test(printing_may_run_out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
