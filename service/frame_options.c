#include "service/frame_options.h"

#include "core/config.h"
#include "core/config_table.h"
#include "core/json_write.h"
#include "core/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *option;
  const char *key;
} keys[FL_FRAME_KEYS] = {
    {"--framing", "type"},
    {"--start", "start"},
    {"--end", "end"},
    {"--length-offset", "length_offset"},
    {"--length-width", "length_width"},
    {"--byte-order", "byte_order"},
    {"--length-adjustment", "length_adjustment"},
    {"--length-encoding", "length_encoding"},
    {"--size", "size"},
};

bool fl_frame_options_note(struct fl_frame_options *options, const char *name,
                           const char *value) {
  for (int i = 0; i < FL_FRAME_KEYS; i++)
    if (strcmp(keys[i].option, name) == 0) {
      options->values[i] = value;
      return true;
    }
  return false;
}

/* ---- through the configuration's own rules ---- */

static bool is_number(const char *value, long *number) {
  char *end;
  *number = strtol(value, &end, 10);
  return end != value && *end == '\0' && *number >= INT32_MIN &&
         *number <= INT32_MAX;
}

/* The values of sizes have a unit there; here it may be left out. */
static void write_value(struct fl_json_writer *writer, int i,
                        const char *value) {
  char size[32];
  long number;
  bool numeric = strncmp(keys[i].option, "--length", 8) == 0;
  fl_json_write_key(writer, keys[i].key);
  if (numeric && is_number(value, &number)) {
    fl_json_write_signed(writer, (int32_t)number);
  } else if (strcmp(keys[i].key, "size") == 0 && is_number(value, &number)) {
    (void)snprintf(size, sizeof size, "%ldB", number);
    fl_json_write_string(writer, size);
  } else {
    fl_json_write_string(writer, value);
  }
}

/* A file with one upstream that has this framing. */
static char *write_config(const struct fl_frame_options *options) {
  struct fl_json_writer writer = {0};
  fl_json_write_open(&writer, '{');
  fl_json_write_key(&writer, "listeners");
  fl_json_write_open(&writer, '[');
  fl_json_write_open(&writer, '{');
  fl_json_write_key(&writer, "name");
  fl_json_write_string(&writer, "l");
  fl_json_write_key(&writer, "listen");
  fl_json_write_open(&writer, '[');
  fl_json_write_string(&writer, "127.0.0.1:1");
  fl_json_write_close(&writer, ']');
  fl_json_write_key(&writer, "mode");
  fl_json_write_string(&writer, "request");
  fl_json_write_key(&writer, "upstream");
  fl_json_write_string(&writer, "u");
  fl_json_write_close(&writer, '}');
  fl_json_write_close(&writer, ']');
  fl_json_write_key(&writer, "upstreams");
  fl_json_write_open(&writer, '[');
  fl_json_write_open(&writer, '{');
  fl_json_write_key(&writer, "name");
  fl_json_write_string(&writer, "u");
  fl_json_write_key(&writer, "servers");
  fl_json_write_open(&writer, '[');
  fl_json_write_string(&writer, "127.0.0.1:1");
  fl_json_write_close(&writer, ']');
  fl_json_write_key(&writer, "framing");
  fl_json_write_open(&writer, '{');
  for (int i = 0; i < FL_FRAME_KEYS; i++)
    if (options->values[i] != NULL)
      write_value(&writer, i, options->values[i]);
  fl_json_write_close(&writer, '}');
  fl_json_write_close(&writer, '}');
  fl_json_write_close(&writer, ']');
  fl_json_write_close(&writer, '}');
  return fl_text_take(&writer.text);
}

/* "upstreams[0].framing.length_width" as the option. */
static const char *option_of(const char *path) {
  const char *key = strrchr(path, '.');
  for (int i = 0; key != NULL && i < FL_FRAME_KEYS; i++)
    if (strcmp(keys[i].key, key + 1) == 0)
      return keys[i].option;
  return "--framing";
}

static bool explain(const struct fl_config_errors *errors,
                    char error[FL_FRAME_ERROR]) {
  if (errors->count == 0) {
    (void)snprintf(error, FL_FRAME_ERROR, "out of memory");
    return false;
  }
  const struct fl_config_error *first = &errors->list[0];
  bool missing = first->found[0] == '\0';
  (void)snprintf(error, FL_FRAME_ERROR, "%s: %s%s%s%s", option_of(first->path),
                 missing ? "" : "found ", first->found, missing ? "" : "; ",
                 missing ? "" : "allowed: ");
  size_t size = strlen(error);
  (void)snprintf(error + size, FL_FRAME_ERROR - size, "%s", first->allowed);
  return false;
}

static bool read_raw(struct fl_frame_options *options,
                     char error[FL_FRAME_ERROR]) {
  options->raw = true;
  for (int i = 1; i < FL_FRAME_KEYS; i++)
    if (options->values[i] != NULL) {
      (void)snprintf(error, FL_FRAME_ERROR,
                     "%s: --framing raw has no frames, and no parameters",
                     keys[i].option);
      return false;
    }
  return true;
}

