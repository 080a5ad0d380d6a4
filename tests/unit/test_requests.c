/* What rules, `ignore` and `unsolicited` do, on a whole gateway. */
#include "core/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

#include "alloc.h"

static struct fl_rule rules[4];
static struct fl_bytes ignored[] = {{4, "noop"}};

/* The rule for requests that begin with this byte. */
static struct fl_rule *rule(char first) {
  struct fl_rule *added = &rules[out.upstream.rule_count++];
  *added = (struct fl_rule){.request_timeout = FL_NEVER};
  added->match.prefix.size = 1;
  added->match.prefix.bytes[0] = (uint8_t)first;
  out.upstream.rules = rules;
  return added;
}

static int setup(void **state) {
  (void)state;
  fl_outside_init(&out);
  out.upstream.pool.max_size = 1;
  return 0;
}

#define EXPECT(sock, text) assert_string_equal(fl_outside_sent(sock), text)

/* -- deny -- */

static void a_denied_request_is_answered_and_not_sent(void **state) {
  (void)state;
  rule('w')->deny = true;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\nw1\nr2\n");
  struct fl_sock *server = stand(0);
  EXPECT(server, "r1\n");
  EXPECT(client, "");
  fl_outside_data(&out, server, "one\n");
  EXPECT(client, "one\nERROR denied\n");
  EXPECT(server, "r2\n");
  fl_outside_data(&out, server, "two\n");
  EXPECT(client, "two\n");
  assert_int_equal(metrics()->requests_failed[FL_DENIED], 1);
  assert_int_equal(fl_outside_events(&out, FL_EVENT_REQUEST_FAILED, FL_DENIED),
                   1);
}

static void a_denied_request_needs_no_connection(void **state) {
  (void)state;
  rule('w')->deny = true;
  fl_outside_start(&out);
  EXPECT(ask("w\n"), "ERROR denied\n");
  assert_int_equal(fl_outside_open(&out), 0);
}

/* -- reply: none -- */

static void without_a_reply_it_is_done_once_sent(void **state) {
  (void)state;
  rule('!')->reply = FL_REPLY_NONE;
  fl_outside_start(&out);
  struct fl_sock *client = ask("!a\nb\n!c\nd\n");
  struct fl_sock *server = stand(0);
  EXPECT(server, "!a\nb\n");
  fl_outside_data(&out, server, "re:b\n");
  EXPECT(server, "!c\nd\n");
  EXPECT(client, "re:b\n");
  fl_outside_data(&out, server, "re:d\n");
  EXPECT(client, "re:d\n");
  assert_int_equal(metrics()->requests_sent, 2);
  assert_int_equal(metrics()->replies, 2);
}

static void until_it_has_left_whole_it_is_in_flight(void **state) {
  (void)state;
  rule('!')->reply = FL_REPLY_NONE;
  fl_outside_start(&out);
  struct fl_sock *first = ask("!abc\n");
  struct fl_sock *server = fl_outside_connect(&out, 0);
  server->window = 2;
  fl_outside_connected(&out, server, FL_OK);
  struct fl_sock *second = ask("d\n");
  EXPECT(server, "!a");
  assert_int_equal(metrics()->requests_sent, 0);
  server->window = 100;
  fl_outside_take(&out, server, 3);
  assert_int_equal(metrics()->requests_sent, 1);
  EXPECT(server, "bc\nd\n");
  fl_outside_data(&out, server, "re:d\n");
  EXPECT(second, "re:d\n");
  EXPECT(first, "");
}

static void by_order_the_next_reply_is_the_next_requests(void **state) {
  (void)state;
  rule('!')->reply = FL_REPLY_NONE;
  out.upstream.in_flight = 3;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n!b\nc\n");
  struct fl_sock *server = stand(0);
  EXPECT(server, "a\n!b\nc\n");
  fl_outside_data(&out, server, "re:a\nre:c\n");
  EXPECT(client, "re:a\nre:c\n");
}

