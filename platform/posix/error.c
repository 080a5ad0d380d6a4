#include "platform/error.h"

#include <uv.h>

/* libuv's words are strerror's in lower case, in no language but English, and
   it has some for errors of its own. */
const char *fl_error_text(int error, char text[FL_ERROR_TEXT]) {
  return uv_strerror_r(error, text, FL_ERROR_TEXT);
}
