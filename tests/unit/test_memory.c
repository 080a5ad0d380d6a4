#include "core/memory.h"

#include "core/buffer.h"
#include "core/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

enum { MIB = 1 << 20 };

/* Alone. */

static void a_zeroed_share_has_no_limit(void **state) {
  (void)state;
  struct fl_memory_share share = {0};
  assert_true(fl_memory_take(&share, SIZE_MAX / 4, false));
  assert_int_equal(fl_memory_look(&share), FL_MEMORY_NOTHING);
  fl_memory_give(&share, SIZE_MAX / 4);
}

static void the_limit_is_never_passed(void **state) {
  (void)state;
  struct fl_memory memory = {0};
  fl_memory_init(&memory, MIB, 2);
  struct fl_memory_share shares[2] = {{.memory = &memory}, {.memory = &memory}};
  uint64_t used = 0;
  for (unsigned i = 0; fl_memory_take(&shares[i % 2], 1000, true); i++)
    used += 1000;
  assert_true(memory.drawn <= MIB && used <= memory.drawn);
  assert_true(used > MIB - 4 * FL_MEMORY_STEP_MAX);
  assert_false(fl_memory_take(&shares[0], MIB, true));
  fl_memory_give(&shares[0], shares[0].used);
  fl_memory_give(&shares[1], shares[1].used);
  assert_true(memory.drawn <= 4 * FL_MEMORY_STEP_MAX);
}

static void small_buffers_have_the_last_eighth(void **state) {
  (void)state;
  struct fl_memory memory = {0};
  fl_memory_init(&memory, MIB, 2);
  struct fl_memory_share share = {.memory = &memory};
  assert_true(fl_memory_take(&share, MIB - MIB / 8, false));
  assert_false(fl_memory_take(&share, 1, false));
  assert_true(fl_memory_take(&share, 4096, true));
}

static void many_workers_leave_no_pressure_behind(void **state) {
  (void)state;
  struct fl_memory memory = {0};
  struct fl_memory_share shares[64] = {{0}};
  fl_memory_init(&memory, MIB, 64);
  for (int i = 0; i < 64; i++) {
    shares[i].memory = &memory;
    assert_true(fl_memory_take(&shares[i], 10000, true));
  }
  assert_int_equal(fl_memory_look(&shares[0]), FL_MEMORY_NOTHING);
  for (int i = 0; i < 64; i++)
    assert_true(fl_memory_take(&shares[i], 4096, true));
  assert_int_equal(fl_memory_look(&shares[0]), FL_MEMORY_PRESSED);
  for (int i = 0; i < 64; i++)
    fl_memory_give(&shares[i], 14096);
  assert_int_equal(fl_memory_look(&shares[0]), FL_MEMORY_RELIEVED);
  assert_true(memory.drawn <= MIB / 4);
  for (int i = 0; i < 64; i++)
    fl_memory_end(&shares[i]);
  assert_int_equal(memory.drawn, 0);
}

static void pressure_has_two_marks_and_is_told_once(void **state) {
  (void)state;
  struct fl_memory memory = {0};
  fl_memory_init(&memory, MIB, 2);
  struct fl_memory_share one = {.memory = &memory}, two = {.memory = &memory};
  assert_true(fl_memory_take(&one, MIB / 2, false));
  assert_int_equal(fl_memory_look(&one), FL_MEMORY_NOTHING);
  assert_true(fl_memory_take(&one, MIB / 4, false));
  assert_int_equal(fl_memory_look(&one), FL_MEMORY_PRESSED);
  assert_int_equal(fl_memory_look(&two), FL_MEMORY_NOTHING);
  assert_true(one.pressed && two.pressed);
  fl_memory_give(&one, MIB / 8);
  assert_int_equal(fl_memory_look(&two), FL_MEMORY_NOTHING);
  assert_true(two.pressed);
  fl_memory_give(&one, MIB / 2);
  assert_int_equal(fl_memory_look(&two), FL_MEMORY_RELIEVED);
  assert_int_equal(fl_memory_look(&one), FL_MEMORY_NOTHING);
  assert_false(one.pressed || two.pressed);
}

