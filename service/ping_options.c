#include "service/ping_options.h"

#include "core/addr.h"
#include "core/config_value.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define HEX "hex:"
enum { HEX_SIZE = sizeof HEX - 1 };

void fl_ping_options_init(struct fl_ping_options *options) {
  *options =
      (struct fl_ping_options){.interval = FL_SECOND, .timeout = 5 * FL_SECOND};
}

bool fl_ping_options_target(struct fl_ping_options *options, const char *target,
                            char error[FL_PING_VALUE_ERROR]) {
  size_t size = 0;
  const char *wrong = fl_addr_split(target, false, &size, &options->port);
  if (wrong == NULL && size >= FL_PING_HOST)
    wrong = "the name is too long";
  if (wrong != NULL) {
    snprintf(error, FL_PING_VALUE_ERROR,
             "found \"%.64s\": %s; allowed: HOST:PORT", target, wrong);
    return false;
  }
  memcpy(options->host, target, size);
  options->host[size] = '\0';
  options->target = target;
  return true;
}

static bool wrong_value(char error[FL_PING_VALUE_ERROR], const char *value,
                        const char *allowed) {
  snprintf(error, FL_PING_VALUE_ERROR, "found \"%.48s\"; allowed: %s", value,
           allowed);
  return false;
}

static bool read_count(const char *value, uint64_t *count,
                       char error[FL_PING_VALUE_ERROR]) {
  static const struct fl_config_unit none[] = {{"", 1}, {NULL, 0}};
  uint64_t number;
  if (!fl_config_value_parse(value, none, &number) || number == 0)
    return wrong_value(error, value, "a whole number from 1 on");
  *count = number;
  return true;
}

static bool read_duration(const char *value, fl_time *duration,
                          char error[FL_PING_VALUE_ERROR]) {
  const fl_time day = FL_SECOND * 24 * 60 * 60;
  uint64_t number;
  if (!fl_config_value_parse(value, fl_config_durations, &number) ||
      number < FL_MILLISECOND || number > day)
    return wrong_value(error, value,
                       "a duration such as \"250ms\" (units us, ms, s, m, h, "
                       "d), 1ms to 1d");
  *duration = number;
  return true;
}

/* Returns -1 for what is no digit. */
static int digit(char character) {
  static const char digits[] = "0123456789abcdef0123456789ABCDEF";
  const char *at = character == '\0' ? NULL : strchr(digits, character);
  return at == NULL ? -1 : (int)((at - digits) % 16);
}

static bool read_hex(const char *digits, struct fl_ping_bytes *bytes) {
  size_t size = strlen(digits);
  if (size == 0 || size % 2 != 0 || size / 2 > FL_PING_BYTES)
    return false;
  bytes->size = size / 2;
  for (size_t i = 0; i < bytes->size; i++) {
    int high = digit(digits[2 * i]);
    int low = digit(digits[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    bytes->bytes[i] = (uint8_t)(high * 16 + low);
  }
  return true;
}

static bool read_bytes(const char *value, struct fl_ping_bytes *bytes,
                       char error[FL_PING_VALUE_ERROR]) {
  size_t size = strlen(value);
  if (strncmp(value, HEX, HEX_SIZE) == 0) {
    if (read_hex(value + HEX_SIZE, bytes))
      return true;
  } else if (size <= FL_PING_BYTES) {
    memcpy(bytes->bytes, value, size);
    bytes->size = size;
    return true;
  }
  return wrong_value(error, value,
                     "at most 1024 bytes, as text or as hex: and two digits "
                     "for each byte");
}

bool fl_ping_options_value(struct fl_ping_options *options, const char *name,
                           const char *value, char error[FL_PING_VALUE_ERROR]) {
  if (strcmp(name, "--count") == 0)
    return read_count(value, &options->count, error);
  if (strcmp(name, "--interval") == 0)
    return read_duration(value, &options->interval, error);
  if (strcmp(name, "--timeout") == 0)
    return read_duration(value, &options->timeout, error);
  if (strcmp(name, "--send") == 0)
    return read_bytes(value, &options->send, error);
  if (fl_frame_options_note(&options->frames, name, value))
    return true;
  assert(strcmp(name, "--expect") == 0);
  return read_bytes(value, &options->expect, error);
}

bool fl_ping_options_finish(struct fl_ping_options *options,
                            char error[FL_PING_FINISH_ERROR]) {
  uint8_t frame[FL_FRAME_MAX];
  char why[FL_FRAME_ERROR];
  struct fl_ping_bytes *send = &options->send;
  if (!fl_frame_options_read(&options->frames, error))
    return false;
  if (send->size == 0)
    return true;
  size_t size = fl_frame_wrap(
      &options->frames, (struct fl_slice){send->bytes, send->size}, frame, why);
  if (size > FL_PING_BYTES)
    snprintf(why, sizeof why, "more than 1024 bytes, with what is added");
  if (size == 0 || size > FL_PING_BYTES) {
    snprintf(error, FL_PING_FINISH_ERROR, "--send: %s", why);
    return false;
  }
  memcpy(send->bytes, frame, size);
  send->size = size;
  return true;
}