static void what_answers_it_retires(void **state) {
  (void)state;
  rule('!')->reply = FL_REPLY_NONE;
  fl_outside_start(&out);
  ask("!a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "OK\n");
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_UNEXPECTED_DATA], 1);
}

static void half_of_it_is_a_failure_that_ends_its_client(void **state) {
  (void)state;
  rule('!')->reply = FL_REPLY_NONE;
  fl_outside_start(&out);
  struct fl_sock *client = ask("!abc\n");
  struct fl_sock *server = fl_outside_connect(&out, 0);
  server->window = 2;
  fl_outside_connected(&out, server, FL_OK);
  fl_outside_finish(&out, server, FL_PEER_RESET);
  EXPECT(client, "");
  assert_true(client->shut);
  assert_int_equal(metrics()->requests_failed[FL_UPSTREAM_RESET], 1);
}

static void the_same_goes_for_one_that_is_refused(void **state) {
  (void)state;
  rule('!')->reply = FL_REPLY_NONE;
  rules[0].deny = true;
  fl_outside_start(&out);
  struct fl_sock *client = ask("!a\nb\n");
  EXPECT(client, "");
  assert_true(client->shut);
}

static void request_gap_holds_after_it(void **state) {
  (void)state;
  rule('!')->reply = FL_REPLY_NONE;
  out.upstream.request_gap = FL_SECOND;
  fl_outside_start(&out);
  ask("!a\nb\n");
  struct fl_sock *server = stand(0);
  EXPECT(server, "!a\n");
  fl_outside_pass(&out, FL_SECOND - 1);
  EXPECT(server, "");
  fl_outside_pass(&out, 1);
  EXPECT(server, "b\n");
}

/* -- idempotent -- */

static void an_idempotent_request_is_sent_once_more(void **state) {
  (void)state;
  rule('r')->idempotent = true;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\nw2\n");
  struct fl_sock *first = stand(0);
  EXPECT(first, "r1\n");
  fl_outside_finish(&out, first, FL_PEER_RESET);
  fl_outside_pass(&out, 2 * FL_SECOND);
  struct fl_sock *second = stand(1);
  EXPECT(second, "r1\n");
  EXPECT(client, "");
  fl_outside_data(&out, second, "one\n");
  EXPECT(client, "one\n");
  EXPECT(second, "w2\n");
  assert_int_equal(metrics()->requests_repeated, 1);
  assert_int_equal(metrics()->requests, 2);
  fl_outside_finish(&out, second, FL_PEER_RESET);
  EXPECT(client, "ERROR upstream_reset\n"); /* w2 */
}

static void but_not_twice(void **state) {
  (void)state;
  rule('r')->idempotent = true;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\n");
  fl_outside_finish(&out, stand(0), FL_PEER_RESET);
  fl_outside_pass(&out, 2 * FL_SECOND);
  struct fl_sock *second = stand(1);
  EXPECT(second, "r1\n");
  fl_outside_finish(&out, second, FL_PEER_RESET);
  EXPECT(client, "ERROR upstream_reset\n");
}

static void nor_after_its_own_deadline(void **state) {
  (void)state;
  rule('r')->idempotent = true;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\n");
  stand(0);
  fl_outside_pass(&out, 5 * FL_SECOND);
  EXPECT(client, "ERROR request_timeout\n");
  assert_int_equal(metrics()->requests_repeated, 0);
}

static void both_times_share_request_timeout(void **state) {
  (void)state;
  rule('r')->idempotent = true;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\n");
  struct fl_sock *first = stand(0);
  fl_outside_pass(&out, 3 * FL_SECOND);
  fl_outside_finish(&out, first, FL_PEER_CLOSED);
  struct fl_sock *second = stand(1);
  EXPECT(second, "r1\n");
  fl_outside_pass(&out, 2 * FL_SECOND - 1);
  EXPECT(client, "");
  fl_outside_pass(&out, 1);
  EXPECT(client, "ERROR request_timeout\n");
}

