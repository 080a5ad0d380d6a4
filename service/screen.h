/* What fits on a terminal of a text that may be wider and longer. */
#ifndef FL_SERVICE_SCREEN_H
#define FL_SERVICE_SCREEN_H

#include "core/text.h"

/* Adds what draws `text`, lines of printable ASCII, over whatever the terminal
   shows: from its upper left corner (ECMA-48: CUP, EL and ED) no line longer
   than `columns`, '>' at the end of one that is cut; so many lines as there is
   room for, below them one that says what is not shown and which key ends it,
   and the cursor at the beginning of an empty last one. 0 for a size stands
   for 80 and 24, as of a terminal that does not tell. */
void fl_screen_draw(struct fl_text *out, const char *text, unsigned columns,
                    unsigned rows);

#endif
