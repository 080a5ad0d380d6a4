/* What is wrong while nobody serves yet, for whoever waits for the start. */
#ifndef FL_SERVICE_COMPLAIN_H
#define FL_SERVICE_COMPLAIN_H

#include "platform/format.h"
#include "service/notice.h"

#include <stdbool.h>

/* Writes "fairlead: " and the text, a line, to standard error; or where that
   leads nowhere to the system's event log. Returns false. */
FL_FORMAT(2, 3)
bool fl_complain(enum fl_notice kind, const char *format, ...);

/* The same with whole lines as they are, each with its end. */
void fl_complain_lines(enum fl_notice kind, const char *lines);

#endif
