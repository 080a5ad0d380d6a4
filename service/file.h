/* A whole file in memory. */
#ifndef FL_SERVICE_FILE_H
#define FL_SERVICE_FILE_H

#include "core/slice.h"
#include "platform/error.h"

#include <stdbool.h>

struct fl_file {
  struct fl_slice text; /* owned by the struct */
  bool out_of_memory;
  char error[FL_ERROR_TEXT + 32]; /* why it could not be read, a clause for
                                     people */
};

/* Reads a file to its end; "-" is standard input. Returns false, with
   out_of_memory or error set, when it cannot be opened or read, is a
   directory, or is longer than max bytes (it may be endless: no more than
   max + 1 are read). Requires: max < UINT_MAX. *file may be uninitialised
   before and must be freed after, either way. */
bool fl_file_read(struct fl_file *file, const char *path, size_t max);

void fl_file_free(struct fl_file *file);

#endif
