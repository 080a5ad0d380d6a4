#include "core/config_schema.h"
#include "core/config_diff.h"

#include "core/bytes.h"
#include "core/config_describe.h"
#include "core/config_value.h"
#include "core/json_write.h"

#include <stdlib.h>
#include <string.h>

static void write_section(struct fl_json_writer *writer,
                          const struct fl_config_section *section);

static void write_pair(struct fl_json_writer *writer, const char *key,
                       const char *string) {
  fl_json_write_key(writer, key);
  fl_json_write_string(writer, string);
}

static void write_number(struct fl_json_writer *writer, const char *key,
                         uint64_t number) {
  fl_json_write_key(writer, key);
  fl_json_write_number(writer, number);
}

/* Writes what text holds, and empties it. */
static void write_text(struct fl_json_writer *writer, struct fl_text *text) {
  char *string = fl_text_take(text);
  if (string == NULL)
    writer->text.failed = true;
  else
    fl_json_write_string(writer, string);
  free(string);
}

/* The meaning with its range and default. */
static void write_description(struct fl_json_writer *writer,
                              const struct fl_config_row *row) {
  struct fl_text text = {0};
  struct fl_text range = {0};
  fl_text_add(&text, row->meaning);
  fl_text_add(&text, fl_config_diff_note(row));
  fl_config_describe_range(&range, row);
  if (range.size > 0)
    FL_TEXT(&text, " Allowed: ", range.bytes, ".");
  free(range.bytes);
  text.failed = text.failed || range.failed;
  if (row->initial != NULL) {
    fl_text_add(&text, " Default: ");
    fl_config_describe_default(&text, row);
    fl_text_add(&text, ".");
  }
  fl_json_write_key(writer, "description");
  write_text(writer, &text);
}

/* "auto", or a number with its unit. */
static void write_pattern(struct fl_json_writer *writer,
                          const struct fl_config_row *row,
                          const struct fl_config_unit *units) {
  struct fl_text text = {0};
  bool automatic = (row->flags & FL_CONFIG_AUTO) != 0;
  fl_text_add(&text, automatic ? "^(auto|[0-9]+(" : "^[0-9]+(");
  fl_config_value_units(&text, units, "|", "|");
  fl_text_add(&text, automatic ? "))$" : ")$");
  write_pair(writer, "type", "string");
  fl_json_write_key(writer, "pattern");
  write_text(writer, &text);
}

/* Without the length, which only counts characters. */
static void write_bytes(struct fl_json_writer *writer, uint64_t min,
                        uint64_t max) {
  struct fl_text text = {0};
  fl_text_add(&text, "^(hex:([0-9A-Fa-f][0-9A-Fa-f]){");
  fl_text_add_number(&text, min);
  fl_text_add(&text, ",");
  fl_text_add_number(&text, max);
  fl_text_add(&text, "}|(?!hex:)[\\s\\S]{");
  fl_text_add_number(&text, min);
  fl_text_add(&text, ",");
  fl_text_add_number(&text, max);
  fl_text_add(&text, "})$");
  write_pair(writer, "type", "string");
  fl_json_write_key(writer, "pattern");
  write_text(writer, &text);
}

static void write_integer(struct fl_json_writer *writer,
                          const struct fl_config_row *row) {
  bool automatic = (row->flags & FL_CONFIG_AUTO) != 0;
  if (automatic) {
    fl_json_write_key(writer, "anyOf");
    fl_json_write_open(writer, '[');
    fl_json_write_open(writer, '{');
    write_pair(writer, "const", "auto");
    fl_json_write_close(writer, '}');
    fl_json_write_open(writer, '{');
  }
  write_pair(writer, "type", "integer");
  if (row->type == FL_CONFIG_SIGNED) {
    fl_json_write_key(writer, "minimum");
    fl_json_write_signed(writer, -(int32_t)row->max);
  } else {
    write_number(writer, "minimum", row->min);
  }
  write_number(writer, "maximum", row->max);
  if (automatic) {
    fl_json_write_close(writer, '}');
    fl_json_write_close(writer, ']');
  }
}

static void write_choices(struct fl_json_writer *writer,
                          const struct fl_config_row *row) {
  fl_json_write_key(writer, "enum");
  fl_json_write_open(writer, '[');
  for (const char *const *choice = row->choices; *choice != NULL; choice++)
    fl_json_write_string(writer, *choice);
  fl_json_write_close(writer, ']');
}

