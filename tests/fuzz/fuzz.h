/* A fuzzer is a file with this one function. libFuzzer calls it with inputs
   that it invents; replay.c, where there is no libFuzzer, with those kept in
   corpus/. It returns 0, or ends the process where a promise is broken. */
#ifndef FL_TESTS_FUZZ_FUZZ_H
#define FL_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert: it holds in every build. */
#define FUZZ_HOLD(condition)                                                   \
  do {                                                                         \
    if (!(condition))                                                          \
      fuzz_broken(#condition, __FILE__, __LINE__);                             \
  } while (0)

_Noreturn void fuzz_broken(const char *condition, const char *file, int line);

#endif
