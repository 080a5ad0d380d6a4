/* Which known word somebody may have meant. */
#ifndef FL_CORE_CONFIG_NEAREST_H
#define FL_CORE_CONFIG_NEAREST_H

/* How many insertions, deletions, replacements and exchanges of neighbours
   make a from b (optimal string alignment, a restricted Damerau-Levenshtein
   distance), counted in bytes. Words longer than 64 bytes are not compared:
   UINT_MAX. */
unsigned fl_config_distance(const char *a, const char *b);

/* The best of what was offered so far. Start with a zeroed struct. */
struct fl_config_nearest {
  const char *word; /* NULL: none is near */
  unsigned distance;
};

/* Offers a known word: it is near when at most 2 changes (1, for words of
   less than 5 bytes) lead to what was written. */
void fl_config_nearest_offer(struct fl_config_nearest *nearest,
                             const char *written, const char *known);

#endif
