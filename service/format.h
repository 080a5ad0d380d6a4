/* Formatted text that grows. */
#ifndef FL_SERVICE_FORMAT_H
#define FL_SERVICE_FORMAT_H

#include "core/text.h"
#include "platform/format.h"

/* Adds as printf(3) would print. */
FL_FORMAT(2, 3)
void fl_format(struct fl_text *text, const char *format, ...);

#endif
