/* Framings in config.json: the keys of each type, byte strings, faults, and
   that what is printed reads back. */
#include "core/config.h"
#include "core/config_bytes.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fl_config_errors errors;

/* Reads a file whose request listener "r" has the keys `listener`, and whose
   upstream "u" has the keys `upstream`, in line 2; quotation marks are written
   as apostrophes. */
static struct fl_config *read_config(const char *listener,
                                     const char *upstream) {
  struct fl_text text = {0};
  FL_TEXT(&text,
          "{'listeners':[{'name':'r','listen':['127.0.0.1:0'],"
          "'mode':'request','upstream':'u'",
          listener, "}],'upstreams':[{'name':'u','servers':['h:1'],\n",
          upstream, "}]}");
  size_t size = text.size;
  char *json = fl_text_take(&text);
  assert_non_null(json);
  for (size_t i = 0; i < size; i++)
    json[i] = (char)(json[i] == '\'' ? '"' : json[i]);
  struct fl_config *config =
      fl_config_read((struct fl_slice){(uint8_t *)json, size}, &errors);
  free(json);
  return config;
}

static void print_errors(void) {
  for (uint32_t i = 0; i < errors.count; i++)
    print_error("%u:%u: %s: found %s, allowed %s\n", errors.list[i].place.line,
                errors.list[i].place.column, errors.list[i].path,
                errors.list[i].found, errors.list[i].allowed);
}

static struct fl_config *read_good(const char *upstream) {
  struct fl_config *config = read_config("", upstream);
  if (config == NULL)
    print_errors();
  assert_non_null(config);
  fl_config_errors_free(&errors);
  return config;
}

static void delimiters_are_read(void **state) {
  (void)state;
  struct fl_config *config = read_good("'framing':{'type':'delimited',"
                                       "'start':'hex:0b','end':'hex:1C0d'}");
  const struct fl_framing *framing = &config->listeners[0].framing;
  assert_int_equal(framing->type, FL_FRAMING_DELIMITED);
  assert_int_equal(framing->delimited.start.size, 1);
  assert_int_equal(framing->delimited.start.bytes[0], 0x0b);
  assert_int_equal(framing->delimited.end.size, 2);
  assert_memory_equal(framing->delimited.end.bytes, "\x1c\r", 2);
  assert_memory_equal(&config->upstreams[0].reply_framing, framing,
                      sizeof *framing);
  fl_config_free(config);
  config = read_good("'framing':{'end':'\\r\\n','type':'delimited'}");
  framing = &config->upstreams[0].framing;
  assert_int_equal(framing->delimited.start.size, 0);
  assert_memory_equal(framing->delimited.end.bytes, "\r\n", 2);
  fl_config_free(config);
}

static void length_fields_are_read(void **state) {
  (void)state;
  struct fl_config *config =
      read_good("'framing':{'type':'length','length_width':2}");
  const struct fl_framing_length *length = &config->upstreams[0].framing.length;
  assert_int_equal(config->upstreams[0].framing.type, FL_FRAMING_LENGTH);
  assert_int_equal(length->offset, 0);
  assert_int_equal(length->width, 2);
  assert_int_equal(length->adjustment, 0);
  assert_int_equal(length->order, FL_ORDER_BIG);
  assert_int_equal(length->encoding, FL_LENGTH_BINARY);
  fl_config_free(config);
  config = read_good(
      "'framing':{'type':'length','length_offset':56,'length_width':8,"
      "'byte_order':'little','length_adjustment':-65535,"
      "'length_encoding':'bcd'}");
  length = &config->upstreams[0].framing.length;
  assert_int_equal(length->offset, 56);
  assert_int_equal(length->width, 8);
  assert_int_equal(length->adjustment, -65535);
  assert_int_equal(length->order, FL_ORDER_LITTLE);
  assert_int_equal(length->encoding, FL_LENGTH_BCD);
  fl_config_free(config);
}

static void replies_may_be_framed_in_another_way(void **state) {
  (void)state;
  struct fl_config *config =
      read_good("'reply_framing':{'type':'fixed','size':'1MiB'}");
  const struct fl_upstream_config *upstream = &config->upstreams[0];
  assert_int_equal(upstream->framing.type, FL_FRAMING_LINE);
  assert_int_equal(upstream->reply_framing.type, FL_FRAMING_FIXED);
  assert_int_equal(upstream->reply_framing.fixed.size, 1 << 20);
  assert_int_equal(config->listeners[0].framing.type, FL_FRAMING_LINE);
  fl_config_free(config);
  config = read_good("'reply_framing':{},'framing':{'type':'fixed',"
                     "'size':'8B'}");
  upstream = &config->upstreams[0];
  assert_int_equal(upstream->framing.type, FL_FRAMING_FIXED);
  assert_int_equal(upstream->reply_framing.type, FL_FRAMING_LINE);
  fl_config_free(config);
}

struct fault {
  const char *listener, *upstream;
  uint32_t line, column;
  const char *path, *found, *allowed;
};

#define BYTES "text, or hexadecimal such as \"hex:0d0a\", "
#define FRAMING(text) "", "'framing':{" text "}"
#define IN(key) "upstreams[0].framing." key