static void the_limit_can_be_changed(void **state) {
  (void)state;
  struct fl_memory memory = {0};
  fl_memory_init(&memory, MIB, 1);
  struct fl_memory_share share = {.memory = &memory};
  assert_true(fl_memory_take(&share, MIB / 2, false));
  fl_memory_set(&memory, MIB / 4);
  assert_int_equal(fl_memory_look(&share), FL_MEMORY_PRESSED);
  assert_false(fl_memory_take(&share, MIB / 8, true));
  fl_memory_give(&share, MIB / 2);
  assert_int_equal(fl_memory_look(&share), FL_MEMORY_RELIEVED);
  assert_true(fl_memory_take(&share, MIB / 8, false));
  fl_memory_set(&memory, 2 * MIB);
  assert_true(fl_memory_take(&share, MIB, false));
  fl_memory_give(&share, share.used);
  fl_memory_end(&share);
  assert_int_equal(memory.drawn, 0);
}

static void a_buffer_gives_back_what_it_took(void **state) {
  (void)state;
  static const uint8_t bytes[MIB];
  struct fl_memory memory = {0};
  fl_memory_init(&memory, MIB, 2);
  struct fl_spare spare = {.share.memory = &memory};
  struct fl_buffer buffer = {0};
  assert_false(fl_buffer_append(&buffer, &spare, (struct fl_slice){bytes, MIB},
                                2 * MIB));
  assert_int_equal(fl_spare_reason(&spare), FL_BUFFERS_FULL);
  assert_false(
      fl_buffer_append(&buffer, &spare, (struct fl_slice){bytes, 2}, 1));
  assert_int_equal(fl_spare_reason(&spare), FL_OUT_OF_MEMORY);
  for (unsigned i = 0; i < 100; i++) {
    assert_true(fl_buffer_append(
        &buffer, &spare, (struct fl_slice){bytes, 3000 + 1000 * i}, MIB / 2));
    fl_buffer_clear(&buffer, &spare);
  }
  fl_spare_trim(&spare);
  assert_int_equal(spare.share.used, 0);
  fl_spare_free(&spare);
}

/* In a gateway. */

static int setup(void **state) {
  (void)state;
  fl_outside_init(&out);
  fl_memory_init(&out.memory, MIB, 1);
  out.listeners[1].max_frame = out.listeners[0].max_frame = MIB / 4;
  fl_outside_start(&out);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  fl_outside_end(&out);
  assert_int_equal(out.memory.drawn, 0);
  return 0;
}

/* The start of a long frame. */
static struct fl_sock *begin(size_t size) {
  static char text[65536];
  struct fl_sock *client = fl_outside_accept(&out, 0);
  memset(text, 'x', sizeof text - 1);
  text[size] = '\0';
  fl_outside_data(&out, client, text);
  return client;
}

static void ping(void) {
  struct fl_sock *client = fl_outside_accept(&out, 0);
  fl_outside_data(&out, client, "PING\n");
  assert_string_equal(fl_outside_sent(client), "PONG\n");
  fl_outside_data(&out, client, "PI"); /* in two halves */
  fl_outside_data(&out, client, "NG\n");
  assert_string_equal(fl_outside_sent(client), "PONG\n");
  assert_true(client->reading);
}

static void half_frames_are_not_read_on(void **state) {
  (void)state;
  struct fl_sock *clients[20];
  unsigned count = 0;
  while (fl_outside_events(&out, FL_EVENT_BUFFERS_HIGH, FL_OK) == 0)
    clients[count++] = begin(60000);
  assert_false(clients[0]->reading);
  clients[count] = begin(60000); /* it is read, and that is all */
  assert_false(clients[count]->reading);
  ping();
  assert_int_equal(fl_outside_events(&out, FL_EVENT_BUFFERS_HIGH, FL_OK), 1);
  fl_outside_finish(&out, clients[0], FL_PEER_RESET);
  assert_false(clients[count]->reading);
  for (unsigned i = 1; i < count; i++)
    fl_outside_finish(&out, clients[i], FL_PEER_RESET);
  fl_outside_turn(&out);
  assert_true(clients[count]->reading);
  assert_int_equal(fl_outside_events(&out, FL_EVENT_BUFFERS_LOW, FL_OK), 1);
  fl_outside_data(&out, clients[count], "\n");
  assert_int_equal(strlen(fl_outside_sent(clients[count])), 6 + 60001);
}

