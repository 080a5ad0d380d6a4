#include "service/access_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

/* 2026-11-22T07:45:00.123Z */
#define NOW UINT64_C(1795333500123)

static char line[FL_ACCESS_LINE + 1];

static const struct fl_event request = {
    .kind = FL_EVENT_REQUEST_DONE,
    .reason = FL_REQUEST_TIMEOUT,
    .listener = "gateway",
    .upstream = "plc",
    .server = "192.0.2.7:502",
    .peer = {.family = FL_ADDR_IP4, .ip = {192, 0, 2, 9}, .port = 4711},
    .bytes_in = 12,
    .waited = 21,
    .served = 5 * FL_SECOND,
    .duration = 5 * FL_SECOND + 21};

static const char *form(enum fl_log_format format, bool prefixed,
                        const struct fl_event *event) {
  size_t size = fl_access_line(line, format, prefixed, NOW, event);
  assert_true(size <= FL_ACCESS_LINE);
  line[size] = '\0';
  return line;
}

static void a_request_as_text(void **state) {
  (void)state;
  assert_string_equal(form(FL_LOG_TEXT, false, &request),
                      "2026-11-22T07:45:00.123Z gateway 192.0.2.9:4711 request "
                      "outcome=request_timeout upstream=plc "
                      "server=192.0.2.7:502 waited=0.000021 served=5.000000 "
                      "duration=5.000021 bytes_in=12 bytes_out=0\n");
}

static void a_connection_as_text(void **state) {
  struct fl_event event = request;
  (void)state;
  event.kind = FL_EVENT_CLIENT_CLOSED;
  event.frames = UINT64_MAX;
  assert_string_equal(form(FL_LOG_TEXT, true, &event),
                      "<6>2026-11-22T07:45:00.123Z gateway 192.0.2.9:4711 "
                      "connection reason=request_timeout duration=5.000021 "
                      "bytes_in=12 bytes_out=0 "
                      "frames=18446744073709551615\n");
  event.raw = true;
  assert_null(strstr(form(FL_LOG_TEXT, true, &event), "frames"));
}

static void a_request_as_json(void **state) {
  (void)state;
  assert_string_equal(
      form(FL_LOG_JSON, false, &request),
      "{\"time\":\"2026-11-22T07:45:00.123Z\",\"of\":\"request\","
      "\"listener\":\"gateway\",\"peer\":\"192.0.2.9:4711\","
      "\"outcome\":\"request_timeout\",\"upstream\":\"plc\","
      "\"server\":\"192.0.2.7:502\",\"waited\":0.000021,"
      "\"served\":5.000000,\"duration\":5.000021,\"bytes_in\":12,"
      "\"bytes_out\":0}\n");
}

/* The longest names, and numbers, have room. */
static void the_longest_line_fits(void **state) {
  char name[1000];
  (void)state;
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  struct fl_event event = request;
  event.listener = event.upstream = event.server = name;
  event.bytes_in = event.bytes_out = UINT64_MAX;
  event.waited = event.served = event.duration = UINT64_MAX;
  cJSON *object = cJSON_Parse(form(FL_LOG_JSON, false, &event));
  assert_non_null(object);
  cJSON_Delete(object);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_as_text),
      cmocka_unit_test(a_connection_as_text),
      cmocka_unit_test(a_request_as_json),
      cmocka_unit_test(the_longest_line_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
