#include "service/windows/words.h"

#include "platform/windows/wide.h"

#include <stdio.h>
#include <string.h>
#include <windows.h>

const char *fl_words(unsigned long error, char text[FL_WORDS]) {
  wchar_t wide[FL_WORDS];
  DWORD size =
      FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS,
                     NULL, error, 0, wide, FL_WORDS, NULL);
  while (size > 0 && (wide[size - 1] <= L' ' || wide[size - 1] == L'.'))
    size--;
  wide[size] = L'\0';
  if (size == 0 || !fl_narrow_into(text, FL_WORDS, wide))
    (void)snprintf(text, FL_WORDS, "error %lu", error);
  return text;
}
