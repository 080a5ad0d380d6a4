/* The struct back as a config.json, row by row of the table. */
#include "core/config.h"

#include "core/config_bytes.h"
#include "core/config_table.h"
#include "core/config_value.h"
#include "core/json_write.h"

#include <stdlib.h>
#include <string.h>

struct printer {
  struct fl_json_writer writer;
  const struct fl_config *config;
};

static void print_section(struct printer *printer,
                          const struct fl_config_section *section,
                          const void *base, int mode);

static const void *field_of(const void *base, size_t offset) {
  return (const unsigned char *)base + offset;
}

/* Prints a text as a string, and empties it. */
static void print_text(struct printer *printer, struct fl_text *text) {
  char *string = fl_text_take(text);
  if (string == NULL)
    printer->writer.text.failed = true;
  else
    fl_json_write_string(&printer->writer, string);
  free(string);
}

static void print_measure(struct printer *printer, uint64_t value,
                          const struct fl_config_unit *units) {
  struct fl_text text = {0};
  fl_config_value_print(&text, value, units);
  print_text(printer, &text);
}

static void print_bytes(struct printer *printer, const struct fl_bytes *bytes) {
  struct fl_text text = {0};
  fl_config_bytes_print(&text, bytes);
  print_text(printer, &text);
}

static void print_payload(struct printer *printer,
                          const struct fl_payload *payload) {
  struct fl_text text = {0};
  fl_config_octets_print(&text, payload->bytes, payload->size);
  print_text(printer, &text);
}

/* Whether the file had it, where there is no default. */
static bool is_given(const struct fl_config_row *row, const void *base) {
  if (row->type != FL_CONFIG_PAYLOAD || (row->flags & FL_CONFIG_REQUIRED) != 0)
    return true;
  const struct fl_payload *payload = field_of(base, row->offset);
  return payload->given;
}

static void print_duration(struct printer *printer, fl_time duration) {
  if (duration == FL_NEVER) /* no limit is what "auto" means there */
    fl_json_write_string(&printer->writer, "auto");
  else
    print_measure(printer, duration, fl_config_durations);
}

static void print_number(struct printer *printer,
                         const struct fl_config_row *row, uint32_t value) {
  if (value == 0 && (row->flags & FL_CONFIG_AUTO) != 0)
    fl_json_write_string(&printer->writer, "auto");
  else if (row->type == FL_CONFIG_SIZE)
    print_measure(printer, value, fl_config_sizes);
  else
    fl_json_write_number(&printer->writer, value);
}

static void print_choice(struct printer *printer,
                         const struct fl_config_row *row, const void *base) {
  int choice = 0; /* of a key without a field there is only one */
  if (row->offset != FL_CONFIG_NO_FIELD)
    memcpy(&choice, field_of(base, row->offset), sizeof choice);
  fl_json_write_string(&printer->writer, row->choices[choice]);
}

static void print_name(struct printer *printer, const char *name) {
  fl_json_write_string(&printer->writer, name == NULL ? "auto" : name);
}

static void print_names(struct printer *printer,
                        const struct fl_config_row *row, const void *base) {
  char *const *list = *(char *const *const *)field_of(base, row->offset);
  uint32_t count = *(const uint32_t *)field_of(base, row->count_offset);
  fl_json_write_open(&printer->writer, '[');
  for (uint32_t i = 0; i < count; i++)
    fl_json_write_string(&printer->writer, list[i]);
  fl_json_write_close(&printer->writer, ']');
}

static void print_endpoints(struct printer *printer,
                            const struct fl_config_row *row, const void *base) {
  const struct fl_endpoint *list =
      *(struct fl_endpoint *const *)field_of(base, row->offset);
  uint32_t count = *(const uint32_t *)field_of(base, row->count_offset);
  fl_json_write_open(&printer->writer, '[');
  for (uint32_t i = 0; i < count; i++)
    fl_json_write_string(&printer->writer, list[i].text);
  fl_json_write_close(&printer->writer, ']');
}

static void print_address(struct printer *printer, const struct fl_addr *addr) {
  char text[FL_ADDR_TEXT];
  fl_json_write_string(&printer->writer, addr->family == FL_ADDR_NONE
                                             ? "auto"
                                             : fl_addr_format_ip(addr, text));
}

static void print_blocks(struct printer *printer,
                         const struct fl_config_row *row, const void *base) {
  const struct fl_cidr *list =
      *(struct fl_cidr *const *)field_of(base, row->offset);
  uint32_t count = *(const uint32_t *)field_of(base, row->count_offset);
  char text[FL_CIDR_TEXT];
  fl_json_write_open(&printer->writer, '[');
  for (uint32_t i = 0; i < count; i++)
    fl_json_write_string(&printer->writer, fl_cidr_format(&list[i], text));
  fl_json_write_close(&printer->writer, ']');
}

static void print_strings(struct printer *printer,
                          const struct fl_config_row *row, const void *base) {
  const struct fl_bytes *list =
      *(struct fl_bytes *const *)field_of(base, row->offset);
  uint32_t count = *(const uint32_t *)field_of(base, row->count_offset);
  fl_json_write_open(&printer->writer, '[');
  for (uint32_t i = 0; i < count; i++)
    print_bytes(printer, &list[i]);
  fl_json_write_close(&printer->writer, ']');
}