static void write_array(struct fl_json_writer *writer,
                        const struct fl_config_row *row) {
  write_pair(writer, "type", "array");
  write_number(writer, "minItems", row->min);
  write_number(writer, "maxItems", row->max);
  fl_json_write_key(writer, "items");
  fl_json_write_open(writer, '{');
  if (row->type == FL_CONFIG_LIST) {
    write_section(writer, row->section);
  } else if (row->type == FL_CONFIG_STRINGS) {
    write_bytes(writer, 0, FL_BYTES_MAX);
  } else if (row->type == FL_CONFIG_PATTERNS) {
    write_pair(writer, "type", "string");
    write_number(writer, "minLength", 1);
  } else {
    write_pair(writer, "type", "string");
    write_pair(writer, "pattern",
               row->type == FL_CONFIG_BLOCKS  ? "^[0-9A-Fa-f.:]+(/[0-9]+)?$"
               : row->type == FL_CONFIG_NAMES ? "^[A-Za-z0-9._-]+$"
                                              : ":[0-9]+$");
  }
  fl_json_write_close(writer, '}');
}

static void write_type(struct fl_json_writer *writer,
                       const struct fl_config_row *row) {
  switch (row->type) {
  case FL_CONFIG_BOOLEAN:
    write_pair(writer, "type", "boolean");
    break;
  case FL_CONFIG_BYTES:
  case FL_CONFIG_PAYLOAD:
    write_bytes(writer, row->min, row->max);
    break;
  case FL_CONFIG_INTEGER:
  case FL_CONFIG_SIGNED:
    write_integer(writer, row);
    break;
  case FL_CONFIG_DURATION:
  case FL_CONFIG_SECONDS:
    write_pattern(writer, row, fl_config_durations);
    break;
  case FL_CONFIG_SIZE:
    write_pattern(writer, row, fl_config_sizes);
    break;
  case FL_CONFIG_CHOICE:
    write_choices(writer, row);
    break;
  case FL_CONFIG_NAME:
    write_pair(writer, "type", "string");
    write_number(writer, "minLength", row->min);
    write_number(writer, "maxLength", row->max);
    write_pair(writer, "pattern", "^[A-Za-z0-9._-]+$");
    break;
  case FL_CONFIG_FILE: /* its length counts bytes */
    write_pair(writer, "type", "string");
    write_number(writer, "minLength", row->min);
    break;
  case FL_CONFIG_IGNORED:
  case FL_CONFIG_TARGET:
  case FL_CONFIG_ADDRESS:
  case FL_CONFIG_ENDPOINT:
  case FL_CONFIG_UPSTREAM:
    write_pair(writer, "type", "string");
    break;
  case FL_CONFIG_LISTEN:
  case FL_CONFIG_SERVERS:
  case FL_CONFIG_BLOCKS:
  case FL_CONFIG_NAMES:
  case FL_CONFIG_PATTERNS:
  case FL_CONFIG_STRINGS:
  case FL_CONFIG_LIST:
    write_array(writer, row);
    break;
  case FL_CONFIG_OBJECT:
    write_section(writer, row->section);
    break;
  }
}

/* The default, where it is one value. */
static void write_default(struct fl_json_writer *writer,
                          const struct fl_config_row *row) {
  struct fl_text text = {0};
  if (row->initial == NULL)
    return;
  fl_json_write_key(writer, "default");
  fl_config_describe_default(&text, row);
  if (text.bytes != NULL && text.bytes[0] == '"')
    fl_json_write_string(writer, row->initial);
  else if (row->type == FL_CONFIG_BOOLEAN)
    fl_json_write_boolean(writer, row->initial[0] == 't');
  else
    fl_json_write_number(writer, strtoul(row->initial, NULL, 10));
  writer->text.failed = writer->text.failed || text.failed;
  free(text.bytes);
}

static void write_row(struct fl_json_writer *writer,
                      const struct fl_config_row *row) {
  fl_json_write_key(writer, row->key);
  fl_json_write_open(writer, '{');
  write_description(writer, row);
  write_type(writer, row);
  write_default(writer, row);
  fl_json_write_close(writer, '}');
}

/* The keys that are always required (mode and type 0), or those of one mode
   or type (a bit). */
static void write_required(struct fl_json_writer *writer,
                           const struct fl_config_section *section,
                           unsigned mode, unsigned type) {
  bool any = false;
  for (uint32_t i = 0; i < section->count; i++) {
    unsigned flags = section->rows[i].flags;
    unsigned types = section->rows[i].types;
    bool here =
        mode == 0 ? (flags & FL_CONFIG_MODES) == 0 : (flags & mode) != 0;
    if ((flags & FL_CONFIG_REQUIRED) == 0 || !here ||
        (type == 0 ? types != 0 : (types & type) == 0))
      continue;
    if (!any) {
      fl_json_write_key(writer, "required");
      fl_json_write_open(writer, '[');
    }
    any = true;
    fl_json_write_string(writer, section->rows[i].key);
  }
  if (any)
    fl_json_write_close(writer, ']');
}

/* Of listeners in this enum fl_mode, keys without a meaning in it are not
   allowed and those of it that have no default are required. */
