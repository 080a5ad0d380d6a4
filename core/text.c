#include "core/text.h"

#include <stdlib.h>
#include <string.h>

static bool reserve(struct fl_text *text, size_t more) {
  if (text->failed)
    return false;
  if (text->capacity - text->size > more)
    return true;
  size_t capacity = text->capacity == 0 ? 64 : text->capacity;
  while (capacity - text->size <= more)
    capacity *= 2;
  char *bytes = realloc(text->bytes, capacity);
  if (bytes == NULL) {
    text->failed = true;
    return false;
  }
  text->bytes = bytes;
  text->capacity = capacity;
  return true;
}

void fl_text_add_bytes(struct fl_text *text, const char *bytes, size_t size) {
  if (!reserve(text, size))
    return;
  memcpy(text->bytes + text->size, bytes, size);
  text->size += size;
  text->bytes[text->size] = '\0';
}

void fl_text_add(struct fl_text *text, const char *string) {
  fl_text_add_bytes(text, string, strlen(string));
}

void fl_text_add_number(struct fl_text *text, uint64_t number) {
  char digits[20]; /* of UINT64_MAX */
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number != 0);
  fl_text_add_bytes(text, digits + at, sizeof digits - at);
}

void fl_text_add_all(struct fl_text *text, const char *const *strings) {
  for (; *strings != NULL; strings++)
    fl_text_add(text, *strings);
}

char *fl_text_take(struct fl_text *text) {
  fl_text_add_bytes(text, "", 0);
  char *bytes = text->bytes;
  if (text->failed) {
    free(bytes);
    bytes = NULL;
  }
  *text = (struct fl_text){0};
  return bytes;
}

char *fl_text_copy(const char *bytes, size_t size) {
  char *copy = malloc(size + 1);
  if (copy == NULL)
    return NULL;
  memcpy(copy, bytes, size);
  copy[size] = '\0';
  return copy;
}