static const struct fault faults[] = {
    {FRAMING("'type':'lines'"), 2, 19, IN("type"), "\"lines\" (a string)",
     "\"line\", \"delimited\", \"length\", \"fixed\" or \"raw\""},
    /* of a type that is wrong nothing else is said */
    {FRAMING("'type':'lines','end':7,'size':7"), 2, 19, IN("type"),
     "\"lines\" (a string)",
     "\"line\", \"delimited\", \"length\", \"fixed\" or \"raw\""},
    {FRAMING("'end':';'"), 2, 12, IN("end"), "this key in type \"line\"",
     "it only in type \"delimited\""},
    {FRAMING("'length_width':2,'type':'fixed','size':'2B'"), 2, 12,
     IN("length_width"), "this key in type \"fixed\"",
     "it only in type \"length\""},
    {FRAMING("'type':'delimited'"), 2, 11, IN("end"), "",
     "required: " BYTES "1 to 16 bytes"},
    {FRAMING("'type':'length'"), 2, 11, IN("length_width"), "",
     "required: a whole number, 1 to 8"},
    {FRAMING("'type':'fixed'"), 2, 11, IN("size"), "",
     "required: a size such as \"64KiB\" (units B, KiB, MiB, GiB), "
     "1B to 16MiB"},
    {FRAMING("'type':'delimited','end':''"), 2, 37, IN("end"),
     "\"\" (a string)", BYTES "1 to 16 bytes"},
    {FRAMING("'type':'delimited','end':'hex:'"), 2, 37, IN("end"),
     "\"hex:\" (a string)", BYTES "1 to 16 bytes"},
    {FRAMING("'type':'delimited','end':'hex:0'"), 2, 37, IN("end"),
     "\"hex:0\" (a string)", BYTES "1 to 16 bytes"},
    {FRAMING("'type':'delimited','end':'hex:0g'"), 2, 37, IN("end"),
     "\"hex:0g\" (a string)", BYTES "1 to 16 bytes"},
    {FRAMING("'type':'delimited','end':'0123456789abcdefg'"), 2, 37, IN("end"),
     "\"0123456789abcdefg\" (a string)", BYTES "1 to 16 bytes"},
    {FRAMING("'type':'delimited','end':10"), 2, 37, IN("end"), "10 (a number)",
     BYTES "1 to 16 bytes"},
    {FRAMING("'type':'length','length_width':9"), 2, 43, IN("length_width"),
     "9 (a number)", "a whole number, 1 to 8"},
    {FRAMING("'type':'length','length_width':1,'length_offset':57"), 2, 61,
     IN("length_offset"), "57 (a number)", "a whole number, 0 to 56"},
    {FRAMING("'type':'length','length_width':1,'length_adjustment':-65536"), 2,
     65, IN("length_adjustment"), "-65536 (a number)",
     "a whole number, -65535 to 65535"},
    {FRAMING("'type':'length','length_width':1,'length_adjustment':-0.5"), 2,
     65, IN("length_adjustment"), "-0.5 (a number)",
     "a whole number, -65535 to 65535"},
    {FRAMING("'type':'length','length_width':1,'length_adjustment':'-1'"), 2,
     65, IN("length_adjustment"), "\"-1\" (a string)",
     "a whole number, -65535 to 65535"},
    {"", "'reply_framing':{'type':'fixed'}", 2, 17,
     "upstreams[0].reply_framing.size", "",
     "required: a size such as \"64KiB\" (units B, KiB, MiB, GiB), "
     "1B to 16MiB"},
    {"", "'max_frame':'64B','framing':{'type':'fixed','size':'65B'}", 2, 52,
     IN("size"), "\"65B\" (a string)", "at most max_frame, which is 64B"},
    {"", "'max_frame':'64B','reply_framing':{'type':'fixed','size':'65B'}", 2,
     58, "upstreams[0].reply_framing.size", "\"65B\" (a string)",
     "at most max_frame, which is 64B"},
    {",'max_frame':'64B'", "'framing':{'type':'fixed','size':'65B'}", 1, 96,
     "listeners[0].max_frame", "\"64B\" (a string)",
     "at least the framing.size of its upstream, which is 65B"},
    {"", "'framing':{'type':'fixed','size':'65KiB'}", 1, 15,
     "listeners[0].max_frame", "",
     "at least the framing.size of its upstream, which is 65KiB"},
    {"},{'name':'c','listen':['127.0.0.1:0'],'mode':'command',"
     "'framing':{'type':'fixed'}",
     "", 1, 0, "listeners[1].framing.type", "\"fixed\" (a string)",
     "\"line\", for the built-in commands are lines"},
};

