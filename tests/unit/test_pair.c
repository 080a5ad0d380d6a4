/* Pairing by id, on a whole gateway. Frames are lines whose first two bytes
   are the id, for lines can carry errors; no id here is ever an LF. */
#include "core/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static int setup(void **state) {
  (void)state;
  fl_outside_init(&out);
  out.upstream.pool.max_size = 1;
  out.upstream.in_flight = 4;
  out.upstream.pair = (struct fl_pair){.by = FL_PAIR_ID, .width = 2};
  return 0;
}

/* A frame with this id and a text that ends with LF. */
static struct fl_slice frame(unsigned id, const char *text) {
  static uint8_t bytes[64];
  size_t size = strlen(text);
  bytes[0] = (uint8_t)(id >> 8);
  bytes[1] = (uint8_t)id;
  memcpy(bytes + 2, text, size);
  return (struct fl_slice){bytes, size + 2};
}

static void give(struct fl_sock *sock, unsigned id, const char *text) {
  fl_conn_data(sock->conn, frame(id, text), out.now);
  fl_outside_turn(&out);
}

static struct fl_sock *ask_as(unsigned id, const char *text) {
  struct fl_sock *client = fl_outside_accept(&out, 1);
  give(client, id, text);
  return client;
}

/* Exactly this frame was sent, next. */
static void expect(struct fl_sock *sock, unsigned id, const char *text) {
  struct fl_slice expected = frame(id, text);
  assert_true(sock->sent_size >= expected.size);
  assert_memory_equal(sock->sent, expected.bytes, expected.size);
  sock->sent_size -= expected.size;
  memmove(sock->sent, sock->sent + expected.size, sock->sent_size + 1);
}

static void expect_text(struct fl_sock *sock, const char *text) {
  size_t size = strlen(text);
  assert_true(sock->sent_size >= size);
  assert_memory_equal(sock->sent, text, size);
  sock->sent_size -= size;
  memmove(sock->sent, sock->sent + size, sock->sent_size + 1);
}

static void expect_no_more(const struct fl_sock *sock) {
  assert_int_equal(sock->sent_size, 0);
}

static void ids_are_numbers_of_any_width(void **state) {
  (void)state;
  static const uint64_t ids[] = {0, 0x01, 0x80, 0x0102030405060708, UINT64_MAX};
  uint8_t bytes[12];
  for (uint32_t width = 1; width <= 8; width++)
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
      struct fl_pair pair = {.by = FL_PAIR_ID, .offset = 3, .width = width};
      uint64_t max = fl_pair_id_max(&pair);
      assert_true(max ==
                  (width == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * width) - 1));
      memset(bytes, 0xaa, sizeof bytes);
      fl_pair_put(&pair, bytes, ids[i] & max);
      struct fl_slice whole = {bytes, 3 + width};
      assert_true(fl_pair_id(&pair, whole) == (ids[i] & max));
      assert_int_equal(bytes[2], 0xaa);
      assert_int_equal(bytes[3 + width], 0xaa);
      assert_true(fl_pair_fits(&pair, 3 + width));
      assert_false(fl_pair_fits(&pair, 2 + width));
    }
  struct fl_pair pair = {.by = FL_PAIR_ID, .width = 2};
  fl_pair_put(&pair, bytes, 0x0102);
  assert_memory_equal(bytes, "\x01\x02", 2);
  fl_outside_start(&out);
}

static void equal_ids_of_clients_do_not_meet(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *first = ask_as(0x4142, "a\n");
  struct fl_sock *second = ask_as(0x4142, "b\n");
  struct fl_sock *server = stand(0);
  expect(server, 0, "a\n");
  expect(server, 1, "b\n");
  give(server, 1, "re:b\n");
  expect(second, 0x4142, "re:b\n");
  expect_no_more(first);
  give(server, 0, "re:a\n");
  expect(first, 0x4142, "re:a\n");
  assert_int_equal(metrics()->replies, 2);
}

static void the_ids_place_may_be_anywhere(void **state) {
  (void)state;
  out.upstream.pair.offset = 4;
  fl_outside_start(&out);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  fl_outside_data(&out, client, "headIDtail\n");
  struct fl_sock *server = stand(0);
  assert_int_equal(server->sent_size, 11);
  assert_memory_equal(server->sent, "head\0\0tail\n", 11);
  fl_conn_data(server->conn,
               (struct fl_slice){(const uint8_t *)"HEAD\0\0\n", 7}, out.now);
  fl_outside_turn(&out);
  assert_string_equal(fl_outside_sent(client), "HEADID\n");
}

