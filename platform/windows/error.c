/* libuv keeps its own code of an error, not the system's number. Most of its
   codes have one number that they nearly always come from: a socket's, or a
   file's where sockets have none. */
#include "platform/error.h"

#include "platform/windows/system_error.h"
#include "platform/windows/wide.h"

#include <stddef.h>
#include <stdio.h>
#include <uv.h>
#include <winsock2.h>

/* Numbers that libuv has no code for lie below all of its codes. */
enum { BELOW = -0x100000, MOST = INT32_MAX / 2 };

static const struct known {
  int error; /* of libuv; 0: it has none */
  DWORD number;
  const char *name;
} list[] = {
    {UV_EACCES, WSAEACCES, "WSAEACCES"},
    {UV_EADDRINUSE, WSAEADDRINUSE, "WSAEADDRINUSE"},
    {UV_EADDRNOTAVAIL, WSAEADDRNOTAVAIL, "WSAEADDRNOTAVAIL"},
    {UV_EAFNOSUPPORT, WSAEAFNOSUPPORT, "WSAEAFNOSUPPORT"},
    {UV_EAI_AGAIN, WSATRY_AGAIN, "WSATRY_AGAIN"},
    {UV_EAI_FAIL, WSANO_RECOVERY, "WSANO_RECOVERY"},
    {UV_EAI_NONAME, WSAHOST_NOT_FOUND, "WSAHOST_NOT_FOUND"},
    {UV_EALREADY, WSAEALREADY, "WSAEALREADY"},
    {UV_EBADF, ERROR_INVALID_HANDLE, "ERROR_INVALID_HANDLE"},
    {UV_EBUSY, ERROR_SHARING_VIOLATION, "ERROR_SHARING_VIOLATION"},
    {UV_ECONNABORTED, WSAECONNABORTED, "WSAECONNABORTED"},
    {UV_ECONNREFUSED, WSAECONNREFUSED, "WSAECONNREFUSED"},
    {UV_ECONNRESET, WSAECONNRESET, "WSAECONNRESET"},
    {UV_EEXIST, ERROR_ALREADY_EXISTS, "ERROR_ALREADY_EXISTS"},
    {UV_EFAULT, WSAEFAULT, "WSAEFAULT"},
    {UV_EHOSTUNREACH, WSAEHOSTUNREACH, "WSAEHOSTUNREACH"},
    {UV_EINVAL, WSAEINVAL, "WSAEINVAL"},
    {UV_EISCONN, WSAEISCONN, "WSAEISCONN"},
    {UV_EMFILE, WSAEMFILE, "WSAEMFILE"},
    {UV_EMSGSIZE, WSAEMSGSIZE, "WSAEMSGSIZE"},
    {UV_ENAMETOOLONG, ERROR_FILENAME_EXCED_RANGE, "ERROR_FILENAME_EXCED_RANGE"},
    {UV_ENETUNREACH, WSAENETUNREACH, "WSAENETUNREACH"},
    {UV_ENOBUFS, WSAENOBUFS, "WSAENOBUFS"},
    {UV_ENOENT, ERROR_FILE_NOT_FOUND, "ERROR_FILE_NOT_FOUND"},
    {UV_ENOMEM, ERROR_NOT_ENOUGH_MEMORY, "ERROR_NOT_ENOUGH_MEMORY"},
    {UV_ENOSPC, ERROR_DISK_FULL, "ERROR_DISK_FULL"},
    {UV_ENOTCONN, WSAENOTCONN, "WSAENOTCONN"},
    {UV_ENOTSOCK, WSAENOTSOCK, "WSAENOTSOCK"},
    {UV_ENOTSUP, ERROR_NOT_SUPPORTED, "ERROR_NOT_SUPPORTED"},
    {UV_EPERM, ERROR_ACCESS_DENIED, "ERROR_ACCESS_DENIED"},
    {UV_EPIPE, WSAESHUTDOWN, "WSAESHUTDOWN"},
    {UV_EROFS, ERROR_WRITE_PROTECT, "ERROR_WRITE_PROTECT"},
    {UV_ETIMEDOUT, WSAETIMEDOUT, "WSAETIMEDOUT"},
    {0, WSAENETDOWN, "WSAENETDOWN"},
    {0, WSAENETRESET, "WSAENETRESET"},
    {0, WSAENOPROTOOPT, "WSAENOPROTOOPT"},
    {0, WSAEOPNOTSUPP, "WSAEOPNOTSUPP"},
    {0, WSAEHOSTDOWN, "WSAEHOSTDOWN"},
    {0, ERROR_PATH_NOT_FOUND, "ERROR_PATH_NOT_FOUND"},
    {0, ERROR_PIPE_BUSY, "ERROR_PIPE_BUSY"},
};

enum { COUNT = sizeof list / sizeof list[0] };

static const char *name_of(DWORD number) {
  for (size_t i = 0; i < COUNT; i++)
    if (list[i].number == number)
      return list[i].name;
  return NULL;
}

/* 0: none. */
static DWORD number_of(int error) {
  if (error < BELOW)
    return (DWORD)(BELOW - error);
  for (size_t i = 0; i < COUNT; i++)
    if (error != 0 && list[i].error == error)
      return list[i].number;
  return 0;
}

int fl_system_error(unsigned long number) {
  int error;
  if (number > MOST)
    return UV_UNKNOWN;
  error = uv_translate_sys_error((int)number);
  return error == UV_UNKNOWN ? BELOW - (int)number : error;
}

/* In the language of the thread, else the user's, else the system's, else
   English (FormatMessage, Windows documentation: a language of 0). Returns
   false when the system has no text. */
static bool words_of(DWORD number, char *words, size_t room) {
  wchar_t wide[FL_ERROR_TEXT];
  DWORD size =
      FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS,
                     NULL, number, 0, wide, FL_ERROR_TEXT, NULL);
  while (size > 0 && (wide[size - 1] <= L' ' || wide[size - 1] == L'.'))
    size--;
  wide[size] = L'\0';
  for (DWORD i = 0; i < size; i++)
    if (wide[i] < L' ')
      wide[i] = L' '; /* some texts have several lines */
  return size > 0 && fl_narrow_into(words, room, wide);
}

/* libuv's, for Wine has none of Winsock's texts. */
static bool other_words(DWORD number, char *words, size_t room) {
  int error = fl_system_error(number);
  if (error == 0 || error == UV_UNKNOWN || error < BELOW)
    return false;
  (void)uv_strerror_r(error, words, room);
  return true;
}

const char *fl_system_error_text(unsigned long number,
                                 char text[FL_ERROR_TEXT]) {
  const char *name = name_of(number);
  int size = name != NULL
                 ? snprintf(text, FL_ERROR_TEXT, "%s (%lu): ", name, number)
                 : snprintf(text, FL_ERROR_TEXT, "error %lu: ", number);
  size_t room = FL_ERROR_TEXT - (size_t)size;
  if (!words_of(number, text + size, room) &&
      !other_words(number, text + size, room))
    text[size - 2] = '\0';
  return text;
}

const char *fl_error_text(int error, char text[FL_ERROR_TEXT]) {
  DWORD number = number_of(error);
  return number != 0 ? fl_system_error_text(number, text)
                     : uv_strerror_r(error, text, FL_ERROR_TEXT);
}
