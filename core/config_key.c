#include "core/config_key.h"

#include <stdlib.h>

bool fl_config_key_note(struct fl_config *config, const void *base,
                        const struct fl_config_row *row,
                        struct fl_place place) {
  size_t size = (config->key_count + (size_t)1) * sizeof *config->keys;
  struct fl_config_key *keys = realloc(config->keys, size);
  if (keys == NULL)
    return false;
  config->keys = keys;
  keys[config->key_count++] =
      (struct fl_config_key){(uintptr_t)base, row, place};
  return true;
}

void fl_config_keys_moved(struct fl_config *config, uintptr_t from,
                          uintptr_t to, size_t size) {
  for (uint32_t i = 0; i < config->key_count; i++) {
    uintptr_t base = config->keys[i].base;
    if (base >= from && base - from < size)
      config->keys[i].base = base - from + to;
  }
}

struct fl_place fl_config_key_place(const struct fl_config *config,
                                    const void *base,
                                    const struct fl_config_row *row) {
  for (uint32_t i = 0; i < config->key_count; i++)
    if (config->keys[i].base == (uintptr_t)base && config->keys[i].row == row)
      return config->keys[i].place;
  return (struct fl_place){0};
}