static void it_waits_no_longer_than_request_timeout(void **state) {
  (void)state;
  out.upstream.connect_timeout = 60 * FL_SECOND;
  rule('r')->idempotent = true;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\nx\n");
  struct fl_sock *first = stand(0);
  fl_outside_pass(&out, FL_SECOND);
  fl_outside_finish(&out, first, FL_PEER_RESET);
  fl_outside_pass(&out, 4 * FL_SECOND - 1);
  EXPECT(client, "");
  fl_outside_pass(&out, 1);
  EXPECT(client, "ERROR request_timeout\n");
  EXPECT(stand(1), "x\n"); /* with a deadline of its own */
  fl_outside_pass(&out, 5 * FL_SECOND - 1);
  EXPECT(client, "");
  fl_outside_pass(&out, 1);
  EXPECT(client, "ERROR request_timeout\n");
}

static void nor_than_acquire_timeout(void **state) {
  (void)state;
  rule('r')->idempotent = true;
  out.upstream.pool.acquire_timeout = 2 * FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\n");
  struct fl_sock *first = stand(0);
  fl_outside_pass(&out, FL_SECOND);
  fl_outside_finish(&out, first, FL_PEER_RESET);
  fl_outside_pass(&out, FL_SECOND);
  EXPECT(client, "ERROR acquire_timeout\n");
}

static void those_behind_it_keep_their_own_time(void **state) {
  (void)state;
  rule('r')->idempotent = true;
  out.upstream.request_timeout = 20 * FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\n");
  struct fl_sock *first = stand(0);
  fl_outside_pass(&out, 6 * FL_SECOND);
  fl_outside_data(&out, client, "x2\n");
  fl_outside_finish(&out, first, FL_PEER_CLOSED);
  EXPECT(stand(1), "r1\n");
  fl_outside_pass(&out, 10 * FL_SECOND - 1); /* acquire_timeout of x2 */
  EXPECT(client, "");
  fl_outside_pass(&out, 1);
  EXPECT(client, "");
  fl_outside_pass(&out, 4 * FL_SECOND);
  EXPECT(client, "ERROR request_timeout\nERROR acquire_timeout\n");
}

static void a_second_time_that_does_not_begin_is_none(void **state) {
  (void)state;
  rule('r')->idempotent = true;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\n");
  struct fl_sock *first = stand(0);
  fl_outside_finish(&out, first, FL_PEER_CLOSED);
  struct fl_sock *second = fl_outside_connect(&out, 1);
  second->window = 0;
  fl_outside_connected(&out, second, FL_OK);
  fl_outside_finish(&out, second, FL_PEER_RESET);
  fl_outside_pass(&out, 2 * FL_SECOND);
  struct fl_sock *third = stand(2);
  EXPECT(third, "r1\n");
  assert_int_equal(metrics()->requests_resent, 1);
  assert_int_equal(metrics()->requests_repeated, 1);
  fl_outside_pass(&out, 3 * FL_SECOND); /* from the first time on */
  EXPECT(client, "ERROR request_timeout\n");
}

static void a_client_that_left_is_not_served_again(void **state) {
  (void)state;
  rule('r')->idempotent = true;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\n");
  struct fl_sock *first = stand(0);
  struct fl_sock *other = ask("r2\n");
  fl_outside_finish(&out, first, FL_PEER_CLOSED);
  fl_outside_finish(&out, client, FL_PEER_RESET);
  EXPECT(stand(1), "r2\n");
  EXPECT(other, "");
}

/* Its other requests end with it, one of them answered already, in the midst of
   those that come back. */
