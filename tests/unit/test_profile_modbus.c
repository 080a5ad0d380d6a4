/* Modbus TCP: frames, exceptions, reads and writes. */
#include "core/profile_modbus.h"

#include "core/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static const struct fl_framing *framing(void) {
  return &fl_profile_modbus_tcp.framing;
}

/* -- frames -- */

static long next(const char *bytes, size_t size) {
  struct fl_framing_state state = {0};
  return fl_framing_next(framing(), &state,
                         (struct fl_slice){(const uint8_t *)bytes, size}, 260);
}

static void frames_are_cut(void **state) {
  (void)state;
  assert_int_equal(next("\1\2\0\0\0\6\1\3\0\0\0\1", 12), 12);
  assert_int_equal(next("\1\2\0\0\0\2\1\3\0\0\0\1", 12), 8);
  for (size_t size = 0; size < 12; size++)
    assert_int_equal(next("\1\2\0\0\0\6\1\3\0\0\0\1", size),
                     FL_FRAMING_PARTIAL);
  char longest[260] = {1, 2, 0, 0, 0, (char)254};
  assert_int_equal(next(longest, sizeof longest), 260);
}

static void what_is_none_is_told_at_once(void **state) {
  (void)state;
  assert_int_equal(next("\1\2\1", 3), FL_FRAME_BAD);
  assert_int_equal(next("\1\2\0\1", 4), FL_FRAME_BAD);
  assert_int_equal(next("\1\2\0\0\1", 5), FL_FRAME_BAD);
  assert_int_equal(next("\1\2\0\0\0\1", 6), FL_FRAME_BAD);
  assert_int_equal(next("\1\2\0\0\0\0", 6), FL_FRAME_BAD);
  assert_int_equal(next("\1\2\0\0\0\xff", 6), FL_FRAME_BAD);
}

/* -- requests -- */

static bool reads(const char *bytes, size_t size) {
  return fl_profile_reads(FL_PROFILE_MODBUS_TCP,
                          (struct fl_slice){(const uint8_t *)bytes, size});
}

static void reads_are_known(void **state) {
  static const uint8_t known[] = {1, 2, 3, 4, 7, 11, 12, 17, 20, 24};
  (void)state;
  for (int code = 0; code < 256; code++) {
    const char frame[] = {0, 0, 0, 0, 0, 3, 1, (char)code, 0};
    bool expected = memchr(known, code, sizeof known) != NULL;
    assert_true(reads(frame, sizeof frame) == expected);
    assert_true(reads(frame, 8) == expected);
  }
  assert_true(reads("\0\0\0\0\0\5\1\x2b\x0e\1\0", 11));
  assert_false(reads("\0\0\0\0\0\5\1\x2b\x0d\1\0", 11));
  assert_false(fl_profile_reads(FL_PROFILE_NONE, (struct fl_slice){0}));
}

/* -- exceptions -- */

static void every_reason_has_an_exception(void **state) {
  (void)state;
  for (int i = 1; i < FL_REASON_COUNT; i++)
    if (fl_modbus_exception((enum fl_reason)i, false) == 0)
      fail_msg("%s has no code", fl_reason_name((enum fl_reason)i));
  assert_int_equal(fl_modbus_exception(FL_OK, false), 0);
  assert_int_equal(fl_modbus_exception(FL_ACQUIRE_TIMEOUT, false), 0x0a);
  assert_int_equal(fl_modbus_exception(FL_ACQUIRE_TIMEOUT, true), 0x06);
  assert_int_equal(fl_modbus_exception(FL_CONNECT_REFUSED, true), 0x0a);
  assert_int_equal(fl_modbus_exception(FL_REQUEST_TIMEOUT, true), 0x0b);
  assert_int_equal(fl_modbus_exception(FL_UPSTREAM_RETIRED, true), 0x0b);
  assert_int_equal(fl_modbus_exception(FL_UPSTREAM_RESET, true), 0x0b);
  assert_int_equal(fl_modbus_exception(FL_TOO_MANY_WAITERS, true), 0x06);
  assert_int_equal(fl_modbus_exception(FL_OUT_OF_MEMORY, true), 0x06);
  assert_int_equal(fl_modbus_exception(FL_SHUTDOWN, true), 0x06);
  assert_int_equal(fl_modbus_exception(FL_DENIED, true), 0x01);
}

static void an_exception_has_the_requests_head(void **state) {
  const uint8_t head[] = {7, 8, 0, 0, 0, 6, 17, 3};
  uint8_t reply[FL_ERROR_REPLY_MAX];
  struct fl_failed failed = {.reason = FL_REQUEST_TIMEOUT, .head = {head, 8}};
  (void)state;
  assert_int_equal(fl_framing_error(framing(), &failed, reply), 9);
  assert_memory_equal(reply, "\7\x8\0\0\0\3\x11\x83\x0b", 9);
  failed.head.size = 7;
  assert_int_equal(fl_framing_error(framing(), &failed, reply), 0);
}

