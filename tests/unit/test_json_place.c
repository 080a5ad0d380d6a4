/* Places of JSON values, and what the strict reading refuses. */
#include "core/json_place.h"

#include "tests/unit/alloc.h"
#include "tests/unit/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

static char bytes[4096];
static struct fl_json_text text;
static struct fl_json_places places;

static enum fl_json_result read_bytes(const char *json, size_t size) {
  assert_true(size < sizeof bytes);
  memcpy(bytes, json, size);
  bytes[size] = '\0';
  fl_json_text_init(&text, bytes, size);
  return fl_json_places_read(&text, &places);
}

static enum fl_json_result read_json(const char *json) {
  return read_bytes(json, strlen(json));
}

static void assert_place(struct fl_place place, uint32_t line,
                         uint32_t column) {
  assert_int_equal(place.line, line);
  assert_int_equal(place.column, column);
}

static void values_have_places(void **state) {
  (void)state;
  assert_int_equal(read_json("\n { \"a\" :\n  [1, \"x\"],\r\n\"b\":{}, "
                             "\"c\": tru"
                             "e}"),
                   FL_JSON_OK);
  assert_int_equal(places.count, 6);
  const struct fl_json_place *list = places.list;
  assert_place(list[0].value, 2, 2);
  assert_place(list[0].key, 2, 2);
  assert_int_equal(list[0].next, 6);
  assert_place(list[1].key, 2, 4);
  assert_place(list[1].value, 3, 3);
  assert_int_equal(list[1].next, 4);
  assert_memory_equal(bytes + list[1].key_start, "\"a\"", 3);
  assert_int_equal(list[1].key_end - list[1].key_start, 3);
  assert_memory_equal(bytes + list[1].start, "[1, \"x\"]", 8);
  assert_int_equal(list[1].end - list[1].start, 8);
  assert_place(list[2].value, 3, 4);
  assert_place(list[2].key, 3, 4);
  assert_int_equal(list[2].next, 3);
  assert_place(list[3].value, 3, 7);
  assert_place(list[4].key, 4, 1);
  assert_place(list[4].value, 4, 5);
  assert_int_equal(list[4].next, 5);
  assert_place(list[5].value, 4, 14);
  fl_json_places_free(&places);
}

static void comments_become_spaces(void **state) {
  (void)state;
  const char *json = "// \xC3\xA4 \"{\n[/* * / \n // */1 /**/, "
                     "\"/* no // comment */\"//\n]";
  const char *left = "        \n[       \n      1     , "
                     "\"/* no // comment */\"  \n]";
  assert_int_equal(read_json(json), FL_JSON_OK);
  assert_memory_equal(bytes, left, strlen(left));
  assert_place(places.list[1].value, 3, 7);
  fl_json_places_free(&places);
}

static void a_byte_order_mark_has_no_column(void **state) {
  (void)state;
  assert_int_equal(read_json("\xEF\xBB\xBF[1]"), FL_JSON_OK);
  assert_place(places.list[0].value, 1, 1);
  fl_json_places_free(&places);
  assert_int_equal(read_json(" \xEF\xBB\xBF[1]"), FL_JSON_FAULT);
}

struct fault {
  const char *json;
  uint32_t line, column;
  const char *problem; /* NULL: the byte there */
};

static const struct fault faults[] = {
    {"", 1, 1, NULL},
    {"// nothing", 1, 11, NULL},
    {"{", 1, 2, NULL},
    {"[1", 1, 3, NULL},
    {"[1,", 1, 4, NULL},
    {"[1,]", 1, 3, "a comma behind the last value"},
    {"[1 ,\n // 2\n]", 1, 4, "a comma behind the last value"},
    {"[,]", 1, 2, NULL},
    {"[,1]", 1, 2, NULL},
    {"[1 2]", 1, 4, NULL},
    {"[1}", 1, 3, NULL},
    {"{\"a\":1]", 1, 7, NULL},
    {"{\"a\":1,}", 1, 7, "a comma behind the last value"},
    {"{\"a\":1,]", 1, 7, "a comma behind the last value"},
    {"{\"a\" 1}", 1, 6, NULL},
    {"{\"a\":}", 1, 6, NULL},
    {"{a:1}", 1, 2, NULL},
    {"{1:1}", 1, 2, NULL},
    {"[1]\n x", 2, 2, NULL},
    {"[1][", 1, 4, NULL},
    {"True", 1, 1, NULL},
    {"nul", 1, 1, NULL},
    {"truex", 1, 5, NULL},
    {"'a'", 1, 1, NULL},
    {"NaN", 1, 1, NULL},
    {"+1", 1, 1, NULL},
    {".5", 1, 1, NULL},
    {"-", 1, 2, NULL},
    {"01", 1, 2, NULL},
    {"1.", 1, 3, NULL},
    {"1e", 1, 3, NULL},
    {"1e+", 1, 4, NULL},
    {"0x10", 1, 2, NULL},
    {"/ 1", 1, 1, NULL},
    {"\v1", 1, 1, NULL},
    {"[1] /* x\n *", 1, 5, "a comment without an end"},
    {"/*/", 1, 1, "a comment without an end"},
    {"// \xFF\n1", 1, 4, "bytes that are not UTF-8"},
    {"[\"abc]", 1, 2, "a string without an end"},
    {"[\"ab\nc\"]", 1, 2, "a string without an end"},
    {"[\"abc\\\"]", 1, 2, "a string without an end"},
    {"\"a\tb\"", 1, 3, "a control character"},
    {"\"a\\qb\"", 1, 3, "an unknown escape"},
    {"\"a\\", 1, 3, "an unknown escape"},
    {"\"\\u12g4\"", 1, 2, "an incomplete escape"},
    {"\"\\u12", 1, 2, "an incomplete escape"},
    {"\"\\u0000\"", 1, 2, "a NUL character"},
    {"\"\\ud800\"", 1, 2, "half of a surrogate pair"},
    {"\"\\ud800\\ud800\"", 1, 2, "half of a surrogate pair"},
    {"\"\\udc00\"", 1, 2, "half of a surrogate pair"},
    {"\"\x80\"", 1, 2, "bytes that are not UTF-8"},
    {"\"\xC0\x80\"", 1, 2, "bytes that are not UTF-8"},
    {"\"\xC3\"", 1, 2, "bytes that are not UTF-8"},
    {"\"\xE0\x80\x80\"", 1, 2, "bytes that are not UTF-8"},
    {"\"\xED\xA0\x80\"", 1, 2, "bytes that are not UTF-8"},
    {"\"\xF4\x90\x80\x80\"", 1, 2, "bytes that are not UTF-8"},
    {"\"\xF5\x80\x80\x80\"", 1, 2, "bytes that are not UTF-8"},
    {"[[[[[[[[[[[[[[[[[", 1, 17, "a bracket too many"},
    {"1111111111222222222233333333334444444444555555555566666666667", 1, 1,
     "a number of more than 60 characters"},
};

