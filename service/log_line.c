#include "service/log_line.h"

#include "platform/format.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Room that is kept for the end of a JSON object. */
enum { MESSAGE_MAX = 2000 };

static const char *const level_names[FL_LOG_LEVELS] = {
    [FL_LOG_ERROR] = "error",
    [FL_LOG_WARNING] = "warning",
    [FL_LOG_INFO] = "info",
    [FL_LOG_DEBUG] = "debug",
};

const char *fl_log_level_name(int level) { return level_names[level]; }

int fl_log_level(const char *name) {
  int level = 0;
  while (level < FL_LOG_LEVELS && strcmp(level_names[level], name) != 0)
    level++;
  return level;
}

#define NAME(area, name, text) [FL_LOG_##area] = (name),
static const char *const area_names[FL_LOG_AREAS] = {FL_LOG_AREA_LIST(NAME)};

const char *fl_log_area_name(enum fl_log_area area) { return area_names[area]; }

enum fl_log_area fl_log_area(const char *name) {
  unsigned area = 0;
  while (area < FL_LOG_AREAS && strcmp(area_names[area], name) != 0)
    area++;
  return (enum fl_log_area)area;
}

/* ---- time ---- */

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

const char *fl_log_stamp(uint64_t time, char text[FL_LOG_STAMP]) {
  /* A thread that logs every request forms the same second many times. */
  static _Thread_local uint64_t last = UINT64_MAX;
  static _Thread_local char last_text[FL_LOG_STAMP];
  uint64_t seconds = time / 1000;
  unsigned milliseconds = (unsigned)(time % 1000);
  if (seconds != last) {
    unsigned of_day = (unsigned)(seconds % 86400);
    unsigned year;
    unsigned month;
    unsigned day;
    date(seconds / 86400, &year, &month, &day);
    snprintf(last_text, sizeof last_text, "%04u-%02u-%02uT%02u:%02u:%02u.000Z",
             year, month, day, of_day / 3600, of_day / 60 % 60, of_day % 60);
    last = seconds;
  }
  memcpy(text, last_text, sizeof last_text);
  text[20] = (char)('0' + milliseconds / 100);
  text[21] = (char)('0' + milliseconds / 10 % 10);
  text[22] = (char)('0' + milliseconds % 10);
  return text;
}

/* ---- bytes of others ---- */

/* The size of the UTF-8 sequence at text (RFC 3629) that is no control
   character; 0 when there is none. */
static size_t sequence(const unsigned char *text) {
  unsigned first = text[0];
  unsigned low = 0x80; /* of the second byte */
  unsigned high = 0xbf;
  size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first < 0x80)
    return first >= 0x20 && first != 0x7f;
  if (first < 0xc2 || first > 0xf4)
    return 0;
  if (first == 0xc2 || first == 0xe0)
    low = 0xa0; /* U+0080 to U+009F are controls; overlong */
  if (first == 0xf0)
    low = 0x90;
  if (first == 0xed)
    high = 0x9f; /* surrogates */
  if (first == 0xf4)
    high = 0x8f;
  if (text[1] < low || text[1] > high)
    return 0;
  for (size_t i = 2; i < size; i++)
    if ((text[i] & 0xc0) != 0x80)
      return 0;
  return size;
}

size_t fl_log_escape(char *to, size_t room, const char *text, bool json) {
  static const char digits[] = "0123456789abcdef";
  const unsigned char *at = (const unsigned char *)text;
  size_t size = 0;
  while (*at != '\0') {
    size_t good = sequence(at);
    char piece[8];
    size_t length = 0;
    if (good == 0 && json)
      piece[length++] = '\\';
    if (good == 1 && json && (*at == '"' || *at == '\\'))
      piece[length++] = '\\';
    if (good == 0) {
      const char hex[4] = {'\\', 'x', digits[*at >> 4], digits[*at & 15]};
      memcpy(piece + length, hex, 4);
      length += 4;
    } else {
      memcpy(piece + length, at, good);
      length += good;
    }
    if (size + length + 3 > room) { /* then "..." might not fit */
      memcpy(to + size, "...", 3);
      return size + 3;
    }
    memcpy(to + size, piece, length);
    size += length;
    at += good == 0 ? 1 : good;
  }
  return size;
}

/* ---- lines ---- */

struct line {
  char *bytes;
  size_t size;
};

