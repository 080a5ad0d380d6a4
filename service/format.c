#include "service/format.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void fl_format(struct fl_text *text, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int size = vsnprintf(NULL, 0, format, list);
  va_end(list);
  char *piece = size < 0 ? NULL : malloc((size_t)size + 1);
  if (piece == NULL) {
    text->failed = true;
    return;
  }
  va_start(list, format);
  (void)vsnprintf(piece, (size_t)size + 1, format, list);
  va_end(list);
  fl_text_add_bytes(text, piece, (size_t)size);
  free(piece);
}
