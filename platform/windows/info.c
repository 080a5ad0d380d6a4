#include "platform/windows/info.h"

#include <assert.h>
#include <string.h>

struct info {
  uint32_t state;
  uint32_t mss;
  uint64_t connection_time; /* ms */
  uint8_t timestamps;
  uint32_t rtt; /* us, as the next */
  uint32_t min_rtt;
  uint32_t bytes_in_flight;
  uint32_t congestion_window;
  uint32_t send_window;
  uint32_t receive_window;
  uint32_t receive_buffer;
  uint64_t bytes_out;
  uint64_t bytes_in;
  uint32_t bytes_reordered;
  uint32_t bytes_retransmitted;
  uint32_t fast_retransmits;
  uint32_t duplicate_acks;
  uint32_t timeout_episodes;
  uint8_t syn_retransmits;
};

static_assert(sizeof(struct info) == FL_INFO_SIZE, "as Windows has it");
static_assert(offsetof(struct info, rtt) == 20, "as Windows has it");
static_assert(offsetof(struct info, bytes_out) == 48, "as Windows has it");
static_assert(offsetof(struct info, bytes_retransmitted) == 68,
              "as Windows has it");

/* TCPSTATE, from TCPSTATE_CLOSED on. */
static bool state_of(uint32_t state, enum fl_tcp_state *to) {
  static const enum fl_tcp_state states[] = {
      [4] = FL_TCP_ESTABLISHED, [5] = FL_TCP_FIN_WAIT_1,
      [6] = FL_TCP_FIN_WAIT_2,  [7] = FL_TCP_CLOSE_WAIT,
      [8] = FL_TCP_CLOSING,     [9] = FL_TCP_LAST_ACK,
      [10] = FL_TCP_TIME_WAIT};
  if (state < 4 || state >= sizeof states / sizeof states[0])
    return false;
  *to = states[state];
  return true;
}

/* Windows counts bytes. As full segments, begun ones being whole; the share
   that was sent again is that of the bytes. */
static uint32_t segments(uint64_t bytes, uint32_t size) {
  return size == 0 ? 0 : (uint32_t)(bytes / size + (bytes % size != 0));
}

bool fl_info_read(struct fl_tcp_row *row, const uint8_t *bytes, size_t size) {
  struct info info;
  if (size < sizeof info)
    return false;
  memcpy(&info, bytes, sizeof info);
  if (!state_of(info.state, &row->state))
    return false;
  row->measured = true;
  row->rtt = info.rtt;
  row->min_rtt = info.min_rtt == UINT32_MAX ? 0 : info.min_rtt;
  row->sent = segments(info.bytes_out, info.mss);
  row->retransmitted = segments(info.bytes_retransmitted, info.mss);
  return true;
}
