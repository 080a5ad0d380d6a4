#include "service/place.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { STEM_MAX = 24 };

/* FNV-1a, 64 bits. Nobody gains by a collision: it makes a start fail. */
static uint64_t hash(const char *text) {
  uint64_t sum = UINT64_C(0xcbf29ce484222325);
  for (; *text != '\0'; text++)
    sum = (sum ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
  return sum;
}

/* The last part of a file's name, without what begins at its last dot. */
static int stem(const char *full, const char **start) {
  size_t size = strlen(full);
  while (size > 0 && full[size - 1] != '/' && full[size - 1] != '\\')
    size--;
  *start = full + size;
  const char *dot = strrchr(*start, '.');
  size = dot != NULL ? (size_t)(dot - *start) : strlen(*start);
  return size > STEM_MAX ? STEM_MAX : (int)size;
}

bool fl_place_of(const char *file, unsigned n, char path[FL_LOCAL_PATH]) {
  char full[FL_LOCAL_PATH];
  char name[STEM_MAX + 20];
  const char *start;
  if (strcmp(file, "-") == 0 || !fl_local_full_name(file, full))
    return false;
  int size = stem(full, &start);
  (void)snprintf(name, sizeof name, "%.*s-%016" PRIx64, size, start,
                 hash(full));
  return fl_local_place(n, name, path);
}
