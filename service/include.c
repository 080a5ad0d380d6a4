#include "service/include.h"

#include "core/text.h"
#include "platform/error.h"
#include "platform/paths.h"
#include "service/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct identity {
  uint64_t device, number;
};

struct fl_include {
  struct fl_config_loader loader; /* first */
  char *directory;                /* of the first file, with its last / */
  char *shown;                    /* the same in messages */
  bool beside;            /* what is being loaded is said from there on */
  struct identity *known; /* of the first file and the others */
  uint32_t known_count;
  size_t size; /* of all */
  char error[1280];
};

/* ---- names ---- */

static bool continues(char byte) {
  return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Past one character. */
static const char *next(const char *at) {
  at++;
  while (continues(*at))
    at++;
  return at;
}

bool fl_include_matches(const char *pattern, const char *name) {
  const char *star = NULL; /* the last one, */
  const char *from = NULL; /* and what it does not stand for yet */
  if (name[0] == '.' && pattern[0] != '.')
    return false;
  while (*name != '\0') {
    if (*pattern == '*') {
      star = ++pattern;
      from = name;
    } else if (*pattern == '?') {
      pattern++;
      name = next(name);
    } else if (*pattern == *name) {
      pattern++;
      name++;
    } else if (star != NULL) {
      pattern = star;
      name = from = next(from);
    } else {
      return false;
    }
  }
  return pattern[strspn(pattern, "*")] == '\0';
}

/* How long the directory in a path is, its last separator included. */
static size_t directory_size(const char *path) {
  size_t size = strlen(path);
  while (size > 0 && path[size - 1] != '/' && path[size - 1] != '\\')
    size--;
  return size;
}

/* ---- files ---- */

static const char *fail(struct fl_include *include, const char *name,
                        const char *what) {
  (void)snprintf(include->error, sizeof include->error, "%s %s", name, what);
  return include->error;
}

static const char *no_memory(struct fl_include *include) {
  include->loader.out_of_memory = true;
  return NULL;
}

/* Whether it is new; notes it then. An error counts as new: reading says it. */
static bool note(struct fl_include *include, const char *path) {
  uv_fs_t request;
  int error = uv_fs_stat(NULL, &request, path, NULL);
  const struct identity found = {request.statbuf.st_dev,
                                 request.statbuf.st_ino};
  uv_fs_req_cleanup(&request);
  if (error != 0)
    return true;
  for (uint32_t i = 0; i < include->known_count; i++)
    if (include->known[i].device == found.device &&
        include->known[i].number == found.number)
      return false;
  if (include->known_count <= FL_CONFIG_FILES_MAX)
    include->known[include->known_count++] = found;
  return true;
}

/* The name of a file, from where it is: as the first file is named. */
static char *name_of(const struct fl_include *include, const char *path) {
  struct fl_text text = {0};
  size_t size = include->beside ? strlen(include->directory) : 0;
  FL_TEXT(&text, include->beside ? include->shown : "", path + size);
  return fl_text_take(&text);
}

/* Takes the path over. */
static const char *add_file(struct fl_include *include, char *path) {
  struct fl_config_loader *loader = &include->loader;
  size_t room = FL_CONFIG_INCLUDED_MAX - include->size;
  const char *wrong = NULL;
  struct fl_file file = {0};
  if (!note(include, path)) {
    free(path);
    return NULL;
  }
  char *name = name_of(include, path);
  if (name == NULL)
    wrong = no_memory(include);
  else if (loader->count == FL_CONFIG_FILES_MAX)
    wrong = fail(include, name, "is one too many: at most 1000 files");
  else if (!fl_file_read(&file, path,
                         room < FL_CONFIG_SIZE_MAX ? room : FL_CONFIG_SIZE_MAX))
    wrong = file.out_of_memory ? no_memory(include)
                               : fail(include, name, file.error);
  free(path);
  if (name == NULL || wrong != NULL || file.out_of_memory) {
    fl_file_free(&file);
    free(name);
    return wrong;
  }
  include->size += file.text.size;
  loader->files[loader->count++] = (struct fl_config_file){name, file.text};
  return NULL;
}

/* ---- patterns ---- */

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
  char **list;
  size_t count;
};

static void free_names(struct names *names) {
  for (size_t i = 0; i < names->count; i++)
    free(names->list[i]);
  free(names->list);
}

