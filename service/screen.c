#include "service/screen.h"

#include "service/format.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 80, ROWS = 24, LAST = 2 /* lines that are no part of it */ };

#define HOME "\033[H"
#define CLEAR_LINE                                                             \
  "\033[K" /* before a line: behind a full one it takes its                    \
              last character away */
#define CLEAR_BELOW "\033[J"

/* Returns whether it was cut. */
static bool draw_line(struct fl_text *out, const char *line, size_t size,
                      unsigned columns) {
  bool cut = size > columns;
  fl_text_add(out, CLEAR_LINE);
  fl_text_add_bytes(out, line, cut ? columns - 1 : size);
  fl_text_add(out, cut ? ">\r\n" : "\r\n");
  return cut;
}

static unsigned count_lines(const char *text) {
  unsigned count = 0;
  for (; *text != '\0'; text++)
    count += *text == '\n';
  return count;
}

void fl_screen_draw(struct fl_text *out, const char *text, unsigned columns,
                    unsigned rows) {
  struct fl_text hint = {0};
  unsigned left = count_lines(text);
  bool cut = false;
  columns = columns == 0 ? COLUMNS : columns;
  rows = rows == 0 ? ROWS : rows;
  fl_text_add(out, HOME);
  for (; rows > LAST && left > 0; rows--, left--) {
    size_t size = strcspn(text, "\n");
    cut |= draw_line(out, text, size, columns);
    text += size + 1;
  }
  fl_text_add(&hint, "q ends");
  if (left > 0)
    fl_format(&hint, "; %u line%s not shown", left,
              left == 1 ? " is" : "s are");
  if (cut)
    fl_text_add(&hint, "; > is cut");
  if (hint.bytes != NULL)
    (void)draw_line(out, hint.bytes, hint.size, columns);
  fl_text_add(out, CLEAR_BELOW);
  out->failed |= hint.failed;
  free(fl_text_take(&hint));
}
