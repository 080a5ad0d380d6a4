#include "core/buffer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void fl_spare_trim(struct fl_spare *spare) {
  while (spare->count > 0) {
    free(spare->piece[--spare->count]);
    fl_memory_give(&spare->share, FL_SPARE_SIZE);
  }
}

void fl_spare_free(struct fl_spare *spare) {
  fl_spare_trim(spare);
  fl_memory_end(&spare->share);
}

enum fl_reason fl_spare_reason(struct fl_spare *spare) {
  bool full = spare->full;
  spare->full = false;
  return full ? FL_BUFFERS_FULL : FL_OUT_OF_MEMORY;
}

/* Storage of exactly `capacity` bytes, or NULL. */
static uint8_t *take(struct fl_spare *spare, size_t capacity) {
  bool small = capacity == FL_SPARE_SIZE;
  if (small && spare->count > 0)
    return spare->piece[--spare->count];
  spare->full = !fl_memory_take(&spare->share, capacity, small);
  if (spare->full)
    return NULL;
  uint8_t *storage = malloc(capacity);
  if (storage == NULL)
    fl_memory_give(&spare->share, capacity);
  return storage;
}

static void release(struct fl_spare *spare, uint8_t *storage, size_t capacity) {
  if (capacity == FL_SPARE_SIZE && spare->count < FL_SPARE_COUNT &&
      !spare->share.pressed) {
    spare->piece[spare->count++] = storage;
    return;
  }
  free(storage);
  fl_memory_give(&spare->share, capacity);
}

/* How much storage to take for `need` bytes: a spare piece will do, or twice
   what there is, so that growing costs a constant per byte; never past max
   without need. */
static size_t grown(size_t capacity, size_t need, size_t max) {
  if (need <= FL_SPARE_SIZE)
    return FL_SPARE_SIZE;
  if (capacity < FL_SPARE_SIZE)
    capacity = FL_SPARE_SIZE;
  while (capacity < need)
    capacity *= 2;
  return capacity < max ? capacity : max;
}

/* Moves what is held into storage with room for n bytes more, `before` of
   them in front. */
static bool grow(struct fl_buffer *buffer, struct fl_spare *spare, size_t n,
                 size_t before, size_t max) {
  const size_t need = buffer->size + n;
  /* A buffer that drains as it fills may have room enough in all, yet moving
     its bytes to the front each time would cost too much: then twice. */
  const size_t want =
      need <= buffer->capacity ? (size_t)buffer->capacity * 2 : need;
  const size_t capacity = grown(buffer->capacity, want, max);
  uint8_t *storage = take(spare, capacity);

  if (storage == NULL)
    return false;
  if (buffer->storage != NULL) {
    memcpy(storage + before, buffer->storage + buffer->start, buffer->size);
    release(spare, buffer->storage, buffer->capacity);
  }
  buffer->storage = storage;
  buffer->start = (uint32_t)before;
  buffer->capacity = (uint32_t)capacity;
  return true;
}

/* Whether sliding the held bytes inside the storage makes room for n more,
   and costs little beside what was consumed since the last time. A buffer
   that may not grow any more has no choice. */
static bool slides(const struct fl_buffer *buffer, size_t n, size_t max) {
  return buffer->size + n <= buffer->capacity &&
         (buffer->capacity <= FL_SPARE_SIZE || buffer->capacity >= max ||
          buffer->start >= buffer->size / 2);
}

static void slide(struct fl_buffer *buffer, size_t start) {
  memmove(buffer->storage + start, buffer->storage + buffer->start,
          buffer->size);
  buffer->start = (uint32_t)start;
}

static bool within(struct fl_spare *spare, const struct fl_buffer *buffer,
                   size_t n, size_t max) {
  assert(max <= UINT32_MAX / 2);
  if (buffer->size <= max && n <= max - buffer->size)
    return true;
  spare->full = false;
  return false;
}

bool fl_buffer_append(struct fl_buffer *buffer, struct fl_spare *spare,
                      struct fl_slice bytes, size_t max) {
  if (bytes.size == 0)
    return buffer->size <= max;
  if (!within(spare, buffer, bytes.size, max))
    return false;
  if (bytes.size > buffer->capacity - buffer->start - buffer->size) {
    if (slides(buffer, bytes.size, max))
      slide(buffer, 0);
    else if (!grow(buffer, spare, bytes.size, 0, max))
      return false;
  }
  memcpy(buffer->storage + buffer->start + buffer->size, bytes.bytes,
         bytes.size);
  buffer->size += (uint32_t)bytes.size;
  return true;
}

bool fl_buffer_prepend(struct fl_buffer *buffer, struct fl_spare *spare,
                       struct fl_slice bytes, size_t max) {
  if (bytes.size == 0)
    return buffer->size <= max;
  if (!within(spare, buffer, bytes.size, max))
    return false;
  if (bytes.size > buffer->start) {
    if (buffer->size + bytes.size <= buffer->capacity)
      slide(buffer, bytes.size);
    else if (!grow(buffer, spare, bytes.size, bytes.size, max))
      return false;
  }
  buffer->start -= (uint32_t)bytes.size;
  buffer->size += (uint32_t)bytes.size;
  memcpy(buffer->storage + buffer->start, bytes.bytes, bytes.size);
  return true;
}

void fl_buffer_consume(struct fl_buffer *buffer, struct fl_spare *spare,
                       size_t n) {
  assert(n <= buffer->size);
  buffer->start += (uint32_t)n;
  buffer->size -= (uint32_t)n;
  if (buffer->size == 0)
    fl_buffer_clear(buffer, spare);
}

void fl_buffer_clear(struct fl_buffer *buffer, struct fl_spare *spare) {
  if (buffer->storage != NULL)
    release(spare, buffer->storage, buffer->capacity);
  *buffer = (struct fl_buffer){0};
}
