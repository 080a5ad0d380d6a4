/* SHA-256 (FIPS 180-4), to name a file by what is in it. */
#ifndef FL_CORE_SHA256_H
#define FL_CORE_SHA256_H

#include "core/slice.h"

enum { FL_SHA256_TEXT = 65 };

/* Writes the hash of `bytes` as 64 hexadecimal digits and a NUL. Returns
   text. */
const char *fl_sha256(struct fl_slice bytes, char text[FL_SHA256_TEXT]);

#endif
