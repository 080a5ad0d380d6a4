#include "service/exposition.h"

void fl_exposition_head(struct fl_text *to, const char *name, const char *type,
                        const char *help) {
  FL_TEXT(to, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

static void add_escaped(struct fl_text *to, const char *value) {
  for (; *value != '\0'; value++) {
    if (*value == '\n') {
      fl_text_add(to, "\\n");
      continue;
    }
    if (*value == '"' || *value == '\\')
      fl_text_add(to, "\\");
    fl_text_add_bytes(to, value, 1);
  }
}

void fl_exposition_name(struct fl_text *to, const char *name,
                        const char *suffix, const struct fl_label *labels,
                        unsigned count) {
  bool any = false;
  FL_TEXT(to, name, suffix);
  for (unsigned i = 0; i < count; i++) {
    if (labels[i].name == NULL)
      continue;
    FL_TEXT(to, any ? "," : "{", labels[i].name, "=\"");
    add_escaped(to, labels[i].value);
    fl_text_add(to, "\"");
    any = true;
  }
  fl_text_add(to, any ? "} " : " ");
}

void fl_exposition_sample(struct fl_text *to, const char *name,
                          const struct fl_label *labels, unsigned count,
                          uint64_t value) {
  fl_exposition_name(to, name, "", labels, count);
  fl_text_add_number(to, value);
  fl_text_add(to, "\n");
}

void fl_exposition_add_seconds(struct fl_text *to, fl_time value) {
  char digits[7] = ".000000";
  uint64_t rest = value % 1000000;
  fl_text_add_number(to, value / 1000000);
  for (size_t i = sizeof digits; --i > 0; rest /= 10)
    digits[i] = (char)('0' + rest % 10);
  fl_text_add_bytes(to, digits, sizeof digits);
}

void fl_exposition_seconds(struct fl_text *to, const char *name,
                           const struct fl_label *labels, unsigned count,
                           fl_time value) {
  fl_exposition_name(to, name, "", labels, count);
  fl_exposition_add_seconds(to, value);
  fl_text_add(to, "\n");
}