static void replies_that_overtake_wait_for_their_client_only(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *one = fl_outside_accept(&out, 1);
  give(one, 7, "a\n");
  struct fl_sock *server = stand(0);
  give(one, 8, "b\n");
  struct fl_sock *other = ask_as(9, "c\n");
  give(one, 11, "d\n");
  give(server, 3, "re:d\n");
  give(server, 1, "re:b\n");
  expect_no_more(one);
  give(server, 2, "re:c\n");
  expect(other, 9, "re:c\n");
  expect_no_more(one);
  assert_int_equal(metrics()->replies, 1);
  give(server, 0, "re:a\n");
  expect(one, 7, "re:a\n");
  expect(one, 8, "re:b\n");
  expect(one, 11, "re:d\n");
  assert_int_equal(metrics()->replies, 4);
  assert_false(server->closing);
}

static void a_reply_may_be_cut_anywhere(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  struct fl_slice reply = frame(0, "re:a\n");
  for (size_t i = 0; i < reply.size; i++) {
    fl_conn_data(server->conn, (struct fl_slice){reply.bytes + i, 1}, out.now);
    fl_outside_turn(&out);
  }
  expect(client, 7, "re:a\n");
}

static void a_late_reply_is_dropped_and_the_connection_goes_on(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *first = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 3 * FL_SECOND);
  struct fl_sock *second = ask_as(7, "b\n");
  fl_outside_pass(&out, 2 * FL_SECOND);
  expect_text(first, "ERROR request_timeout\n");
  expect_no_more(second);
  give(server, 0, "re:a\n");
  expect_no_more(first);
  assert_int_equal(metrics()->replies_dropped, 1);
  give(server, 1, "re:b\n");
  expect(second, 7, "re:b\n");
  give(first, 8, "c\n");
  give(server, 2, "re:c\n");
  expect(first, 8, "re:c\n");
  assert_false(server->closing);
}

static void a_late_reply_to_an_idle_connection_is_dropped(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 5 * FL_SECOND);
  expect_text(client, "ERROR request_timeout\n");
  give(server, 0, "re:a\n");
  assert_false(server->closing);
  give(server, 0, "re:a\n"); /* nothing is remembered any more */
  assert_true(server->closing && server->reset);
  assert_int_equal(metrics()->upstream_closed[FL_UNEXPECTED_DATA], 1);
  expect_no_more(client);
}

static void a_timeout_is_told_in_its_turn(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 1 * FL_SECOND);
  give(client, 8, "b\n");
  give(client, 9, "c\n");
  give(server, 1, "re:b\n");
  expect_no_more(client);
  fl_outside_pass(&out, 4 * FL_SECOND);
  expect_text(client, "ERROR request_timeout\n");
  expect(client, 8, "re:b\n");
  expect_no_more(client);
  give(server, 2, "re:c\n");
  expect(client, 9, "re:c\n");
  assert_false(server->closing);
}

static void three_timeouts_in_a_row_retire(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  for (unsigned i = 0; i < 2; i++) {
    fl_outside_pass(&out, 5 * FL_SECOND);
    expect_text(client, "ERROR request_timeout\n");
    assert_false(server->closing);
    give(client, 7, "b\n");
  }
  give(server, 2, "re:b\n"); /* begins anew */
  expect(client, 7, "re:b\n");
  for (unsigned i = 0; i < 3; i++) {
    assert_false(server->closing);
    give(client, 7, "c\n");
    fl_outside_pass(&out, 5 * FL_SECOND);
    expect_text(client, "ERROR request_timeout\n");
  }
  assert_true(server->closing && server->reset);
  assert_int_equal(metrics()->upstream_closed[FL_REQUEST_TIMEOUT], 1);
}

/* Every second request gets a reply, the others are remembered. */
static void sixty_four_late_replies_are_enough(void **state) {
  (void)state;
  fl_outside_start(&out);
  out.upstream.pair.width = 4;
  struct fl_sock *client = fl_outside_accept(&out, 1);
  struct fl_sock *server = NULL;
  char reply[8] = "\0\0\0\0re\n";
  for (unsigned i = 0; i < 65; i++) {
    fl_outside_data(&out, client, "idIDa\n");
    if (server == NULL)
      server = stand(0);
    assert_false(server->closing);
    fl_outside_pass(&out, 5 * FL_SECOND);
    if (i == 64)
      break;
    fl_outside_data(&out, client, "idIDb\n");
    unsigned id = 2 * i + 1;
    reply[3] = (char)id;
    fl_conn_data(server->conn, (struct fl_slice){(const uint8_t *)reply, 7},
                 out.now);
    fl_outside_turn(&out);
  }
  assert_true(server->closing && server->reset);
  assert_int_equal(metrics()->replies, 64);
  assert_int_equal(metrics()->requests_failed[FL_REQUEST_TIMEOUT], 65);
}

