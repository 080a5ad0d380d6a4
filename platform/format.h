/* For a declaration: the compiler holds its format string (argument `format`,
   from 1) against what follows from argument `first` on. */
#ifndef FL_PLATFORM_FORMAT_H
#define FL_PLATFORM_FORMAT_H

#if defined(__clang__)
#define FL_FORMAT(format_, first_)                                             \
  __attribute__((format(printf, format_, first_)))
#elif defined(__GNUC__) /* on Windows "printf" would be the old runtime's */
#define FL_FORMAT(format_, first_)                                             \
  __attribute__((format(gnu_printf, format_, first_)))
#else
#define FL_FORMAT(format_, first_)
#endif

#endif