static void who_cannot_take_a_request_back_is_closed(void **state) {
  (void)state;
  enum { LONG = 5000 }; /* no spare piece will do */
  static char text[6 + LONG + 1];
  memset(text, 'x', sizeof text - 1);
  memcpy(text, "r1\nr2\nr3", 8);
  text[sizeof text - 2] = '\n';
  rule('r')->idempotent = true;
  out.listeners[1].max_frame = out.upstream.max_frame = LONG;
  out.upstream.in_flight = 3;
  out.upstream.pair =
      (struct fl_pair){.by = FL_PAIR_ID, .offset = 1, .width = 1};
  fl_outside_start(&out);
  struct fl_sock *client = ask(text);
  struct fl_sock *first = stand(0);
  assert_int_equal(first->sent_size, sizeof text - 1);
  fl_outside_data(&out, first, "x\1\n");
  assert_int_equal(metrics()->replies, 0); /* it waits for that of r1 */
  fl_test_alloc_fail_after(0);
  fl_outside_finish(&out, first, FL_PEER_RESET);
  fl_test_alloc_fail_after(-1);
  assert_null(client->conn);
  assert_int_equal(metrics()->clients_closed[FL_OUT_OF_MEMORY], 1);
  assert_int_equal(metrics()->requests_abandoned, 3);
}

static void outcomes_stay_in_order(void **state) {
  (void)state;
  rule('r')->idempotent = true;
  out.upstream.in_flight = 4;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\nw2\nr3\nr4\n");
  struct fl_sock *first = stand(0);
  EXPECT(first, "r1\nw2\nr3\nr4\n");
  fl_outside_finish(&out, first, FL_PEER_CLOSED);
  EXPECT(client, "ERROR upstream_closed\nERROR upstream_closed\n");
  struct fl_sock *second = stand(1);
  EXPECT(second, "r3\nr4\n");
  fl_outside_data(&out, second, "three\nfour\n");
  EXPECT(client, "three\nfour\n");
}

static void a_wrong_reply_would_be_wrong_again(void **state) {
  (void)state;
  char reply[1100];
  rule('r')->idempotent = true;
  out.upstream.in_flight = 2;
  fl_outside_start(&out);
  struct fl_sock *first = ask("r1\n");
  struct fl_sock *second = ask("r2\n");
  struct fl_sock *server = stand(0);
  memset(reply, 'x', sizeof reply);
  fl_conn_data(server->conn,
               (struct fl_slice){(const uint8_t *)reply, sizeof reply},
               out.now);
  fl_outside_turn(&out);
  EXPECT(first, "ERROR reply_too_long\n");
  EXPECT(second, "");
  fl_outside_pass(&out, 2 * FL_SECOND);
  EXPECT(stand(1), "r2\n");
}

static void a_stop_sends_nothing_again(void **state) {
  (void)state;
  rule('r')->idempotent = true;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\n");
  stand(0);
  fl_outside_stop(&out, FL_STOP_NOW);
  EXPECT(client, "ERROR shutdown\n");
}

static void without_memory_there_is_no_second_time(void **state) {
  (void)state;
  rule('r')->idempotent = true;
  fl_outside_start(&out);
  struct fl_sock *client = ask("r1\n");
  struct fl_sock *first = stand(0);
  EXPECT(first, "r1\n");
  fl_test_alloc_fail_after(0);
  fl_conn_end(first->conn, FL_PEER_RESET, out.now);
  fl_test_alloc_fail_after(-1);
  fl_outside_turn(&out);
  assert_true(client->closing && client->reset);
  assert_int_equal(metrics()->requests_abandoned, 1);
}

/* -- request_timeout -- */

