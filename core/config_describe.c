#include "core/config_describe.h"

#include "core/config_value.h"

#include <assert.h>

const char *fl_config_type_name(enum fl_config_type type) {
  switch (type) {
  case FL_CONFIG_BOOLEAN:
    return "boolean";
  case FL_CONFIG_INTEGER:
  case FL_CONFIG_SIGNED:
    return "integer";
  case FL_CONFIG_DURATION:
  case FL_CONFIG_SECONDS:
    return "duration";
  case FL_CONFIG_SIZE:
    return "size";
  case FL_CONFIG_BYTES:
  case FL_CONFIG_PAYLOAD:
    return "bytes";
  case FL_CONFIG_IGNORED:
  case FL_CONFIG_ADDRESS:
  case FL_CONFIG_ENDPOINT:
  case FL_CONFIG_CHOICE:
  case FL_CONFIG_NAME:
  case FL_CONFIG_TARGET:
  case FL_CONFIG_FILE:
  case FL_CONFIG_UPSTREAM:
    return "string";
  case FL_CONFIG_LISTEN:
  case FL_CONFIG_SERVERS:
  case FL_CONFIG_BLOCKS:
  case FL_CONFIG_NAMES:
  case FL_CONFIG_PATTERNS:
    return "array of strings";
  case FL_CONFIG_STRINGS:
    return "array of bytes";
  case FL_CONFIG_OBJECT:
    return "object";
  case FL_CONFIG_LIST:
    return "array of objects";
  }
  assert(false);
  return "";
}

void fl_config_describe_default(struct fl_text *text,
                                const struct fl_config_row *row) {
  const char *initial = row->initial;
  bool bare = row->type == FL_CONFIG_BOOLEAN || row->type == FL_CONFIG_SIGNED ||
              (row->type == FL_CONFIG_INTEGER && initial != NULL &&
               *initial >= '0' && *initial <= '9');
  if (row->flags & FL_CONFIG_REQUIRED)
    fl_text_add(text, "required");
  else if (initial != NULL && bare)
    fl_text_add(text, initial);
  else if (initial != NULL)
    FL_TEXT(text, "\"", initial, "\"");
}

static void add_choices(struct fl_text *text, const char *const *choices) {
  for (const char *const *choice = choices; *choice != NULL; choice++) {
    if (choice != choices)
      fl_text_add(text, choice[1] == NULL ? " or " : ", ");
    FL_TEXT(text, "\"", *choice, "\"");
  }
}

static void add_limit(struct fl_text *text, const struct fl_config_row *row,
                      uint64_t limit) {
  if (row->type == FL_CONFIG_DURATION || row->type == FL_CONFIG_SECONDS)
    fl_config_value_print(text, limit, fl_config_durations);
  else if (row->type == FL_CONFIG_SIZE)
    fl_config_value_print(text, limit, fl_config_sizes);
  else
    fl_text_add_number(text, limit);
}

static void add_limits(struct fl_text *text, const struct fl_config_row *row) {
  if (row->type == FL_CONFIG_SIGNED) {
    fl_text_add(text, "-");
    add_limit(text, row, row->max);
  } else {
    add_limit(text, row, row->min);
  }
  fl_text_add(text, " to ");
  add_limit(text, row, row->max);
  if (row->step == 1000)
    fl_text_add(text, " in whole milliseconds");
  else if (row->step != 0)
    fl_text_add(text, " in whole seconds");
}

static void add_auto(struct fl_text *text, const struct fl_config_row *row) {
  if (row->flags & FL_CONFIG_AUTO)
    fl_text_add(text, "\"auto\" or ");
}

const char *fl_config_describe_element(enum fl_config_type type) {
  if (type == FL_CONFIG_BLOCKS)
    return "\"ip\" or \"ip/bits\", such as \"192.0.2.7\", \"10.0.0.0/8\" or "
           "\"2001:db8::/32\"";
  if (type == FL_CONFIG_STRINGS)
    return "text, or hexadecimal such as \"hex:0d0a\", of at most 16 bytes";
  return type == FL_CONFIG_LISTEN
             ? "\"ip:port\", a numeric address and a port, 0 to 65535"
             : "\"host:port\", a numeric address or DNS name and a port, 1 to "
               "65535";
}

