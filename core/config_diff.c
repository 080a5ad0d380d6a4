#include "core/config_diff.h"

#include "core/config.h"
#include "core/config_endpoint.h"

#include <stdio.h>
#include <string.h>

struct diff {
  fl_config_diff_fn *differs;
  void *ctx;
  char path[FL_CONFIG_DIFF_PATH];
};

static unsigned diff_section(struct diff *diff,
                             const struct fl_config_section *section,
                             const void *a, const void *b, size_t depth,
                             unsigned of_parent);

unsigned fl_config_diff_kind(const struct fl_config_row *row) {
  switch (row->type) {
  case FL_CONFIG_IGNORED:
  case FL_CONFIG_PATTERNS:
  case FL_CONFIG_UPSTREAM:
    return 0;
  case FL_CONFIG_LISTEN:
    return FL_CHANGE_LISTEN;
  case FL_CONFIG_SERVERS:
    return FL_CHANGE_SERVERS;
  case FL_CONFIG_NAME:
    if (strcmp(row->key, "name") == 0) /* of a listener or upstream */
      return 0;
    break;
  default:
    break;
  }
  if ((row->flags & FL_CONFIG_RESTART) != 0)
    return FL_CHANGE_RESTART;
  if ((row->flags & FL_CONFIG_STREAM) != 0)
    return FL_CHANGE_STREAM;
  if ((row->flags & FL_CONFIG_REPLACE) != 0)
    return FL_CHANGE_REPLACE;
  if ((row->flags & FL_CONFIG_RECONNECT) != 0)
    return FL_CHANGE_RECONNECT;
  return FL_CHANGE_VALUES;
}

const char *fl_config_diff_note(const struct fl_config_row *row) {
  switch (fl_config_diff_kind(row)) {
  case FL_CHANGE_RECONNECT:
    return " A reload that changes it makes connections anew.";
  case FL_CHANGE_REPLACE:
    return " A reload changes it for new clients.";
  case FL_CHANGE_STREAM:
    return " A reload that changes it drains clients and connections.";
  case FL_CHANGE_RESTART:
    return " Changing it needs a restart.";
  default:
    return "";
  }
}

static const void *field_of(const void *base, size_t offset) {
  return (const unsigned char *)base + offset;
}

static uint32_t count_of(const struct fl_config_row *row, const void *base) {
  return *(const uint32_t *)field_of(base, row->count_offset);
}

static const void *list_of(const struct fl_config_row *row, const void *base) {
  const void *list;
  memcpy(&list, field_of(base, row->offset), sizeof list);
  return list;
}

static bool endpoints_equal(const struct fl_config_row *row, const void *a,
                            const void *b) {
  const struct fl_endpoint *of_a = list_of(row, a);
  const struct fl_endpoint *of_b = list_of(row, b);
  uint32_t count = count_of(row, a);
  if (count != count_of(row, b))
    return false;
  for (uint32_t i = 0; i < count; i++)
    if (!fl_endpoint_equal(&of_a[i], &of_b[i]))
      return false;
  return true;
}

static bool blocks_equal(const struct fl_config_row *row, const void *a,
                         const void *b) {
  const struct fl_cidr *of_a = list_of(row, a);
  const struct fl_cidr *of_b = list_of(row, b);
  uint32_t count = count_of(row, a);
  if (count != count_of(row, b))
    return false;
  for (uint32_t i = 0; i < count; i++)
    if (!fl_cidr_equal(&of_a[i], &of_b[i]))
      return false;
  return true;
}

