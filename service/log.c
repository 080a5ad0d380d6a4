#include "service/log.h"

#include "core/name.h"
#include "platform/clock.h"
#include "platform/error.h"
#include "platform/format.h"
#include "service/access_log.h"
#include "service/duration.h"
#include "service/log_line.h"
#include "service/log_repeat.h"
#include "service/log_sink.h"
#include "service/supervisor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

enum { DETAIL_SIZE = 256 };

static struct {
  _Atomic(struct fl_log_sink *) sink; /* NULL: not open */
  atomic_int format;
  atomic_bool echo;
  const char *detached; /* why standard error leads nowhere; NULL: it does
                           not */
  atomic_int levels[FL_LOG_AREAS];
  uv_mutex_t mutex; /* of repeats; made when the sink is */
  struct fl_repeats repeats;
#define LEVEL(area, name, text) FL_LOG_INFO,
} state = {.levels = {FL_LOG_AREA_LIST(LEVEL)}};

/* ---- levels ---- */

static bool enabled(int level, enum fl_log_area area) {
  return level <=
         atomic_load_explicit(&state.levels[area], memory_order_relaxed);
}

void fl_log_set_level(enum fl_log_area area, int level) {
  for (unsigned i = 0; i < FL_LOG_AREAS; i++)
    if (area == FL_LOG_AREAS || i == area)
      atomic_store_explicit(&state.levels[i], level, memory_order_relaxed);
}

/* ---- lines ---- */