static void who_needs_more_is_closed_and_others_go_on(void **state) {
  (void)state;
  for (unsigned i = 0; i < 40; i++)
    begin(60000);
  assert_true(metrics()->clients_closed[FL_BUFFERS_FULL] > 0);
  assert_true(out.memory.drawn <= out.memory.limit);
  ping();
}

/* So that pressure ends though nobody can see that they are gone. */
static void the_oldest_long_frames_make_room(void **state) {
  struct fl_sock *clients[20];
  unsigned count = 0;
  (void)state;
  out.listeners[0].frame_timeout = out.listeners[0].idle_timeout = FL_NEVER;
  struct fl_sock *beginner = fl_outside_accept(&out, 0);
  fl_outside_data(&out, beginner, "PI"); /* before all others */
  while (fl_outside_events(&out, FL_EVENT_BUFFERS_HIGH, FL_OK) == 0) {
    fl_outside_pass(&out, FL_MILLISECOND);
    clients[count++] = begin(60000);
  }
  fl_outside_pass(&out, FL_PRESSED_FRAME_TIMEOUT / 2);
  assert_int_equal(metrics()->clients_closed[FL_BUFFERS_FULL], 0);
  fl_outside_pass(&out, FL_PRESSED_FRAME_TIMEOUT);
  assert_int_equal(fl_outside_events(&out, FL_EVENT_BUFFERS_LOW, FL_OK), 1);
  unsigned gone = 0;
  while (gone < count && clients[gone]->shut)
    gone++;
  assert_true(gone > 0 && gone < count);
  for (unsigned i = gone; i < count; i++)
    assert_true(!clients[i]->shut && clients[i]->reading);
  assert_true(out.memory.drawn < out.memory.limit / 2);
  assert_true(out.memory.drawn > out.memory.limit / 3); /* no more than that */
  assert_int_equal(out.due, fl_time_min(out.due, out.now + 5 * FL_SECOND));
  fl_outside_pass(&out, 10 * FL_SECOND); /* lingering; and nobody else */
  assert_int_equal(metrics()->clients_closed[FL_BUFFERS_FULL], gone);
  fl_outside_data(&out, clients[count - 1], "\n");
  assert_int_equal(strlen(fl_outside_sent(clients[count - 1])), 6 + 60001);
  fl_outside_data(&out, beginner, "NG\n");
  assert_string_equal(fl_outside_sent(beginner), "PONG\n");
}

static void a_frame_timeout_that_is_shorter_stays(void **state) {
  (void)state;
  out.listeners[0].frame_timeout = FL_PRESSED_FRAME_TIMEOUT / 10;
  while (fl_outside_events(&out, FL_EVENT_BUFFERS_HIGH, FL_OK) == 0)
    begin(60000);
  fl_outside_pass(&out, FL_PRESSED_FRAME_TIMEOUT / 10);
  assert_int_equal(fl_outside_events(&out, FL_EVENT_BUFFERS_LOW, FL_OK), 1);
}

/* Nothing else would wake it. */
static void who_holds_much_looks_at_what_others_do(void **state) {
  struct fl_memory_share other = {.memory = &out.memory};
  (void)state;
  struct fl_sock *client = begin(60000);
  assert_true(out.due > out.now + FL_SECOND);
  while (out.memory.drawn <= MIB / 2)
    (void)begin(60000);
  assert_true(fl_memory_take(&other, MIB / 4, false));
  assert_true(client->reading);
  assert_true(out.due < out.now + FL_SECOND);
  fl_outside_pass(&out, out.due - out.now);
  assert_false(client->reading);
  fl_memory_give(&other, MIB / 4);
  fl_memory_end(&other);
}

