/* Which rule a request has, and how config.json states rules. */
#include "core/rule.h"

#include "core/config.h"
#include "core/retry.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"

static const struct fl_framing line = {.type = FL_FRAMING_LINE};
static const struct fl_framing counted = {.type = FL_FRAMING_LENGTH};

static struct fl_slice slice(const char *text) {
  return (struct fl_slice){(const uint8_t *)text, strlen(text)};
}

static struct fl_bytes bytes(const char *text) {
  struct fl_bytes result = {.size = (uint8_t)strlen(text)};
  memcpy(result.bytes, text, result.size);
  return result;
}

static bool holds(const struct fl_match *match, const char *content) {
  return fl_match_holds(match, slice(content));
}

static void an_empty_match_holds_for_all(void **state) {
  (void)state;
  const struct fl_match match = {.offset = 70};
  assert_true(holds(&match, ""));
  assert_true(holds(&match, "anything"));
}

static void prefixes_stand_at_the_start(void **state) {
  (void)state;
  const struct fl_match match = {.prefix = bytes("get")};
  assert_true(holds(&match, "get"));
  assert_true(holds(&match, "get it"));
  assert_false(holds(&match, "ge"));
  assert_false(holds(&match, "forget"));
  assert_false(holds(&match, ""));
}

static void suffixes_stand_at_the_end(void **state) {
  (void)state;
  const struct fl_match match = {.suffix = bytes("?")};
  assert_true(holds(&match, "?"));
  assert_true(holds(&match, "*IDN?"));
  assert_false(holds(&match, "*IDN? 1"));
  assert_false(holds(&match, ""));
}

static void one_of_several_stands_at_an_offset(void **state) {
  (void)state;
  struct fl_bytes any[] = {bytes("\3"), bytes("\4\4")};
  const struct fl_match match = {.offset = 2, .any_of = any, .any_of_count = 2};
  assert_true(holds(&match, "ab\3"));
  assert_true(holds(&match, "ab\4\4z"));
  assert_false(holds(&match, "ab\4"));
  assert_false(holds(&match, "a\3"));
  assert_false(holds(&match, "ab"));
  assert_false(holds(&match, ""));
}

static void all_that_is_stated_must_hold(void **state) {
  (void)state;
  struct fl_bytes any[] = {bytes("b")};
  const struct fl_match match = {.prefix = bytes("ab"),
                                 .suffix = bytes("bc"),
                                 .offset = 1,
                                 .any_of = any,
                                 .any_of_count = 1};
  assert_true(holds(&match, "abc")); /* they may overlap */
  assert_true(holds(&match, "ab bc"));
  assert_false(holds(&match, "ab c"));
  assert_false(holds(&match, "bc"));
}

static void lines_are_matched_without_their_end(void **state) {
  (void)state;
  assert_int_equal(fl_match_content(&line, slice("a\r\n")).size, 1);
  assert_int_equal(fl_match_content(&line, slice("a\n")).size, 1);
  assert_int_equal(fl_match_content(&line, slice("\r\r\n")).size, 1);
  assert_int_equal(fl_match_content(&line, slice("\n")).size, 0);
  assert_int_equal(fl_match_content(&counted, slice("a\n")).size, 2);
}

static void the_first_rule_that_matches_decides(void **state) {
  (void)state;
  const struct fl_rule rules[] = {{.match = {.suffix = bytes("?")}},
                                  {.match = {.prefix = bytes("*")}},
                                  {.match = {.prefix = bytes("*IDN")}}};
  assert_ptr_equal(fl_rule_find(rules, 3, &line, slice("*IDN?\r\n")), rules);
  assert_ptr_equal(fl_rule_find(rules, 3, &line, slice("*IDN\n")), rules + 1);
  const struct fl_rule *none = fl_rule_find(rules, 3, &line, slice("x\n"));
  assert_false(none->deny || none->idempotent);
  assert_int_equal(none->reply, FL_REPLY_ONE);
  assert_true(none->request_timeout == FL_NEVER);
  assert_ptr_equal(fl_rule_find(NULL, 0, &line, slice("?\n")), none);
}

static void listed_frames_are_equal(void **state) {
  (void)state;
  const struct fl_bytes list[] = {bytes("ping"), bytes("")};
  assert_true(fl_frame_listed(list, 2, &line, slice("ping\r\n")));
  assert_true(fl_frame_listed(list, 2, &line, slice("\n")));
  assert_false(fl_frame_listed(list, 1, &line, slice("\n")));
  assert_false(fl_frame_listed(list, 2, &line, slice("pin\n")));
  assert_false(fl_frame_listed(list, 2, &line, slice("pings\n")));
  assert_false(fl_frame_listed(NULL, 0, &line, slice("\n")));
}

/* -- requests that wait to be sent again -- */

