/* What Windows says about its own errors. */
#ifndef FL_SERVICE_WINDOWS_WORDS_H
#define FL_SERVICE_WINDOWS_WORDS_H

enum { FL_WORDS = 512 };

/* The system's text for an error of GetLastError, UTF-8, without its full stop;
   "error N" where it has none. Returns text. */
const char *fl_words(unsigned long error, char text[FL_WORDS]);

#endif