static void a_rule_may_have_its_own_timeout(void **state) {
  (void)state;
  rule('s')->request_timeout = 30 * FL_SECOND;
  rule('q')->request_timeout = FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *client = ask("s1\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 30 * FL_SECOND - 1);
  EXPECT(client, "");
  fl_outside_data(&out, server, "one\n");
  EXPECT(client, "one\n");
  fl_outside_data(&out, client, "q2\n");
  fl_outside_pass(&out, FL_SECOND - 1);
  EXPECT(client, "");
  fl_outside_pass(&out, 1);
  EXPECT(client, "ERROR request_timeout\n");
}

static void by_order_a_shorter_one_ends_the_others(void **state) {
  (void)state;
  rule('q')->request_timeout = FL_SECOND;
  out.upstream.in_flight = 3;
  fl_outside_start(&out);
  struct fl_sock *slow = ask("a\n");
  struct fl_sock *quick = ask("q\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, FL_SECOND);
  EXPECT(quick, "ERROR request_timeout\n");
  EXPECT(slow, "ERROR upstream_retired\n");
  assert_true(server->closing);
}

static void a_client_gets_its_timeouts_in_order(void **state) {
  (void)state;
  rule('q')->request_timeout = FL_SECOND;
  out.upstream.in_flight = 3;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\nq\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 2 * FL_SECOND);
  EXPECT(client, "");
  fl_outside_data(&out, server, "one\n");
  EXPECT(client, "one\nERROR request_timeout\n");
  assert_true(server->closing);
}

static void an_earlier_deadline_outlives_a_later_one(void **state) {
  (void)state;
  rule('s')->request_timeout = 30 * FL_SECOND;
  out.upstream.in_flight = 3;
  fl_outside_start(&out);
  struct fl_sock *slow = ask("s\n");
  struct fl_sock *other = ask("b\n");
  struct fl_sock *server = stand(0);
  fl_outside_pass(&out, 4 * FL_SECOND);
  fl_outside_data(&out, server, "one\ntwo\n");
  EXPECT(slow, "one\n");
  EXPECT(other, "two\n");
  fl_outside_data(&out, slow, "s\n");
  fl_outside_pass(&out, 29 * FL_SECOND); /* past what b's would have been */
  EXPECT(slow, "");
  fl_outside_pass(&out, FL_SECOND);
  EXPECT(slow, "ERROR request_timeout\n");
}

/* -- unsolicited, ignore -- */

static void unsolicited_frames_may_be_dropped(void **state) {
  (void)state;
  out.upstream.unsolicited = FL_UNSOLICITED_DROP;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "event 1\nevent 2\neve");
  struct fl_sock *client = ask("a\n");
  EXPECT(server, "a\n");
  fl_outside_data(&out, server, "nt 3\nre:a\n");
  EXPECT(client, "re:a\n");
  fl_outside_data(&out, server, "event 4\n");
  assert_false(server->closing);
  assert_int_equal(metrics()->frames_dropped[FL_UNEXPECTED_DATA], 4);
}

static void a_dropped_frame_has_a_limit(void **state) {
  (void)state;
  out.upstream.unsolicited = FL_UNSOLICITED_DROP;
  out.upstream.pool.min_size = 1;
  out.upstream.max_frame = 8;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "event 12345\n");
  assert_true(server->closing);
  assert_int_equal(metrics()->upstream_closed[FL_REPLY_TOO_LONG], 1);
}

static void in_a_quiet_time_too(void **state) {
  (void)state;
  out.upstream.unsolicited = FL_UNSOLICITED_DROP;
  out.upstream.connect_settle = FL_SECOND;
  fl_outside_start(&out);
  struct fl_sock *client = ask("a\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "welcome\n");
  fl_outside_pass(&out, FL_SECOND);
  EXPECT(server, "a\n");
  fl_outside_data(&out, server, "re:a\n");
  EXPECT(client, "re:a\n");
}

static void by_id_so_may_unknown_ids(void **state) {
  (void)state;
  out.upstream.pair = (struct fl_pair){.by = FL_PAIR_ID, .width = 1};
  out.upstream.unsolicited = FL_UNSOLICITED_DROP;
  fl_outside_start(&out);
  struct fl_sock *client = ask("xa\n");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "zevent\n");
  assert_false(server->closing);
  fl_conn_data(server->conn,
               (struct fl_slice){(const uint8_t *)"\0re\n\0re\n", 8}, out.now);
  fl_outside_turn(&out);
  EXPECT(client, "xre\n");
  assert_false(server->closing);
  assert_int_equal(metrics()->frames_dropped[FL_UNKNOWN_ID], 1);
  assert_int_equal(metrics()->frames_dropped[FL_UNEXPECTED_DATA], 1);
}

