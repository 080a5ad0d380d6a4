#include "service/manual/roff.h"

#include <ctype.h>
#include <string.h>

#ifndef FL_VERSION
#error "the build defines FL_VERSION, FL_MANUAL_DATE: \"0.1.0\", \"2026-01-31\""
#endif

enum { WIDTH = 72 };

/* What the documents are called as manual pages. */
static const struct {
  const char *document;
  const char *page;
} pages[] = {
    {"configuration.md", "\\fBfairlead.json\\fR(5)"},
    {"operations.md", "\\fBfairlead\\fR(8)"},
};

static void put(struct fl_roff *roff, const char *bytes) {
  fputs(bytes, roff->out);
  roff->column += strlen(bytes);
  roff->fresh = false;
}

void fl_roff_end(struct fl_roff *roff) {
  if (roff->column > 0)
    fputc('\n', roff->out);
  roff->column = 0;
}

void fl_roff_macro(struct fl_roff *roff, const char *macro) {
  fl_roff_end(roff);
  fprintf(roff->out, "%s\n", macro);
  roff->fresh = false;
}

void fl_roff_paragraph(struct fl_roff *roff) {
  if (!roff->fresh)
    fl_roff_macro(roff, ".PP");
}

void fl_roff_title(struct fl_roff *roff, const char *title, const char *section,
                   const char *about) {
  fprintf(roff->out, ".TH %s %s %s \"Fairlead %s\" \"%s\"\n", title, section,
          FL_MANUAL_DATE, FL_VERSION, about);
  /* A name that is cut in two cannot be searched for. */
  fl_roff_macro(roff, ".nh");
  fl_roff_macro(roff, ".ad l");
}

/* ---- characters ---- */

/* Writes the character at text, which ends at `end`. Returns its bytes. */
static size_t put_wide(struct fl_roff *roff, const unsigned char *text,
                       const unsigned char *end) {
  char escape[16];
  size_t size = *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2;
  unsigned code = *text & (0xffU >> (size + 1));
  for (size_t i = 1; i < size && text + i < end; i++)
    code = code << 6 | (text[i] & 0x3fU);
  snprintf(escape, sizeof escape, "\\[u%04X]", code);
  put(roff, escape);
  return size;
}

/* Writes one character; `minus` where a hyphen is none of prose's. Returns its
   bytes. */
static size_t put_character(struct fl_roff *roff, const char *text,
                            const char *end, bool minus) {
  char plain[2] = {*text, '\0'};
  if ((unsigned char)*text >= 0x80)
    return put_wide(roff, (const unsigned char *)text,
                    (const unsigned char *)end);
  if (roff->column == 0 && (*text == '.' || *text == '\''))
    put(roff, "\\&");
  switch (*text) {
  case '\\':
    put(roff, "\\(rs");
    break;
  case '-':
    put(roff, minus ? "\\-" : "-");
    break;
  case '\'':
    put(roff, minus ? "\\(aq" : "'");
    break;
  case '`':
    put(roff, "\\(ga");
    break;
  case '^':
    put(roff, "\\(ha");
    break;
  case '~':
    put(roff, "\\(ti");
    break;
  default:
    put(roff, plain);
  }
  return 1;
}

/* ---- text ---- */

/* A blank: the line is broken after a sentence, or when it is long. */
static void put_blank(struct fl_roff *roff, char before, size_t next) {
  if (roff->column == 0)
    return;
  if (!roff->keep && (roff->column + next > WIDTH ||
                      (before != '\0' && strchr(".?!", before) != NULL)))
    fl_roff_end(roff);
  else
    put(roff, " ");
}

void fl_roff_blank(struct fl_roff *roff) { put_blank(roff, '\0', 0); }

/* What the word at text takes on a line, about: names have marks. */
static size_t room_for(const char *text, const char *end) {
  size_t size = 0;
  size_t marks = 0;
  while (text + size < end && text[size] != ' ' && text[size] != '\n')
    marks += strchr("`*-\\'", text[size++]) != NULL;
  return size + 3 * marks;
}

/* The size of the word at text, up to a blank or what has a meaning. */
static size_t word_size(const char *text, const char *end) {
  size_t size = 0;
  while (text + size < end && strchr(" \n`*[", text[size]) == NULL)
    size++;
  return size;
}