static void on_late_retire_does_so_at_once(void **state) {
  (void)state;
  out.upstream.pair.on_late = FL_LATE_RETIRE;
  fl_outside_start(&out);
  struct fl_sock *first = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  struct fl_sock *second = ask_as(8, "b\n");
  fl_outside_pass(&out, 5 * FL_SECOND);
  assert_true(server->closing && server->reset);
  expect_text(first, "ERROR request_timeout\n");
  expect_text(second, "ERROR request_timeout\n"); /* as old as the first */
}

static void half_a_request_is_no_request_to_remember(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_as(7, "a\n");
  struct fl_sock *server = fl_outside_connect(&out, 0);
  server->window = 3;
  fl_outside_connected(&out, server, FL_OK);
  fl_outside_pass(&out, 5 * FL_SECOND);
  expect_text(client, "ERROR request_timeout\n");
  assert_true(server->closing && server->reset);
}

static void an_unknown_id_retires(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_as(0x4142, "a\n");
  struct fl_sock *server = stand(0);
  give(server, 0x4142, "re:a\n");
  assert_true(server->closing && server->reset);
  expect_text(client, "ERROR unknown_id\n");
  assert_int_equal(metrics()->upstream_closed[FL_UNKNOWN_ID], 1);
}

static void a_repeated_reply_retires(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *first = ask_as(7, "a\n");
  struct fl_sock *second = ask_as(8, "b\n");
  struct fl_sock *server = stand(0);
  give(server, 0, "re:a\n");
  give(server, 0, "re:a\n");
  expect(first, 7, "re:a\n");
  expect_text(second, "ERROR unknown_id\n");
  assert_true(server->closing && server->reset);
}

/* The reply of "b" is kept; it is delivered once, behind the error of "a". */
static void a_repeat_of_a_kept_reply_retires(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  give(client, 8, "b\n");
  give(server, 1, "re:b\n");
  give(server, 1, "re:x\n");
  assert_true(server->closing && server->reset);
  expect_text(client, "ERROR unknown_id\n");
  expect(client, 8, "re:b\n");
  expect_no_more(client);
}

static void a_reply_too_short_for_an_id_retires(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "\n");
  assert_true(server->closing && server->reset);
  expect_text(client, "ERROR no_id\n");
}

static void a_request_too_short_for_an_id_is_refused_in_turn(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  expect(server, 0, "a\n");
  fl_outside_data(&out, client, "\n");
  expect_no_more(client);
  give(server, 0, "re:a\n");
  expect(client, 7, "re:a\n");
  expect_text(client, "ERROR no_id\n");
  expect_no_more(server);
  give(client, 8, "b\n");
  expect(server, 1, "b\n");
}

static void a_request_that_comes_back_has_its_own_id(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *first = ask_as(7, "a\n");
  struct fl_sock *second = ask_as(0x4142, "b\n");
  struct fl_sock *third = ask_as(0x4344, "c\n");
  struct fl_sock *server = fl_outside_connect(&out, 0);
  server->window = 3;
  fl_outside_connected(&out, server, FL_OK);
  fl_outside_finish(&out, server, FL_PEER_RESET);
  expect_text(first, "ERROR upstream_reset\n");
  fl_outside_pass(&out, 2 * FL_SECOND);
  server = stand(1);
  expect(server, 0, "b\n");
  expect(server, 1, "c\n");
  give(server, 1, "re:c\n");
  give(server, 0, "re:b\n");
  expect(second, 0x4142, "re:b\n");
  expect(third, 0x4344, "re:c\n");
  assert_int_equal(metrics()->requests_resent, 2);
}