void fl_config_describe_range(struct fl_text *text,
                              const struct fl_config_row *row) {
  add_auto(text, row);
  switch (row->type) {
  case FL_CONFIG_BOOLEAN:
    fl_text_add(text, "true or false");
    break;
  case FL_CONFIG_CHOICE:
    add_choices(text, row->choices);
    break;
  case FL_CONFIG_TARGET:
    add_choices(text, row->choices);
    fl_text_add(text, ", or a path with a / in it");
    break;
  case FL_CONFIG_BYTES:
  case FL_CONFIG_PAYLOAD:
    add_limits(text, row);
    fl_text_add(text, " bytes");
    break;
  case FL_CONFIG_NAME:
    add_limits(text, row);
    fl_text_add(text, " of A-Z a-z 0-9 . _ -");
    break;
  case FL_CONFIG_FILE:
    fl_text_add(text, "a file name, ");
    add_limits(text, row);
    fl_text_add(text, " bytes");
    break;
  case FL_CONFIG_NAMES:
    add_limits(text, row);
    fl_text_add(text, " names of A-Z a-z 0-9 . _ -");
    break;
  case FL_CONFIG_PATTERNS:
    add_limits(text, row);
    fl_text_add(text, " names of files, such as \"conf.d/*.json\"");
    break;
  case FL_CONFIG_ENDPOINT:
    fl_text_add(text, fl_config_describe_element(FL_CONFIG_LISTEN));
    break;
  case FL_CONFIG_LISTEN:
    add_limits(text, row);
    fl_text_add(text, " of \"ip:port\"");
    break;
  case FL_CONFIG_SERVERS:
    add_limits(text, row);
    fl_text_add(text, " of \"host:port\"");
    break;
  case FL_CONFIG_ADDRESS:
    fl_text_add(text, "a numeric address without a port");
    break;
  case FL_CONFIG_BLOCKS:
    add_limits(text, row);
    fl_text_add(text, " of \"ip\" or \"ip/bits\"");
    break;
  case FL_CONFIG_STRINGS:
    add_limits(text, row);
    fl_text_add(text, " of at most 16 bytes");
    break;
  case FL_CONFIG_UPSTREAM:
    fl_text_add(text, "the name of an upstream, or \"host:port\"");
    break;
  case FL_CONFIG_IGNORED:
  case FL_CONFIG_OBJECT:
    break;
  default:
    add_limits(text, row);
  }
}

static void add_units(struct fl_text *text, const char *kind,
                      const char *example, const struct fl_config_unit *units) {
  FL_TEXT(text, kind, " such as \"", example, "\" (units ");
  fl_config_value_units(text, units, ", ", ", ");
  fl_text_add(text, "), ");
}

static void describe_type(struct fl_text *text,
                          const struct fl_config_row *row) {
  switch (row->type) {
  case FL_CONFIG_INTEGER:
  case FL_CONFIG_SIGNED:
    add_auto(text, row);
    fl_text_add(text, "a whole number, ");
    add_limits(text, row);
    break;
  case FL_CONFIG_DURATION:
  case FL_CONFIG_SECONDS:
    add_auto(text, row);
    add_units(text, "a duration", row->step > 1000 ? "30s" : "250ms",
              fl_config_durations);
    add_limits(text, row);
    break;
  case FL_CONFIG_SIZE:
    add_auto(text, row);
    add_units(text, "a size", "64KiB", fl_config_sizes);
    add_limits(text, row);
    break;
  case FL_CONFIG_BYTES:
  case FL_CONFIG_PAYLOAD:
    fl_text_add(text, "text, or hexadecimal such as \"hex:0d0a\", ");
    fl_config_describe_range(text, row);
    break;
  case FL_CONFIG_NAME:
    fl_text_add(text, "a name, ");
    fl_config_describe_range(text, row);
    break;
  case FL_CONFIG_LISTEN:
  case FL_CONFIG_SERVERS:
  case FL_CONFIG_BLOCKS:
  case FL_CONFIG_NAMES:
  case FL_CONFIG_PATTERNS:
  case FL_CONFIG_STRINGS:
    fl_text_add(text, "an array of ");
    fl_config_describe_range(text, row);
    break;
  case FL_CONFIG_LIST:
    fl_text_add(text, "an array of ");
    add_limits(text, row);
    fl_text_add(text, " objects");
    break;
  case FL_CONFIG_OBJECT:
    fl_text_add(text, "an object");
    break;
  case FL_CONFIG_IGNORED:
    fl_text_add(text, "a string");
    break;
  default:
    fl_config_describe_range(text, row);
  }
}

void fl_config_describe(struct fl_text *text, const struct fl_config_row *row) {
  describe_type(text, row);
  if (row->why != NULL)
    fl_text_add(text, row->why);
}
