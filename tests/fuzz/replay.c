/* Runs a fuzzer on the files named as arguments; in place of libFuzzer, which
   only clang has. Prints as the unit tests do. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

enum { INPUT_MAX = 1 << 20 };

static int replay(const char *path) {
  FILE *file = fopen(path, "rb");
  uint8_t *input = malloc(INPUT_MAX);
  if (file == NULL || input == NULL) {
    fprintf(stderr, "cannot read %s\n", path);
    free(input);
    if (file != NULL)
      fclose(file);
    return 1;
  }
  size_t size = fread(input, 1, INPUT_MAX, file);
  fclose(file);
  /* In a block of its own size, so that a sanitizer sees a read past it. */
  uint8_t *data = malloc(size + 1);
  if (data == NULL) {
    free(input);
    return 1;
  }
  for (size_t i = 0; i < size; i++)
    data[i + 1] = input[i];
  free(input);
  printf("[ RUN      ] %s\n", path);
  fflush(stdout); /* said before what may end the process */
  int status = LLVMFuzzerTestOneInput(data + 1, size);
  printf("[       OK ] %s\n", path);
  free(data);
  return status;
}

int main(int argc, char **argv) {
  int failed = argc < 2;
  for (int i = 1; i < argc; i++)
    failed |= replay(argv[i]);
  return failed;
}
