/* The tokens of a JSON text (RFC 8259) with comments. Reading is strict:
   UTF-8 only, no control characters in strings, no U+0000 (C strings end
   there), no lone surrogates. */
#ifndef FL_CORE_JSON_TEXT_H
#define FL_CORE_JSON_TEXT_H

#include "core/place.h"

#include <stdbool.h>
#include <stddef.h>

/* The longest number; the parser behind reads no longer ones in one piece. */
enum { FL_JSON_NUMBER_MAX = 60 };

struct fl_json_text {
  char *bytes;
  size_t size;
  size_t at; /* the next byte */
  uint32_t line;
  size_t line_start; /* offset of the line's first byte */
  uint32_t file;     /* for places; 0 after fl_json_text_init */
  /* The first fault, set when a function returned false: */
  struct fl_place fault;
  size_t fault_at;     /* offset; size when the text ended too early */
  const char *problem; /* for people, such as "a control character"; NULL:
                          the byte at fault_at should not be there */
  const char *allowed; /* what may stand there, as a clause for people */
};

/* `bytes` belongs to the caller and outlives *text. A byte order mark at its
   start is passed over and counts no column. */
void fl_json_text_init(struct fl_json_text *text, char *bytes, size_t size);

/* Where the next byte stands. */
struct fl_place fl_json_text_place(const struct fl_json_text *text);

/* Moves to the next token or the end. Comments on the way are overwritten
   with spaces, their line ends kept. */
bool fl_json_text_space(struct fl_json_text *text);

/* Moves past the string, number or literal (true, false, null) that begins
   at the next byte. */
bool fl_json_text_string(struct fl_json_text *text);
bool fl_json_text_scalar(struct fl_json_text *text);

/* Whether the next byte is `byte`. */
bool fl_json_text_is(const struct fl_json_text *text, char byte);

/* Notes a fault at the next byte; returns false. */
bool fl_json_text_fault(struct fl_json_text *text, const char *problem,
                        const char *allowed);

#endif
