/* Framings that have no error reply: a client whose request fails is closed
   after what it is owed, and what comes behind costs nobody else anything. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

/* Requests such as "<a>"; so are replies, unless a test says otherwise. */
static int setup(void **state) {
  static const struct fl_framing brackets = {.type = FL_FRAMING_DELIMITED,
                                             .delimited = {{1, "<"}, {1, ">"}}};
  (void)state;
  fl_outside_init(&out);
  out.upstream.framing = out.upstream.reply_framing = brackets;
  out.listeners[1].framing = brackets;
  out.upstream.pool.max_size = 1;
  return 0;
}

static int teardown(void **state) {
  uint64_t failed = 0;
  (void)state;
  if (out.stopped != FL_STOP_NOW)
    fl_outside_stop(&out, FL_STOP_NOW);
  const struct fl_metrics *metrics = fl_gateway_metrics(out.gateway);
  for (int i = 0; i < FL_REASON_COUNT; i++)
    failed += metrics->requests_failed[i];
  assert_int_equal(metrics->requests,
                   metrics->replies + failed + metrics->requests_abandoned);
  fl_outside_end(&out);
  return 0;
}

/* Ended with FIN, and lingers: a reset could destroy what was sent. */
static void assert_ended(struct fl_sock *client, enum fl_reason reason) {
  assert_true(client->shut && !client->closing);
  fl_outside_data(&out, client, "<late>");
  assert_string_equal(fl_outside_sent(client), "");
  fl_outside_finish(&out, client, FL_PEER_CLOSED);
  assert_true(client->closing && !client->reset);
  assert_int_equal(metrics()->clients_closed[reason], 1);
  assert_int_equal(fl_outside_events(&out, FL_EVENT_CLIENT_CLOSED, reason), 1);
}

static void replies_are_passed_on(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("<a><b");
  struct fl_sock *server = stand(0);
  assert_string_equal(fl_outside_sent(server), "<a>");
  fl_outside_data(&out, server, "<A\n>");
  assert_string_equal(fl_outside_sent(client), "<A\n>");
  fl_outside_data(&out, client, ">");
  assert_string_equal(fl_outside_sent(server), "<b>");
}

static void replies_may_be_framed_in_another_way(void **state) {
  (void)state;
  out.upstream.reply_framing =
      (struct fl_framing){.type = FL_FRAMING_FIXED, .fixed = {4}};
  fl_outside_start(&out);
  struct fl_sock *client = ask("<a>");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "<A>");
  assert_string_equal(fl_outside_sent(client), "");
  fl_outside_data(&out, server, "!");
  assert_string_equal(fl_outside_sent(client), "<A>!");
}

/* The error is in the form in which replies are read. */
static void errors_are_framed_as_replies(void **state) {
  (void)state;
  out.upstream.reply_framing = (struct fl_framing){.type = FL_FRAMING_LINE};
  fl_outside_start(&out);
  struct fl_sock *client = ask("<a>x");
  struct fl_sock *server = stand(0);
  fl_outside_data(&out, server, "A\n");
  assert_string_equal(fl_outside_sent(client), "A\nERROR bad_frame\n");
  assert_ended(client, FL_BAD_FRAME);
}

static void bad_bytes_end_a_client_after_what_it_is_owed(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("<a><b>x<c>");
  struct fl_sock *server = stand(0);
  assert_false(client->shut);
  fl_outside_data(&out, server, "<A>");
  assert_string_equal(fl_outside_sent(client), "<A>");
  assert_false(client->shut);
  fl_outside_data(&out, server, "<B>");
  assert_string_equal(fl_outside_sent(client), "<B>");
  assert_string_equal(fl_outside_sent(server), "<a><b>");
  assert_ended(client, FL_BAD_FRAME);
  assert_int_equal(metrics()->requests_failed[FL_BAD_FRAME], 1);
  assert_int_equal(
      fl_outside_events(&out, FL_EVENT_REQUEST_FAILED, FL_BAD_FRAME), 1);
  assert_false(server->closing);
}

static void a_long_frame_ends_a_client(void **state) {
  (void)state;
  char frame[1101] = "<";
  memset(frame + 1, 'x', sizeof frame - 2);
  fl_outside_start(&out);
  struct fl_sock *client = ask(frame);
  assert_string_equal(fl_outside_sent(client), "");
  assert_ended(client, FL_FRAME_TOO_LONG);
}

static void what_is_unsent_leaves_before_the_end(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("<a>x");
  client->window = 1;
  fl_outside_data(&out, stand(0), "<A>");
  assert_string_equal(fl_outside_sent(client), "<");
  assert_false(client->shut);
  fl_outside_take(&out, client, 2);
  assert_string_equal(fl_outside_sent(client), "A>");
  assert_ended(client, FL_BAD_FRAME);
}

