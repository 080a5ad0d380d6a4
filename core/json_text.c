#include "core/json_text.h"

#include <string.h>

void fl_json_text_init(struct fl_json_text *text, char *bytes, size_t size) {
  *text = (struct fl_json_text){.bytes = bytes, .size = size, .line = 1};
  if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
    memset(bytes, ' ', 3);
    text->at = text->line_start = 3;
  }
}

static struct fl_place place_of(const struct fl_json_text *text, size_t at) {
  return (struct fl_place){text->line, (uint32_t)(at - text->line_start + 1),
                           text->file};
}

struct fl_place fl_json_text_place(const struct fl_json_text *text) {
  return place_of(text, text->at);
}

bool fl_json_text_fault(struct fl_json_text *text, const char *problem,
                        const char *allowed) {
  text->fault = fl_json_text_place(text);
  text->fault_at = text->at;
  text->problem = problem;
  text->allowed = allowed;
  return false;
}

/* The byte `ahead` of the next, 0 past the end. */
static unsigned char peek(const struct fl_json_text *text, size_t ahead) {
  return ahead < text->size - text->at
             ? (unsigned char)text->bytes[text->at + ahead]
             : 0;
}

bool fl_json_text_is(const struct fl_json_text *text, char byte) {
  return text->at < text->size && text->bytes[text->at] == byte;
}

static bool is_digit(unsigned char byte) { return byte >= '0' && byte <= '9'; }

static void next_line(struct fl_json_text *text) {
  text->at++;
  text->line++;
  text->line_start = text->at;
}

/* Moves past one UTF-8 sequence (RFC 3629: shortest form, no surrogates,
   none above U+10FFFF). */
