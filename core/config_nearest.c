#include "core/config_nearest.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

enum { WORD_MAX = 64 };

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

unsigned fl_config_distance(const char *a, const char *b) {
  unsigned rows[3][WORD_MAX + 1]; /* of the last three prefixes of a */
  size_t a_size = strlen(a);
  size_t b_size = strlen(b);
  if (a_size > WORD_MAX || b_size > WORD_MAX)
    return UINT_MAX;
  for (size_t j = 0; j <= b_size; j++)
    rows[0][j] = (unsigned)j;
  for (size_t i = 1; i <= a_size; i++) {
    unsigned *now = rows[i % 3];
    const unsigned *last = rows[(i + 2) % 3];
    const unsigned *before = rows[(i + 1) % 3];
    now[0] = (unsigned)i;
    for (size_t j = 1; j <= b_size; j++) {
      unsigned replace = last[j - 1] + (a[i - 1] != b[j - 1]);
      now[j] = least(replace, least(last[j], now[j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = least(now[j], before[j - 2] + 1);
    }
  }
  return rows[a_size % 3][b_size];
}

void fl_config_nearest_offer(struct fl_config_nearest *nearest,
                             const char *written, const char *known) {
  unsigned distance = fl_config_distance(written, known);
  if (distance > (strlen(known) < 5 ? 1U : 2U))
    return;
  if (nearest->word != NULL && nearest->distance <= distance)
    return;
  nearest->word = known;
  nearest->distance = distance;
}