static void print_listeners(struct printer *printer) {
  const struct fl_config *config = printer->config;
  fl_json_write_open(&printer->writer, '[');
  for (uint32_t i = 0; i < config->listener_count; i++)
    print_section(printer, &fl_config_listener, &config->listeners[i],
                  (int)config->listeners[i].mode);
  fl_json_write_close(&printer->writer, ']');
}

/* Without those that stand inline in their listeners: no name of upstreams[]
   has a colon. */
static void print_upstreams(struct printer *printer) {
  const struct fl_config *config = printer->config;
  fl_json_write_open(&printer->writer, '[');
  for (uint32_t i = 0; i < config->upstream_count; i++)
    if (strchr(config->upstreams[i].name, ':') == NULL)
      print_section(printer, &fl_config_upstream, &config->upstreams[i],
                    (int)config->upstreams[i].mode);
  fl_json_write_close(&printer->writer, ']');
}

/* Elements that belong to the one at base. */
static void print_elements(struct printer *printer,
                           const struct fl_config_row *row, const void *base,
                           int mode) {
  uint32_t count = *(const uint32_t *)field_of(base, row->count_offset);
  const unsigned char *at;
  memcpy(&at, field_of(base, row->offset), sizeof at);
  fl_json_write_open(&printer->writer, '[');
  for (uint32_t i = 0; i < count; i++)
    print_section(printer, row->section, at + i * row->section->size, mode);
  fl_json_write_close(&printer->writer, ']');
}

static void print_list(struct printer *printer, const struct fl_config_row *row,
                       const void *base, int mode) {
  if (row->section == &fl_config_listener)
    print_listeners(printer);
  else if (row->section == &fl_config_upstream)
    print_upstreams(printer);
  else
    print_elements(printer, row, base, mode);
}

static void print_value(struct printer *printer,
                        const struct fl_config_row *row, const void *base,
                        int mode) {
  struct fl_json_writer *writer = &printer->writer;
  /* Without a field there is nothing to read: a choice of one. */
  const void *field =
      row->offset == FL_CONFIG_NO_FIELD ? base : field_of(base, row->offset);
  switch (row->type) {
  case FL_CONFIG_IGNORED:
  case FL_CONFIG_PATTERNS: /* what they brought is printed */
    break;
  case FL_CONFIG_BOOLEAN:
    fl_json_write_boolean(writer, *(const bool *)field);
    break;
  case FL_CONFIG_INTEGER:
  case FL_CONFIG_SIZE:
    print_number(printer, row, *(const uint32_t *)field);
    break;
  case FL_CONFIG_SIGNED:
    fl_json_write_signed(writer, *(const int32_t *)field);
    break;
  case FL_CONFIG_BYTES:
    print_bytes(printer, field);
    break;
  case FL_CONFIG_PAYLOAD:
    print_payload(printer, field);
    break;
  case FL_CONFIG_DURATION:
    print_duration(printer, *(const fl_time *)field);
    break;
  case FL_CONFIG_SECONDS:
    print_measure(printer, *(const uint32_t *)field * FL_SECOND,
                  fl_config_durations);
    break;
  case FL_CONFIG_CHOICE:
    print_choice(printer, row, base);
    break;
  case FL_CONFIG_NAME:
  case FL_CONFIG_FILE:
    print_name(printer, *(char *const *)field);
    break;
  case FL_CONFIG_TARGET:
    fl_json_write_string(writer, ((const struct fl_log_target *)field)->text);
    break;
  case FL_CONFIG_UPSTREAM:
    fl_json_write_string(
        writer, printer->config->upstreams[*(const uint32_t *)field].name);
    break;
  case FL_CONFIG_LISTEN:
  case FL_CONFIG_SERVERS:
    print_endpoints(printer, row, base);
    break;
  case FL_CONFIG_NAMES:
    print_names(printer, row, base);
    break;
  case FL_CONFIG_ENDPOINT:
    print_name(printer, ((const struct fl_endpoint *)field)->text);
    break;
  case FL_CONFIG_ADDRESS:
    print_address(printer, field);
    break;
  case FL_CONFIG_BLOCKS:
    print_blocks(printer, row, base);
    break;
  case FL_CONFIG_STRINGS:
    print_strings(printer, row, base);
    break;
  case FL_CONFIG_OBJECT:
    print_section(printer, row->section, field, mode);
    break;
  case FL_CONFIG_LIST:
    print_list(printer, row, base, mode);
    break;
  }
}

/* The rows that have a meaning in the mode. */
static void print_section(struct printer *printer,
                          const struct fl_config_section *section,
                          const void *base, int mode) {
  fl_json_write_open(&printer->writer, '{');
  for (uint32_t i = 0; i < section->count; i++) {
    const struct fl_config_row *row = &section->rows[i];
    if (!fl_config_row_in_mode(row, mode) || row->type == FL_CONFIG_IGNORED ||
        row->type == FL_CONFIG_PATTERNS ||
        !fl_config_row_applies(section, row, base) || !is_given(row, base))
      continue;
    fl_json_write_key(&printer->writer, row->key);
    print_value(printer, row, base, mode);
  }
  fl_json_write_close(&printer->writer, '}');
}

char *fl_config_print(const struct fl_config *config) {
  struct printer printer = {.config = config};
  print_section(&printer, &fl_config_root, config, FL_MODE_COMMAND);
  return fl_text_take(&printer.writer.text);
}