static void ignored_frames_pass_nowhere(void **state) {
  (void)state;
  out.upstream.ignore = ignored;
  out.upstream.ignore_count = 1;
  fl_outside_start(&out);
  struct fl_sock *client = ask("noop\na\nnoop\r\nb\nnoop\n");
  struct fl_sock *server = stand(0);
  EXPECT(server, "a\n");
  fl_outside_data(&out, server, "noop\nre:a\nnoop\n");
  EXPECT(client, "re:a\n");
  EXPECT(server, "b\n");
  fl_outside_data(&out, server, "no");
  fl_outside_data(&out, server, "op\nre:b\n");
  EXPECT(client, "re:b\n");
  fl_outside_data(&out, server, "noop\nno");
  fl_outside_data(&out, server, "op\n");
  assert_false(server->closing);
  assert_int_equal(metrics()->requests, 2);
  assert_int_equal(metrics()->frames_dropped[FL_IGNORED], 5);
  assert_int_equal(metrics()->frames_ignored, 3);
}

static void what_is_not_ignored_still_retires(void **state) {
  (void)state;
  out.upstream.ignore = ignored;
  out.upstream.ignore_count = 1;
  out.upstream.pool.min_size = 1;
  fl_outside_start(&out);
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "no");
  struct fl_sock *client = ask("a\n");
  EXPECT(server, "a\n");
  fl_outside_data(&out, server, "pe\n"); /* it began before the request */
  EXPECT(client, "ERROR unexpected_data\n");
  assert_true(server->closing);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, end_scene)
  const struct CMUnitTest tests[] = {
      TEST(a_denied_request_is_answered_and_not_sent),
      TEST(a_denied_request_needs_no_connection),
      TEST(without_a_reply_it_is_done_once_sent),
      TEST(until_it_has_left_whole_it_is_in_flight),
      TEST(by_order_the_next_reply_is_the_next_requests),
      TEST(what_answers_it_retires),
      TEST(half_of_it_is_a_failure_that_ends_its_client),
      TEST(the_same_goes_for_one_that_is_refused),
      TEST(request_gap_holds_after_it),
      TEST(an_idempotent_request_is_sent_once_more),
      TEST(but_not_twice),
      TEST(nor_after_its_own_deadline),
      TEST(both_times_share_request_timeout),
      TEST(it_waits_no_longer_than_request_timeout),
      TEST(nor_than_acquire_timeout),
      TEST(those_behind_it_keep_their_own_time),
      TEST(a_second_time_that_does_not_begin_is_none),
      TEST(a_client_that_left_is_not_served_again),
      TEST(who_cannot_take_a_request_back_is_closed),
      TEST(outcomes_stay_in_order),
      TEST(a_wrong_reply_would_be_wrong_again),
      TEST(a_stop_sends_nothing_again),
      TEST(without_memory_there_is_no_second_time),
      TEST(a_rule_may_have_its_own_timeout),
      TEST(by_order_a_shorter_one_ends_the_others),
      TEST(a_client_gets_its_timeouts_in_order),
      TEST(an_earlier_deadline_outlives_a_later_one),
      TEST(unsolicited_frames_may_be_dropped),
      TEST(a_dropped_frame_has_a_limit),
      TEST(in_a_quiet_time_too),
      TEST(by_id_so_may_unknown_ids),
      TEST(ignored_frames_pass_nowhere),
      TEST(what_is_not_ignored_still_retires)};
#undef TEST
  return cmocka_run_group_tests(tests, NULL, NULL);
}