static void replies_to_clients_that_left_are_dropped(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *leaver = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  give(leaver, 8, "b\n");
  struct fl_sock *other = ask_as(9, "c\n");
  give(server, 1, "re:b\n");
  fl_outside_finish(&out, leaver, FL_PEER_RESET);
  assert_int_equal(metrics()->replies_dropped, 1);
  give(server, 0, "re:a\n");
  assert_int_equal(metrics()->replies_dropped, 2);
  give(server, 2, "re:c\n");
  expect(other, 9, "re:c\n");
  assert_false(server->closing);
  assert_int_equal(metrics()->requests_abandoned, 2);
}

static void the_peers_end_costs_no_kept_reply(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  give(client, 8, "b\n");
  give(server, 1, "re:b\n");
  fl_outside_finish(&out, server, FL_PEER_CLOSED);
  expect_text(client, "ERROR upstream_closed\n");
  expect(client, 8, "re:b\n");
  expect_no_more(client);
}

static void a_stop_waits_for_all_replies(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  give(client, 8, "b\n");
  fl_outside_stop(&out, FL_STOP_REQUESTS);
  give(server, 1, "re:b\n");
  assert_false(client->closing);
  give(server, 0, "re:a\n");
  expect(client, 7, "re:a\n");
  expect(client, 8, "re:b\n");
}

static void a_stop_at_once_delivers_what_is_kept(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask_as(7, "a\n");
  struct fl_sock *server = stand(0);
  give(client, 8, "b\n");
  give(server, 1, "re:b\n");
  fl_outside_stop(&out, FL_STOP_NOW);
  expect_text(client, "ERROR shutdown\n");
  expect(client, 8, "re:b\n");
  expect_no_more(client);
}

/* 600 requests over 256 ids, one of which is never answered. */
static void ids_of_one_byte_wrap_round(void **state) {
  (void)state;
  out.upstream.pair.width = 1;
  out.upstream.framing = out.listeners[1].framing =
      (struct fl_framing){.type = FL_FRAMING_FIXED, .fixed = {.size = 2}};
  out.upstream.reply_framing = out.upstream.framing;
  out.upstream.request_timeout = 1000 * FL_SECOND;
  fl_outside_start(&out);
  fl_outside_data(&out, fl_outside_accept(&out, 1), "??");
  struct fl_sock *server = stand(0);
  uint8_t held = (uint8_t)server->sent[0];
  fl_outside_sent(server);
  struct fl_sock *client = fl_outside_accept(&out, 1);
  bool seen[256] = {0};
  unsigned different = 0;
  for (unsigned i = 0; i < 600; i++) {
    fl_outside_data(&out, client, "Xa");
    assert_int_equal(server->sent_size, 2);
    uint8_t id = (uint8_t)server->sent[0];
    fl_outside_sent(server);
    assert_int_not_equal(id, held);
    different += !seen[id];
    seen[id] = true;
    uint8_t reply[2] = {id, 'r'};
    fl_conn_data(server->conn, (struct fl_slice){reply, 2}, out.now);
    fl_outside_turn(&out);
    assert_string_equal(fl_outside_sent(client), "Xr");
  }
  assert_int_equal(different, 255);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_scene)
  const struct CMUnitTest tests[] = {
      TEST(ids_are_numbers_of_any_width),
      TEST(equal_ids_of_clients_do_not_meet),
      TEST(the_ids_place_may_be_anywhere),
      TEST(replies_that_overtake_wait_for_their_client_only),
      TEST(a_reply_may_be_cut_anywhere),
      TEST(a_late_reply_is_dropped_and_the_connection_goes_on),
      TEST(a_late_reply_to_an_idle_connection_is_dropped),
      TEST(a_timeout_is_told_in_its_turn),
      TEST(three_timeouts_in_a_row_retire),
      TEST(sixty_four_late_replies_are_enough),
      TEST(on_late_retire_does_so_at_once),
      TEST(half_a_request_is_no_request_to_remember),
      TEST(an_unknown_id_retires),
      TEST(a_repeated_reply_retires),
      TEST(a_repeat_of_a_kept_reply_retires),
      TEST(a_reply_too_short_for_an_id_retires),
      TEST(a_request_too_short_for_an_id_is_refused_in_turn),
      TEST(a_request_that_comes_back_has_its_own_id),
      TEST(replies_to_clients_that_left_are_dropped),
      TEST(the_peers_end_costs_no_kept_reply),
      TEST(a_stop_waits_for_all_replies),
      TEST(a_stop_at_once_delivers_what_is_kept),
      TEST(ids_of_one_byte_wrap_round)};
#undef TEST
  return cmocka_run_group_tests(tests, NULL, NULL);
}