static bool bytes_equal(const struct fl_bytes *a, const struct fl_bytes *b) {
  return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool strings_equal(const struct fl_config_row *row, const void *a,
                          const void *b) {
  const struct fl_bytes *of_a = list_of(row, a);
  const struct fl_bytes *of_b = list_of(row, b);
  uint32_t count = count_of(row, a);
  if (count != count_of(row, b))
    return false;
  for (uint32_t i = 0; i < count; i++)
    if (!bytes_equal(&of_a[i], &of_b[i]))
      return false;
  return true;
}

static bool payloads_equal(const struct fl_payload *a,
                           const struct fl_payload *b) {
  return a->given == b->given && a->size == b->size &&
         memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool texts_equal(const char *a, const char *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool names_equal(const struct fl_config_row *row, const void *a,
                        const void *b) {
  char *const *of_a = list_of(row, a);
  char *const *of_b = list_of(row, b);
  uint32_t count = count_of(row, a);
  if (count != count_of(row, b))
    return false;
  for (uint32_t i = 0; i < count; i++)
    if (!texts_equal(of_a[i], of_b[i]))
      return false;
  return true;
}

/* Whether a field without a section is the same in both. */
static bool field_equal(const struct fl_config_row *row, const void *a,
                        const void *b) {
  const void *in_a = field_of(a, row->offset);
  const void *in_b = field_of(b, row->offset);
  switch (row->type) {
  case FL_CONFIG_BOOLEAN:
    return *(const bool *)in_a == *(const bool *)in_b;
  case FL_CONFIG_INTEGER:
  case FL_CONFIG_SIGNED:
  case FL_CONFIG_SECONDS:
  case FL_CONFIG_SIZE:
    return memcmp(in_a, in_b, sizeof(uint32_t)) == 0;
  case FL_CONFIG_DURATION:
    return *(const fl_time *)in_a == *(const fl_time *)in_b;
  case FL_CONFIG_CHOICE:
    return memcmp(in_a, in_b, sizeof(int)) == 0;
  case FL_CONFIG_BYTES:
    return bytes_equal(in_a, in_b);
  case FL_CONFIG_PAYLOAD:
    return payloads_equal(in_a, in_b);
  case FL_CONFIG_TARGET:
    return strcmp(((const struct fl_log_target *)in_a)->text,
                  ((const struct fl_log_target *)in_b)->text) == 0;
  case FL_CONFIG_ADDRESS:
    return fl_addr_equal(in_a, in_b);
  case FL_CONFIG_LISTEN:
  case FL_CONFIG_SERVERS:
    return endpoints_equal(row, a, b);
  case FL_CONFIG_BLOCKS:
    return blocks_equal(row, a, b);
  case FL_CONFIG_NAME:
  case FL_CONFIG_FILE:
    return fl_config_diff_kind(row) == 0 ||
           texts_equal(*(char *const *)in_a, *(char *const *)in_b);
  case FL_CONFIG_NAMES:
    return names_equal(row, a, b);
  case FL_CONFIG_STRINGS:
    return strings_equal(row, a, b);
  case FL_CONFIG_ENDPOINT:
    return texts_equal(((const struct fl_endpoint *)in_a)->text,
                       ((const struct fl_endpoint *)in_b)->text);
  case FL_CONFIG_IGNORED:
  case FL_CONFIG_PATTERNS:
  case FL_CONFIG_UPSTREAM:
  case FL_CONFIG_OBJECT:
  case FL_CONFIG_LIST:
    break;
  }
  return true;
}

static void tell(const struct diff *diff, const struct fl_config_row *row,
                 const void *b, unsigned kind) {
  const struct fl_config_difference difference = {
      .path = diff->path, .row = row, .kind = kind, .in = b};
  if (diff->differs != NULL)
    diff->differs(diff->ctx, &difference);
}

/* What an object or a list is counts for all in it. */
static unsigned kind_within(const struct fl_config_row *row,
                            unsigned of_parent) {
  unsigned own = fl_config_diff_kind(row);
  return own == FL_CHANGE_VALUES && of_parent != 0 ? of_parent : own;
}

static unsigned diff_list(struct diff *diff, const struct fl_config_row *row,
                          const void *a, const void *b, size_t depth,
                          unsigned kind) {
  const unsigned char *of_a = list_of(row, a);
  const unsigned char *of_b = list_of(row, b);
  uint32_t count = count_of(row, a);
  size_t size = row->section->size;
  unsigned changes = 0;
  if (row->section == &fl_config_listener ||
      row->section == &fl_config_upstream)
    return 0;
  if (count != count_of(row, b)) {
    tell(diff, row, b, kind);
    return kind;
  }
  for (uint32_t i = 0; i < count; i++)
    changes |= diff_section(diff, row->section, of_a + i * size,
                            of_b + i * size, depth, kind);
  return changes;
}

/* Compares one row, whose key is added to the path at `depth`. */
static unsigned diff_row(struct diff *diff, const struct fl_config_row *row,
                         const void *a, const void *b, size_t depth,
                         unsigned of_parent) {
  unsigned kind = kind_within(row, of_parent);
  int size = snprintf(diff->path + depth, sizeof diff->path - depth, "%s%s",
                      depth == 0 ? "" : ".", row->key);
  size_t below = depth + (size_t)(size < 0 ? 0 : size);
  if (below >= sizeof diff->path)
    below = sizeof diff->path - 1;
  if (row->type == FL_CONFIG_OBJECT)
    return diff_section(diff, row->section, field_of(a, row->offset),
                        field_of(b, row->offset), below,
                        kind == FL_CHANGE_VALUES ? 0 : kind);
  if (row->type == FL_CONFIG_LIST)
    return diff_list(diff, row, a, b, below, kind);
  if (row->offset == FL_CONFIG_NO_FIELD || field_equal(row, a, b))
    return 0;
  tell(diff, row, b, kind);
  return kind;
}

static unsigned diff_section(struct diff *diff,
                             const struct fl_config_section *section,
                             const void *a, const void *b, size_t depth,
                             unsigned of_parent) {
  unsigned changes = 0;
  for (uint32_t i = 0; i < section->count; i++) {
    const struct fl_config_row *row = &section->rows[i];
    /* Where the first key differs, what belongs to one choice only has no
       counterpart. */
    if (fl_config_row_applies(section, row, a) &&
        fl_config_row_applies(section, row, b))
      changes |= diff_row(diff, row, a, b, depth, of_parent);
  }
  return changes;
}

unsigned fl_config_diff(const struct fl_config_section *section, const void *a,
                        const void *b, fl_config_diff_fn *differs, void *ctx) {
  struct diff diff = {.differs = differs, .ctx = ctx};
  return diff_section(&diff, section, a, b, 0, 0);
}
