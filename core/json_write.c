#include "core/json_write.h"

static void new_line(struct fl_json_writer *writer) {
  fl_text_add(&writer->text, "\n");
  for (unsigned i = 0; i < writer->depth; i++)
    fl_text_add(&writer->text, "  ");
}

/* What stands before a name or value. */
static void begin(struct fl_json_writer *writer) {
  if (!writer->after_key) {
    if (writer->after_value)
      fl_text_add(&writer->text, ",");
    if (writer->depth > 0)
      new_line(writer);
  }
  writer->after_key = false;
  writer->after_value = true;
}

void fl_json_write_open(struct fl_json_writer *writer, char bracket) {
  begin(writer);
  fl_text_add_bytes(&writer->text, &bracket, 1);
  writer->depth++;
  writer->after_value = false;
}

void fl_json_write_close(struct fl_json_writer *writer, char bracket) {
  writer->depth--;
  if (writer->after_value)
    new_line(writer);
  fl_text_add_bytes(&writer->text, &bracket, 1);
  writer->after_value = true;
  if (writer->depth == 0)
    fl_text_add(&writer->text, "\n");
}

static void add_quoted(struct fl_text *text, const char *string) {
  fl_text_add(text, "\"");
  for (; *string != '\0'; string++) {
    if (*string == '"' || *string == '\\')
      fl_text_add(text, "\\");
    fl_text_add_bytes(text, string, 1);
  }
  fl_text_add(text, "\"");
}

void fl_json_write_key(struct fl_json_writer *writer, const char *key) {
  begin(writer);
  add_quoted(&writer->text, key);
  fl_text_add(&writer->text, ": ");
  writer->after_key = true;
}

void fl_json_write_string(struct fl_json_writer *writer, const char *string) {
  begin(writer);
  add_quoted(&writer->text, string);
}

void fl_json_write_number(struct fl_json_writer *writer, uint64_t number) {
  begin(writer);
  fl_text_add_number(&writer->text, number);
}

void fl_json_write_signed(struct fl_json_writer *writer, int32_t number) {
  begin(writer);
  if (number < 0)
    fl_text_add(&writer->text, "-");
  fl_text_add_number(&writer->text,
                     (uint64_t)(number < 0 ? -(int64_t)number : number));
}

void fl_json_write_seconds(struct fl_json_writer *writer, uint64_t duration) {
  char digits[7] = ".000000";
  uint64_t rest = duration % 1000000;
  begin(writer);
  fl_text_add_number(&writer->text, duration / 1000000);
  for (size_t i = sizeof digits; --i > 0; rest /= 10)
    digits[i] = (char)('0' + rest % 10);
  fl_text_add_bytes(&writer->text, digits, sizeof digits);
}

void fl_json_write_boolean(struct fl_json_writer *writer, bool value) {
  begin(writer);
  fl_text_add(&writer->text, value ? "true" : "false");
}
