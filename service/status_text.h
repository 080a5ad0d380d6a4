/* The state of a running fairlead for people. */
#ifndef FL_SERVICE_STATUS_TEXT_H
#define FL_SERVICE_STATUS_TEXT_H

#include "core/text.h"

struct cJSON;

/* Adds what service/state.h made as tables: lines of printable ASCII. What
   another version leaves out is shown as "-". */
void fl_status_text(struct fl_text *out, const struct cJSON *state);

#endif