bool fl_frame_options_read(struct fl_frame_options *options,
                           char error[FL_FRAME_ERROR]) {
  struct fl_config_errors errors;
  if (options->values[0] != NULL && strcmp(options->values[0], "raw") == 0)
    return read_raw(options, error);
  char *text = write_config(options);
  if (text == NULL) {
    (void)snprintf(error, FL_FRAME_ERROR, "out of memory");
    return false;
  }
  struct fl_config *config = fl_config_read(
      (struct fl_slice){(const uint8_t *)text, strlen(text)}, &errors);
  bool good = config != NULL || explain(&errors, error);
  if (config != NULL)
    options->framing = config->upstreams[0].framing;
  fl_config_free(config);
  fl_config_errors_free(&errors);
  free(text);
  return good;
}

/* ---- frames ---- */

static bool is_frame(const struct fl_framing *framing, struct fl_slice bytes) {
  struct fl_framing_state state = {0};
  return bytes.size > 0 && fl_framing_next(framing, &state, bytes,
                                           FL_FRAME_MAX) == (long)bytes.size;
}

/* Writes the value as the length field says. Returns false when it is too
   great. */
static bool put_length(const struct fl_framing_length *length, uint64_t value,
                       uint8_t *field) {
  unsigned base = length->encoding == FL_LENGTH_BINARY  ? 256
                  : length->encoding == FL_LENGTH_ASCII ? 10
                                                        : 100;
  for (uint32_t i = 0; i < length->width; i++, value /= base) {
    unsigned digit = (unsigned)(value % base);
    uint32_t at = length->order == FL_ORDER_BIG ? length->width - 1 - i : i;
    if (length->encoding == FL_LENGTH_ASCII)
      digit += '0';
    else if (length->encoding == FL_LENGTH_BCD)
      digit = digit / 10 * 16 + digit % 10;
    field[at] = (uint8_t)digit;
  }
  return value == 0;
}

struct parts {
  uint8_t head[FL_BYTES_MAX];
  size_t head_size;
  const uint8_t *tail;
  size_t tail_size;
};

/* What stands around a content of that size. */
static bool surround(const struct fl_framing *framing, size_t size,
                     struct parts *parts) {
  const struct fl_framing_length *length = &framing->length;
  int64_t value = (int64_t)size - length->adjustment;
  switch (framing->type) {
  case FL_FRAMING_LINE:
    parts->tail = (const uint8_t *)"\n";
    parts->tail_size = 1;
    return true;
  case FL_FRAMING_DELIMITED:
    parts->head_size = framing->delimited.start.size;
    memcpy(parts->head, framing->delimited.start.bytes, parts->head_size);
    parts->tail = framing->delimited.end.bytes;
    parts->tail_size = framing->delimited.end.size;
    return true;
  case FL_FRAMING_LENGTH:
    parts->head_size = length->width;
    return length->offset == 0 && value >= 0 &&
           put_length(length, (uint64_t)value, parts->head);
  default:
    return false;
  }
}

static size_t no_frame(const struct fl_framing *framing,
                       char error[FL_FRAME_ERROR]) {
  static const char *const needs[FL_FRAMING_TYPES] = {
      [FL_FRAMING_LINE] = "one line, at most 64KiB with its end",
      [FL_FRAMING_DELIMITED] = "one frame, without its end within it, at most "
                               "64KiB",
      [FL_FRAMING_LENGTH] = "a whole frame, with a length field that is right, "
                            "or its content where the field stands first; at "
                            "most 64KiB",
      [FL_FRAMING_FIXED] = "a whole frame of --size bytes"};
  (void)snprintf(error, FL_FRAME_ERROR, "this is no frame; allowed: %s",
                 needs[framing->type]);
  return 0;
}

size_t fl_frame_wrap(const struct fl_frame_options *options,
                     struct fl_slice typed, uint8_t *frame,
                     char error[FL_FRAME_ERROR]) {
  const struct fl_framing *framing = &options->framing;
  struct parts parts = {.tail = (const uint8_t *)""};
  if (typed.size > FL_FRAME_MAX) {
    (void)snprintf(error, FL_FRAME_ERROR, "longer than 64KiB");
    return 0;
  }
  memcpy(frame, typed.bytes, typed.size);
  if (options->raw || is_frame(framing, typed))
    return typed.size;
  if (!surround(framing, typed.size, &parts) ||
      parts.head_size + typed.size + parts.tail_size > FL_FRAME_MAX)
    return no_frame(framing, error);
  memcpy(frame, parts.head, parts.head_size);
  memcpy(frame + parts.head_size, typed.bytes, typed.size);
  memcpy(frame + parts.head_size + typed.size, parts.tail, parts.tail_size);
  struct fl_slice whole = {frame,
                           parts.head_size + typed.size + parts.tail_size};
  return is_frame(framing, whole) ? whole.size : no_frame(framing, error);
}

struct fl_slice fl_frame_content(const struct fl_frame_options *options,
                                 struct fl_slice frame) {
  const struct fl_framing_delimited *delimited = &options->framing.delimited;
  if (options->raw)
    return frame;
  if (options->framing.type == FL_FRAMING_LINE) {
    frame.size--;
    if (frame.size > 0 && frame.bytes[frame.size - 1] == '\r')
      frame.size--;
  } else if (options->framing.type == FL_FRAMING_DELIMITED) {
    frame.bytes += delimited->start.size;
    frame.size -= delimited->start.size + delimited->end.size;
  }
  return frame;
}
