/* Windows' own errors, those of GetLastError and WSAGetLastError. */
#ifndef FL_PLATFORM_WINDOWS_SYSTEM_ERROR_H
#define FL_PLATFORM_WINDOWS_SYSTEM_ERROR_H

#include "platform/error.h"

/* As an error of libuv's. One that libuv has no word for keeps its number: it
   is negative, none of libuv's, and fl_error_text knows it. */
int fl_system_error(unsigned long number);

/* "ERROR_ACCESS_DENIED (5): Access is denied", UTF-8; without the text where
   the system has none, and "error 1060: ..." where the name is not one of the
   few known here. Returns text. */
const char *fl_system_error_text(unsigned long number,
                                 char text[FL_ERROR_TEXT]);

#endif
