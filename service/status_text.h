/* The state of a running fairlead for people. */
#ifndef FL_SERVICE_STATUS_TEXT_H
#define FL_SERVICE_STATUS_TEXT_H

#include <stdbool.h>
#include <stdio.h>

struct cJSON;

/* Prints what service/state.h made as tables. Returns false when memory is
   out. What another version leaves out is shown as "-". */
bool fl_status_text(const struct cJSON *state, FILE *out);

#endif