static void retries_are_kept_by_client_in_order(void **state) {
  (void)state;
  struct fl_list retries;
  const struct fl_client *one = (const struct fl_client *)(uintptr_t)1;
  const struct fl_client *two = (const struct fl_client *)(uintptr_t)2;
  fl_list_init(&retries);
  assert_true(fl_retry_due(&retries, one) == FL_NEVER);
  fl_time behind = 5;
  assert_true(fl_retry_take(&retries, one, &behind) == 0 && behind == 5);
  assert_true(fl_retry_add(&retries, one, 30, 3));
  assert_true(fl_retry_add(&retries, two, 20, 2));
  assert_true(fl_retry_add(&retries, one, 10, 1)); /* newest first */
  assert_true(fl_retry_due(&retries, one) == 10);
  assert_true(fl_retry_take(&retries, one, &behind) == 10 && behind == 1);
  assert_true(fl_retry_due(&retries, one) == 30);
  fl_retry_forget(&retries, one);
  assert_true(fl_retry_due(&retries, one) == FL_NEVER);
  fl_test_alloc_fail_after(0);
  bool added = fl_retry_add(&retries, one, 10, 1);
  fl_test_alloc_fail_after(-1);
  assert_false(added);
  assert_true(fl_retry_take(&retries, two, &behind) == 20 && behind == 2);
  assert_true(fl_list_empty(&retries));
}

/* -- config.json -- */

static struct fl_config_errors errors;

/* An upstream with these keys; quotation marks are written as apostrophes. */
static struct fl_config *read_config(const char *keys) {
  struct fl_text text = {0};
  FL_TEXT(&text,
          "{'listeners':[{'name':'r','listen':['127.0.0.1:0'],"
          "'mode':'request','upstream':'u'}],"
          "'upstreams':[{'name':'u','servers':['h:1'],",
          keys, "}]}");
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

static void hold_rules(const struct fl_config *config) {
  const struct fl_upstream_config *upstream = &config->upstreams[0];
  assert_int_equal(upstream->rule_count, 3);
  const struct fl_rule *rules = upstream->rules;
  assert_memory_equal(rules[0].match.prefix.bytes, "a\0", 2);
  assert_int_equal(rules[0].match.suffix.size, 1);
  assert_int_equal(rules[0].reply, FL_REPLY_NONE);
  assert_true(rules[0].request_timeout == FL_NEVER);
  assert_int_equal(rules[1].match.offset, 7);
  assert_int_equal(rules[1].match.any_of_count, 2);
  assert_int_equal(rules[1].match.any_of[1].bytes[0], 4);
  assert_true(rules[1].idempotent && !rules[1].deny);
  assert_true(rules[1].request_timeout == 30 * FL_SECOND);
  assert_true(rules[2].deny && !rules[2].idempotent);
  assert_int_equal(rules[2].match.any_of_count, 0);
  assert_int_equal(upstream->unsolicited, FL_UNSOLICITED_DROP);
  assert_int_equal(upstream->ignore_count, 2);
  assert_memory_equal(upstream->ignore[0].bytes, "\0\0", 2);
  assert_int_equal(upstream->ignore[1].size, 0);
}

static void rules_are_read_and_printed(void **state) {
  (void)state;
  struct fl_config *config =
      read_config("'requests':[{'match':{'prefix':'hex:6100','suffix':'?'},"
                  "'reply':'none'},"
                  "{'match':{'offset':7,'any_of':['hex:03','hex:04']},"
                  "'idempotent':true,'request_timeout':'30s'},{'deny':true}],"
                  "'unsolicited':'drop','ignore':['hex:0000','']");
  assert_non_null(config);
  hold_rules(config);
  char *text = fl_config_print(config);
  fl_config_free(config);
  assert_non_null(text);
  config = fl_config_read(slice(text), &errors);
  assert_non_null(config);
  hold_rules(config);
  free(text);
  fl_config_free(config);
}

static void hold_error(const char *keys, const char *path,
                       const char *allowed) {
  assert_null(read_config(keys));
  assert_int_equal(errors.count, 1);
  assert_string_equal(errors.list[0].path, path);
  if (strstr(errors.list[0].allowed, allowed) == NULL)
    fail_msg("%s", errors.list[0].allowed);
  fl_config_errors_free(&errors);
}

static void wrong_rules_are_told(void **state) {
  (void)state;
  hold_error("'requests':{}", "upstreams[0].requests", "an array of");
  hold_error("'requests':[{'reply_':'one'}]", "upstreams[0].requests[0].reply_",
             "\"reply\"");
  hold_error("'requests':[{},{'reply':'two'}]",
             "upstreams[0].requests[1].reply", "\"one\" or \"none\"");
  hold_error("'requests':[{'match':{'any_of':['hex:1']}}]",
             "upstreams[0].requests[0].match.any_of[0]", "at most 16 bytes");
  hold_error("'requests':[{'match':{'any_of':'x'}}]",
             "upstreams[0].requests[0].match.any_of", "an array of");
  hold_error("'ignore':[1]", "upstreams[0].ignore[0]", "hexadecimal");
  hold_error("'requests':[{'request_timeout':'0s'}]",
             "upstreams[0].requests[0].request_timeout", "1ms to 1d");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_match_holds_for_all),
      cmocka_unit_test(prefixes_stand_at_the_start),
      cmocka_unit_test(suffixes_stand_at_the_end),
      cmocka_unit_test(one_of_several_stands_at_an_offset),
      cmocka_unit_test(all_that_is_stated_must_hold),
      cmocka_unit_test(lines_are_matched_without_their_end),
      cmocka_unit_test(the_first_rule_that_matches_decides),
      cmocka_unit_test(listed_frames_are_equal),
      cmocka_unit_test(retries_are_kept_by_client_in_order),
      cmocka_unit_test(rules_are_read_and_printed),
      cmocka_unit_test(wrong_rules_are_told)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
