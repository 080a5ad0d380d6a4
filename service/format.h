/* Formatted text that grows. */
#ifndef FL_SERVICE_FORMAT_H
#define FL_SERVICE_FORMAT_H

#include "core/text.h"

/* Adds as printf(3) would print. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void fl_format(struct fl_text *text, const char *format, ...);

#endif
