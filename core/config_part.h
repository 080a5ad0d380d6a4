/* One file of a configuration as a tree, before anybody asks what it means. */
#ifndef FL_CORE_CONFIG_PART_H
#define FL_CORE_CONFIG_PART_H

#include "core/config.h"
#include "core/json_place.h"

struct cJSON;

/* A zeroed struct is an empty one. */
struct fl_config_part {
  char *text; /* without comments */
  struct cJSON *item;
  struct fl_json_places places;
};

/* Reads the text of file number `file`. Returns false with an error, or with
   out_of_memory, in *errors. */
bool fl_config_part_read(struct fl_config_part *part, struct fl_slice text,
                         uint32_t file, struct fl_config_errors *errors);

void fl_config_part_free(struct fl_config_part *part);

#endif
