/* The schema and docs/configuration.md say what the table says. Run with
   FL_UPDATE=1 in the environment to write both anew from the table. */
#include "core/config.h"
#include "core/config_describe.h"
#include "core/config_diff.h"
#include "core/config_schema.h"
#include "core/config_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* From the root of the source, where tests are run. */
#define SCHEMA "config/config.schema.json"
#define SHIPPED "config/config.json"
#define DOCS "docs/configuration.md"

/* A table of the document: the keys of a section, or those that one choice of
   its first key has beside them. */
struct table {
  const struct fl_config_section *section;
  unsigned types;  /* the choice's bit, 0: the keys that all have */
  char title[128]; /* what heads it, without its "#"s */
};
static struct table tables[48];
static size_t table_count;

static void add_title(const struct fl_config_section *section, unsigned types,
                      const char *choice) {
  assert_true(table_count < sizeof tables / sizeof tables[0]);
  struct table *table = &tables[table_count++];
  table->section = section;
  table->types = types;
  const char *path = section->path[0] == '\0' ? "config.json" : section->path;
  const char *key = section->rows[0].key;
  if (choice == NULL)
    snprintf(table->title, sizeof table->title, "`%s`", path);
  else /* "of type `fixed`", "by `id`" */
    snprintf(table->title, sizeof table->title, "`%s` %s%s `%s`", path,
             strcmp(key, "type") == 0 ? "of " : "", key, choice);
}

static void collect(const struct fl_config_section *section) {
  unsigned types = 0;
  for (size_t i = 0; i < table_count; i++)
    if (strcmp(tables[i].section->path, section->path) == 0)
      return;
  add_title(section, 0, NULL);
  for (uint32_t i = 0; i < section->count; i++)
    types |= section->rows[i].types;
  for (unsigned i = 0; FL_CONFIG_TYPE(i) <= types; i++)
    if ((types & FL_CONFIG_TYPE(i)) != 0)
      add_title(section, FL_CONFIG_TYPE(i), section->rows[0].choices[i]);
  for (uint32_t i = 0; i < section->count; i++)
    if (section->rows[i].section != NULL)
      collect(section->rows[i].section);
}

static int set_up(void **state) {
  (void)state;
  collect(&fl_config_root);
  return 0;
}

/* The whole file, owned by the caller. */
static char *read_file(const char *path) {
  struct fl_text text = {0};
  char bytes[4096];
  size_t size;
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    fail_msg("cannot open %s", path);
  while ((size = fread(bytes, 1, sizeof bytes, file)) > 0)
    fl_text_add_bytes(&text, bytes, size);
  fclose(file);
  return fl_text_take(&text);
}

/* Fails where the file is not as expected, or writes it. */
static void hold_against(const char *path, const char *expected) {
  /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread. */
  if (getenv("FL_UPDATE") != NULL) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(expected, 1, strlen(expected), file),
                     strlen(expected));
    assert_int_equal(fclose(file), 0);
  }
  char *found = read_file(path);
  size_t same = 0;
  while (found[same] != '\0' && found[same] == expected[same])
    same++;
  if (found[same] != expected[same])
    fail_msg("%s differs from the table at byte %lu:\n%.200s\nexpected:\n"
             "%.200s\nFL_UPDATE=1 writes it anew",
             path, (unsigned long)same, found + same, expected + same);
  free(found);
}

static void the_schema_is_the_tables(void **state) {
  (void)state;
  char *schema = fl_config_schema();
  assert_non_null(schema);
  hold_against(SCHEMA, schema);
  free(schema);
}

static void add_row(struct fl_text *text, const struct fl_config_row *row) {
  struct fl_text initial = {0};
  struct fl_text range = {0};
  fl_config_describe_default(&initial, row);
  fl_config_describe_range(&range, row);
  bool code = initial.size > 0 && (row->flags & FL_CONFIG_REQUIRED) == 0;
  FL_TEXT(text, "| `", row->key, "` | ", fl_config_type_name(row->type),
          code ? " | `" : " | ", initial.size > 0 ? initial.bytes : "",
          code ? "` | " : " | ");
  if (row->section != NULL)
    FL_TEXT(text, range.size > 0 ? range.bytes : "",
            range.size > 0 ? ", see `" : "see `", row->section->path, "`");
  else
    fl_text_add(text, range.size > 0 ? range.bytes : "");
  FL_TEXT(text, " | ", row->meaning, fl_config_diff_note(row), " |\n");
  free(initial.bytes);
  free(range.bytes);
}

static void add_table(struct fl_text *text, const struct table *table) {
  const struct fl_config_section *section = table->section;
  fl_text_add(text, "| Key | Type | Default | Allowed | Meaning |\n"
                    "|---|---|---|---|---|\n");
  for (uint32_t i = 0; i < section->count; i++) {
    const struct fl_config_row *row = &section->rows[i];
    if (table->types == 0 ? row->types == 0 : (row->types & table->types) != 0)
      add_row(text, row);
  }
}

/* The table whose heading the line is, such as "### `log`". */
static const struct table *headed(const char *line, size_t size) {
  size_t depth = strspn(line, "#") + 1;
  for (size_t i = 0; i < table_count; i++)
    if (size == depth + strlen(tables[i].title) &&
        memcmp(line + depth, tables[i].title, size - depth) == 0)
      return &tables[i];
  return NULL;
}

static void every_key_is_documented_as_it_is(void **state) {
  (void)state;
  char *document = read_file(DOCS);
  struct fl_text text = {0};
  const struct table *table = NULL;
  size_t found = 0;
  bool in_table = false;
  for (const char *line = document; *line != '\0';) {
    size_t size = strcspn(line, "\n");
    if (line[0] == '#')
      table = headed(line, size);
    if (strncmp(line, "| Key", 5) == 0) {
      if (table == NULL) {
        fail_msg("keys that the program does not have, or again: %.80s", line);
        return;
      }
      add_table(&text, table);
      table = NULL; /* one for each */
      found++;
      in_table = true;
    }
    in_table = in_table && line[0] == '|';
    size += line[size] == '\n';
    if (!in_table)
      fl_text_add_bytes(&text, line, size);
    line += size;
  }
  char *expected = fl_text_take(&text);
  assert_non_null(expected);
  assert_int_equal(found, table_count);
  hold_against(DOCS, expected);
  free(expected);
  free(document);
}

static void check_config(const char *text, size_t size) {
  struct fl_config_errors errors;
  struct fl_slice slice = {(const uint8_t *)text, size};
  struct fl_config *config = fl_config_read(slice, &errors);
  for (uint32_t i = 0; i < errors.count; i++)
    print_error("%u:%u: %s: found %s, allowed %s\n", errors.list[i].place.line,
                errors.list[i].place.column, errors.list[i].path,
                errors.list[i].found, errors.list[i].allowed);
  assert_non_null(config);
  fl_config_free(config);
  fl_config_errors_free(&errors);
}

static void the_shipped_file_is_right(void **state) {
  (void)state;
  char *text = read_file(SHIPPED);
  check_config(text, strlen(text));
  free(text);
}

static void the_documents_example_is_right(void **state) {
  (void)state;
  char *document = read_file(DOCS);
  const char *start = strstr(document, "```json\n");
  assert_non_null(start);
  start += 8;
  const char *end = strstr(start, "```");
  assert_non_null(end);
  check_config(start, (size_t)(end - start));
  free(document);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_schema_is_the_tables),
      cmocka_unit_test(every_key_is_documented_as_it_is),
      cmocka_unit_test(the_shipped_file_is_right),
      cmocka_unit_test(the_documents_example_is_right),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
