#include "core/config_part.h"

#include "core/config_error.h"
#include "core/json_text.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static void add_error(struct fl_config_errors *errors, struct fl_place place,
                      struct fl_text *found, const char *what) {
  struct fl_text path = {0};
  struct fl_text allowed = {0};
  fl_text_add(&allowed, what);
  fl_config_error_add(errors, place, &path, found, &allowed);
}

static void too_long(struct fl_config_errors *errors, size_t size,
                     uint32_t file) {
  struct fl_text found = {0};
  fl_text_add_number(&found, size);
  fl_text_add(&found, " bytes");
  add_error(errors, (struct fl_place){1, 1, file}, &found, "at most 4 MiB");
}

/* The byte at the fault as people may read it. */
static void add_byte(struct fl_text *text, unsigned char byte) {
  const char *digits = "0123456789abcdef";
  const char quoted[] = {'\'', (char)byte, '\''};
  const char hex[] = {digits[byte >> 4], digits[byte & 15]};
  if (byte > 0x20 && byte < 0x7F) {
    fl_text_add_bytes(text, quoted, sizeof quoted);
    return;
  }
  fl_text_add(text, "the byte 0x");
  fl_text_add_bytes(text, hex, sizeof hex);
}

static void not_json(struct fl_config_errors *errors,
                     const struct fl_json_text *text) {
  struct fl_text found = {0};
  if (text->problem != NULL)
    fl_text_add(&found, text->problem);
  else if (text->fault_at == text->size)
    fl_text_add(&found, "the end of the file");
  else
    add_byte(&found, (unsigned char)text->bytes[text->fault_at]);
  add_error(errors, text->fault, &found, text->allowed);
}

bool fl_config_part_read(struct fl_config_part *part, struct fl_slice text,
                         uint32_t file, struct fl_config_errors *errors) {
  struct fl_json_text json;
  *part = (struct fl_config_part){0};
  if (text.size > FL_CONFIG_SIZE_MAX) {
    too_long(errors, text.size, file);
    return false;
  }
  part->text =
      fl_text_copy(text.size == 0 ? "" : (const char *)text.bytes, text.size);
  if (part->text == NULL) {
    errors->out_of_memory = true;
    return false;
  }
  fl_json_text_init(&json, part->text, text.size);
  json.file = file;
  switch (fl_json_places_read(&json, &part->places)) {
  case FL_JSON_FAULT:
    not_json(errors, &json);
    return false;
  case FL_JSON_NO_MEMORY:
    errors->out_of_memory = true;
    return false;
  case FL_JSON_OK:
    break;
  }
  part->item = cJSON_ParseWithLength(part->text, text.size);
  if (part->item == NULL)
    errors->out_of_memory = true; /* there is no other reason left */
  return part->item != NULL;
}

void fl_config_part_free(struct fl_config_part *part) {
  cJSON_Delete(part->item);
  fl_json_places_free(&part->places);
  free(part->text);
  *part = (struct fl_config_part){0};
}
