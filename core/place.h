/* Where in a text something stands. */
#ifndef FL_CORE_PLACE_H
#define FL_CORE_PLACE_H

#include <stdint.h>

/* Lines and columns from 1; both 0 when it is not there (a default). Columns
   count bytes; a line ends at LF. */
struct fl_place {
  uint32_t line;
  uint32_t column;
  uint32_t file; /* of several that are read together; 0: the first */
};

#endif
