#include "service/log.h"

#include "core/config.h"
#include "service/duration.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

/* A line with its end. POSIX writes up to 4096 bytes to a pipe as a whole,
   whoever else writes to it. */
enum { LINE_MAX_SIZE = 4096, STAMP_SIZE = 32, DETAIL_SIZE = 256 };

static int log_level = FL_LOG_INFO;

static const char *const level_names[] = {
    [FL_LOG_ERROR] = "error",
    [FL_LOG_WARNING] = "warning",
    [FL_LOG_INFO] = "info",
    [FL_LOG_DEBUG] = "debug",
};

void fl_log_level(int level) { log_level = level; }

static bool leap(unsigned year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days since 1970-01-01 as a date. By hand, for gmtime shares its result
   between threads and its safe variants differ between systems. */
static void date(uint64_t days, unsigned *year, unsigned *month,
                 unsigned *day) {
  static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30,
                                          31, 31, 30, 31, 30, 31};
  *year = 1970;
  while (days >= (leap(*year) ? 366U : 365U))
    days -= leap((*year)++) ? 366U : 365U;
  *month = 1;
  for (;; (*month)++) {
    unsigned length = lengths[*month - 1];
    if (*month == 2 && leap(*year))
      length = 29;
    if (days < length)
      break;
    days -= length;
  }
  *day = (unsigned)days + 1;
}

/* ISO 8601, UTC, milliseconds. */
static void stamp(char text[STAMP_SIZE]) {
  uv_timeval64_t now = {0};
  unsigned year;
  unsigned month;
  unsigned day;
  uv_gettimeofday(&now); /* C's timespec_get is not on every Windows */
  uint64_t seconds = (uint64_t)now.tv_sec;
  unsigned of_day = (unsigned)(seconds % 86400);
  date(seconds / 86400, &year, &month, &day);
  snprintf(text, STAMP_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month,
           day, of_day / 3600, of_day / 60 % 60, of_day % 60,
           (unsigned)now.tv_usec / 1000);
}

/* Copies text, control bytes as \xNN, and cuts it with "..." where room ends.
   Returns the size; no NUL. */
static size_t escape(char *to, size_t room, const char *text) {
  static const char digits[] = "0123456789abcdef";
  size_t size = 0;
  for (; *text != '\0'; text++) {
    unsigned char byte = (unsigned char)*text;
    bool control = byte < 0x20 || byte == 0x7f;
    if (size + 4 + 3 > room) { /* this one and "..." might not fit */
      while (size > 0 && ((unsigned char)to[size - 1] & 0xc0) == 0x80)
        size--; /* not within a UTF-8 sequence */
      if (size > 0 && (unsigned char)to[size - 1] >= 0xc0)
        size--;
      memcpy(to + size, "...", 3);
      return size + 3;
    }
    if (control) {
      const char hex[4] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
      memcpy(to + size, hex, 4);
      size += 4;
    } else {
      to[size++] = (char)byte;
    }
  }
  return size;
}

void fl_log(int level, const char *area, const char *format, ...) {
  char time_text[STAMP_SIZE];
  char message[LINE_MAX_SIZE];
  char line[LINE_MAX_SIZE];
  if (level > log_level)
    return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  stamp(time_text);
  int head = snprintf(line, sizeof line / 2, "%s %s %s ", time_text,
                      level_names[level], area);
  size_t size = (size_t)head;
  size += escape(line + size, sizeof line - 1 - size, message);
  line[size++] = '\n';
  /* stderr is unbuffered: one write(2), under the stream's own lock. */
  fwrite(line, 1, size, stderr);
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

static void log_closed(int level, const char *area, const char *name,
                       const char *peer, const struct fl_event *event) {
  char reason[DETAIL_SIZE];
  char duration[FL_DURATION_TEXT];
  char frames[48] = "";
  if (!event->raw)
    snprintf(frames, sizeof frames, ", %" PRIu64 " frame%s", event->frames,
             event->frames == 1 ? "" : "s");
  bool faulty = event->kind == FL_EVENT_CLIENT_CLOSED && event->server != NULL;
  fl_log(level, area,
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
  case FL_UNEXPECTED_DATA:
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
    return FL_LOG_DEBUG;
  case FL_EVENT_CLIENT_REFUSED:
    return event->refused == 0 ? FL_LOG_DEBUG : FL_LOG_INFO;
  case FL_EVENT_CLIENT_CLOSED:
    return client_closed_level(event->reason);
  case FL_EVENT_UPSTREAM_CLOSED:
    return ended_with_client(event) ? FL_LOG_DEBUG
                                    : upstream_closed_level(event->reason);
  case FL_EVENT_SERVER_DOWN:
    return FL_LOG_WARNING;
  case FL_EVENT_SERVER_UP:
  case FL_EVENT_REQUEST_FAILED:
    return FL_LOG_INFO;
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
  fl_log(level, "client", "%s: %s refused: %s%s", event->listener, peer,
         explain(reason, event->reason), more);
}

static void log_client(int level, const struct fl_event *event) {
  char peer[FL_ADDR_TEXT];
  char reason[DETAIL_SIZE];
  fl_addr_format(&event->peer, peer);
  if (event->kind == FL_EVENT_CLIENT_OPENED)
    fl_log(level, "client", "%s: %s opened", event->listener, peer);
  else if (event->kind == FL_EVENT_CLIENT_REFUSED)
    log_refused(level, peer, event);
  else if (event->kind == FL_EVENT_CLIENT_CLOSED)
    log_closed(level, "client", event->listener, peer, event);
  else
    fl_log(level, "client", "%s: %s request failed: %s%s%s%s%s",
           event->listener, peer, explain(reason, event->reason),
           event->upstream != NULL ? ", upstream " : "",
           event->upstream != NULL ? event->upstream : "",
           event->server != NULL ? ", server " : "",
           event->server != NULL ? event->server : "");
}

static void log_upstream(int level, const struct fl_event *event) {
  char server[DETAIL_SIZE];
  char reason[DETAIL_SIZE];
  char duration[FL_DURATION_TEXT];
  server_text(server, event);
  switch (event->kind) {
  case FL_EVENT_UPSTREAM_CONNECTED:
    fl_log(level, "upstream", "%s: %s connected", event->upstream, server);
    break;
  case FL_EVENT_UPSTREAM_CLOSED:
    log_closed(level, "upstream", event->upstream, server, event);
    break;
  case FL_EVENT_SERVER_DOWN:
    fl_log(level, "upstream", "%s: server %s is down: %s, next attempt in %s",
           event->upstream, server, explain(reason, event->reason),
           fl_duration_format(event->retry_in, duration));
    break;
  default:
    fl_log(level, "upstream", "%s: server %s is up again after %s",
           event->upstream, server,
           fl_duration_format(event->duration, duration));
    break;
  }
}

void fl_log_event(const struct fl_event *event) {
  int level = event_level(event);
  if (level > log_level)
    return;
  switch (event->kind) {
  case FL_EVENT_CLIENT_OPENED:
  case FL_EVENT_CLIENT_REFUSED:
  case FL_EVENT_CLIENT_CLOSED:
  case FL_EVENT_REQUEST_FAILED:
    log_client(level, event);
    break;
  default:
    log_upstream(level, event);
    break;
  }
}