static bool sequence(struct fl_json_text *text) {
  static const struct {
    unsigned char first, last, low, high, size;
  } forms[] = {/* the second byte's limits; further ones are 80..BF */
               {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2},
               {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
               {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
               {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4},
               {0xF4, 0xF4, 0x80, 0x8F, 4}};
  unsigned char lead = peek(text, 0);
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    if (lead < forms[i].first || lead > forms[i].last)
      continue;
    if (forms[i].size > 1 &&
        (peek(text, 1) < forms[i].low || peek(text, 1) > forms[i].high))
      break;
    for (size_t k = 2; k < forms[i].size; k++)
      if (peek(text, k) < 0x80 || peek(text, k) > 0xBF)
        goto broken;
    text->at += forms[i].size;
    return true;
  }
broken:
  return fl_json_text_fault(text, "bytes that are not UTF-8", "UTF-8");
}

static bool comment(struct fl_json_text *text) {
  const struct fl_json_text start = *text;
  bool block = peek(text, 1) == '*';
  text->at += 2;
  while (text->at < text->size) {
    if (fl_json_text_is(text, '\n')) {
      if (!block)
        break;
      next_line(text);
    } else if (block && peek(text, 0) == '*' && peek(text, 1) == '/') {
      text->at += 2;
      block = false;
      break;
    } else if (peek(text, 0) == 0) {
      return fl_json_text_fault(text, "a NUL byte", "UTF-8 text without it");
    } else if (!sequence(text)) {
      return false;
    }
  }
  if (block && text->at == text->size) {
    *text = start;
    return fl_json_text_fault(text, "a comment without an end",
                              "a comment from \"/*\" to \"*/\"");
  }
  for (size_t i = start.at; i < text->at; i++)
    if (text->bytes[i] != '\n')
      text->bytes[i] = ' ';
  return true;
}

bool fl_json_text_space(struct fl_json_text *text) {
  while (text->at < text->size) {
    switch (text->bytes[text->at]) {
    case ' ':
    case '\t':
    case '\r':
      text->at++;
      break;
    case '\n':
      next_line(text);
      break;
    case '/':
      if (peek(text, 1) != '/' && peek(text, 1) != '*')
        return true;
      if (!comment(text))
        return false;
      break;
    default:
      return true;
    }
  }
  return true;
}

/* The code unit of the "\uXXXX" at the next byte, or -1. */
static long code_unit(const struct fl_json_text *text) {
  long unit = 0;
  if (peek(text, 0) != '\\' || peek(text, 1) != 'u')
    return -1;
  for (size_t i = 2; i < 6; i++) {
    const char *hex = "0123456789abcdef";
    unsigned char byte = peek(text, i);
    if (byte >= 'A' && byte <= 'F')
      byte = (unsigned char)(byte - 'A' + 'a');
    const char *digit = byte == 0 ? NULL : strchr(hex, byte);
    if (digit == NULL)
      return -1;
    unit = unit * 16 + (long)(digit - hex);
  }
  return unit;
}

static bool escape(struct fl_json_text *text) {
  if (peek(text, 1) != 'u') {
    if (peek(text, 1) == 0 || strchr("\"\\/bfnrt", peek(text, 1)) == NULL)
      return fl_json_text_fault(
          text, "an unknown escape",
          "\\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and four digits");
    text->at += 2;
    return true;
  }
  long unit = code_unit(text);
  if (unit < 0)
    return fl_json_text_fault(text, "an incomplete escape",
                              "\\u and four hexadecimal digits");
  if (unit == 0)
    return fl_json_text_fault(text, "a NUL character", "text without it");
  if (unit >= 0xD800 && unit <= 0xDFFF) {
    struct fl_json_text second = *text;
    second.at += 6;
    long low = code_unit(&second);
    if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
      return fl_json_text_fault(text, "half of a surrogate pair",
                                "both halves, one after the other");
    text->at += 6;
  }
  text->at += 6;
  return true;
}

bool fl_json_text_string(struct fl_json_text *text) {
  const struct fl_json_text start = *text;
  text->at++;
  while (text->at < text->size) {
    unsigned char byte = peek(text, 0);
    if (byte == '"') {
      text->at++;
      return true;
    }
    if (byte == '\n')
      break;
    if (byte == 0)
      return fl_json_text_fault(text, "a NUL byte", "text without it");
    if (byte < 0x20)
      return fl_json_text_fault(text, "a control character",
                                "an escape such as \\t or \\u001b");
    if (byte == '\\' ? !escape(text) : !sequence(text))
      return false;
  }
  *text = start;
  return fl_json_text_fault(text, "a string without an end",
                            "a closing quotation mark on the same line");
}

static bool literal(struct fl_json_text *text, const char *word) {
  size_t size = strlen(word);
  if (size > text->size - text->at ||
      memcmp(text->bytes + text->at, word, size) != 0)
    return false;
  text->at += size;
  return true;
}

static bool digits(struct fl_json_text *text) {
  if (!is_digit(peek(text, 0)))
    return fl_json_text_fault(text, NULL, "a digit");
  while (is_digit(peek(text, 0)))
    text->at++;
  return true;
}

static bool number(struct fl_json_text *text) {
  const struct fl_json_text start = *text;
  if (fl_json_text_is(text, '-'))
    text->at++;
  if (fl_json_text_is(text, '0'))
    text->at++;
  else if (!digits(text))
    return false;
  if (is_digit(peek(text, 0)))
    return fl_json_text_fault(text, NULL, "no digit after a leading 0");
  if (fl_json_text_is(text, '.')) {
    text->at++;
    if (!digits(text))
      return false;
  }
  if (fl_json_text_is(text, 'e') || fl_json_text_is(text, 'E')) {
    text->at++;
    if (fl_json_text_is(text, '+') || fl_json_text_is(text, '-'))
      text->at++;
    if (!digits(text))
      return false;
  }
  if (text->at - start.at > FL_JSON_NUMBER_MAX) {
    *text = start;
    return fl_json_text_fault(text, "a number of more than 60 characters",
                              "a shorter one");
  }
  return true;
}

bool fl_json_text_scalar(struct fl_json_text *text) {
  if (fl_json_text_is(text, '"'))
    return fl_json_text_string(text);
  if (fl_json_text_is(text, '-') || is_digit(peek(text, 0)))
    return number(text);
  if (literal(text, "true") || literal(text, "false") || literal(text, "null"))
    return true;
  return fl_json_text_fault(
      text, NULL, "a value: an object, array, string, number, true or false");
}