static void each_fault_is_reported_where_it_is(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    const struct fault *fault = &faults[i];
    const char *upstream =
        fault->upstream[0] == '\0' ? "'in_flight':1" : fault->upstream;
    assert_null(read_config(fault->listener, upstream));
    if (errors.count != 1) {
      print_errors();
      fail_msg("%u errors in %s", errors.count, fault->upstream);
    }
    const struct fl_config_error *error = &errors.list[0];
    assert_string_equal(error->path, fault->path);
    assert_string_equal(error->found, fault->found);
    assert_string_equal(error->allowed, fault->allowed);
    assert_int_equal(error->place.line, fault->line);
    if (fault->column != 0)
      assert_int_equal(error->place.column, fault->column);
    fl_config_errors_free(&errors);
  }
}

/* What is printed reads back to the same print. The caller frees it. */
static char *print(const char *upstream) {
  struct fl_config *config = read_good(upstream);
  char *first = fl_config_print(config);
  fl_config_free(config);
  assert_non_null(first);
  config = fl_config_read((struct fl_slice){(uint8_t *)first, strlen(first)},
                          &errors);
  if (config == NULL)
    print_errors();
  assert_non_null(config);
  fl_config_errors_free(&errors);
  char *second = fl_config_print(config);
  fl_config_free(config);
  assert_string_equal(first, second);
  free(second);
  return first;
}

static void only_the_keys_of_the_type_are_printed(void **state) {
  (void)state;
  static const struct {
    const char *upstream, *framing;
  } prints[] = {
      {"'framing':{}", "\"framing\": {\n        \"type\": \"line\"\n      },"},
      {"'framing':{'type':'delimited','end':'\\r\\n'}",
       "\"framing\": {\n        \"type\": \"delimited\",\n"
       "        \"start\": \"\",\n        \"end\": \"hex:0d0a\"\n      },"},
      {"'framing':{'type':'delimited','start':'hex:6865783a','end':'\\\\\\\"}'"
       "}",
       "\"start\": \"hex:6865783a\",\n        \"end\": \"\\\\\\\"}\"\n"},
      {"'framing':{'type':'length','length_width':4,'length_adjustment':-4,"
       "'length_encoding':'ascii'}",
       "\"framing\": {\n        \"type\": \"length\",\n"
       "        \"length_offset\": 0,\n        \"length_width\": 4,\n"
       "        \"byte_order\": \"big\",\n"
       "        \"length_adjustment\": -4,\n"
       "        \"length_encoding\": \"ascii\"\n      },"},
      {"'reply_framing':{'type':'fixed','size':'2048B'}",
       "\"reply_framing\": {\n        \"type\": \"fixed\",\n"
       "        \"size\": \"2KiB\"\n      },"},
  };
  for (size_t i = 0; i < sizeof prints / sizeof prints[0]; i++) {
    char *text = print(prints[i].upstream);
    if (strstr(text, prints[i].framing) == NULL)
      fail_msg("%s\nis not in\n%s", prints[i].framing, text);
    free(text);
  }
}

/* --- byte strings ------------------------------------------------------- */

static void byte_strings_are_read(void **state) {
  (void)state;
  struct fl_bytes bytes = {.size = 9};
  assert_true(fl_config_bytes_parse("", &bytes));
  assert_int_equal(bytes.size, 0);
  assert_true(fl_config_bytes_parse("hex", &bytes));
  assert_int_equal(bytes.size, 3);
  assert_true(fl_config_bytes_parse("\xC3\xA9", &bytes));
  assert_memory_equal(bytes.bytes, "\xC3\xA9", 2);
  assert_true(fl_config_bytes_parse("hex:00fFA9", &bytes));
  assert_int_equal(bytes.size, 3);
  assert_memory_equal(bytes.bytes, "\0\xff\xa9", 3);
  assert_true(fl_config_bytes_parse("0123456789abcdef", &bytes));
  assert_int_equal(bytes.size, 16);
  assert_true(
      fl_config_bytes_parse("hex:000102030405060708090a0b0c0d0e0f", &bytes));
  assert_int_equal(bytes.bytes[15], 15);
  assert_false(fl_config_bytes_parse("0123456789abcdef0123456789abcdef"
                                     "0123456789abcdef0123456789abcdefX",
                                     &bytes));
  assert_false(fl_config_bytes_parse("hex:+1", &bytes));
  assert_false(fl_config_bytes_parse("hex: 1", &bytes));
}

static void any_bytes_print_and_read_back(void **state) {
  (void)state;
  for (unsigned byte = 0; byte < 256; byte++)
    for (uint8_t size = 0; size <= FL_BYTES_MAX; size += 4) {
      struct fl_bytes bytes = {.size = size};
      struct fl_bytes back;
      struct fl_text text = {0};
      memset(bytes.bytes, (int)byte, size);
      fl_config_bytes_print(&text, &bytes);
      assert_true(fl_config_bytes_parse(text.bytes, &back));
      assert_memory_equal(&back, &bytes, sizeof bytes);
      free(text.bytes);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(delimiters_are_read),
      cmocka_unit_test(length_fields_are_read),
      cmocka_unit_test(replies_may_be_framed_in_another_way),
      cmocka_unit_test(each_fault_is_reported_where_it_is),
      cmocka_unit_test(only_the_keys_of_the_type_are_printed),
      cmocka_unit_test(byte_strings_are_read),
      cmocka_unit_test(any_bytes_print_and_read_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