static void faults_have_places(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    const struct fault *fault = &faults[i];
    if (read_json(fault->json) != FL_JSON_FAULT)
      fail_msg("no fault in %s", fault->json);
    if (text.fault.line != fault->line || text.fault.column != fault->column)
      fail_msg("%s: fault at %u:%u", fault->json, text.fault.line,
               text.fault.column);
    assert_non_null(text.allowed);
    if (fault->problem == NULL)
      assert_null(text.problem);
    else
      assert_string_equal(text.problem, fault->problem);
    assert_null(places.list);
  }
}

static void nul_bytes_are_faults(void **state) {
  (void)state;
  assert_int_equal(read_bytes("[1]\0", 4), FL_JSON_FAULT);
  assert_place(text.fault, 1, 4);
  assert_int_equal(read_bytes("[\"a\0b\"]", 7), FL_JSON_FAULT);
  assert_place(text.fault, 1, 4);
  assert_int_equal(read_bytes("//\0\n1", 5), FL_JSON_FAULT);
  assert_place(text.fault, 1, 3);
}

static void sixteen_levels_are_read(void **state) {
  (void)state;
  assert_int_equal(read_json("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"), FL_JSON_OK);
  assert_int_equal(places.count, 16);
  fl_json_places_free(&places);
}

/* Counts the items of a tree and holds each against its place. */
static uint32_t walk(const cJSON *item, uint32_t index) {
  uint32_t next = index + 1;
  char first = bytes[places.list[index].start];
  assert_true(cJSON_IsObject(item) == (first == '{'));
  assert_true(cJSON_IsArray(item) == (first == '['));
  assert_true(cJSON_IsString(item) == (first == '"'));
  for (const cJSON *child = item->child; child != NULL; child = child->next)
    next = walk(child, next);
  assert_int_equal(places.list[index].next, next);
  return next;
}

/* What is accepted here the parser accepts too, and its tree has the same
   shape: texts with random faults, most of which are noticed. */
static void the_parser_agrees(void **state) {
  (void)state;
  const char *json = "{ \"a\\u00e9\\\\\": [1, -2.5e+3, \"\xC3\xA4\\n\", {}, "
                     "[[]], null], // c\n \"\": {\"b\": true, \"c\": false, "
                     "\"\\ud83d\\ude00\": 0, \"d\": \"/**/\"} /* d */ }\n";
  const char pieces[] = "{}[]\",:/*\\ \n019-+.eEtrufalsn\xC3\xA4";
  struct fl_test_random random = {42};
  unsigned accepted = 0;
  for (unsigned i = 0; i < 20000; i++) {
    char changed[256];
    size_t size = strlen(json);
    memcpy(changed, json, size);
    for (size_t k = fl_test_below(&random, 3); k > 0; k--)
      changed[fl_test_below(&random, size)] =
          pieces[fl_test_below(&random, sizeof pieces - 1)];
    if (read_bytes(changed, size) != FL_JSON_OK)
      continue;
    cJSON *tree = cJSON_ParseWithLength(bytes, size);
    if (tree == NULL) {
      fail_msg("the parser refuses %s", bytes);
      return;
    }
    assert_int_equal(walk(tree, 0), places.count);
    cJSON_Delete(tree);
    fl_json_places_free(&places);
    accepted++;
  }
  assert_true(accepted > 2000 && accepted < 18000);
}

static void memory_may_be_out(void **state) {
  (void)state;
  long live = fl_test_alloc_live();
  fl_test_alloc_fail_after(0);
  enum fl_json_result result = read_json("[1]");
  fl_test_alloc_fail_after(-1);
  assert_int_equal(result, FL_JSON_NO_MEMORY);
  assert_int_equal(fl_test_alloc_live(), live);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_have_places),
      cmocka_unit_test(comments_become_spaces),
      cmocka_unit_test(a_byte_order_mark_has_no_column),
      cmocka_unit_test(faults_have_places),
      cmocka_unit_test(nul_bytes_are_faults),
      cmocka_unit_test(sixteen_levels_are_read),
      cmocka_unit_test(the_parser_agrees),
      cmocka_unit_test(memory_may_be_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
