/* A text that grows at its end. Once memory is out it stays failed, so that
   only the end of a sequence of additions has to be checked. */
#ifndef FL_CORE_TEXT_H
#define FL_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed struct is an empty text. */
struct fl_text {
  char *bytes; /* NUL-terminated once anything was added */
  size_t size; /* without the NUL */
  size_t capacity;
  bool failed;
};

void fl_text_add(struct fl_text *text, const char *string);
void fl_text_add_bytes(struct fl_text *text, const char *bytes, size_t size);
void fl_text_add_number(struct fl_text *text, uint64_t number);

/* Adds several strings: FL_TEXT(&text, "found ", name, ", none allowed"); */
#define FL_TEXT(text, ...)                                                     \
  fl_text_add_all((text), (const char *const[]){__VA_ARGS__, NULL})
void fl_text_add_all(struct fl_text *text, const char *const *strings);

/* Ends the text: returns it, owned by the caller (free), or NULL when memory
   was out. The struct is empty again. */
char *fl_text_take(struct fl_text *text);

/* A copy owned by the caller (free); NULL when memory is out. */
char *fl_text_copy(const char *bytes, size_t size);

#endif
