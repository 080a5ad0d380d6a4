/* The answer of SIO_TCP_INFO, byte by byte. */
#include "platform/windows/info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[136]; /* version 1 has so many */
static struct fl_tcp_row row;

/* Little-endian, as every Windows is. */
static void put(size_t at, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; i++)
    bytes[at + i] = (uint8_t)(value >> (8 * i));
}

static int start(void **state) {
  (void)state;
  memset(bytes, 0, sizeof bytes);
  row = (struct fl_tcp_row){.cookie = 7};
  put(0, 4, 4);      /* State: TCPSTATE_ESTABLISHED */
  put(4, 1460, 4);   /* Mss */
  put(8, 99999, 8);  /* ConnectionTimeMs */
  put(20, 25000, 4); /* RttUs */
  put(24, 1500, 4);  /* MinRttUs */
  put(48, 14600, 8); /* BytesOut */
  put(56, 555, 8);   /* BytesIn */
  put(68, 2921, 4);  /* BytesRetrans */
  put(72, 88, 4);    /* FastRetrans */
  return 0;
}

static void times_and_segments_are_read(void **state) {
  (void)state;
  assert_true(fl_info_read(&row, bytes, 88));
  assert_true(row.measured);
  assert_int_equal(row.state, FL_TCP_ESTABLISHED);
  assert_int_equal(row.rtt, 25000);
  assert_int_equal(row.min_rtt, 1500);
  assert_int_equal(row.sent, 10);
  assert_int_equal(row.retransmitted, 3);
  assert_int_equal(row.cookie, 7);
}

static void a_later_version_has_more_behind(void **state) {
  (void)state;
  put(88, UINT64_MAX, 8);
  assert_true(fl_info_read(&row, bytes, 136));
  assert_int_equal(row.sent, 10);
}

static void half_an_answer_is_none(void **state) {
  (void)state;
  assert_false(fl_info_read(&row, bytes, 87));
  assert_false(fl_info_read(&row, bytes, 0));
  assert_false(row.measured);
}

static void only_what_stands_was_measured(void **state) {
  (void)state;
  static const struct {
    uint32_t state;
    enum fl_tcp_state as;
  } states[] = {{5, FL_TCP_FIN_WAIT_1}, {6, FL_TCP_FIN_WAIT_2},
                {7, FL_TCP_CLOSE_WAIT}, {8, FL_TCP_CLOSING},
                {9, FL_TCP_LAST_ACK},   {10, FL_TCP_TIME_WAIT}};
  for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
    put(0, states[i].state, 4);
    assert_true(fl_info_read(&row, bytes, 88));
    assert_int_equal(row.state, states[i].as);
  }
  for (uint32_t none = 0; none < 4; none++) { /* closed to SYN_RCVD */
    put(0, none, 4);
    assert_false(fl_info_read(&row, bytes, 88));
  }
  put(0, 11, 4);
  assert_false(fl_info_read(&row, bytes, 88));
}

static void what_is_not_known_is_zero(void **state) {
  (void)state;
  put(24, UINT32_MAX, 4);
  put(4, 0, 4);
  assert_true(fl_info_read(&row, bytes, 88));
  assert_int_equal(row.min_rtt, 0);
  assert_int_equal(row.sent, 0);
  assert_int_equal(row.retransmitted, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(times_and_segments_are_read, start),
      cmocka_unit_test_setup(a_later_version_has_more_behind, start),
      cmocka_unit_test_setup(half_an_answer_is_none, start),
      cmocka_unit_test_setup(only_what_stands_was_measured, start),
      cmocka_unit_test_setup(what_is_not_known_is_zero, start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
