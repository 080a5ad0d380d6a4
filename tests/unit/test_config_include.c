/* Several files read as one configuration. */
#include "core/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"

#define LISTENER(name)                                                         \
  "{\"name\":\"" name "\",\"listen\":[\"127.0.0.1:0\"],\"mode\":\"command\"}"
#define UPSTREAM(name) "{\"name\":\"" name "\",\"servers\":[\"a:1\"]}"

static struct fl_config_errors errors;

/* A loader of two files, whatever is asked for. */
static const char *load(struct fl_config_loader *loader, const char *pattern) {
  (void)pattern;
  loader->count = 2;
  return NULL;
}

static struct fl_slice slice(const char *text) {
  return (struct fl_slice){(const uint8_t *)text, strlen(text)};
}

static struct fl_config *read_three(const char *first, const char *second,
                                    const char *third) {
  static char a[] = "a";
  static char b[] = "b";
  struct fl_config_file files[] = {{a, slice(second)}, {b, slice(third)}};
  struct fl_config_loader loader = {.files = files, .load = load};
  return fl_config_read_all(slice(first), &loader, &errors);
}

static void assert_fault(struct fl_config *config, uint32_t file,
                         uint32_t column, const char *path) {
  assert_null(config);
  assert_int_equal(errors.count, 1);
  assert_int_equal(errors.list[0].place.file, file);
  assert_int_equal(errors.list[0].place.column, column);
  assert_string_equal(errors.list[0].path, path);
  fl_config_errors_free(&errors);
}

static void lists_join_in_order(void **state) {
  (void)state;
  struct fl_config *config = read_three(
      "{\"include\":[\"x\"],\"upstreams\":[" UPSTREAM(
          "u") "],"
               "\"listeners\":[" LISTENER("l") "," LISTENER(
                   "m") "],\"workers\":3}",
      "{\"upstreams\":[" UPSTREAM("v") "]}",
      "{\"listeners\":[" LISTENER("n") "],\"upstreams\":[" UPSTREAM("w") "]}");
  assert_non_null(config);
  assert_int_equal(config->workers, 3);
  assert_int_equal(config->listener_count, 3);
  assert_string_equal(config->listeners[2].name, "n");
  assert_int_equal(config->listeners[2].place.file, 2);
  assert_int_equal(fl_config_listener_number(config, 1), 1);
  assert_int_equal(fl_config_listener_number(config, 2), 0);
  assert_int_equal(config->upstream_count, 3);
  assert_string_equal(config->upstreams[1].name, "v");
  assert_string_equal(config->upstreams[2].name, "w");
  assert_string_equal(
      fl_config_file_name(config, config->upstreams[2].place, "first"), "b");
  assert_string_equal(
      fl_config_file_name(config, config->upstreams[0].place, "first"),
      "first");
  fl_config_free(config);
}

static void the_first_file_may_have_none(void **state) {
  (void)state;
  struct fl_config *config =
      read_three("{\"include\":[\"x\"]}", "{\"listeners\":[" LISTENER("l") "]}",
                 "{\"listeners\":[" LISTENER("m") "," LISTENER("n") "]}");
  assert_non_null(config);
  assert_int_equal(config->listener_count, 3);
  assert_string_equal(config->listeners[1].name, "m");
  fl_config_free(config);
}

static void faults_are_in_their_file(void **state) {
  (void)state;
  const char *first = "{\"include\":[\"x\"],\"listeners\":[" LISTENER("l") "]}";
  assert_fault(read_three(first, "{\"upstreams\":[]}", "{"), 2, 2, "");
  assert_fault(read_three(first, "{\"workers\":1}", "{}"), 1, 2, "workers");
  assert_fault(
      read_three(first, "{}",
                 "{\"upstreams\":[" UPSTREAM("u") ",{\"name\":1,"
                                                  "\"servers\":[\"a:1\"]}]}"),
      2, 54, "upstreams[1].name");
  assert_fault(read_three(first, "{\"upstreams\":[" UPSTREAM("u") "]}",
                          "{\"upstreams\":[" UPSTREAM("u") "]}"),
               2, 23, "upstreams[0].name");
  assert_fault(read_three("{\"include\":[\"x\"],\"listeners\":[],\"a\":1}",
                          "{}", "{\"listeners\":[" LISTENER("l") "]}"),
               0, 33, "a");
}

static void without_memory_there_is_none(void **state) {
  (void)state;
  struct fl_config *config = NULL;
  for (long allowed = 0; config == NULL; allowed++) {
    long before = fl_test_alloc_live();
    fl_test_alloc_fail_after(allowed);
    config = read_three("{\"include\":[\"x\"]}",
                        "{\"listeners\":[" LISTENER("l") "]}",
                        "{\"upstreams\":[" UPSTREAM("u") "]}");
    fl_test_alloc_fail_after(-1);
    assert_true(config != NULL || errors.out_of_memory);
    fl_config_errors_free(&errors);
    if (config == NULL)
      assert_int_equal(fl_test_alloc_live(), before);
  }
  fl_config_free(config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lists_join_in_order),
      cmocka_unit_test(the_first_file_may_have_none),
      cmocka_unit_test(faults_are_in_their_file),
      cmocka_unit_test(without_memory_there_is_none)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