/* -- on a gateway -- */

static int setup(void **state) {
  (void)state;
  fl_outside_init(&out);
  out.upstream.profile = FL_PROFILE_MODBUS_TCP;
  out.upstream.framing = out.upstream.reply_framing = *framing();
  out.upstream.pair = fl_profile_modbus_tcp.pair;
  out.upstream.rules = (struct fl_rule *)fl_profile_modbus_tcp.rules;
  out.upstream.rule_count = fl_profile_modbus_tcp.rule_count;
  out.upstream.pool.max_size = 1;
  out.listeners[1].framing = *framing();
  return 0;
}

static void feed(struct fl_sock *sock, const char *bytes, size_t size) {
  fl_conn_data(sock->conn, (struct fl_slice){(const uint8_t *)bytes, size},
               out.now);
  fl_outside_turn(&out);
}
#define FEED(sock, text) feed((sock), (text), sizeof(text) - 1)

static void hold(struct fl_sock *sock, const char *bytes, size_t size) {
  size_t sent = sock->sent_size;
  assert_int_equal(sent, size);
  assert_memory_equal(fl_outside_sent(sock), bytes, size);
}
#define EXPECT(sock, text) hold((sock), (text), sizeof(text) - 1)

#define READ "\x12\x34\0\0\0\6\x11\3\0\0\0\1"
#define WRITE "\x12\x35\0\0\0\6\x11\6\0\0\0\1"

static void a_timeout_is_told_and_the_client_stays(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  FEED(client, READ);
  struct fl_sock *server = stand(0);
  EXPECT(server, "\0\0\0\0\0\6\x11\3\0\0\0\1");
  fl_outside_pass(&out, out.upstream.request_timeout);
  EXPECT(client, "\x12\x34\0\0\0\3\x11\x83\x0b");
  assert_false(client->closing || client->shut || server->closing);
  FEED(client, WRITE);
  EXPECT(server, "\0\1\0\0\0\6\x11\6\0\0\0\1");
  FEED(server, "\0\0\0\0\0\5\x11\3\2\0\1" /* the late one */
               "\0\1\0\0\0\6\x11\6\0\0\0\1");
  EXPECT(client, WRITE);
}

static void reads_are_sent_again_and_writes_are_not(void **state) {
  (void)state;
  out.upstream.in_flight = 2;
  fl_outside_start(&out);
  struct fl_sock *reader = fl_outside_accept(&out, 1);
  struct fl_sock *writer = fl_outside_accept(&out, 1);
  FEED(reader, READ);
  FEED(writer, WRITE);
  struct fl_sock *server = stand(0);
  fl_outside_finish(&out, server, FL_PEER_RESET);
  EXPECT(writer, "\x12\x35\0\0\0\3\x11\x86\x0b");
  EXPECT(reader, "");
  fl_outside_pass(&out, FL_SECOND);
  server = stand(1);
  assert_int_equal(server->sent_size, 12);
  char reply[] = "\0\0\0\0\0\5\x11\3\2\0\1";
  memcpy(reply, fl_outside_sent(server), 2);
  feed(server, reply, sizeof reply - 1);
  EXPECT(reader, "\x12\x34\0\0\0\5\x11\3\2\0\1");
}

static void without_a_path_that_is_said(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  FEED(client, READ);
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_CONNECT_REFUSED);
  fl_outside_pass(&out, out.upstream.pool.acquire_timeout);
  EXPECT(client, "\x12\x34\0\0\0\3\x11\x83\x0a");
  assert_false(client->closing || client->shut);
}

static void behind_others_the_server_is_busy(void **state) {
  (void)state;
  out.upstream.request_timeout = 4 * out.upstream.pool.acquire_timeout;
  fl_outside_start(&out);
  struct fl_sock *first = fl_outside_accept(&out, 1);
  struct fl_sock *second = fl_outside_accept(&out, 1);
  FEED(first, READ);
  FEED(second, WRITE);
  stand(0);
  fl_outside_pass(&out, out.upstream.pool.acquire_timeout);
  EXPECT(second, "\x12\x35\0\0\0\3\x11\x86\x06");
  EXPECT(first, "");
  fl_outside_stop(&out, FL_STOP_NOW);
  EXPECT(first, "\x12\x34\0\0\0\3\x11\x83\x06");
}

static void read_only_denies_writes(void **state) {
  (void)state;
  out.listeners[1].read_only = true;
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  FEED(client, WRITE READ);
  EXPECT(client, "\x12\x35\0\0\0\3\x11\x86\x01");
  EXPECT(stand(0), "\0\0\0\0\0\6\x11\3\0\0\0\1");
}

