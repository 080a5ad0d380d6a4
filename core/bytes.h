/* A short string of any bytes, as config.json states them. */
#ifndef FL_CORE_BYTES_H
#define FL_CORE_BYTES_H

#include <stdint.h>

enum { FL_BYTES_MAX = 64 };

struct fl_bytes {
  uint8_t size;
  uint8_t bytes[FL_BYTES_MAX];
};

#endif
