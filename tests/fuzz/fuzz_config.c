/* Any text as a config.json: there is a configuration exactly when there is no
   error, and what is printed of it reads back to the same print. */
#include "core/config.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check_errors(const struct fl_config_errors *errors) {
  FUZZ_HOLD(errors->count > 0 || errors->out_of_memory);
  for (uint32_t i = 0; i < errors->count; i++) {
    const struct fl_config_error *error = &errors->list[i];
    FUZZ_HOLD(error->path != NULL && error->found != NULL);
    FUZZ_HOLD(error->allowed != NULL && error->allowed[0] != '\0');
    FUZZ_HOLD(error->place.line > 0 && error->place.column > 0);
    /* in order of place, but for a last one that says there are more */
    if (i > 0 && i < FL_CONFIG_ERRORS_MAX)
      FUZZ_HOLD(error->place.line > error[-1].place.line ||
                (error->place.line == error[-1].place.line &&
                 error->place.column >= error[-1].place.column));
  }
}

/* Returns the print, owned by the caller; NULL for a text with errors. */
static char *read_and_print(const uint8_t *text, size_t size) {
  struct fl_config_errors errors;
  struct fl_config *config =
      fl_config_read((struct fl_slice){text, size}, &errors);
  char *print = NULL;
  if (config == NULL) {
    check_errors(&errors);
  } else {
    FUZZ_HOLD(errors.count == 0 && !errors.out_of_memory);
    print = fl_config_print(config);
    FUZZ_HOLD(print != NULL);
  }
  fl_config_free(config);
  fl_config_errors_free(&errors);
  return print;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *first = read_and_print(data, size);
  if (first == NULL)
    return 0;
  char *second = read_and_print((const uint8_t *)first, strlen(first));
  FUZZ_HOLD(second != NULL && strcmp(first, second) == 0);
  free(first);
  free(second);
  return 0;
}
