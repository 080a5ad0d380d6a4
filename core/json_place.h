/* The places of all values of a JSON text, which the parser (cJSON) does not
   keep, and the check that it is JSON at all, which the parser does not make
   strictly. */
#ifndef FL_CORE_JSON_PLACE_H
#define FL_CORE_JSON_PLACE_H

#include "core/json_text.h"

/* How deep arrays and objects may nest, the outermost included. */
enum { FL_JSON_DEPTH_MAX = 16 };

/* One value. */
struct fl_json_place {
  struct fl_place key;   /* its name's opening quote; of an array's element
                            and of the outermost value: the value's place */
  struct fl_place value; /* its first byte */
  uint32_t key_start;    /* offsets of the name, quotes included; */
  uint32_t key_end;      /* equal when there is none */
  uint32_t start;        /* offsets of the value */
  uint32_t end;
  uint32_t next; /* index of the first value after this one and all in it */
};

/* In the order in which the values begin: a container stands directly before
   the first value in it (as in a walk of the parser's tree, parents first). */
struct fl_json_places {
  struct fl_json_place *list;
  uint32_t count;
};

enum fl_json_result { FL_JSON_OK, FL_JSON_FAULT, FL_JSON_NO_MEMORY };

/* Reads the whole text, of which nothing may have been read yet (it is less
   than 4 GiB). FL_JSON_OK: *places must be freed, the text has no comments
   any more, and cJSON parses it. FL_JSON_FAULT: text->fault says where and
   why. Names that occur twice in an object are not faults here. */
enum fl_json_result fl_json_places_read(struct fl_json_text *text,
                                        struct fl_json_places *places);

void fl_json_places_free(struct fl_json_places *places);

#endif
