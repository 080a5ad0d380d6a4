/* Where keys stand in the files whose change needs a restart, so that a reload
   can name the line. */
#ifndef FL_CORE_CONFIG_KEY_H
#define FL_CORE_CONFIG_KEY_H

#include "core/config.h"
#include "core/config_table.h"

/* A key that stands in a file. */
struct fl_config_key {
  uintptr_t base; /* of the struct that the row is a field of */
  const struct fl_config_row *row;
  struct fl_place place; /* of its name */
};

/* Notes one. Returns false when memory is out. */
bool fl_config_key_note(struct fl_config *config, const void *base,
                        const struct fl_config_row *row, struct fl_place place);

/* What was at address `from`, of so many bytes, is at `to` now. */
void fl_config_keys_moved(struct fl_config *config, uintptr_t from,
                          uintptr_t to, size_t size);

/* The place of a key; {0} when it does not stand in a file. */
struct fl_place fl_config_key_place(const struct fl_config *config,
                                    const void *base,
                                    const struct fl_config_row *row);

#endif
