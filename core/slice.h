/* A view of bytes that somebody else owns. */
#ifndef FL_CORE_SLICE_H
#define FL_CORE_SLICE_H

#include <stddef.h>
#include <stdint.h>

/* Valid as long as its owner says; `bytes` may be NULL only when size is 0. */
struct fl_slice {
  const uint8_t *bytes;
  size_t size;
};

#endif
