/* Writes a manual page: man(7), in ASCII. */
#ifndef FL_SERVICE_MANUAL_ROFF_H
#define FL_SERVICE_MANUAL_ROFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A zeroed struct but for `out` is a page of which nothing was written. */
struct fl_roff {
  FILE *out;
  size_t column;      /* bytes on the line so far */
  bool keep;          /* the line must not be broken */
  bool fresh;         /* right behind a heading */
  const char *italic; /* words, with blanks around each, that stand for what
                         somebody puts in their place; or NULL */
};

/* Ends the line, if there is one. */
void fl_roff_end(struct fl_roff *roff);

/* A request or macro, such as ".TP", on a line of its own. */
void fl_roff_macro(struct fl_roff *roff, const char *macro);

/* Begins a paragraph. */
void fl_roff_paragraph(struct fl_roff *roff);

/* Begins the page "FAIRLEAD" of the section "1". */
void fl_roff_title(struct fl_roff *roff, const char *title, const char *section,
                   const char *about);

/* The heading of a part ("SH") or of a part of it ("SS"). */
void fl_roff_heading(struct fl_roff *roff, const char *macro, const char *text,
                     size_t size);

/* Markdown within a paragraph: `names`, **stress** and [links](to). Of links
   only the text remains, or the manual page that the document has become. */
void fl_roff_text(struct fl_roff *roff, const char *text, size_t size);
void fl_roff_string(struct fl_roff *roff, const char *text);

/* A blank, or the end of the line where that is long. */
void fl_roff_blank(struct fl_roff *roff);

/* The tag of what follows; nothing of it is broken. */
void fl_roff_tag(struct fl_roff *roff, const char *text, size_t size);

/* Lines that stay as they are, between fl_roff_example(roff, true) and
   (roff, false). */
void fl_roff_example(struct fl_roff *roff, bool begins);
void fl_roff_verbatim(struct fl_roff *roff, const char *line, size_t size);

#endif
