#include "service/access_line.h"

#include "service/log_line.h"

#include <string.h>

/* Names and servers come from the configuration: at most 64 and some 300
   bytes, none of which JSON would have to escape. */
enum { VALUE_MAX = 320 };

struct line {
  char *at;
  bool json;
};

static void put_bytes(struct line *line, const char *bytes, size_t size) {
  memcpy(line->at, bytes, size);
  line->at += size;
}

static void put(struct line *line, const char *text) {
  size_t size = strlen(text);
  put_bytes(line, text, size < VALUE_MAX ? size : VALUE_MAX);
}

static void put_number(struct line *line, uint64_t number) {
  char digits[20];
  size_t at = sizeof digits;
  do
    digits[--at] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  put_bytes(line, digits + at, sizeof digits - at);
}

/* ` name=` or `,"name":` */
static void put_name(struct line *line, const char *name) {
  put(line, line->json ? ",\"" : " ");
  put(line, name);
  put(line, line->json ? "\":" : "=");
}

static void add_number(struct line *line, const char *name, uint64_t number) {
  put_name(line, name);
  put_number(line, number);
}

/* In seconds. */
static void add_time(struct line *line, const char *name, fl_time time) {
  char fraction[7] = ".000000";
  uint64_t rest = time % FL_SECOND;
  put_name(line, name);
  put_number(line, time / FL_SECOND);
  for (size_t i = sizeof fraction - 1; i > 0; i--, rest /= 10)
    fraction[i] = (char)('0' + rest % 10);
  put_bytes(line, fraction, sizeof fraction);
}

static void add_word(struct line *line, const char *name, const char *word) {
  if (word == NULL)
    return;
  put_name(line, name);
  put(line, line->json ? "\"" : "");
  put(line, word);
  put(line, line->json ? "\"" : "");
}

static void add_head(struct line *line, uint64_t time, const char *what,
                     const struct fl_event *event) {
  char stamp[FL_LOG_STAMP];
  char peer[FL_ADDR_TEXT];
  fl_log_stamp(time, stamp);
  fl_addr_format(&event->peer, peer);
  if (line->json) {
    put(line, "{\"time\":\"");
    put(line, stamp);
    put(line, "\"");
    add_word(line, "of", what);
    add_word(line, "listener", event->listener);
    add_word(line, "peer", peer);
    return;
  }
  put(line, stamp);
  put(line, " ");
  put(line, event->listener);
  put(line, " ");
  put(line, peer);
  put(line, " ");
  put(line, what);
}

static void add_request(struct line *line, const struct fl_event *event) {
  add_word(line, "outcome", fl_reason_name(event->reason));
  add_word(line, "upstream", event->upstream);
  add_word(line, "server", event->server);
  add_time(line, "waited", event->waited);
  add_time(line, "served", event->served);
  add_time(line, "duration", event->duration);
  add_number(line, "bytes_in", event->bytes_in);
  add_number(line, "bytes_out", event->bytes_out);
}

static void add_connection(struct line *line, const struct fl_event *event) {
  add_word(line, "reason", fl_reason_name(event->reason));
  add_time(line, "duration", event->duration);
  add_number(line, "bytes_in", event->bytes_in);
  add_number(line, "bytes_out", event->bytes_out);
  if (!event->raw)
    add_number(line, "frames", event->frames);
}

size_t fl_access_line(char text[FL_ACCESS_LINE], enum fl_log_format format,
                      bool prefixed, uint64_t time,
                      const struct fl_event *event) {
  struct line line = {.at = text, .json = format == FL_LOG_JSON};
  bool request = event->kind == FL_EVENT_REQUEST_DONE;
  if (prefixed)
    put(&line, "<6>"); /* LOG_INFO */
  add_head(&line, time, request ? "request" : "connection", event);
  if (request)
    add_request(&line, event);
  else
    add_connection(&line, event);
  put(&line, line.json ? "}\n" : "\n");
  return (size_t)(line.at - text);
}
