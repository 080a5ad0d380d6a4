/* The manual pages. */
#ifndef FL_SERVICE_MANUAL_PAGES_H
#define FL_SERVICE_MANUAL_PAGES_H

#include <stdio.h>

/* fairlead(1), from the table of commands; it needs no document. */
void fl_page_commands(FILE *out, const char *document);

/* fairlead.json(5) and fairlead(8), from a document of docs/. */
void fl_page_configuration(FILE *out, const char *document);
void fl_page_service(FILE *out, const char *document);

#endif
