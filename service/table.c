#include "service/table.h"

#include "service/format.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void fl_table_cell(struct fl_table *table, const char *text) {
  unsigned column = table->count++ % table->columns;
  unsigned width = (unsigned)strlen(text);
  if (width > table->width[column])
    table->width[column] = width;
  fl_text_add_bytes(&table->cells, text, (size_t)width + 1);
}

void fl_table_head(struct fl_table *table, const char *const *names,
                   unsigned count) {
  assert(count <= FL_TABLE_COLUMNS);
  table->columns = count;
  for (unsigned i = 0; i < count; i++) {
    table->right[i] = names[i][0] == '>';
    fl_table_cell(table, names[i] + table->right[i]);
  }
}

static void print_cell(const struct fl_table *table, unsigned column,
                       const char *text, struct fl_text *out) {
  int width = (int)table->width[column];
  bool last = column + 1 == table->columns;
  if (table->right[column])
    fl_format(out, "%*s", width, text);
  else
    fl_format(out, "%-*s", last ? 0 : width, text);
  fl_text_add(out, last ? "\n" : "  ");
}

void fl_table_print(struct fl_table *table, struct fl_text *out) {
  const char *at = table->cells.bytes;
  out->failed |= table->cells.failed;
  for (unsigned i = 0; !out->failed && i < table->count; i++) {
    print_cell(table, i % table->columns, at, out);
    at += strlen(at) + 1;
  }
  free(table->cells.bytes);
  *table = (struct fl_table){0};
}
