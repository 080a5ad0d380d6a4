#include "core/profile_modbus.h"

#include <string.h>

/* Places in a frame. */
enum { PROTOCOL = 2, LENGTH = 4, UNIT = 6, FUNCTION = 7, HEAD = 8 };

/* What `length` may be: unit id and function code, with at most 252 bytes of
   data. */
enum { LENGTH_MIN = 2, LENGTH_MAX = 254 };

/* Section 7 of the application protocol. */
enum {
  ILLEGAL_FUNCTION = 0x01,
  ILLEGAL_VALUE = 0x03,
  BUSY = 0x06,
  NO_PATH = 0x0a,
  NO_ANSWER = 0x0b
};

/* Every reason has its code, also those that no request fails for today. */
static const uint8_t exceptions[FL_REASON_COUNT] = {
    /* The server, or the way to it, was there and gave no reply. */
    [FL_PEER_CLOSED] = NO_ANSWER,
    [FL_PEER_RESET] = NO_ANSWER,
    [FL_PEER_VANISHED] = NO_ANSWER,
    [FL_SOCKET_ERROR] = NO_ANSWER,
    [FL_WRITE_TIMEOUT] = NO_ANSWER,
    [FL_REQUEST_TIMEOUT] = NO_ANSWER,
    [FL_UPSTREAM_CLOSED] = NO_ANSWER,
    [FL_UPSTREAM_RESET] = NO_ANSWER,
    [FL_UPSTREAM_RETIRED] = NO_ANSWER,
    [FL_CLIENT_LEFT] = NO_ANSWER,
    [FL_UNEXPECTED_DATA] = NO_ANSWER,
    [FL_UNKNOWN_ID] = NO_ANSWER,
    [FL_UNKNOWN_KEY] = NO_ANSWER,
    [FL_KEY_REUSED] = NO_ANSWER,
    [FL_IGNORED] = NO_ANSWER,
    [FL_REPLY_TOO_LONG] = NO_ANSWER,
    [FL_BAD_REPLY] = NO_ANSWER,
    [FL_MAX_LIFETIME] = NO_ANSWER,
    [FL_IDLE_TIMEOUT] = NO_ANSWER,
    [FL_HALF_CLOSE_TIMEOUT] = NO_ANSWER,
    [FL_HOLD_TIMEOUT] = NO_ANSWER,
    [FL_DRAIN_TIMEOUT] = NO_ANSWER,
    [FL_RESET_FAILED] = NO_ANSWER,
    [FL_PROBED] = NO_ANSWER,
    [FL_POOL_IDLE] = NO_ANSWER,
    [FL_CLOSED_BY_OPERATOR] = NO_ANSWER,
    [FL_EJECTED_BY_OPERATOR] = NO_ANSWER,
    [FL_DRAINED] = NO_ANSWER,
    [FL_DISPLACED] = NO_ANSWER,
    /* There is no way to it. */
    [FL_ACQUIRE_TIMEOUT] = NO_PATH, /* unless a connection stands */
    [FL_BAD_GREETING] = NO_PATH,
    [FL_BAD_ANSWER] = NO_PATH,
    [FL_EJECTED] = NO_PATH,
    [FL_CONNECT_REFUSED] = NO_PATH,
    [FL_CONNECT_TIMEOUT] = NO_PATH,
    [FL_UNREACHABLE] = NO_PATH,
    [FL_RESOLVE_FAILED] = NO_PATH,
    [FL_NO_DESCRIPTORS] = NO_PATH,
    [FL_BIND_FAILED] = NO_PATH,
    [FL_NO_PORTS] = NO_PATH,
    [FL_NOT_PERMITTED] = NO_PATH,
    [FL_NO_ADDRESS] = NO_PATH,
    [FL_NAME_UNKNOWN] = NO_PATH,
    [FL_RESOLVE_TIMEOUT] = NO_PATH,
    [FL_ADDRESS_GONE] = NO_PATH,
    /* Later it may work. */
    [FL_OUT_OF_MEMORY] = BUSY,
    [FL_BUFFERS_FULL] = BUSY,
    [FL_SHUTDOWN] = BUSY,
    [FL_RELOAD] = BUSY,
    [FL_TOO_MANY_WAITERS] = BUSY,
    [FL_KEY_IN_USE] = BUSY,
    [FL_ADDRESS_CONNECTIONS] = BUSY,
    [FL_ADDRESS_RATE] = BUSY,
    /* The request itself. */
    [FL_DENIED] = ILLEGAL_FUNCTION,
    [FL_DENIED_ADDRESS] = ILLEGAL_FUNCTION,
    [FL_NO_ID] = ILLEGAL_VALUE,
    [FL_NO_KEY] = ILLEGAL_VALUE,
    [FL_KEY_TOO_LONG] = ILLEGAL_VALUE,
    [FL_NOT_TEXT] = ILLEGAL_VALUE,
    [FL_FRAME_TIMEOUT] = ILLEGAL_VALUE,
    [FL_FRAME_TOO_LONG] = ILLEGAL_VALUE,
    [FL_BAD_FRAME] = ILLEGAL_VALUE,
};

