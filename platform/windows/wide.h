/* Text at the border to Windows, which takes and gives UTF-16. Inside all is
   UTF-8. */
#ifndef FL_PLATFORM_WINDOWS_WIDE_H
#define FL_PLATFORM_WINDOWS_WIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* UTF-8 as UTF-16. Owned by the caller; NULL when memory is out, or it is no
   UTF-8. */
wchar_t *fl_wide(const char *text);

/* UTF-16 as UTF-8; halves of pairs become U+FFFD. Owned by the caller; NULL
   when memory is out. */
char *fl_narrow(const wchar_t *text);

/* The same into a buffer. Returns false, with "" there, when it does not
   fit. */
bool fl_narrow_into(char *to, size_t size, const wchar_t *text);

#endif
