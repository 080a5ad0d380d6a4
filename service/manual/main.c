/* fairlead-manual PART [DOCUMENT]: writes a manual page, of a document of
   docs/, or a shell's completion, with a script from beside this file, to
   standard output. The build runs it; it is not installed. */
#include "service/manual/completion.h"
#include "service/manual/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  void (*write)(FILE *out, const char *document);
} parts[] = {
    {"fairlead.1", fl_page_commands},
    {"fairlead.json.5", fl_page_configuration},
    {"fairlead.8", fl_page_service},
    {"bash", fl_completion_bash},
    {"zsh", fl_completion_zsh},
    {"fish", fl_completion_fish},
};

enum { PARTS = sizeof parts / sizeof parts[0] };

/* The whole file, owned by the caller (free); NULL after an error. */
static char *read_file(const char *path) {
  enum { SIZE_MAX_BYTES = 1 << 22 };
  FILE *file = fopen(path, "rb");
  char *text = malloc(SIZE_MAX_BYTES);
  size_t size = 0;
  if (file != NULL && text != NULL)
    size = fread(text, 1, SIZE_MAX_BYTES - 1, file);
  if (file == NULL || text == NULL || ferror(file)) {
    perror(path);
    free(text);
    text = NULL;
  } else {
    text[size] = '\0';
  }
  if (file != NULL)
    fclose(file);
  return text;
}

static int write_part(int part, const char *path) {
  char *document = path != NULL ? read_file(path) : calloc(1, 1);
  if (document == NULL)
    return EXIT_FAILURE;
  parts[part].write(stdout, document);
  free(document);
  if (fflush(stdout) == 0 && !ferror(stdout))
    return EXIT_SUCCESS;
  perror("fairlead-manual: standard output");
  return EXIT_FAILURE;
}

int main(int argc, char *argv[]) {
  for (int i = 0; i < PARTS; i++)
    if (argc > 1 && strcmp(argv[1], parts[i].name) == 0)
      return write_part(i, argv[2]);
  fputs("Usage: fairlead-manual PART [DOCUMENT]\n", stderr);
  return EXIT_FAILURE;
}
