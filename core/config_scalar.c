#include "core/config_scalar.h"

#include "core/config.h"
#include "core/config_bytes.h"
#include "core/config_value.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(enum fl_mode) == sizeof(int) &&
                  sizeof(enum fl_balance) == sizeof(int) &&
                  sizeof(enum fl_framing_type) == sizeof(int) &&
                  sizeof(enum fl_byte_order) == sizeof(int) &&
                  sizeof(enum fl_length_encoding) == sizeof(int),
              "choices are stored as int");

static void *field_of(void *base, size_t offset) {
  return (unsigned char *)base + offset;
}

static bool is_auto(const struct fl_config_row *row, const char *string) {
  return (row->flags & FL_CONFIG_AUTO) != 0 && strcmp(string, "auto") == 0;
}

static bool in_range(const struct fl_config_row *row, uint64_t value) {
  return value >= row->min && value <= row->max &&
         (row->step == 0 || value % row->step == 0);
}

static bool read_choice(const struct fl_config_row *row, const char *string,
                        uint64_t *value) {
  for (uint64_t i = 0; row->choices[i] != NULL; i++)
    if (strcmp(row->choices[i], string) == 0) {
      *value = i;
      return true;
    }
  return false;
}

/* A path can be told from a word that was meant for one of the choices. */
static bool is_path(const char *string) {
  for (const char *at = string; *at != '\0'; at++)
    if ((unsigned char)*at < 0x20 || *at == 0x7f)
      return false;
  return strpbrk(string, "/\\") != NULL;
}

static bool read_target(const struct fl_config_row *row, const char *string,
                        void *base) {
  uint64_t choice;
  if (string == NULL || strlen(string) > FL_LOG_TARGET_MAX ||
      (!read_choice(row, string, &choice) && !is_path(string)))
    return false;
  struct fl_log_target *target = field_of(base, row->offset);
  memcpy(target->text, string, strlen(string) + 1);
  return true;
}

/* A value that the file writes as a string. */
static bool read_string(const struct fl_config_row *row, const char *string,
                        uint64_t *value) {
  if (is_auto(row, string)) {
    *value = row->type == FL_CONFIG_DURATION ? FL_NEVER : 0;
    return true;
  }
  switch (row->type) {
  case FL_CONFIG_DURATION:
  case FL_CONFIG_SECONDS:
    return fl_config_value_parse(string, fl_config_durations, value) &&
           in_range(row, *value);
  case FL_CONFIG_SIZE:
    return fl_config_value_parse(string, fl_config_sizes, value) &&
           in_range(row, *value);
  case FL_CONFIG_CHOICE:
    return read_choice(row, string, value);
  default:
    return false;
  }
}

static bool read_number(const struct fl_config_row *row, double number,
                        uint64_t *value) {
  /* The comparison also keeps the conversion within its range. */
  if (!(number >= 0 && number <= UINT32_MAX))
    return false;
  *value = (uint64_t)number;
  return (double)*value == number && in_range(row, *value);
}

/* As the two's complement of what is stored. */
static bool read_signed(const struct fl_config_row *row, double number,
                        uint64_t *value) {
  if (!(number >= -(double)row->max && number <= (double)row->max))
    return false;
  *value = (uint64_t)(int64_t)number;
  return (double)(int64_t)number == number;
}

static bool read_scalar(const struct fl_config_row *row, const cJSON *item,
                        uint64_t *value) {
  if (row->type == FL_CONFIG_BOOLEAN) {
    *value = cJSON_IsTrue(item) ? 1 : 0;
    return cJSON_IsBool(item);
  }
  if (cJSON_IsString(item))
    return read_string(row, item->valuestring, value);
  if (row->type == FL_CONFIG_SIGNED)
    return cJSON_IsNumber(item) && read_signed(row, item->valuedouble, value);
  return row->type == FL_CONFIG_INTEGER && cJSON_IsNumber(item) &&
         read_number(row, item->valuedouble, value);
}

static void store(const struct fl_config_row *row, void *base, uint64_t value) {
  if (row->offset == FL_CONFIG_NO_FIELD)
    return;
  void *field = field_of(base, row->offset);
  int choice = (int)value;
  switch (row->type) {
  case FL_CONFIG_BOOLEAN:
    *(bool *)field = value != 0;
    break;
  case FL_CONFIG_DURATION:
    *(fl_time *)field = value;
    break;
  case FL_CONFIG_SECONDS:
    *(uint32_t *)field = (uint32_t)(value / FL_SECOND);
    break;
  case FL_CONFIG_ENDPOINT: /* likewise */
    *(struct fl_endpoint *)field = (struct fl_endpoint){0};
    break;
  case FL_CONFIG_ADDRESS: /* its only scalar is "auto" */
    *(struct fl_addr *)field = (struct fl_addr){.family = FL_ADDR_NONE};
    break;
  case FL_CONFIG_SIGNED:
    *(int32_t *)field = (int32_t)(int64_t)value;
    break;
  case FL_CONFIG_CHOICE:
    memcpy(field, &choice, sizeof choice);
    break;
  default:
    *(uint32_t *)field = (uint32_t)value;
  }
}

static bool read_bytes(const struct fl_config_row *row, const char *string,
                       void *base) {
  struct fl_bytes bytes;
  if (string == NULL || !fl_config_bytes_parse(string, &bytes) ||
      !in_range(row, bytes.size))
    return false;
  *(struct fl_bytes *)field_of(base, row->offset) = bytes;
  return true;
}

static bool read_payload(const struct fl_config_row *row, const char *string,
                         void *base) {
  struct fl_payload payload = {.given = true};
  size_t size;
  if (string == NULL ||
      !fl_config_octets_parse(string, payload.bytes, FL_PAYLOAD_MAX, &size) ||
      !in_range(row, size))
    return false;
  payload.size = (uint16_t)size;
  *(struct fl_payload *)field_of(base, row->offset) = payload;
  return true;
}

void fl_config_scalar_default(const struct fl_config_row *row, void *base) {
  uint64_t value = 0;
  if (row->initial == NULL || row->type == FL_CONFIG_NAME ||
      row->type == FL_CONFIG_FILE) /* "auto" is NULL */
    return;
  if (row->type == FL_CONFIG_BYTES) {
    (void)read_bytes(row, row->initial, base);
    return;
  }
  if (row->type == FL_CONFIG_TARGET) {
    (void)read_target(row, row->initial, base);
    return;
  }
  if (row->type == FL_CONFIG_BOOLEAN) {
    value = strcmp(row->initial, "true") == 0;
  } else if (!read_string(row, row->initial, &value)) {
    value = strtoul(row->initial, NULL, 10);
    assert(row->type == FL_CONFIG_SIGNED ||
           (row->type == FL_CONFIG_INTEGER && in_range(row, value)));
  }
  store(row, base, value);
}

bool fl_config_scalar_read(const struct fl_config_row *row, const cJSON *item,
                           void *base) {
  uint64_t value = 0;
  if (row->type == FL_CONFIG_BYTES)
    return read_bytes(row, cJSON_GetStringValue(item), base);
  if (row->type == FL_CONFIG_PAYLOAD)
    return read_payload(row, cJSON_GetStringValue(item), base);
  if (row->type == FL_CONFIG_TARGET)
    return read_target(row, cJSON_GetStringValue(item), base);
  if (!read_scalar(row, item, &value))
    return false;
  store(row, base, value);
  return true;
}