uint8_t fl_modbus_exception(enum fl_reason reason, bool stands) {
  if (reason == FL_ACQUIRE_TIMEOUT && stands)
    return BUSY;
  return exceptions[reason];
}

/* The transaction, unit and function of the request, with the function's
   highest bit set, and the code. Without them nothing can be said. */
static size_t make_error(const struct fl_failed *failed,
                         uint8_t reply[FL_ERROR_REPLY_MAX]) {
  const uint8_t *head = failed->head.bytes;
  if (failed->head.size < HEAD)
    return 0;
  const uint8_t exception[] = {
      head[0],
      head[1],
      0,
      0,
      0,
      3,
      head[UNIT],
      head[FUNCTION] | 0x80U,
      fl_modbus_exception(failed->reason, failed->stands)};
  memcpy(reply, exception, sizeof exception);
  return sizeof exception;
}

/* As far as the bytes go. */
static bool is_valid(struct fl_slice bytes) {
  const uint8_t *at = bytes.bytes;
  for (size_t i = PROTOCOL; i < LENGTH && i < bytes.size; i++)
    if (at[i] != 0)
      return false;
  if (bytes.size > LENGTH && at[LENGTH] != 0)
    return false;
  return bytes.size <= LENGTH + 1 ||
         (at[LENGTH + 1] >= LENGTH_MIN && at[LENGTH + 1] <= LENGTH_MAX);
}

/* Function codes of requests that change nothing: coils, discrete inputs,
   holding and input registers, exception status, event counter and log, server
   id, file records, a FIFO queue, and of the encapsulated interface (43) the
   device identification (14); its other use (13) passes on what may write. */
static const struct fl_bytes read_codes[] = {
    {1, {1}},  {1, {2}},  {1, {3}},  {1, {4}},  {1, {7}},      {1, {11}},
    {1, {12}}, {1, {17}}, {1, {20}}, {1, {24}}, {2, {43, 14}},
};

#define READS                                                                  \
  {                                                                            \
    .offset = FUNCTION, .any_of = read_codes,                                  \
    .any_of_count = sizeof read_codes / sizeof read_codes[0]                   \
  }

static const struct fl_rule rules[] = {
    {.match = READS, .idempotent = true, .request_timeout = FL_NEVER}};

const struct fl_profile_preset fl_profile_modbus_tcp = {
    .framing = {.type = FL_FRAMING_LENGTH,
                .length = {.offset = LENGTH, .width = 2},
                .profile = FL_PROFILE_MODBUS_TCP},
    .max_frame = LENGTH + 2 + LENGTH_MAX,
    .pair = {.by = FL_PAIR_ID, .offset = 0, .width = 2},
    .reads = READS,
    .rules = rules,
    .rule_count = sizeof rules / sizeof rules[0],
    .valid = is_valid,
    .error = make_error};
