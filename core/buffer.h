/* Bytes that wait: a contiguous buffer with a hard maximum, filled at its end
   and consumed at its front. An empty buffer owns no memory (an idle
   connection pays nothing): its storage goes to the spare store of its
   worker, from which the next buffer that fills takes it. */
#ifndef FL_CORE_BUFFER_H
#define FL_CORE_BUFFER_H

#include "core/memory.h"
#include "core/reason.h"
#include "core/slice.h"

#include <stdbool.h>

/* Storage handed from emptied buffers to filling ones; one per worker. All
   pieces are FL_SPARE_SIZE bytes; it keeps FL_SPARE_COUNT at most. */
enum { FL_SPARE_SIZE = 4096, FL_SPARE_COUNT = 64 };

struct fl_spare {
  uint8_t *piece[FL_SPARE_COUNT];
  unsigned count;
  bool full;                    /* max_buffered left none for the last */
  struct fl_memory_share share; /* all buffers and spare pieces hold */
};

/* Why a buffer could not take bytes just now, or something else could not be
   allocated: FL_BUFFERS_FULL or FL_OUT_OF_MEMORY. To be asked once. */
enum fl_reason fl_spare_reason(struct fl_spare *spare);

/* Frees the spare pieces. */
void fl_spare_trim(struct fl_spare *spare);

/* Requires: all buffers of the worker are empty. */
void fl_spare_free(struct fl_spare *spare);

struct fl_buffer {
  uint8_t *storage; /* NULL when empty */
  uint32_t start;   /* the first byte not yet consumed */
  uint32_t size;    /* bytes held */
  uint32_t capacity;
};

/* A zeroed struct fl_buffer is a valid empty buffer. */

/* Appends a copy of bytes. Requires: they do not lie in this buffer. Returns
   false, the buffer untouched, when it would hold more than `max` bytes
   (max <= UINT32_MAX / 2), memory is out or max_buffered used up. Pointers into
   it are invalid afterwards. */
bool fl_buffer_append(struct fl_buffer *buffer, struct fl_spare *spare,
                      struct fl_slice bytes, size_t max);

/* Puts a copy of bytes before what it holds; else as fl_buffer_append. */
bool fl_buffer_prepend(struct fl_buffer *buffer, struct fl_spare *spare,
                       struct fl_slice bytes, size_t max);

/* Drops the first n bytes. Requires: n <= size. When nothing is left the
   storage goes to the spare store. */
void fl_buffer_consume(struct fl_buffer *buffer, struct fl_spare *spare,
                       size_t n);

/* Drops everything. */
void fl_buffer_clear(struct fl_buffer *buffer, struct fl_spare *spare);

/* What it holds; valid until the next call that changes the buffer. */
static inline struct fl_slice fl_buffer_peek(const struct fl_buffer *buffer) {
  return (struct fl_slice){
      buffer->storage == NULL ? NULL : buffer->storage + buffer->start,
      buffer->size};
}

#endif
