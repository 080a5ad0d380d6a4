/* Writes JSON with an indent of two spaces, a value or name a line. */
#ifndef FL_CORE_JSON_WRITE_H
#define FL_CORE_JSON_WRITE_H

#include "core/text.h"

/* A zeroed struct is ready. Its text is taken with fl_text_take. */
struct fl_json_writer {
  struct fl_text text;
  unsigned depth;
  bool after_value; /* the next one needs a comma */
  bool after_key;   /* the next one stands on the same line */
};

/* bracket: '{' or '[', and its partner. */
void fl_json_write_open(struct fl_json_writer *writer, char bracket);
void fl_json_write_close(struct fl_json_writer *writer, char bracket);

/* The name of the next value. */
void fl_json_write_key(struct fl_json_writer *writer, const char *key);

/* string is UTF-8 without control characters; so is key. */
void fl_json_write_string(struct fl_json_writer *writer, const char *string);
void fl_json_write_number(struct fl_json_writer *writer, uint64_t number);
void fl_json_write_signed(struct fl_json_writer *writer, int32_t number);
/* Microseconds as seconds: 1.500000. */
void fl_json_write_seconds(struct fl_json_writer *writer, uint64_t duration);
void fl_json_write_boolean(struct fl_json_writer *writer, bool value);

#endif
