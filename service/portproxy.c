#include "service/portproxy.h"

#include "core/addr.h"
#include "core/json_write.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 512, WORDS = 4, HOST_MAX = 260, PLACE_MAX = HOST_MAX + 8 };

struct row {
  char listen[FL_ADDR_TEXT];
  char connect[PLACE_MAX];
  uint16_t port; /* of listen */
  unsigned same; /* rows before with that port */
  unsigned to;   /* the first row that leads to the same place */
};

struct reading {
  struct row rows[ROWS_MAX];
  unsigned count;
  bool six[2]; /* whether rows listen on IPv6, connect by it */
  unsigned line;
  char *error;
};

static bool fail(const struct reading *reading, const char *word,
                 const char *what) {
  (void)snprintf(reading->error, FL_PORTPROXY_ERROR, "line %u: \"%.64s\": %s",
                 reading->line, word, what);
  for (char *at = reading->error; *at != '\0'; at++)
    if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f)
      *at = '?'; /* from the text */
  return false;
}

/* ---- words ---- */

/* Cuts a line into words, as many as there is room for. Returns how many there
   are. */
static unsigned split(char *line, char *words[WORDS]) {
  unsigned count = 0;
  for (char *at = line; *at != '\0';) {
    at += strspn(at, " \t\r");
    if (*at == '\0')
      break;
    if (count < WORDS)
      words[count] = at;
    count++;
    at += strcspn(at, " \t\r");
    if (*at != '\0')
      *at++ = '\0';
  }
  return count;
}

static bool is_digits(const char *word) {
  return word[strspn(word, "0123456789")] == '\0';
}

/* The families that a heading names. A word is taken for one by its "IPv" and
   digit alone, for all others of the line are translated. */
static void read_heading(struct reading *reading, const char *line) {
  bool six[2];
  unsigned count = 0;
  for (; *line != '\0'; line++) {
    bool ipv = tolower((unsigned char)line[0]) == 'i' &&
               tolower((unsigned char)line[1]) == 'p' &&
               tolower((unsigned char)line[2]) == 'v';
    if (!ipv || (line[3] != '4' && line[3] != '6'))
      continue;
    if (count < 2)
      six[count] = line[3] == '6';
    count++;
  }
  if (count == 2)
    memcpy(reading->six, six, sizeof six);
}

/* ---- rows ---- */

static bool read_port(struct reading *reading, const char *word,
                      uint16_t *port) {
  unsigned long value = strtoul(word, NULL, 10);
  *port = (uint16_t)value;
  return (strlen(word) <= 5 && value >= 1 && value <= 65535) ||
         fail(reading, word, "no port; allowed: 1 to 65535");
}

/* Names are for connecting; "localhost" alone is an address by custom. */
static bool read_listen(struct reading *reading, struct row *row,
                        const char *host) {
  struct fl_addr addr;
  bool six = reading->six[0];
  if (strcmp(host, "*") == 0)
    host = six ? "::" : "0.0.0.0";
  else if (strcmp(host, "localhost") == 0)
    host = six ? "::1" : "127.0.0.1";
  if (!fl_addr_parse(host, row->port, &addr))
    return fail(reading, host,
                "Fairlead listens on addresses, not on names; write the "
                "address in its place");
  (void)fl_addr_format(&addr, row->listen);
  return true;
}

static bool read_connect(struct reading *reading, struct row *row,
                         const char *host, uint16_t port) {
  struct fl_addr addr;
  size_t size;
  uint16_t same;
  if (strcmp(host, "*") == 0)
    host = reading->six[1] ? "::1" : "127.0.0.1";
  if (fl_addr_parse(host, port, &addr))
    (void)fl_addr_format(&addr, row->connect);
  else if (snprintf(row->connect, sizeof row->connect, "%s:%u", host, port) >=
           (int)sizeof row->connect)
    return fail(reading, host, "too long for a name");
  const char *fault = fl_addr_split(row->connect, false, &size, &same);
  return fault == NULL || fail(reading, row->connect, fault);
}

/* How it stands to the rows before. */
static void compare(const struct reading *reading, struct row *row) {
  row->to = reading->count;
  for (unsigned i = 0; i < reading->count; i++) {
    const struct row *other = &reading->rows[i];
    row->same += other->port == row->port;
    if (row->to == reading->count && strcmp(other->connect, row->connect) == 0)
      row->to = i;
  }
}

static bool read_row(struct reading *reading, char *words[WORDS]) {
  struct row *row = &reading->rows[reading->count];
  uint16_t to = 0;
  if (reading->count == ROWS_MAX)
    return fail(reading, words[0], "one forwarding too many: at most 512");
  if (!read_port(reading, words[1], &row->port) ||
      !read_port(reading, words[3], &to) ||
      !read_listen(reading, row, words[0]) ||
      !read_connect(reading, row, words[2], to))
    return false;
  compare(reading, row);
  reading->count++;
  return true;
}