/* Those of a listing that match. Returns false when memory is out. */
static bool take_names(struct names *names, uv_fs_t *listing,
                       const char *pattern) {
  uv_dirent_t entry;
  while (uv_fs_scandir_next(listing, &entry) == 0) {
    if (entry.type == UV_DIRENT_DIR || !fl_include_matches(pattern, entry.name))
      continue;
    char **list =
        realloc(names->list, (names->count + 1) * sizeof *names->list);
    if (list != NULL)
      names->list = list;
    char *name = fl_text_copy(entry.name, strlen(entry.name));
    if (list == NULL || name == NULL) {
      free(name);
      return false;
    }
    list[names->count++] = name;
  }
  if (names->count > 1)
    qsort(names->list, names->count, sizeof *names->list, compare);
  return true;
}

static char *join(const char *directory, const char *name) {
  struct fl_text text = {0};
  FL_TEXT(&text, directory, name);
  return fl_text_take(&text);
}

static const char *add_names(struct fl_include *include, const char *directory,
                             const struct names *names) {
  const char *wrong = NULL;
  for (size_t i = 0; wrong == NULL && i < names->count; i++) {
    char *name = join(directory, names->list[i]);
    if (name == NULL)
      return no_memory(include);
    wrong = add_file(include, name);
  }
  return wrong;
}

static const char *not_listed(struct fl_include *include, const char *directory,
                              int error) {
  char text[FL_ERROR_TEXT];
  char *name = name_of(include, directory);
  const char *wrong = name == NULL
                          ? no_memory(include)
                          : fail(include, name, fl_error_text(error, text));
  free(name);
  return wrong;
}

static const char *add_matching(struct fl_include *include,
                                const char *directory, const char *pattern) {
  struct names names = {NULL, 0};
  const char *wrong = NULL;
  uv_fs_t listing;
  int error = uv_fs_scandir(NULL, &listing,
                            directory[0] == '\0' ? "." : directory, 0, NULL);
  if (error < 0 && error != UV_ENOENT && error != UV_ENOTDIR)
    wrong = not_listed(include, directory, error);
  else if (error >= 0 && !take_names(&names, &listing, pattern))
    wrong = no_memory(include);
  else
    wrong = add_names(include, directory, &names);
  uv_fs_req_cleanup(&listing);
  free_names(&names);
  return wrong;
}

static const char *load(struct fl_config_loader *loader, const char *pattern) {
  struct fl_include *include = (struct fl_include *)loader;
  include->beside = !fl_path_is_absolute(pattern);
  char *path = join(include->beside ? include->directory : "", pattern);
  const char *wrong;
  if (path == NULL)
    return no_memory(include);
  size_t size = directory_size(path);
  size_t written = directory_size(pattern);
  if (strcspn(pattern, "*?") < written) {
    wrong = "* and ? are for the last part of a path only";
  } else if (strpbrk(pattern + written, "*?") == NULL) {
    return add_file(include, path);
  } else {
    char *directory = fl_text_copy(path, size);
    wrong = directory == NULL ? no_memory(include)
                              : add_matching(include, directory, path + size);
    free(directory);
  }
  free(path);
  return wrong;
}

/* ---- the whole ---- */

struct fl_include *fl_include_new(const char *path, const char *name) {
  struct fl_include *include = calloc(1, sizeof *include);
  if (include == NULL)
    return NULL;
  include->loader.load = load;
  include->directory = fl_text_copy(path, directory_size(path));
  include->shown = fl_text_copy(name, directory_size(name));
  include->loader.files =
      calloc(FL_CONFIG_FILES_MAX, sizeof *include->loader.files);
  include->known = calloc(FL_CONFIG_FILES_MAX + 1, sizeof *include->known);
  if (include->directory == NULL || include->shown == NULL ||
      include->loader.files == NULL || include->known == NULL) {
    fl_include_free(include);
    return NULL;
  }
  if (strcmp(path, "-") != 0)
    (void)note(include, path);
  return include;
}

struct fl_config_loader *fl_include_loader(struct fl_include *include) {
  return &include->loader;
}

void fl_include_free(struct fl_include *include) {
  if (include == NULL)
    return;
  for (uint32_t i = 0; i < include->loader.count; i++) {
    free(include->loader.files[i].name);
    free((void *)(uintptr_t)include->loader.files[i].text.bytes);
  }
  free(include->loader.files);
  free(include->known);
  free(include->directory);
  free(include->shown);
  free(include);
}
