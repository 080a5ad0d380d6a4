/* Fairlead's own payloads in config.json, and what its framing asks of them. */
#include "core/config.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fl_config_errors errors;

/* Reads a file whose upstream "u" has these keys; quotation marks are written
   as apostrophes. */
static struct fl_config *read_config(const char *upstream) {
  struct fl_text text = {0};
  FL_TEXT(&text,
          "{'listeners':[{'name':'r','listen':['127.0.0.1:0'],"
          "'mode':'request','upstream':'u'}],"
          "'upstreams':[{'name':'u','servers':['h:1'],",
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

static void release(struct fl_config *config) {
  fl_config_errors_free(&errors);
  fl_config_free(config);
}

static void steps_are_read(void **state) {
  (void)state;
  struct fl_config *config =
      read_config("'on_connect':[{'expect':''},{'send':'hex:00ff0A'},"
                  "{'send':'b','expect':'c'}]");
  assert_non_null(config);
  const struct fl_upstream_config *upstream = &config->upstreams[0];
  const struct fl_step_config *steps = upstream->on_connect;
  assert_int_equal(upstream->on_connect_count, 3);
  assert_true(steps[0].expect.given && steps[0].expect.size == 0);
  assert_false(steps[0].send.given);
  assert_int_equal(steps[1].send.size, 3);
  assert_memory_equal(steps[1].send.bytes, "\0\xff\n", 3);
  assert_false(steps[1].expect.given);
  assert_memory_equal(steps[2].expect.bytes, "c", 1);
  release(config);
}

static void what_is_printed_reads_back(void **state) {
  (void)state;
  struct fl_config *config =
      read_config("'on_connect':[{'expect':''},{'send':'\\u0000'}]");
  assert_null(config); /* a string of C ends there */
  release(config);
  config = read_config("'on_connect':[{'expect':''},{'send':'hex:00'},"
                       "{'send':'a','expect':'220 '}]");
  assert_non_null(config);
  char *printed = fl_config_print(config);
  struct fl_config_errors none;
  struct fl_config *back = fl_config_read(
      (struct fl_slice){(const uint8_t *)printed, strlen(printed)}, &none);
  assert_non_null(back);
  assert_int_equal(back->upstreams[0].on_connect_count, 3);
  assert_memory_equal(back->upstreams[0].on_connect,
                      config->upstreams[0].on_connect,
                      3 * sizeof(struct fl_step_config));
  free(printed);
  fl_config_errors_free(&none);
  fl_config_free(back);
  release(config);
}

static void other_framings_fit(void **state) {
  (void)state;
  static const char *const right[] = {
      "'framing':{'type':'delimited','start':'<','end':'>'},"
      "'on_connect':[{'send':'a'},{'send':'<a>'}]",
      "'framing':{'type':'length','length_width':1},"
      "'on_connect':[{'send':'hex:0261ff'}]",
      "'framing':{'type':'fixed','size':'3B'},'on_connect':[{'send':'abc'}]",
      "'keepalive_request':{'send':''}",
      "'keepalive_request':{'send':'PING'},'pool':{'validate_after':'1s'},"
      "'on_close':'QUIT'",
      "'on_connect':[]"};
  for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
    struct fl_config *config = read_config(right[i]);
    if (config == NULL)
      print_error("%s: %s\n", right[i], errors.list[0].allowed);
    assert_non_null(config);
    release(config);
  }
}

#define FRAME "one whole frame of the upstream's framing"

static void faults_are_told(void **state) {
  (void)state;
  static const struct {
    const char *upstream, *path, *allowed;
  } faults[] = {
      {"'on_connect':[{}]", "upstreams[0].on_connect[0]",
       "an object with \"send\", \"expect\" or both"},
      {"'on_connect':[{'expect':''},{'send':''}]",
       "upstreams[0].on_connect[1].send",
       "text, or hexadecimal such as \"hex:0d0a\", 1 to 1024 bytes"},
      {"'on_connect':[{'send':'a\\nb'}]", "upstreams[0].on_connect[0].send",
       FRAME ", or what stands in one"},
      {"'framing':{'type':'fixed','size':'3B'},'on_connect':[{'send':'ab'}]",
       "upstreams[0].on_connect[0].send", FRAME},
      {"'keepalive_request':{}", "upstreams[0].keepalive_request.send",
       "required: text, or hexadecimal such as \"hex:0d0a\", 0 to 1024 bytes"},
      {"'keepalive_request':{'send':'a\\nb'}",
       "upstreams[0].keepalive_request.send", FRAME ", or what stands in one"},
      {"'on_close':'a\\nb'", "upstreams[0].on_close",
       FRAME ", or what stands in one"},
      {"'framing':{'type':'length','length_width':1},"
       "'pair':{'by':'id','offset':1,'width':2},"
       "'keepalive_request':{'send':'hex:0161'}",
       "upstreams[0].keepalive_request.send",
       "a frame with room for the id that pair says"},
      {"'pool':{'validate_after':'1s'}", "upstreams[0].pool.validate_after",
       "\"0s\" without keepalive_request.send or health.send, by which a "
       "connection is checked"},
      {"'health':{}", "upstreams[0].health.interval",
       "required: a duration such as \"250ms\" (units us, ms, s, m, h, d), "
       "0s to 1h"},
      {"'health':{'interval':'1s','send':'a\\nb'}", "upstreams[0].health.send",
       FRAME ", or what stands in one"},
      {"'on_connect':[7]", "upstreams[0].on_connect[0]", "an object"},
      {"'on_connect':{}", "upstreams[0].on_connect",
       "an array of 0 to 16 objects"},
  };
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    struct fl_config *config = read_config(faults[i].upstream);
    assert_null(config);
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.list[0].path, faults[i].path);
    assert_string_equal(errors.list[0].allowed, faults[i].allowed);
    release(config);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_are_read),
      cmocka_unit_test(what_is_printed_reads_back),
      cmocka_unit_test(other_framings_fit),
      cmocka_unit_test(faults_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
