#include "service/log_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

/* 2026-11-22T07:45:00.123Z */
#define NOW UINT64_C(1795333500123)

static char line[FL_LOG_LINE + 1];

static const char *form(enum fl_log_format format, bool prefixed,
                        const char *message, const struct fl_event *event) {
  struct fl_log_record record = {.time = NOW,
                                 .level = FL_LOG_WARNING,
                                 .area = FL_LOG_CLIENT,
                                 .message = message,
                                 .event = event};
  size_t size = fl_log_line(line, format, prefixed, &record);
  assert_true(size <= FL_LOG_LINE);
  assert_int_equal(line[size - 1], '\n');
  assert_ptr_equal(memchr(line, '\n', size), line + size - 1);
  line[size] = '\0';
  return line;
}

static void assert_field(const char *text, const char *name,
                         const char *value) {
  cJSON *object = cJSON_Parse(text);
  assert_non_null(object);
  const cJSON *field = cJSON_GetObjectItemCaseSensitive(object, name);
  if (value == NULL) {
    assert_null(field);
  } else {
    assert_non_null(field);
    if (cJSON_IsString(field)) {
      assert_string_equal(field->valuestring, value);
    } else {
      char *printed = cJSON_PrintUnformatted(field);
      assert_string_equal(printed, value);
      cJSON_free(printed);
    }
  }
  cJSON_Delete(object);
}

static void text_has_time_level_and_area(void **state) {
  (void)state;
  assert_string_equal(form(FL_LOG_TEXT, false, "a: b", NULL),
                      "2026-11-22T07:45:00.123Z warning client a: b\n");
  assert_string_equal(form(FL_LOG_TEXT, true, "a: b", NULL),
                      "<4>client a: b\n");
}

static void times_are_dates(void **state) {
  static const struct {
    uint64_t time;
    const char *text;
  } cases[] = {{0, "1970-01-01T00:00:00.000Z"},
               {UINT64_C(951782400001), "2000-02-29T00:00:00.001Z"},
               {UINT64_C(4107542399999), "2100-02-28T23:59:59.999Z"},
               {UINT64_C(4107542400000), "2100-03-01T00:00:00.000Z"}};
  char text[FL_LOG_STAMP];
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_string_equal(fl_log_stamp(cases[i].time, text), cases[i].text);
}

/* Bytes that would move a cursor, end a line, or are no UTF-8. */
static void bytes_of_others_are_tamed(void **state) {
  static const struct {
    const char *bytes;
    const char *text;
    const char *json;
  } cases[] = {
      {"a\nb\x7f", "a\\x0ab\\x7f", "a\\\\x0ab\\\\x7f"},
      {"\"\\", "\"\\", "\\\"\\\\"},
      {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
       "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
       "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"\xc2\x9b", "\\xc2\\x9b", "\\\\xc2\\\\x9b"},
      {"\xc0\xaf\xff", "\\xc0\\xaf\\xff", "\\\\xc0\\\\xaf\\\\xff"},
      {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\\\xed\\\\xa0\\\\x80"},
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80",
       "\\\\xf4\\\\x90\\\\x80\\\\x80"},
      {"\xe2\x82", "\\xe2\\x82", "\\\\xe2\\\\x82"},
  };
  char text[64];
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (int json = 0; json < 2; json++) {
      size_t size = fl_log_escape(text, sizeof text, cases[i].bytes, json);
      text[size] = '\0';
      assert_string_equal(text, json ? cases[i].json : cases[i].text);
    }
}

static void what_is_too_long_is_cut(void **state) {
  char text[16];
  (void)state;
  size_t size = fl_log_escape(text, 10, "0123456789abc", false);
  assert_int_equal(size, 10);
  assert_memory_equal(text, "0123456...", 10);
  size = fl_log_escape(text, 8, "abc\xc3\xa4\xc3\xa4\xc3\xa4", false);
  assert_memory_equal(text, "abc\xc3\xa4...", size);
}

/* Every byte there is, at the greatest length. */
static void json_is_valid_whatever_comes(void **state) {
  char message[9000];
  char name[600];
  (void)state;
  for (size_t i = 0; i < sizeof message - 1; i++)
    message[i] = (char)(1 + i * 7 % 255);
  message[sizeof message - 1] = '\0';
  memset(name, '"', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  struct fl_event event = {.kind = FL_EVENT_CLIENT_CLOSED,
                           .reason = FL_BAD_FRAME,
                           .listener = name,
                           .upstream = name,
                           .server = name,
                           .peer = {.family = FL_ADDR_IP6, .port = 65535},
                           .bytes_in = UINT64_MAX,
                           .bytes_out = UINT64_MAX,
                           .frames = UINT64_MAX,
                           .duration = UINT64_MAX};
  const char *text = form(FL_LOG_JSON, true, message, &event);
  assert_memory_equal(text, "<4>{", 4);
  assert_field(text + 3, "reason", "bad_frame");
  for (size_t at = 0; at < 400; at++)
    assert_field(form(FL_LOG_JSON, false, message + at, &event), "level",
                 "warning");
}

static void json_has_the_fields_of_its_event(void **state) {
  struct fl_event event = {.kind = FL_EVENT_SERVER_DOWN,
                           .reason = FL_CONNECT_REFUSED,
                           .upstream = "plc",
                           .server = "192.0.2.7:502",
                           .retry_in = 87 * FL_MILLISECOND};
  const char *text = form(FL_LOG_JSON, false, "m", &event);
  (void)state;
  assert_field(text, "time", "2026-11-22T07:45:00.123Z");
  assert_field(text, "level", "warning");
  assert_field(text, "area", "client");
  assert_field(text, "message", "m");
  assert_field(text, "event", "server_down");
  assert_field(text, "reason", "connect_refused");
  assert_field(text, "upstream", "plc");
  assert_field(text, "server", "192.0.2.7:502");
  assert_field(text, "retry_in", "0.087");
  assert_field(text, "listener", NULL);
  assert_field(text, "peer", NULL);
  assert_field(text, "bytes_in", NULL);
}

/* As behind `fairlead log-level`. */
static void every_area_is_found_by_its_name(void **state) {
  (void)state;
  for (int i = 0; i < FL_LOG_AREAS; i++) {
    enum fl_log_area area = (enum fl_log_area)i;
    assert_int_equal(fl_log_area(fl_log_area_name(area)), area);
  }
  assert_int_equal(fl_log_area("all"), FL_LOG_AREAS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_has_time_level_and_area),
      cmocka_unit_test(every_area_is_found_by_its_name),
      cmocka_unit_test(times_are_dates),
      cmocka_unit_test(bytes_of_others_are_tamed),
      cmocka_unit_test(what_is_too_long_is_cut),
      cmocka_unit_test(json_is_valid_whatever_comes),
      cmocka_unit_test(json_has_the_fields_of_its_event),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
