/* What an error of libuv's (negative) means, in the words of the system. A
   file per system. */
#ifndef FL_PLATFORM_ERROR_H
#define FL_PLATFORM_ERROR_H

enum { FL_ERROR_TEXT = 512 };

/* For people, without a full stop: on POSIX systems "address already in use";
   on Windows the system's name and number, which can be searched for, and its
   own text, in its language: "WSAEADDRINUSE (10048): Only one usage of each
   ...". Returns text. */
const char *fl_error_text(int error, char text[FL_ERROR_TEXT]);

#endif
