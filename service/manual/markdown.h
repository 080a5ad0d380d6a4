/* A document of docs/ as the body of a manual page. Of Markdown it knows what
   these documents use: headings, paragraphs, lists of one level, tables and
   fenced code. A table becomes a list, a row for each tag. */
#ifndef FL_SERVICE_MANUAL_MARKDOWN_H
#define FL_SERVICE_MANUAL_MARKDOWN_H

#include "service/manual/roff.h"

/* `text` ends with NUL and begins with the document's title, which is left
   out. */
void fl_markdown_write(struct fl_roff *roff, const char *text);

#endif
