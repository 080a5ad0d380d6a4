/* Tables for people: columns as wide as their widest cell. */
#ifndef FL_SERVICE_TABLE_H
#define FL_SERVICE_TABLE_H

#include "core/text.h"

enum { FL_TABLE_COLUMNS = 16 };

/* A zeroed struct is an empty table. */
struct fl_table {
  struct fl_text cells; /* NUL behind each */
  unsigned columns;
  unsigned count;                   /* of cells */
  unsigned width[FL_TABLE_COLUMNS]; /* of the widest */
  bool right[FL_TABLE_COLUMNS];     /* its cells stand to the right */
};

/* The first row: names, one for each column. A name that begins with '>' is of
   a column of numbers, which stand to the right. */
void fl_table_head(struct fl_table *table, const char *const *names,
                   unsigned count);

/* The next cell, row by row. */
void fl_table_cell(struct fl_table *table, const char *text);

/* Adds it to a text, a line for each row, and leaves it empty. */
void fl_table_print(struct fl_table *table, struct fl_text *out);

#endif
