#include "service/import.h"

#include "service/file.h"
#include "service/netsh.h"
#include "service/portproxy.h"
#include "service/status.h"
#include "service/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1024 * 1024 };

static int convert(const char *name, struct fl_slice text) {
  char error[FL_PORTPROXY_ERROR];
  char *configuration = fl_portproxy_convert(text, error);
  if (configuration == NULL) {
    (void)fprintf(stderr, "fairlead: %s: %s\n", name, error);
    return FL_STATUS_CONFIG;
  }
  (void)fputs(configuration, stdout);
  free(configuration);
  return FL_STATUS_OK;
}

static int import_file(const char *path) {
  struct fl_file file;
  const char *name = strcmp(path, "-") == 0 ? "<stdin>" : path;
  int status = FL_STATUS_CONFIG;
  if (fl_file_read(&file, path, TEXT_MAX))
    status = convert(name, file.text);
  else
    (void)fprintf(stderr, "fairlead: %s: %s\n", name,
                  file.out_of_memory ? "out of memory" : file.error);
  fl_file_free(&file);
  return status;
}

/* Nobody types such a table: at a terminal the system is asked. */
int fl_import_portproxy(const char *file) {
  char error[FL_NETSH_ERROR];
  struct fl_text text = {0};
  int status = FL_STATUS_SYSTEM;
  if (file != NULL || !fl_terminal_types())
    return import_file(file != NULL ? file : "-");
  if (fl_netsh_portproxy(&text, error))
    status = convert("netsh",
                     (struct fl_slice){(const uint8_t *)text.bytes, text.size});
  else
    (void)fprintf(stderr, "fairlead: %s\n", error);
  free(fl_text_take(&text));
  return status;
}