static void readers_that_stop_are_held_at_once(void **state) {
  (void)state;
  while (fl_outside_events(&out, FL_EVENT_BUFFERS_HIGH, FL_OK) == 0)
    begin(60000);
  struct fl_sock *client = fl_outside_accept(&out, 0);
  client->window = 3;
  fl_outside_data(&out, client, "PING\nPING\nPING\n");
  fl_outside_turn(&out);
  assert_string_equal(fl_outside_sent(client), "PON");
  assert_int_equal(client->rest.size, 2);
  uint64_t replies = metrics()->replies;
  fl_outside_turn(&out);
  assert_int_equal(metrics()->replies, replies);
  client->window = SIZE_MAX;
  fl_outside_take(&out, client, 2);
  fl_outside_turn(&out);
  assert_string_equal(fl_outside_sent(client), "G\nPONG\nPONG\n");
}

static int setup_session(void **state) {
  (void)state;
  fl_outside_init(&out);
  fl_memory_init(&out.memory, MIB, 1);
  out.listeners[1].max_frame = out.listeners[0].max_frame = MIB / 4;
  out.upstream.max_frame = MIB / 4;
  out.listeners[1].mode = out.upstream.mode = FL_MODE_SESSION;
  out.listeners[1].idle_timeout = FL_NEVER;
  out.listeners[1].framing.type = FL_FRAMING_LINE;
  out.upstream.framing.type = out.upstream.reply_framing.type = FL_FRAMING_LINE;
  out.upstream.pool.max_size = 2;
  fl_outside_start(&out);
  return 0;
}

static void a_session_silent_in_a_long_frame_makes_room(void **state) {
  static char half[20000];
  (void)state;
  memset(half, 'x', sizeof half - 1);
  struct fl_sock *silent = fl_outside_accept(&out, 1);
  fl_outside_data(&out, silent, "a\n");
  fl_outside_connected(&out, fl_outside_connect(&out, 0), FL_OK);
  struct fl_sock *other = fl_outside_accept(&out, 1);
  fl_outside_data(&out, other, "b\n");
  fl_outside_connected(&out, fl_outside_connect(&out, 1), FL_OK);
  fl_outside_data(&out, silent, half);
  struct fl_memory_share share = {.memory = &out.memory};
  assert_true(fl_memory_take(&share, MIB - MIB / 4, false));
  fl_outside_turn(&out);
  fl_outside_pass(&out, FL_PRESSED_FRAME_TIMEOUT / 2);
  fl_outside_data(&out, other, half);
  fl_outside_pass(&out, FL_PRESSED_FRAME_TIMEOUT / 2);
  assert_true(silent->closing);
  assert_false(other->closing);
  assert_int_equal(metrics()->clients_closed[FL_BUFFERS_FULL], 1);
  fl_memory_give(&share, share.used);
  fl_memory_end(&share);
  fl_outside_pass(&out, 10 * FL_PRESSED_FRAME_TIMEOUT);
  assert_false(other->closing);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_zeroed_share_has_no_limit),
      cmocka_unit_test(the_limit_is_never_passed),
      cmocka_unit_test(small_buffers_have_the_last_eighth),
      cmocka_unit_test(many_workers_leave_no_pressure_behind),
      cmocka_unit_test(pressure_has_two_marks_and_is_told_once),
      cmocka_unit_test(the_limit_can_be_changed),
      cmocka_unit_test(a_buffer_gives_back_what_it_took),
      TEST(half_frames_are_not_read_on),
      TEST(who_needs_more_is_closed_and_others_go_on),
      TEST(the_oldest_long_frames_make_room),
      TEST(a_frame_timeout_that_is_shorter_stays),
      TEST(who_holds_much_looks_at_what_others_do),
      cmocka_unit_test_setup_teardown(
          a_session_silent_in_a_long_frame_makes_room, setup_session, teardown),
      TEST(readers_that_stop_are_held_at_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
