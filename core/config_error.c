#include "core/config_error.h"

#include <stdlib.h>
#include <string.h>

enum { EXCERPT_MAX = 60 };

static bool before(struct fl_place a, struct fl_place b) {
  if (a.file != b.file)
    return a.file < b.file;
  return a.line != b.line ? a.line < b.line : a.column < b.column;
}

static void free_error(struct fl_config_error *error) {
  free(error->path);
  free(error->found);
  free(error->allowed);
}

/* Inserts error, whose strings it takes over, behind all that stand before
   it or at the same place. */
static void insert(struct fl_config_errors *errors,
                   struct fl_config_error error) {
  uint32_t at = errors->count;
  if (errors->list == NULL)
    errors->list = calloc(FL_CONFIG_ERRORS_MAX + 1, sizeof *errors->list);
  if (errors->list == NULL || error.path == NULL || error.found == NULL ||
      error.allowed == NULL) {
    errors->out_of_memory = true;
    free_error(&error);
    return;
  }
  while (at > 0 && before(error.place, errors->list[at - 1].place))
    at--;
  memmove(errors->list + at + 1, errors->list + at,
          (errors->count - at) * sizeof error);
  errors->list[at] = error;
  errors->count++;
}

void fl_config_error_add(struct fl_config_errors *errors, struct fl_place place,
                         struct fl_text *path, struct fl_text *found,
                         struct fl_text *allowed) {
  struct fl_config_error error = {place, fl_text_take(path),
                                  fl_text_take(found), fl_text_take(allowed)};
  if (errors->count < FL_CONFIG_ERRORS_MAX) {
    insert(errors, error);
    return;
  }
  free_error(&error);
  if (errors->count > FL_CONFIG_ERRORS_MAX)
    return;
  fl_text_add(path, "");
  fl_text_add(found, "more errors than are listed");
  fl_text_add(allowed, "none");
  insert(errors,
         (struct fl_config_error){place, fl_text_take(path),
                                  fl_text_take(found), fl_text_take(allowed)});
}

bool fl_config_error_at(const struct fl_config_errors *errors,
                        struct fl_place place) {
  for (uint32_t i = 0; i < errors->count; i++)
    if (errors->list[i].place.file == place.file &&
        errors->list[i].place.line == place.line &&
        errors->list[i].place.column == place.column)
      return true;
  return false;
}

void fl_config_excerpt(struct fl_text *text, const char *bytes, size_t size) {
  size_t end = size;
  if (size > EXCERPT_MAX) {
    end = EXCERPT_MAX - 3;
    while (end > 0 && ((unsigned char)bytes[end] & 0xC0) == 0x80)
      end--; /* not within a UTF-8 sequence */
  }
  for (size_t i = 0; i < end; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    bool c1 = byte == 0xC2 && i + 1 < end && (unsigned char)bytes[i + 1] < 0xA0;
    if (c1)
      i++; /* U+0080..U+009F */
    if (c1 || byte < 0x20 || byte == 0x7F)
      fl_text_add(text, "?");
    else
      fl_text_add_bytes(text, bytes + i, 1);
  }
  if (end < size)
    fl_text_add(text, "...");
}

void fl_config_errors_free(struct fl_config_errors *errors) {
  for (uint32_t i = 0; i < errors->count; i++)
    free_error(&errors->list[i]);
  free(errors->list);
  *errors = (struct fl_config_errors){0};
}
