#include "service/check.h"

#include "service/complain.h"
#include "service/file.h"
#include "service/format.h"
#include "service/include.h"
#include "service/status.h"
#include "service/warnings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *fl_check_name(const char *path) {
  return strcmp(path, "-") == 0 ? "<stdin>" : path;
}

void fl_check_add_place(struct fl_text *out, const char *path,
                        struct fl_place place) {
  if (place.line != 0)
    fl_format(out, "%s:%u:%u: ", fl_check_name(path), (unsigned)place.line,
              (unsigned)place.column);
  else
    fl_format(out, "%s: ", fl_check_name(path));
}

static void print_error(struct fl_text *out, const char *file,
                        const struct fl_config_error *error) {
  fl_check_add_place(out, file, error->place);
  const char *colon = error->path[0] != '\0' ? ": " : "";
  if (error->found[0] == '\0')
    fl_format(out, "%s%smissing; %s\n", error->path, colon, error->allowed);
  else
    fl_format(out, "%s%sfound %s; allowed: %s\n", error->path, colon,
              error->found, error->allowed);
}

static void print_errors(struct fl_text *out, const char *path,
                         const struct fl_config_loader *loader,
                         const struct fl_config_errors *errors) {
  for (uint32_t i = 0; i < errors->count; i++) {
    uint32_t file = errors->list[i].place.file;
    print_error(out,
                file == 0 ? fl_check_name(path) : loader->files[file - 1].name,
                &errors->list[i]);
  }
  if (errors->out_of_memory)
    fl_format(out, "%s: out of memory; there may be more errors\n",
              fl_check_name(path));
  else if (errors->count > FL_CONFIG_ERRORS_MAX)
    fl_format(out, "%s: more than %d errors\n", fl_check_name(path),
              FL_CONFIG_ERRORS_MAX);
  else
    fl_format(out, "%s: %u error%s\n", fl_check_name(path),
              (unsigned)errors->count, errors->count == 1 ? "" : "s");
}

/* Reads what the file says and what it includes. */
static struct fl_config *read_text(const char *path, const char *name,
                                   struct fl_slice text,
                                   struct fl_config_errors *errors,
                                   struct fl_text *out) {
  struct fl_include *include = fl_include_new(path, name);
  if (include == NULL) {
    *errors = (struct fl_config_errors){.out_of_memory = true};
    fl_format(out, "%s: out of memory\n", fl_check_name(name));
    return NULL;
  }
  struct fl_config_loader *loader = fl_include_loader(include);
  struct fl_config *config = fl_config_read_all(text, loader, errors);
  if (config == NULL)
    print_errors(out, name, loader, errors);
  else
    fl_warnings_add(out, name, config);
  fl_include_free(include);
  return config;
}

struct fl_config *fl_check_read(const char *path, const char *name,
                                struct fl_text *out, int *status) {
  struct fl_config_errors errors = {0};
  struct fl_config *config = NULL;
  struct fl_file file;
  *status = FL_STATUS_CONFIG;
  if (fl_file_read(&file, path, FL_CONFIG_SIZE_MAX))
    config = read_text(path, name, file.text, &errors, out);
  else if (!file.out_of_memory)
    fl_format(out, "%s: %s\n", fl_check_name(name), file.error);
  else
    fl_format(out, "%s: out of memory\n", fl_check_name(name));
  if (file.out_of_memory || errors.out_of_memory)
    *status = FL_STATUS_SYSTEM;
  fl_config_errors_free(&errors);
  fl_file_free(&file);
  return config;
}

struct fl_config *fl_check_load(const char *path, int *status) {
  struct fl_text out = {0};
  struct fl_config *config = fl_check_read(path, path, &out, status);
  if (out.size > 0 || out.failed)
    fl_complain_lines(config == NULL ? FL_NOTICE_CONFIG : FL_NOTICE_ADVICE,
                      out.failed ? "out of memory\n" : out.bytes);
  free(fl_text_take(&out));
  return config;
}

static int print_config(const char *path, const struct fl_config *config) {
  char *text = fl_config_print(config);
  if (text == NULL) {
    fprintf(stderr, "%s: out of memory\n", fl_check_name(path));
    return FL_STATUS_SYSTEM;
  }
  fputs(text, stdout);
  free(text);
  return FL_STATUS_OK;
}

int fl_check(const char *path, bool print) {
  int status;
  struct fl_config *config = fl_check_load(path, &status);
  if (config == NULL)
    return status;
  status = FL_STATUS_OK;
  if (print)
    status = print_config(path, config);
  else
    printf("%s: ok (%u listener%s, %u upstream%s)\n", fl_check_name(path),
           (unsigned)config->listener_count,
           config->listener_count == 1 ? "" : "s",
           (unsigned)config->upstream_count,
           config->upstream_count == 1 ? "" : "s");
  fl_config_free(config);
  return status;
}
