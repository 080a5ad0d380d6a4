#include "core/config_mode.h"

/* `"command" or "request"` */
static void add_modes(struct fl_text *text, const struct fl_config_row *row) {
  const char *between = "";
  for (int mode = 0; fl_config_modes[mode] != NULL; mode++)
    if (fl_config_row_in_mode(row, mode)) {
      FL_TEXT(text, between, "\"", fl_config_modes[mode], "\"");
      between = " or ";
    }
}

void fl_config_mode_check(struct fl_config_reader *reader,
                          const struct fl_config_section *section,
                          const struct fl_config_node *object,
                          enum fl_mode mode) {
  for (uint32_t i = 0; i < section->count; i++) {
    const struct fl_config_row *row = &section->rows[i];
    struct fl_config_node node;
    struct fl_text found = {0};
    struct fl_text allowed = {0};
    if (!fl_config_node_find(reader, object, row->key, &node))
      continue;
    if (fl_config_row_in_mode(row, (int)mode)) {
      if (row->type == FL_CONFIG_OBJECT)
        fl_config_mode_check(reader, row->section, &node, mode);
      continue;
    }
    FL_TEXT(&found, "this key in mode \"", fl_config_modes[mode], "\"");
    fl_text_add(&allowed, "it only in mode ");
    add_modes(&allowed, row);
    fl_config_node_key_error(reader, &node, &found, &allowed);
  }
}
