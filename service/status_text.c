#include "service/status_text.h"

#include "service/duration.h"
#include "service/format.h"
#include "service/table.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

enum { CELL = 96, WIDE = 600 };

static const cJSON *get(const cJSON *object, const char *key) {
  return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* What another program says must not move the cursor. */
static const char *safe_text(const cJSON *object, const char *key, char *text,
                             size_t size) {
  const char *value = cJSON_GetStringValue(get(object, key));
  snprintf(text, size, "%s", value == NULL ? "-" : value);
  for (char *at = text; *at != '\0'; at++)
    if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7e)
      *at = '?';
  return text;
}

static const char *text_of(const cJSON *object, const char *key,
                           char text[CELL]) {
  return safe_text(object, key, text, CELL);
}

static const char *wide_text_of(const cJSON *object, const char *key,
                                char text[WIDE]) {
  return safe_text(object, key, text, WIDE);
}

static double number_of(const cJSON *object, const char *key) {
  const cJSON *item = get(object, key);
  return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

/* "17", "1.2M" in units of 1000. */
static const char *count_text(double value, char text[CELL]) {
  static const char units[] = " kMGTPE";
  unsigned unit = 0;
  if (value < 1e6) {
    snprintf(text, CELL, "%.0f", value);
    return text;
  }
  for (; value >= 1000 && units[unit + 1] != '\0'; unit++)
    value /= 1000;
  snprintf(text, CELL, "%.1f%c", value, units[unit]);
  return text;
}

static const char *age_text(double seconds, char text[CELL]) {
  char duration[FL_DURATION_TEXT];
  fl_time value = seconds < 0 || seconds > 1e12 ? 0 : (fl_time)(seconds * 1e6);
  snprintf(text, CELL, "%s", fl_duration_format(value, duration));
  return text;
}

static void add_text(struct fl_table *table, const cJSON *object,
                     const char *key) {
  char text[CELL];
  fl_table_cell(table, text_of(object, key, text));
}

static void add_count(struct fl_table *table, const cJSON *object,
                      const char *key) {
  char text[CELL];
  fl_table_cell(table, get(object, key) == NULL
                           ? "-"
                           : count_text(number_of(object, key), text));
}

static void add_age(struct fl_table *table, const cJSON *object,
                    const char *key) {
  char text[CELL];
  fl_table_cell(table, get(object, key) == NULL
                           ? "-"
                           : age_text(number_of(object, key), text));
}

/* The sum of an object's numbers: of all reasons. */
static void add_sum(struct fl_table *table, const cJSON *object,
                    const char *key) {
  char text[CELL];
  double sum = 0;
  const cJSON *item;
  const cJSON *reasons = get(object, key);
  cJSON_ArrayForEach(item, reasons) sum += item->valuedouble;
  fl_table_cell(table, reasons == NULL ? "-" : count_text(sum, text));
}

/* "12/100", or "12" where there is no limit. */
static void add_of(struct fl_table *table, const cJSON *object, const char *key,
                   const char *limit) {
  char text[CELL];
  if (get(object, limit) == NULL) {
    add_count(table, object, key);
    return;
  }
  snprintf(text, sizeof text, "%.0f/%.0f", number_of(object, key),
           number_of(object, limit));
  fl_table_cell(table, text);
}

/* ---- the tables ---- */

static void add_address(struct fl_table *table, const cJSON *listener) {
  char text[CELL];
  const cJSON *list = get(listener, "addresses");
  const char *first = cJSON_GetStringValue(cJSON_GetArrayItem(list, 0));
  int more = cJSON_GetArraySize(list) - 1;
  if (more > 0)
    snprintf(text, sizeof text, "%.64s +%d", first == NULL ? "-" : first, more);
  else
    snprintf(text, sizeof text, "%.64s", first == NULL ? "-" : first);
  fl_table_cell(table, text);
}

static void print_listeners(const cJSON *list, struct fl_text *out) {
  static const char *const names[] = {
      "LISTENER", "MODE",     "ADDRESS",   "UPSTREAM", "STATE", ">CLIENTS",
      ">OPENED",  ">REFUSED", ">REQUESTS", ">FAILED",  ">IN",   ">OUT"};
  struct fl_table table = {0};
  const cJSON *listener;
  fl_table_head(&table, names, sizeof names / sizeof names[0]);
  cJSON_ArrayForEach(listener, list) {
    add_text(&table, listener, "name");
    add_text(&table, listener, "mode");
    add_address(&table, listener);
    add_text(&table, listener, "upstream");
    add_text(&table, listener, "state");
    add_of(&table, listener, "clients", "max_connections");
    add_count(&table, listener, "opened");
    add_sum(&table, listener, "refused");
    add_count(&table, listener, "requests");
    add_sum(&table, listener, "failed");
    add_count(&table, listener, "bytes_in");
    add_count(&table, listener, "bytes_out");
  }
  fl_table_print(&table, out);
}

/* Connections that stand: all but those that are being opened or closed. */
static void add_standing(struct fl_table *table, const cJSON *server) {
  char text[CELL];
  const cJSON *states = get(server, "connections");
  const cJSON *state;
  double sum = 0;
  cJSON_ArrayForEach(state, states) sum += state->valuedouble;
  sum -= number_of(states, "connecting") + number_of(states, "leaving") +
         number_of(states, "closing");
  fl_table_cell(table, count_text(sum, text));
}

static void add_server(struct fl_table *table, const cJSON *upstream,
                       const cJSON *server, bool first) {
  const cJSON *states = get(server, "connections");
  char text[CELL];
  fl_table_cell(table, first ? text_of(upstream, "name", text) : "");
  if (first) {
    add_of(table, upstream, "size", "max_size");
    add_count(table, upstream, "waiting");
  } else {
    fl_table_cell(table, "");
    fl_table_cell(table, "");
  }
  add_text(table, server, "address");
  add_text(table, server, "state");
  add_count(table, states, "connecting");
  add_standing(table, server);
  add_count(table, states, "idle");
  add_count(table, server, "in_flight");
  add_count(table, server, "failures");
  add_age(table, server,
          get(server, "out_seconds") == NULL ? "down_seconds" : "out_seconds");
  add_age(table, server, "retry_in_seconds");
  add_text(table, server, "reason");
}

static void print_upstreams(const cJSON *list, struct fl_text *out) {
  static const char *const names[] = {
      "UPSTREAM",    ">POOL",      ">WAITING", "SERVER",     "STATE",
      ">CONNECTING", ">CONNECTED", ">IDLE",    ">IN FLIGHT", ">FAILURES",
      ">OUT FOR",    ">RETRY IN",  "REASON"};
  struct fl_table table = {0};
  const cJSON *upstream;
  const cJSON *server;
  if (cJSON_GetArraySize(list) == 0)
    return;
  fl_text_add(out, "\n");
  fl_table_head(&table, names, sizeof names / sizeof names[0]);
  cJSON_ArrayForEach(upstream, list) {
    bool first = true;
    cJSON_ArrayForEach(server, get(upstream, "servers")) {
      add_server(&table, upstream, server, first);
      first = false;
    }
  }
  fl_table_print(&table, out);
}

static void add_owner(struct fl_table *table, const cJSON *connection) {
  char text[CELL];
  char of[2 * CELL];
  bool client = get(connection, "listener") != NULL;
  snprintf(of, sizeof of, "%s %s", client ? "listener" : "upstream",
           text_of(connection, client ? "listener" : "upstream", text));
  fl_table_cell(table, of);
}

static void print_connections(const cJSON *state, struct fl_text *out) {
  static const char *const names[] = {">ID",   "OF",      "PEER",
                                      "STATE", ">AGE",    ">IN",
                                      ">OUT",  ">FRAMES", ">IN FLIGHT"};
  struct fl_table table = {0};
  const cJSON *connection;
  const cJSON *list = get(state, "connections");
  if (list == NULL)
    return;
  fl_text_add(out, "\n");
  fl_table_head(&table, names, sizeof names / sizeof names[0]);
  cJSON_ArrayForEach(connection, list) {
    char id[32];
    snprintf(id, sizeof id, "%.0f", number_of(connection, "id"));
    fl_table_cell(&table, id);
    add_owner(&table, connection);
    add_text(&table, connection, "peer");
    add_text(&table, connection, "state");
    add_age(&table, connection, "age_seconds");
    add_count(&table, connection, "bytes_in");
    add_count(&table, connection, "bytes_out");
    add_count(&table, connection, "frames");
    add_count(&table, connection, "in_flight");
  }
  fl_table_print(&table, out);
  if (number_of(state, "connections_omitted") > 0)
    fl_format(out, "and %.0f more\n", number_of(state, "connections_omitted"));
}

/* ---- the operating system's view ---- */

/* A round trip: microseconds count. */
static void add_rtt(struct fl_table *table, const cJSON *object,
                    const char *key) {
  char text[CELL];
  snprintf(text, sizeof text, "%.3fms", number_of(object, key) * 1e3);
  fl_table_cell(table, get(object, key) == NULL ? "-" : text);
}

static void add_states(struct fl_table *table, const cJSON *states,
                       const char *one, const char *two) {
  char text[CELL];
  fl_table_cell(
      table, count_text(number_of(states, one) + number_of(states, two), text));
}

static void print_client_sockets(const cJSON *list, struct fl_text *out) {
  static const char *const names[] = {
      "SOCKETS OF",  "ADDRESS",   ">SYN RECEIVED", ">ESTABLISHED", ">FIN WAIT",
      ">CLOSE WAIT", ">LAST ACK", ">TIME WAIT",    ">QUEUE",       ">DROPPED"};
  struct fl_table table = {0};
  const cJSON *one;
  fl_text_add(out, "\n");
  fl_table_head(&table, names, sizeof names / sizeof names[0]);
  cJSON_ArrayForEach(one, list) {
    const cJSON *states = get(one, "states");
    add_text(&table, one, "listener");
    add_text(&table, one, "address");
    add_count(&table, states, "syn_received");
    add_count(&table, states, "established");
    add_states(&table, states, "fin_wait_1", "fin_wait_2");
    add_count(&table, states, "close_wait");
    add_states(&table, states, "last_ack", "closing");
    add_count(&table, states, "time_wait");
    add_of(&table, one, "queue", "queue_limit");
    add_count(&table, one, "queue_drops");
  }
  fl_table_print(&table, out);
}

static void print_server_sockets(const cJSON *list, struct fl_text *out) {
  static const char *const names[] = {
      "SOCKETS TO",  "SERVER",      ">SYN SENT",  ">ESTABLISHED", ">FIN WAIT",
      ">CLOSE WAIT", ">LAST ACK",   ">TIME WAIT", ">RTT",         ">RTT MAX",
      ">SENT",       ">SENT AGAIN", ">PORTS FREE"};
  struct fl_table table = {0};
  const cJSON *one;
  if (cJSON_GetArraySize(list) == 0)
    return;
  fl_text_add(out, "\n");
  fl_table_head(&table, names, sizeof names / sizeof names[0]);
  cJSON_ArrayForEach(one, list) {
    const cJSON *states = get(one, "states");
    add_text(&table, one, "upstream");
    add_text(&table, one, "server");
    add_count(&table, states, "syn_sent");
    add_count(&table, states, "established");
    add_states(&table, states, "fin_wait_1", "fin_wait_2");
    add_count(&table, states, "close_wait");
    add_states(&table, states, "last_ack", "closing");
    add_count(&table, states, "time_wait");
    add_rtt(&table, one, "rtt_median_seconds");
    add_rtt(&table, one, "rtt_max_seconds");
    add_count(&table, one, "segments_sent");
    add_count(&table, one, "segments_retransmitted");
    add_count(&table, one, "ports_free");
  }
  fl_table_print(&table, out);
}

static void print_sockets(const cJSON *sockets, struct fl_text *out) {
  char text[CELL];
  if (sockets == NULL)
    return;
  if (get(sockets, "error") != NULL) {
    fl_format(out, "\nthe system does not tell the states of sockets: %s\n",
              text_of(sockets, "error", text));
    return;
  }
  print_client_sockets(get(sockets, "listeners"), out);
  print_server_sockets(get(sockets, "servers"), out);
}

/* What is wrong comes first. */
static void print_findings(const cJSON *list, struct fl_text *out) {
  const cJSON *finding;
  cJSON_ArrayForEach(finding, list) {
    char subject[WIDE];
    char text[WIDE];
    fl_format(out, "WARNING %s: %s\n",
              wide_text_of(finding, "subject", subject),
              wide_text_of(finding, "text", text));
  }
  if (cJSON_GetArraySize(list) > 0)
    fl_text_add(out, "\n");
}

/* "serving for 2h", "stopping for 3s, whoever is left is closed in 27s, running
   for 2h". */
static void print_life(const cJSON *state, struct fl_text *out) {
  char text[4][CELL];
  if (get(state, "stopping_seconds") != NULL) {
    fl_format(out, "%s for %s, ", text_of(state, "state", text[0]),
              age_text(number_of(state, "stopping_seconds"), text[1]));
    if (get(state, "cut_in_seconds") != NULL)
      fl_format(out, "whoever is left is closed in %s, ",
                age_text(number_of(state, "cut_in_seconds"), text[2]));
    fl_text_add(out, "running");
  } else {
    fl_text_add(out, text_of(state, "state", text[0]));
  }
  fl_format(out, " for %s, ",
            age_text(number_of(state, "uptime_seconds"), text[3]));
}

void fl_status_text(struct fl_text *out, const cJSON *state) {
  char text[3][CELL];
  fl_format(out, "fairlead %s, pid %.0f, ", text_of(state, "version", text[0]),
            number_of(state, "pid"));
  print_life(state, out);
  fl_format(
      out,
      "%.0f worker%s, %s\n"
      "configuration: generation %.0f, SHA-256 %s\n\n",
      number_of(state, "workers"), number_of(state, "workers") == 1 ? "" : "s",
      text_of(state, "config_file", text[1]), number_of(state, "generation"),
      text_of(state, "config_sha256", text[2]));
  print_findings(get(state, "findings"), out);
  print_listeners(get(state, "listeners"), out);
  print_upstreams(get(state, "upstreams"), out);
  print_sockets(get(state, "sockets"), out);
  print_connections(state, out);
}