static bool is_italic(const struct fl_roff *roff, const char *word,
                      size_t size) {
  while (size > 0 && strchr(".,;:", word[size - 1]) != NULL)
    size--;
  if (roff->italic == NULL || size == 0)
    return false;
  for (const char *at = roff->italic; *at != '\0';) {
    at += strspn(at, " ");
    size_t length = strcspn(at, " ");
    if (length == size && memcmp(at, word, size) == 0)
      return true;
    at += length;
  }
  return false;
}

static void put_word(struct fl_roff *roff, const char *word, size_t size,
                     bool minus) {
  bool italic = !minus && is_italic(roff, word, size);
  const char *end = word + size;
  /* Not a hyphen: an option, a negative number. */
  minus = minus || *word == '-';
  if (italic)
    put(roff, "\\fI");
  while (word < end) {
    if (italic && strchr(".,;:", *word) != NULL && word[1] != ':' &&
        !isalnum((unsigned char)word[1])) {
      put(roff, "\\fR");
      italic = false;
    }
    word += put_character(roff, word, end, minus);
  }
  if (italic)
    put(roff, "\\fR");
}

/* [text](target), at text. Returns its size, or 0 when it is none. */
static size_t put_link(struct fl_roff *roff, const char *text,
                       const char *end) {
  const char *middle = memchr(text, ']', (size_t)(end - text));
  if (middle == NULL || end - middle < 3 || middle[1] != '(')
    return 0;
  const char *last = memchr(middle, ')', (size_t)(end - middle));
  if (last == NULL)
    return 0;
  for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
    size_t size = strlen(pages[i].document);
    if (strncmp(middle + 2, pages[i].document, size) == 0) {
      put(roff, pages[i].page);
      return (size_t)(last - text) + 1;
    }
  }
  fl_roff_text(roff, text + 1, (size_t)(middle - text) - 1);
  return (size_t)(last - text) + 1;
}

void fl_roff_text(struct fl_roff *roff, const char *text, size_t size) {
  const char *start = text;
  const char *end = text + size;
  bool code = false;
  bool stress = false;
  char before = '\0';
  while (text < end) {
    size_t link = 0;
    size_t word = word_size(text, end);
    if (*text == ' ' || *text == '\n') {
      text += strspn(text, " \n");
      if (text < end)
        put_blank(roff, before, room_for(text, end));
    } else if (*text == '`' || (!code && strncmp(text, "**", 2) == 0)) {
      bool *on = *text == '`' ? &code : &stress;
      *on = !*on;
      put(roff, *on ? "\\fB" : "\\fR");
      before = '\0';
      text += *text == '`' ? 1 : 2;
    } else if (!code && *text == '[' &&
               (link = put_link(roff, text, end)) > 0) {
      text += link;
    } else {
      word = word > 0 ? word : 1;
      bool alone = word == 1 && text > start && text[-1] == ' ';
      put_word(roff, text, word, code);
      before = code || alone ? '\0' : text[word - 1];
      if (before == '\0' && strchr(".?!", text[word - 1]) != NULL)
        put(roff, "\\&"); /* no sentence ends */
      text += word;
    }
  }
}

void fl_roff_string(struct fl_roff *roff, const char *text) {
  fl_roff_text(roff, text, strlen(text));
}

static void put_line(struct fl_roff *roff, const char *text, size_t size) {
  bool keep = roff->keep;
  fl_roff_end(roff);
  roff->keep = true;
  fl_roff_text(roff, text, size);
  fl_roff_end(roff);
  roff->keep = keep;
}

void fl_roff_heading(struct fl_roff *roff, const char *macro, const char *text,
                     size_t size) {
  fl_roff_end(roff);
  fprintf(roff->out, ".%s\n", macro);
  put_line(roff, text, size);
  roff->fresh = true;
}

void fl_roff_tag(struct fl_roff *roff, const char *text, size_t size) {
  fl_roff_macro(roff, ".TP 7");
  put_line(roff, text, size);
}

void fl_roff_example(struct fl_roff *roff, bool begins) {
  if (begins) {
    fl_roff_paragraph(roff);
    fl_roff_macro(roff, ".RS 4");
    fl_roff_macro(roff, ".EX");
  } else {
    fl_roff_macro(roff, ".EE");
    fl_roff_macro(roff, ".nh"); /* which groff's .EE forgets */
    fl_roff_macro(roff, ".RE");
  }
}

void fl_roff_verbatim(struct fl_roff *roff, const char *line, size_t size) {
  const char *end = line + size;
  fl_roff_end(roff);
  while (line < end)
    line += put_character(roff, line, end, true);
  fputc('\n', roff->out);
  roff->column = 0;
}