static bool read_line(struct reading *reading, char *line) {
  char *words[WORDS];
  reading->line++;
  read_heading(reading, line);
  if (split(line, words) != WORDS || !is_digits(words[1]) ||
      !is_digits(words[3]))
    return true;
  return read_row(reading, words);
}

/* ---- the text ---- */

/* As ASCII, with '?' for what has more bytes; to be freed. */
static char *plain(struct fl_slice text) {
  const uint8_t *bytes = text.bytes;
  bool wide = text.size >= 2 && bytes[0] == 0xff && bytes[1] == 0xfe;
  size_t step = wide ? 2 : 1;
  size_t size = 0;
  char *copy = malloc(text.size + 1);
  for (size_t i = wide ? 2 : 0; copy != NULL && i + step <= text.size;
       i += step)
    copy[size++] =
        bytes[i] == 0 || (wide && bytes[i + 1] != 0) ? '?' : (char)bytes[i];
  if (copy != NULL)
    copy[size] = '\0';
  return copy;
}

static bool read_text(struct reading *reading, char *text) {
  while (*text != '\0') {
    char *end = text + strcspn(text, "\n");
    char *next = *end == '\0' ? end : end + 1;
    *end = '\0';
    if (!read_line(reading, text))
      return false;
    text = next;
  }
  if (reading->count > 0)
    return true;
  (void)snprintf(reading->error, FL_PORTPROXY_ERROR,
                 "there is no forwarding in it; what is needed is the output "
                 "of: netsh interface portproxy show all");
  return false;
}

/* ---- the configuration ---- */

static void write_pair(struct fl_json_writer *writer, const char *key,
                       const char *value) {
  fl_json_write_key(writer, key);
  fl_json_write_string(writer, value);
}

static void write_list(struct fl_json_writer *writer, const char *key,
                       const char *value) {
  fl_json_write_key(writer, key);
  fl_json_write_open(writer, '[');
  fl_json_write_string(writer, value);
  fl_json_write_close(writer, ']');
}

/* By the number of the first row that leads there. */
static const char *upstream_name(const struct row *row, char name[64]) {
  (void)snprintf(name, 64, "portproxy-to-%u", row->to + 1);
  return name;
}

static void write_listener(struct fl_json_writer *writer,
                           const struct row *row) {
  char name[64];
  int size = snprintf(name, sizeof name, "portproxy-%u", row->port);
  if (row->same > 0)
    (void)snprintf(name + size, sizeof name - (size_t)size, "-%u",
                   row->same + 1);
  fl_json_write_open(writer, '{');
  write_pair(writer, "name", name);
  write_list(writer, "listen", row->listen);
  write_pair(writer, "mode", "relay");
  write_pair(writer, "upstream", upstream_name(row, name));
  fl_json_write_close(writer, '}');
}

static void write_upstream(struct fl_json_writer *writer,
                           const struct row *row) {
  char name[64];
  fl_json_write_open(writer, '{');
  write_pair(writer, "name", upstream_name(row, name));
  write_list(writer, "servers", row->connect);
  fl_json_write_close(writer, '}');
}

static char *write_all(const struct reading *reading) {
  struct fl_json_writer writer = {0};
  fl_json_write_open(&writer, '{');
  fl_json_write_key(&writer, "listeners");
  fl_json_write_open(&writer, '[');
  for (unsigned i = 0; i < reading->count; i++)
    write_listener(&writer, &reading->rows[i]);
  fl_json_write_close(&writer, ']');
  fl_json_write_key(&writer, "upstreams");
  fl_json_write_open(&writer, '[');
  for (unsigned i = 0; i < reading->count; i++)
    if (reading->rows[i].to == i)
      write_upstream(&writer, &reading->rows[i]);
  fl_json_write_close(&writer, ']');
  fl_json_write_close(&writer, '}');
  fl_text_add(&writer.text, "\n");
  return fl_text_take(&writer.text);
}

char *fl_portproxy_convert(struct fl_slice text,
                           char error[FL_PORTPROXY_ERROR]) {
  struct reading *reading = calloc(1, sizeof *reading);
  char *copy = plain(text);
  char *result = NULL;
  (void)snprintf(error, FL_PORTPROXY_ERROR, "out of memory");
  if (reading != NULL && copy != NULL) {
    reading->error = error;
    if (read_text(reading, copy))
      result = write_all(reading);
  }
  free(copy);
  free(reading);
  return result;
}