static void write_mode(struct fl_json_writer *writer,
                       const struct fl_config_section *section, int mode) {
  fl_json_write_open(writer, '{');
  fl_json_write_key(writer, "if");
  fl_json_write_open(writer, '{');
  fl_json_write_key(writer, "properties");
  fl_json_write_open(writer, '{');
  fl_json_write_key(writer, "mode");
  fl_json_write_open(writer, '{');
  write_pair(writer, "const", fl_config_modes[mode]);
  for (unsigned i = 0; i < 3; i++)
    fl_json_write_close(writer, '}');
  fl_json_write_key(writer, "then");
  fl_json_write_open(writer, '{');
  fl_json_write_key(writer, "properties");
  fl_json_write_open(writer, '{');
  for (uint32_t i = 0; i < section->count; i++)
    if (!fl_config_row_in_mode(&section->rows[i], mode)) {
      fl_json_write_key(writer, section->rows[i].key);
      fl_json_write_boolean(writer, false);
    }
  fl_json_write_close(writer, '}');
  write_required(writer, section, (unsigned)FL_CONFIG_COMMAND_MODE << mode, 0);
  fl_json_write_close(writer, '}');
  fl_json_write_close(writer, '}');
}

static void write_modes(struct fl_json_writer *writer,
                        const struct fl_config_section *section) {
  fl_json_write_key(writer, "allOf");
  fl_json_write_open(writer, '[');
  for (int mode = 0; fl_config_modes[mode] != NULL; mode++)
    write_mode(writer, section, mode);
  fl_json_write_close(writer, ']');
}

/* If the first key is this choice, or absent and this is the default, the keys
   of the others are not allowed and its own without a default are required. */
static void write_choice(struct fl_json_writer *writer,
                         const struct fl_config_section *section,
                         unsigned choice) {
  const struct fl_config_row *type = &section->rows[0];
  const char *name = type->choices[choice];
  fl_json_write_open(writer, '{');
  fl_json_write_key(writer, "if");
  fl_json_write_open(writer, '{');
  fl_json_write_key(writer, "properties");
  fl_json_write_open(writer, '{');
  fl_json_write_key(writer, type->key);
  fl_json_write_open(writer, '{');
  write_pair(writer, "const", name);
  fl_json_write_close(writer, '}');
  fl_json_write_close(writer, '}');
  if (strcmp(name, type->initial) != 0) {
    fl_json_write_key(writer, "required");
    fl_json_write_open(writer, '[');
    fl_json_write_string(writer, type->key);
    fl_json_write_close(writer, ']');
  }
  fl_json_write_close(writer, '}');
  fl_json_write_key(writer, "then");
  fl_json_write_open(writer, '{');
  fl_json_write_key(writer, "properties");
  fl_json_write_open(writer, '{');
  for (uint32_t i = 0; i < section->count; i++) {
    unsigned types = section->rows[i].types;
    if (types == 0 || (types & FL_CONFIG_TYPE(choice)) != 0)
      continue;
    fl_json_write_key(writer, section->rows[i].key);
    fl_json_write_boolean(writer, false);
  }
  fl_json_write_close(writer, '}');
  write_required(writer, section, 0, FL_CONFIG_TYPE(choice));
  fl_json_write_close(writer, '}');
  fl_json_write_close(writer, '}');
}

static void write_choices_of_keys(struct fl_json_writer *writer,
                                  const struct fl_config_section *section) {
  unsigned types = 0;
  for (uint32_t i = 0; i < section->count; i++)
    types |= section->rows[i].types;
  if (types == 0)
    return;
  fl_json_write_key(writer, "allOf");
  fl_json_write_open(writer, '[');
  for (unsigned i = 0; section->rows[0].choices[i] != NULL; i++)
    write_choice(writer, section, i);
  fl_json_write_close(writer, ']');
}

static void write_section(struct fl_json_writer *writer,
                          const struct fl_config_section *section) {
  write_pair(writer, "type", "object");
  fl_json_write_key(writer, "properties");
  fl_json_write_open(writer, '{');
  for (uint32_t i = 0; i < section->count; i++)
    write_row(writer, &section->rows[i]);
  fl_json_write_close(writer, '}');
  write_required(writer, section, 0, 0);
  fl_json_write_key(writer, "additionalProperties");
  fl_json_write_boolean(writer, false);
  if (section == &fl_config_listener)
    write_modes(writer, section);
  write_choices_of_keys(writer, section);
}

char *fl_config_schema(void) {
  struct fl_json_writer writer = {0};
  fl_json_write_open(&writer, '{');
  write_pair(&writer, "$schema",
             "https://json-schema.org/draft/2020-12/schema");
  write_pair(&writer, "title", "Fairlead's config.json");
  write_section(&writer, &fl_config_root);
  fl_json_write_close(&writer, '}');
  return fl_text_take(&writer.text);
}