FL_FORMAT(2, 3)
static void add(struct line *line, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  /* clang-tidy 14 does not see va_start here.
     NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
  int size = vsnprintf(line->bytes + line->size, FL_LOG_LINE - line->size,
                       format, arguments);
  va_end(arguments);
  assert(size >= 0 && (size_t)size < FL_LOG_LINE - line->size);
  line->size += (size_t)size;
}

/* ,"name":"value" */
static void add_string(struct line *line, const char *name, const char *value) {
  enum { VALUE_MAX = 300 }; /* "host:port" and more */
  if (value == NULL)
    return;
  add(line, ",\"%s\":\"", name);
  line->size += fl_log_escape(line->bytes + line->size, VALUE_MAX, value, true);
  add(line, "\"");
}

/* ,"name":seconds */
static void add_time(struct line *line, const char *name, fl_time time) {
  add(line, ",\"%s\":%" PRIu64 ".%06u", name, time / FL_SECOND,
      (unsigned)(time % FL_SECOND));
}

static const char *kind_name(enum fl_event_kind kind) {
  switch (kind) {
  case FL_EVENT_CLIENT_OPENED:
    return "client_opened";
  case FL_EVENT_CLIENT_REFUSED:
    return "client_refused";
  case FL_EVENT_CLIENT_CLOSED:
    return "client_closed";
  case FL_EVENT_UPSTREAM_CONNECTED:
    return "upstream_connected";
  case FL_EVENT_UPSTREAM_CLOSED:
    return "upstream_closed";
  case FL_EVENT_SERVER_DOWN:
    return "server_down";
  case FL_EVENT_SERVER_UP:
    return "server_up";
  case FL_EVENT_SERVER_EJECTED:
    return "server_ejected";
  case FL_EVENT_SERVER_RETURNED:
    return "server_returned";
  case FL_EVENT_NAME_STALE:
    return "name_stale";
  case FL_EVENT_NAME_FRESH:
    return "name_fresh";
  case FL_EVENT_NAME_CHANGED:
    return "name_changed";
  case FL_EVENT_NAME_CUT:
    return "name_cut";
  case FL_EVENT_LISTENER_CLOSED:
    return "listener_closed";
  case FL_EVENT_LISTENER_OPENED:
    return "listener_opened";
  case FL_EVENT_BUFFERS_HIGH:
    return "buffers_high";
  case FL_EVENT_BUFFERS_LOW:
    return "buffers_low";
  case FL_EVENT_CONNECT_OVERTAKEN:
    return "connect_overtaken";
  case FL_EVENT_REQUEST_FAILED:
    return "request_failed";
  case FL_EVENT_REQUEST_DONE:
    return "request_done"; /* has no line */
  }
  return "unknown";
}

static void add_traffic(struct line *line, const struct fl_event *event) {
  add(line, ",\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64, event->bytes_in,
      event->bytes_out);
  if (!event->raw)
    add(line, ",\"frames\":%" PRIu64, event->frames);
}

static void add_event(struct line *line, const struct fl_event *event) {
  char peer[FL_ADDR_TEXT];
  bool closed = event->kind == FL_EVENT_CLIENT_CLOSED ||
                event->kind == FL_EVENT_UPSTREAM_CLOSED;
  add_string(line, "event", kind_name(event->kind));
  if (event->reason != FL_OK || closed)
    add_string(line, "reason", fl_reason_name(event->reason));
  add_string(line, "listener", event->listener);
  add_string(line, "upstream", event->upstream);
  add_string(line, "server", event->server);
  if (event->peer.family != FL_ADDR_NONE)
    add_string(line, "peer", fl_addr_format(&event->peer, peer));
  if (closed)
    add_traffic(line, event);
  if (closed || event->kind == FL_EVENT_SERVER_UP ||
      event->kind == FL_EVENT_SERVER_RETURNED ||
      event->kind == FL_EVENT_LISTENER_OPENED)
    add_time(line, "duration", event->duration);
  if (event->kind == FL_EVENT_SERVER_DOWN)
    add_time(line, "retry_in", event->retry_in);
  if (event->failure != FL_OK) {
    add_string(line, "failure", fl_reason_name(event->failure));
    add_time(line, "failed_ago", event->failed_ago);
  }
  if (event->kind == FL_EVENT_CLIENT_REFUSED)
    add(line, ",\"refused\":%" PRIu64, event->refused);
}

static void add_json(struct line *line, const struct fl_log_record *record) {
  char stamp[FL_LOG_STAMP];
  add(line, "{\"time\":\"%s\",\"level\":\"%s\",\"area\":\"%s\",\"message\":\"",
      fl_log_stamp(record->time, stamp), level_names[record->level],
      fl_log_area_name(record->area));
  line->size += fl_log_escape(line->bytes + line->size,
                              MESSAGE_MAX - line->size, record->message, true);
  add(line, "\"");
  if (record->event != NULL)
    add_event(line, record->event);
  if (record->repeated > 0)
    add(line, ",\"repeated\":%" PRIu64, record->repeated);
  add(line, "}");
}

static void add_text(struct line *line, bool prefixed,
                     const struct fl_log_record *record) {
  char stamp[FL_LOG_STAMP];
  if (!prefixed)
    add(line, "%s %s ", fl_log_stamp(record->time, stamp),
        level_names[record->level]);
  add(line, "%s ", fl_log_area_name(record->area));
  line->size +=
      fl_log_escape(line->bytes + line->size, FL_LOG_LINE - line->size - 1,
                    record->message, false);
}

/* syslog(3): LOG_ERR and so on. */
static int priority(int level) {
  static const int priorities[FL_LOG_LEVELS] = {[FL_LOG_ERROR] = 3,
                                                [FL_LOG_WARNING] = 4,
                                                [FL_LOG_INFO] = 6,
                                                [FL_LOG_DEBUG] = 7};
  return priorities[level];
}

size_t fl_log_line(char text[FL_LOG_LINE], enum fl_log_format format,
                   bool prefixed, const struct fl_log_record *record) {
  struct line line = {.bytes = text};
  if (prefixed)
    add(&line, "<%d>", priority(record->level));
  if (format == FL_LOG_JSON)
    add_json(&line, record);
  else
    add_text(&line, prefixed, record);
  line.bytes[line.size++] = '\n';
  return line.size;
}