static void a_timeout_ends_a_client_and_gives_up_the_rest(void **state) {
  (void)state;
  out.upstream.in_flight = 3;
  fl_outside_start(&out);
  struct fl_sock *client = ask("<a><b><c><d>");
  struct fl_sock *server = stand(0);
  struct fl_sock *other = ask("<e>");
  assert_string_equal(fl_outside_sent(server), "<a><b><c>");
  fl_outside_data(&out, server, "<A>");
  assert_string_equal(fl_outside_sent(client), "<A>");
  fl_outside_pass(&out, out.upstream.request_timeout);
  assert_true(server->closing);
  assert_string_equal(fl_outside_sent(client), "");
  assert_ended(client, FL_REQUEST_TIMEOUT);
  /* b failed; c and d are given up */
  assert_int_equal(metrics()->requests_failed[FL_REQUEST_TIMEOUT], 1);
  assert_int_equal(metrics()->requests_abandoned, 2);
  fl_outside_pass(&out, 2 * FL_SECOND);
  server = stand(1);
  assert_string_equal(fl_outside_sent(server), "<e>");
  fl_outside_data(&out, server, "<E>");
  assert_string_equal(fl_outside_sent(other), "<E>");
}

/* Requests of two clients on one connection: each is ended once. */
static void all_clients_of_a_lost_connection_are_ended(void **state) {
  (void)state;
  out.upstream.in_flight = 4;
  fl_outside_start(&out);
  struct fl_sock *first = ask("<a><b>");
  struct fl_sock *server = stand(0);
  struct fl_sock *second = ask("<c><d>");
  assert_string_equal(fl_outside_sent(server), "<a><b><c><d>");
  fl_outside_finish(&out, server, FL_PEER_RESET);
  assert_true(first->shut && second->shut);
  assert_int_equal(metrics()->requests_failed[FL_UPSTREAM_RESET], 2);
  assert_int_equal(metrics()->requests_abandoned, 2);
}

/* Had it not been for the one before it, it would be sent elsewhere. */
static void what_comes_back_unsent_is_given_up_once(void **state) {
  (void)state;
  out.upstream.in_flight = 3;
  fl_outside_start(&out);
  struct fl_sock *client = ask("<a>");
  struct fl_sock *server = stand(0);
  server->window = 0;
  fl_outside_data(&out, client, "<b><c>");
  fl_outside_finish(&out, server, FL_PEER_RESET);
  assert_ended(client, FL_UPSTREAM_RESET);
  assert_int_equal(metrics()->requests_failed[FL_UPSTREAM_RESET], 1);
  assert_int_equal(metrics()->requests_resent, 2);
}

static void a_refused_request_ends_a_client_in_its_turn(void **state) {
  (void)state;
  out.upstream.pool.max_waiters = 0;
  fl_outside_start(&out);
  struct fl_sock *client = ask("<a>");
  assert_ended(client, FL_TOO_MANY_WAITERS);
  assert_int_equal(metrics()->requests_failed[FL_TOO_MANY_WAITERS], 1);
}

static void who_waits_too_long_is_ended(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("<a>");
  for (int i = 0; i < 100 && !client->shut; i++)
    fl_outside_pass(&out, out.upstream.pool.acquire_timeout);
  assert_ended(client, FL_ACQUIRE_TIMEOUT);
}

static void a_bad_reply_retires(void **state) {
  (void)state;
  out.upstream.in_flight = 2;
  fl_outside_start(&out);
  struct fl_sock *client = ask("<a>");
  struct fl_sock *server = stand(0);
  struct fl_sock *other = ask("<b>");
  fl_outside_data(&out, server, "?A>");
  assert_true(server->closing && server->reset);
  assert_int_equal(metrics()->upstream_closed[FL_BAD_REPLY], 1);
  assert_int_equal(metrics()->requests_failed[FL_BAD_REPLY], 1);
  assert_int_equal(metrics()->requests_failed[FL_UPSTREAM_RETIRED], 1);
  assert_true(client->shut && other->shut);
}

static void a_stop_ends_who_waits(void **state) {
  (void)state;
  fl_outside_start(&out);
  struct fl_sock *client = ask("<a><b>");
  fl_outside_stop(&out, FL_STOP_NOW);
  assert_true(client->closing);
  assert_int_equal(metrics()->requests_failed[FL_SHUTDOWN], 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(replies_are_passed_on),
      TEST(replies_may_be_framed_in_another_way),
      TEST(errors_are_framed_as_replies),
      TEST(bad_bytes_end_a_client_after_what_it_is_owed),
      TEST(a_long_frame_ends_a_client),
      TEST(what_is_unsent_leaves_before_the_end),
      TEST(a_timeout_ends_a_client_and_gives_up_the_rest),
      TEST(all_clients_of_a_lost_connection_are_ended),
      TEST(what_comes_back_unsent_is_given_up_once),
      TEST(a_refused_request_ends_a_client_in_its_turn),
      TEST(who_waits_too_long_is_ended),
      TEST(a_bad_reply_retires),
      TEST(a_stop_ends_who_waits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