static uint64_t wall_clock(void) {
  uv_timeval64_t now = {0};
  (void)uv_gettimeofday(&now); /* C's timespec_get is not on every Windows */
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

/* To the log's target, and what is wrong at a start to where people look.
   told: the system's event log has it already. */
static void put_told(const struct fl_log_record *record, bool told) {
  struct fl_log_sink *sink =
      atomic_load_explicit(&state.sink, memory_order_acquire);
  enum fl_log_format format = (enum fl_log_format)atomic_load_explicit(
      &state.format, memory_order_relaxed);
  char line[FL_LOG_LINE];
  if (sink != NULL && told && sink == fl_log_sink_find("syslog"))
    return;
  if (sink != NULL) {
    size_t taken =
        fl_log_line(line, format, fl_log_sink_prefixed(sink), record);
    fl_log_sink_put(sink, line, taken);
    if (record->level > FL_LOG_WARNING || sink == fl_log_sink_find("stderr") ||
        (fl_supervised() && sink == fl_log_sink_find("syslog")) ||
        !atomic_load_explicit(&state.echo, memory_order_relaxed))
      return;
  }
  if (told ||
      (record->level <= FL_LOG_WARNING &&
       fl_supervisor_tell(FL_NOTICE_NONE, record->level, record->message)))
    return;
  /* stderr is unbuffered: one write(2), under the stream's own lock. */
  size_t size = fl_log_line(line, FL_LOG_TEXT, false, record);
  fwrite(line, 1, size, stderr);
}

static void put(const struct fl_log_record *record) { put_told(record, false); }

static void put_repeated(const struct fl_repeat *over) {
  char message[FL_REPEAT_TEXT + 100];
  if (over->held == 0 || over->example[0] == '\0')
    return;
  snprintf(message, sizeof message,
           "%s: repeated %" PRIu64
           " times within 10s with other peers or values",
           over->example, over->held);
  put(&(struct fl_log_record){.time = wall_clock(),
                              .level = over->level,
                              .area = over->area,
                              .message = message,
                              .repeated = over->held});
}

/* Whether a line may be written; key 0: always. */
static bool pass(uint64_t key) {
  struct fl_repeat over = {0};
  if (key == 0 ||
      atomic_load_explicit(&state.sink, memory_order_acquire) == NULL)
    return true;
  uv_mutex_lock(&state.mutex);
  bool passed = fl_repeats_pass(&state.repeats, key, fl_clock(), &over);
  uv_mutex_unlock(&state.mutex);
  put_repeated(&over);
  return passed;
}

static void note(uint64_t key, const struct fl_log_record *record) {
  if (key == 0 ||
      atomic_load_explicit(&state.sink, memory_order_acquire) == NULL)
    return;
  uv_mutex_lock(&state.mutex);
  fl_repeats_note(&state.repeats, key, record->level, record->area,
                  record->message);
  uv_mutex_unlock(&state.mutex);
}

static void tell_repeats(bool all) {
  struct fl_repeat over;
  for (;;) {
    uv_mutex_lock(&state.mutex);
    bool found = fl_repeats_take(&state.repeats, fl_clock(), all, &over);
    uv_mutex_unlock(&state.mutex);
    if (!found)
      return;
    put_repeated(&over);
  }
}

/* FNV-1a; never 0. */
static uint64_t mix(uint64_t key, const char *text) {
  for (; text != NULL && *text != '\0'; text++)
    key = (key ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
  return (key * UINT64_C(0x100000001b3)) | 1;
}

/* Of one kind and place are lines of one format whose text begins alike, up
   to the first colon, which is where names stand. */
static uint64_t key_of(const char *format, const char *message) {
  char place[64];
  snprintf(place, sizeof place, "%.*s", (int)strcspn(message, ":"), message);
  return mix(mix(UINT64_C(0xcbf29ce484222325), format), place);
}

static void log_message(int level, enum fl_log_area area, const char *format,
                        const char *message, bool told) {
  struct fl_log_record record = {
      .time = wall_clock(), .level = level, .area = area, .message = message};
  uint64_t key = level == FL_LOG_DEBUG ? 0 : key_of(format, message);
  if (!pass(key))
    return;
  put_told(&record, told);
  note(key, &record);
}

void fl_log(int level, enum fl_log_area area, const char *format, ...) {
  char message[FL_LOG_LINE];
  if (!enabled(level, area))
    return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  log_message(level, area, format, message, false);
}

void fl_log_notice(enum fl_notice notice, int level, enum fl_log_area area,
                   const char *format, ...) {
  char message[FL_LOG_LINE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  bool told = fl_supervisor_tell(notice, level, message);
  if (enabled(level, area))
    log_message(level, area, format, message, told);
}

/* ---- the target ---- */

static void on_lost(const char *target, uint64_t lines, const char *why) {
  if (why == NULL)
    fl_log(FL_LOG_WARNING, FL_LOG_SERVICE,
           "log %s: %" PRIu64 " lines lost: it did not take them as fast as "
           "they came; log less, or to a faster place",
           target, lines);
  else
    fl_log(FL_LOG_WARNING, FL_LOG_SERVICE,
           "log %s: %" PRIu64 " lines lost: %s; it takes lines again", target,
           lines, why);
}

static void on_reopened(const char *target, int error) {
  char text[FL_ERROR_TEXT];
  if (error != 0)
    fl_log(FL_LOG_ERROR, FL_LOG_SERVICE,
           "log %s: cannot be opened again: %s; the file that was open is "
           "written on",
           target, fl_error_text(error, text));
}

static void on_not_rotated(const char *target, int error) {
  char text[FL_ERROR_TEXT];
  fl_log(FL_LOG_ERROR, FL_LOG_SERVICE,
         "log %s: is full (log.max_size) and cannot be renamed: %s; it is "
         "written on; let this user write to its directory, and nobody keep "
         "the full files open",
         target, fl_error_text(error, text));
}

static void on_second(void) { tell_repeats(false); }

static bool cannot_open(char error[FL_LOG_ERROR_TEXT], const char *key,
                        const char *target, int failure) {
  char text[FL_ERROR_TEXT];
  snprintf(error, FL_LOG_ERROR_TEXT, "%s: \"%s\" cannot be opened: %s", key,
           target, fl_error_text(failure, text));
  return false;
}

/* What goes to standard error where that is nobody's. */
static bool nobody_reads(char error[FL_LOG_ERROR_TEXT], const char *key) {
  snprintf(error, FL_LOG_ERROR_TEXT,
           "%s: \"stderr\" leads nowhere %s; allowed: \"syslog\", "
           "or a path with a / in it",
           key, state.detached);
  return false;
}

/* An access log has neither errors nor warnings. */
static bool takes_none(char error[FL_LOG_ERROR_TEXT], const char *key,
                       const char *target) {
  snprintf(error, FL_LOG_ERROR_TEXT,
           "%s: \"%s\" is the Event Log here, which takes errors and warnings "
           "only; allowed: \"off\", or a path with a / in it",
           key, target);
  return false;
}

static bool open_access_logs(const struct fl_config *config,
                             char error[FL_LOG_ERROR_TEXT]) {
  char key[64];
  uint32_t listener = 0;
  int failure = 0;
  if (fl_access_log_open(config, state.detached != NULL, &listener, &failure))
    return true;
  snprintf(key, sizeof key, "listeners[%" PRIu32 "].access_log.target",
           listener);
  if (failure == 0)
    return nobody_reads(error, key);
  const char *target = config->listeners[listener].access_log.target.text;
  return failure == UV_ENOTSUP ? takes_none(error, key, target)
                               : cannot_open(error, key, target, failure);
}

void fl_log_detach(const char *why) { state.detached = why; }

bool fl_log_open(const struct fl_config *whole, char error[FL_LOG_ERROR_TEXT]) {
  const struct fl_log_config *config = &whole->log;
  const char *target = config->target.text;
  int failure = 0;
  if (strcmp(target, "auto") == 0)
    target = state.detached != NULL ? "syslog" : "stderr";
  if (state.detached != NULL && strcmp(target, "stderr") == 0)
    return nobody_reads(error, "log.target");
  if (atomic_load(&state.sink) == NULL)
    failure = uv_mutex_init(&state.mutex);
  struct fl_log_sink *sink =
      failure != 0 ? NULL : fl_log_sink_open(target, false, &failure);
  if (sink == NULL)
    return cannot_open(error, "log.target", target, failure);
  if (!open_access_logs(whole, error))
    return false;
  for (unsigned i = 0; i < FL_LOG_AREAS; i++)
    atomic_store(&state.levels[i], config->levels[i] == FL_LOG_AUTO
                                       ? config->level
                                       : config->levels[i]);
  atomic_store(&state.format, (int)config->format);
  fl_log_sinks_rotate(config->max_size, config->keep);
  atomic_store(&state.sink, sink);
  return true;
}

void fl_log_echo(bool on) {
  atomic_store_explicit(&state.echo, on, memory_order_relaxed);
}

int fl_log_start(void) {
  static const struct fl_log_calls calls = {on_lost, on_reopened,
                                            on_not_rotated, on_second};
  return fl_log_sinks_start(&calls);
}

void fl_log_reopen(void) { fl_log_sinks_reopen(); }

void fl_log_stop(void) {
  if (atomic_load(&state.sink) != NULL)
    tell_repeats(true);
  fl_log_sinks_stop();
}

/* ---- events ---- */

/* What is one kind and place: peers differ. */
static uint64_t event_key(const struct fl_event *event) {
  uint64_t key = UINT64_C(0xcbf29ce484222325);
  key = (key ^ (uint64_t)event->kind) * UINT64_C(0x100000001b3);
  key = (key ^ (uint64_t)event->reason) * UINT64_C(0x100000001b3);
  key = mix(key, event->listener);
  key = mix(key, event->upstream);
  return mix(key, event->server);
}

/* As fl_log, with the event's fields where lines have some. Whether it is a
   repetition was decided. */
FL_FORMAT(4, 5)
static void say(const struct fl_event *event, int level, enum fl_log_area area,
                const char *format, ...) {
  char message[FL_LOG_LINE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  struct fl_log_record record = {.time = wall_clock(),
                                 .level = level,
                                 .area = area,
                                 .message = message,
                                 .event = event};
  put(&record);
  if (level != FL_LOG_DEBUG)
    note(event_key(event), &record);
}

/* "idle_timeout (no complete frame for idle_timeout)" */
static const char *explain(char text[DETAIL_SIZE], enum fl_reason reason) {
  snprintf(text, DETAIL_SIZE, "%s (%s)", fl_reason_name(reason),
           fl_reason_text(reason));
  return text;
}

/* "127.0.0.1:8080", and for a name "plc.example:502 (192.0.2.7:502)". */
static const char *server_text(char text[DETAIL_SIZE],
                               const struct fl_event *event) {
  char peer[FL_ADDR_TEXT];
  fl_addr_format(&event->peer, peer);
  if (event->peer.family == FL_ADDR_NONE || strcmp(peer, event->server) == 0)
    snprintf(text, DETAIL_SIZE, "%s", event->server);
  else
    snprintf(text, DETAIL_SIZE, "%.180s (%s)", event->server, peer);
  return text;
}

static void log_closed(int level, enum fl_log_area area, const char *name,
                       const char *peer, const struct fl_event *event) {
  char reason[DETAIL_SIZE];
  char duration[FL_DURATION_TEXT];
  char frames[48] = "";
  if (!event->raw)
    snprintf(frames, sizeof frames, ", %" PRIu64 " frame%s", event->frames,
             event->frames == 1 ? "" : "s");
  bool faulty = event->kind == FL_EVENT_CLIENT_CLOSED && event->server != NULL;
  say(event, level, area,
      "%s: %s closed: %s%s%s, %" PRIu64 " bytes in, %" PRIu64 " out%s, %s",
      name, peer, explain(reason, event->reason), faulty ? ", server " : "",
      faulty ? event->server : "", event->bytes_in, event->bytes_out, frames,
      fl_duration_format(event->duration, duration));
}

/* Ordinary ends are many and tell an operator nothing. */
static int client_closed_level(enum fl_reason reason) {
  bool ordinary =
      reason == FL_OK || reason == FL_PEER_CLOSED || reason == FL_SHUTDOWN;
  return ordinary ? FL_LOG_DEBUG : FL_LOG_INFO;
}

/* A warning where the server broke a promise. */
static int upstream_closed_level(enum fl_reason reason) {
  switch (reason) {
  case FL_PROBED:
    return FL_LOG_DEBUG;
  case FL_UNEXPECTED_DATA:
  case FL_BAD_GREETING:
  case FL_BAD_ANSWER:
  case FL_REPLY_TOO_LONG:
  case FL_REQUEST_TIMEOUT:
  case FL_UPSTREAM_CLOSED:
  case FL_UPSTREAM_RESET:
    return FL_LOG_WARNING;
  default:
    return FL_LOG_INFO;
  }
}

/* A connection of a relay ends with its client, as it should. */
static bool ended_with_client(const struct fl_event *event) {
  return event->raw &&
         (event->reason == FL_PEER_CLOSED || event->reason == FL_CLIENT_LEFT ||
          event->reason == FL_SHUTDOWN);
}

static int event_level(const struct fl_event *event) {
  switch (event->kind) {
  case FL_EVENT_CLIENT_OPENED:
  case FL_EVENT_UPSTREAM_CONNECTED:
  case FL_EVENT_CONNECT_OVERTAKEN:
    return FL_LOG_DEBUG;
  case FL_EVENT_CLIENT_REFUSED:
    return event->refused == 0 ? FL_LOG_DEBUG : FL_LOG_INFO;
  case FL_EVENT_CLIENT_CLOSED:
    return client_closed_level(event->reason);
  case FL_EVENT_UPSTREAM_CLOSED:
    return ended_with_client(event) ? FL_LOG_DEBUG
                                    : upstream_closed_level(event->reason);
  case FL_EVENT_SERVER_DOWN:
  case FL_EVENT_SERVER_EJECTED:
  case FL_EVENT_NAME_STALE:
  case FL_EVENT_NAME_CUT:
  case FL_EVENT_BUFFERS_HIGH:
    return FL_LOG_WARNING;
  case FL_EVENT_LISTENER_CLOSED:
    return event->none_left ? FL_LOG_WARNING : FL_LOG_INFO;
  case FL_EVENT_LISTENER_OPENED:
  case FL_EVENT_SERVER_UP:
  case FL_EVENT_SERVER_RETURNED:
  case FL_EVENT_NAME_FRESH:
  case FL_EVENT_NAME_CHANGED:
  case FL_EVENT_BUFFERS_LOW:
  case FL_EVENT_REQUEST_FAILED:
    return FL_LOG_INFO;
  case FL_EVENT_REQUEST_DONE:
    return FL_LOG_DEBUG;
  }
  return FL_LOG_INFO;
}

/* "; 17 refused for that since the last such line", if there are more. */
static void log_refused(int level, const char *peer,
                        const struct fl_event *event) {
  char reason[DETAIL_SIZE];
  char more[64] = "";
  if (event->refused > 1)
    snprintf(more, sizeof more, "; %" PRIu64 " since the last such line",
             event->refused);
  say(event, level, FL_LOG_CLIENT, "%s: %s refused: %s%s", event->listener,
      peer, explain(reason, event->reason), more);
}

/* Why no connection was there in time. */
static void log_no_connection(int level, const char *peer,
                              const struct fl_event *event) {
  char failure[2 * DETAIL_SIZE] = "";
  char text[DETAIL_SIZE];
  char ago[FL_DURATION_TEXT];
  const char *why = event->none_left
                        ? "all its servers are taken out by an operator"
                    : event->stands ? "all are in use"
                                    : "none stands";
  if (event->failure != FL_OK)
    snprintf(failure, sizeof failure, "; server %.180s failed %s ago: %s",
             event->server, fl_duration_format(event->failed_ago, ago),
             explain(text, event->failure));
  say(event, level, FL_LOG_CLIENT,
      "%s: %s request failed: %s (no connection to upstream %s became free in "
      "time): %s%s",
      event->listener, peer, fl_reason_name(event->reason), event->upstream,
      why, failure);
}

static void log_client(int level, const struct fl_event *event) {
  char peer[FL_ADDR_TEXT];
  char reason[DETAIL_SIZE];
  fl_addr_format(&event->peer, peer);
  if (event->kind == FL_EVENT_CLIENT_OPENED)
    say(event, level, FL_LOG_CLIENT, "%s: %s opened", event->listener, peer);
  else if (event->kind == FL_EVENT_CLIENT_REFUSED)
    log_refused(level, peer, event);
  else if (event->kind == FL_EVENT_CLIENT_CLOSED)
    log_closed(level, FL_LOG_CLIENT, event->listener, peer, event);
  else if (event->reason == FL_ACQUIRE_TIMEOUT && event->upstream != NULL)
    log_no_connection(level, peer, event);
  else
    say(event, level, FL_LOG_CLIENT, "%s: %s request failed: %s%s%s%s%s",
        event->listener, peer, explain(reason, event->reason),
        event->upstream != NULL ? ", upstream " : "",
        event->upstream != NULL ? event->upstream : "",
        event->server != NULL ? ", server " : "",
        event->server != NULL ? event->server : "");
}

static void log_name(int level, const struct fl_event *event) {
  char reason[DETAIL_SIZE];
  char duration[FL_DURATION_TEXT];
  const char *upstream = event->upstream;
  const char *server = event->server;
  if (event->kind == FL_EVENT_NAME_STALE)
    say(event, level, FL_LOG_UPSTREAM,
        "%s: name of server %s: %s; the addresses found %s ago are used",
        upstream, server, explain(reason, event->reason),
        fl_duration_format(event->duration, duration));
  else if (event->kind == FL_EVENT_NAME_FRESH)
    say(event, level, FL_LOG_UPSTREAM,
        "%s: name of server %s is resolved again", upstream, server);
  else if (event->kind == FL_EVENT_NAME_CHANGED)
    say(event, level, FL_LOG_UPSTREAM,
        "%s: name of server %s has other addresses now, %u in all", upstream,
        server, (unsigned)event->addresses);
  else
    say(event, level, FL_LOG_UPSTREAM,
        "%s: name of server %s has %u addresses, of which %d are used",
        upstream, server, (unsigned)event->addresses, FL_NAME_ADDRS);
}

/* What it means that no server is in. */
static const char *none_left(const struct fl_event *event) {
  if (!event->none_left)
    return "";
  return event->reason == FL_DRAINED || event->reason == FL_EJECTED_BY_OPERATOR
             ? "; no server is left, so requests wait"
             : "; no server is left, so all are tried";
}

static void log_buffers(int level, const struct fl_event *event) {
  bool high = event->kind == FL_EVENT_BUFFERS_HIGH;
  say(event, level, FL_LOG_SERVICE, "buffers hold %" PRIu64 " KiB%s",
      event->bytes_in / 1024,
      high ? ", three quarters of max_buffered: clients with long frames, or "
             "that do not read, have to wait"
           : " again");
}

/* By an operator, or by its health checks, for what they met. */
static void log_taken_out(int level, const char *server,
                          const struct fl_event *event) {
  char reason[DETAIL_SIZE];
  if (event->reason == FL_DRAINED || event->reason == FL_EJECTED_BY_OPERATOR)
    say(event, level, FL_LOG_UPSTREAM, "%s: server %s is %s by an operator%s",
        event->upstream, server,
        event->reason == FL_DRAINED ? "drained" : "ejected", none_left(event));
  else
    say(event, level, FL_LOG_UPSTREAM, "%s: server %s is ejected: %s%s",
        event->upstream, server, explain(reason, event->reason),
        none_left(event));
}

static void log_upstream(int level, const struct fl_event *event) {
  char server[DETAIL_SIZE];
  char reason[DETAIL_SIZE];
  char duration[FL_DURATION_TEXT];
  server_text(server, event);
  switch (event->kind) {
  case FL_EVENT_UPSTREAM_CONNECTED:
    say(event, level, FL_LOG_UPSTREAM, "%s: %s connected", event->upstream,
        server);
    break;
  case FL_EVENT_UPSTREAM_CLOSED:
    log_closed(level, FL_LOG_UPSTREAM, event->upstream, server, event);
    break;
  case FL_EVENT_CONNECT_OVERTAKEN:
    say(event, level, FL_LOG_UPSTREAM,
        "%s: the connect to %s is given up, another address was faster",
        event->upstream, server);
    break;
  case FL_EVENT_SERVER_DOWN:
    say(event, level, FL_LOG_UPSTREAM,
        "%s: server %s is down: %s, next attempt in %s", event->upstream,
        server, explain(reason, event->reason),
        fl_duration_format(event->retry_in, duration));
    break;
  case FL_EVENT_SERVER_EJECTED:
    log_taken_out(level, server, event);
    break;
  case FL_EVENT_SERVER_RETURNED:
    say(event, level, FL_LOG_UPSTREAM, "%s: server %s has returned after %s",
        event->upstream, server, fl_duration_format(event->duration, duration));
    break;
  default:
    say(event, level, FL_LOG_UPSTREAM, "%s: server %s is up again after %s",
        event->upstream, server, fl_duration_format(event->duration, duration));
    break;
  }
}

static void log_listener(int level, const struct fl_event *event) {
  char duration[FL_DURATION_TEXT];
  if (event->kind == FL_EVENT_LISTENER_OPENED)
    say(event, level, FL_LOG_LISTENER,
        "%s: a server of upstream %s is in: opening after %s", event->listener,
        event->upstream, fl_duration_format(event->duration, duration));
  else if (event->none_left)
    say(event, level, FL_LOG_LISTENER,
        "%s: closed: no server of upstream %s is in; it opens as soon as one "
        "is",
        event->listener, event->upstream);
  else
    say(event, level, FL_LOG_LISTENER,
        "%s: closed until a server of upstream %s has answered",
        event->listener, event->upstream);
}

static enum fl_log_area event_area(enum fl_event_kind kind) {
  switch (kind) {
  case FL_EVENT_CLIENT_OPENED:
  case FL_EVENT_CLIENT_REFUSED:
  case FL_EVENT_CLIENT_CLOSED:
  case FL_EVENT_REQUEST_FAILED:
    return FL_LOG_CLIENT;
  case FL_EVENT_LISTENER_CLOSED:
  case FL_EVENT_LISTENER_OPENED:
    return FL_LOG_LISTENER;
  case FL_EVENT_BUFFERS_HIGH:
  case FL_EVENT_BUFFERS_LOW:
    return FL_LOG_SERVICE;
  default:
    return FL_LOG_UPSTREAM;
  }
}

void fl_log_event(const struct fl_event *event) {
  int level = event_level(event);
  enum fl_log_area area = event_area(event->kind);
  fl_access_log_event(event);
  if (event->kind == FL_EVENT_REQUEST_DONE)
    return;
  if (!enabled(level, area) ||
      (level != FL_LOG_DEBUG && !pass(event_key(event))))
    return;
  if (area == FL_LOG_CLIENT)
    log_client(level, event);
  else if (event->kind >= FL_EVENT_NAME_STALE &&
           event->kind <= FL_EVENT_NAME_CUT)
    log_name(level, event);
  else if (area == FL_LOG_LISTENER)
    log_listener(level, event);
  else if (event->kind == FL_EVENT_BUFFERS_HIGH ||
           event->kind == FL_EVENT_BUFFERS_LOW)
    log_buffers(level, event);
  else
    log_upstream(level, event);
}