static void another_protocol_ends_the_stream(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  FEED(client, READ);
  struct fl_sock *server = stand(0);
  FEED(server, "\0\0\0\1");
  assert_true(server->closing);
  EXPECT(client, "\x12\x34\0\0\0\3\x11\x83\x0b");
  assert_int_equal(
      fl_gateway_metrics(out.gateway)->upstream_closed[FL_BAD_REPLY], 1);
  FEED(client, "GET / HTTP/1.1\r\n");
  EXPECT(client, "");
  assert_true(client->shut);
  assert_int_equal(
      fl_gateway_metrics(out.gateway)->requests_failed[FL_BAD_FRAME], 1);
}

/* -- config.json -- */

static struct fl_config *read_config(const char *listener, const char *upstream,
                                     struct fl_config_errors *errors) {
  char json[1024];
  int size = snprintf(json, sizeof json,
                      "{\"listeners\":[{\"name\":\"l\",\"listen\":"
                      "[\"127.0.0.1:0\"],\"mode\":\"request\","
                      "\"upstream\":\"u\"%s}],\"upstreams\":[{\"name\":\"u\","
                      "\"servers\":[\"h:502\"]%s}]}",
                      listener, upstream);
  return fl_config_read((struct fl_slice){(const uint8_t *)json, (size_t)size},
                        errors);
}

#define PROFILE ",\"profile\":\"modbus-tcp\""

static void hold_preset(const struct fl_config *config) {
  const struct fl_upstream_config *upstream = &config->upstreams[0];
  assert_int_equal(upstream->framing.profile, FL_PROFILE_MODBUS_TCP);
  assert_int_equal(upstream->reply_framing.profile, FL_PROFILE_MODBUS_TCP);
  assert_int_equal(config->listeners[0].framing.profile, FL_PROFILE_MODBUS_TCP);
  assert_int_equal(upstream->framing.type, FL_FRAMING_LENGTH);
  assert_int_equal(upstream->framing.length.offset, 4);
  assert_int_equal(upstream->max_frame, 260);
  assert_int_equal(upstream->pair.by, FL_PAIR_ID);
  assert_int_equal(upstream->pair.width, 2);
  assert_int_equal(upstream->rule_count, 1);
  assert_true(upstream->rules[0].idempotent);
  assert_int_equal(upstream->rules[0].match.any_of_count, 11);
  assert_true(config->listeners[0].read_only);
}

static void the_preset_is_filled_in_and_printed(void **state) {
  struct fl_config_errors errors;
  struct fl_config *config =
      read_config(",\"read_only\":true", PROFILE, &errors);
  (void)state;
  assert_non_null(config);
  hold_preset(config);
  char *text = fl_config_print(config);
  fl_config_free(config);
  assert_non_null(strstr(text, "\"modbus-tcp\""));
  assert_non_null(strstr(text, "\"hex:2b0e\""));
  config = fl_config_read(
      (struct fl_slice){(const uint8_t *)text, strlen(text)}, &errors);
  assert_non_null(config);
  hold_preset(config);
  fl_config_free(config);
  free(text);
}

static void what_the_file_states_holds(void **state) {
  struct fl_config_errors errors;
  struct fl_config *config =
      read_config("",
                  PROFILE ",\"requests\":[],\"max_frame\":\"512B\",\"pair\":"
                          "{\"by\":\"order\"},\"framing\":{\"type\":\"length\","
                          "\"length_width\":2}",
                  &errors);
  (void)state;
  assert_non_null(config);
  const struct fl_upstream_config *upstream = &config->upstreams[0];
  assert_int_equal(upstream->rule_count, 0);
  assert_int_equal(upstream->max_frame, 512);
  assert_int_equal(upstream->pair.by, FL_PAIR_ORDER);
  assert_int_equal(upstream->framing.length.offset, 0);
  assert_int_equal(upstream->framing.profile, FL_PROFILE_NONE);
  fl_config_free(config);
}

static void read_only_needs_a_profile(void **state) {
  struct fl_config_errors errors;
  (void)state;
  assert_null(read_config(",\"read_only\":true", "", &errors));
  assert_int_equal(errors.count, 1);
  assert_string_equal(errors.list[0].path, "listeners[0].read_only");
  fl_config_errors_free(&errors);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_scene)
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(frames_are_cut),
      cmocka_unit_test(what_is_none_is_told_at_once),
      cmocka_unit_test(reads_are_known),
      cmocka_unit_test(every_reason_has_an_exception),
      cmocka_unit_test(an_exception_has_the_requests_head),
      TEST(a_timeout_is_told_and_the_client_stays),
      TEST(reads_are_sent_again_and_writes_are_not),
      TEST(without_a_path_that_is_said),
      TEST(behind_others_the_server_is_busy),
      TEST(read_only_denies_writes),
      TEST(another_protocol_ends_the_stream),
      cmocka_unit_test(the_preset_is_filled_in_and_printed),
      cmocka_unit_test(what_the_file_states_holds),
      cmocka_unit_test(read_only_needs_a_profile)};
#undef TEST
  return cmocka_run_group_tests(tests, NULL, NULL);
}
