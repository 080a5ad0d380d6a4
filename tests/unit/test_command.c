/* The built-in commands: exact bytes in, exact bytes out. */
#include "core/command.h"

#include "core/framing.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct fl_slice slice(const char *text) {
  return (struct fl_slice){(const uint8_t *)text, strlen(text)};
}

static size_t put(char *text, size_t at, struct fl_slice piece) {
  if (piece.size > 0)
    memcpy(text + at, piece.bytes, piece.size);
  return at + piece.size;
}

/* Whether a line, its length given, is answered with exactly this text. */
static void answers_bytes(struct fl_slice line, uint32_t clients,
                          const char *expected, enum fl_reason reason) {
  char scratch[FL_COMMAND_SCRATCH];
  const struct fl_command_reply reply = fl_command_run(line, clients, scratch);
  char text[256];

  assert_true(reply.head.size + reply.body.size + reply.tail.size <
              sizeof text);
  size_t size = put(text, 0, reply.head);
  size = put(text, size, reply.body);
  text[put(text, size, reply.tail)] = '\0';
  assert_string_equal(text, expected);
  assert_int_equal(reply.reason, reason);
}

static void answers(const char *line, const char *expected) {
  answers_bytes(slice(line), 5, expected, FL_OK);
}

static void ping(void **state) {
  (void)state;
  answers("PING\n", "PONG\n");
  answers("PING\r\n", "PONG\n");
  answers("PING", "PONG\n");
  answers(" \t PING \t\r\n", "PONG\n");
}

static void commands_are_exact(void **state) {
  (void)state;
  answers("ping\n", "Echo: ping\n");
  answers("Status\n", "Echo: Status\n");
  answers("PINGS\n", "Echo: PINGS\n");
  answers("PIN\n", "Echo: PIN\n");
  answers("PING PING\n", "Echo: PING PING\n");
  answers("STATUS 1\n", "Echo: STATUS 1\n");
}

static void status_counts(void **state) {
  (void)state;
  answers_bytes(slice("STATUS\n"), 0, "Connected clients: 0\n", FL_OK);
  answers_bytes(slice("STATUS\r\n"), 3, "Connected clients: 3\n", FL_OK);
  answers_bytes(slice("STATUS"), UINT32_MAX, "Connected clients: 4294967295\n",
                FL_OK);
}

static void trims_ascii_white_space_only(void **state) {
  (void)state;
  answers(" \t\v\f\r hello  world \r\v\f\t\n", "Echo: hello  world\n");
  answers("a\tb\n", "Echo: a\tb\n");
  /* U+00A0 and U+2003, spaces elsewhere, are passed on. */
  answers("\xe2\x80\x83x\xc2\xa0\n", "Echo: \xe2\x80\x83x\xc2\xa0\n");
  answers("\xc2\xa0x\xe2\x80\x83\n", "Echo: \xc2\xa0x\xe2\x80\x83\n");
}

static void empty_lines(void **state) {
  (void)state;
  answers("", "Echo: \n");
  answers("\n", "Echo: \n");
  answers("\r\n", "Echo: \n");
  answers(" \t \n", "Echo: \n");
  answers_bytes((struct fl_slice){NULL, 0}, 0, "Echo: \n", FL_OK);
}

static bool is_refused(unsigned byte) {
  return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

static void control_bytes_are_refused(void **state) {
  (void)state;
  for (unsigned byte = 0; byte < 256; byte++) {
    uint8_t line[] = {'a', 'b', (uint8_t)byte, 'c', '\n'};
    char scratch[FL_COMMAND_SCRATCH];
    const struct fl_command_reply reply =
        fl_command_run((struct fl_slice){line, sizeof line}, 1, scratch);
    if (is_refused(byte)) {
      answers_bytes((struct fl_slice){line, sizeof line}, 1, "ERROR not_text\n",
                    FL_NOT_TEXT);
      continue;
    }
    assert_int_equal(reply.reason, FL_OK);
    assert_int_equal(reply.body.size, 4);
    assert_ptr_equal(reply.body.bytes, line);
  }
}

/* Wherever it stands; a NUL or an escape at an end is not white space. */
static void control_bytes_at_any_place(void **state) {
  (void)state;
  for (size_t at = 0; at < 100; at++) {
    char line[100];
    memset(line, 'x', sizeof line);
    line[at] = '\x1b';
    answers_bytes((struct fl_slice){(uint8_t *)line, sizeof line}, 1,
                  "ERROR not_text\n", FL_NOT_TEXT);
    line[at] = '\0';
    answers_bytes((struct fl_slice){(uint8_t *)line, sizeof line}, 1,
                  "ERROR not_text\n", FL_NOT_TEXT);
  }
}

static void refusal_is_the_framings_error(void **state) {
  const struct fl_framing framing = {.type = FL_FRAMING_LINE};
  uint8_t expected[FL_ERROR_REPLY_MAX + 1] = {0};

  (void)state;
  fl_framing_error(&framing, &(struct fl_failed){.reason = FL_NOT_TEXT},
                   expected);
  answers_bytes(slice("\x01\n"), 1, (const char *)expected, FL_NOT_TEXT);
}

static void utf8_passes(void **state) {
  (void)state;
  answers("gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\xa2\n",
          "Echo: gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\xa2\n");
}

/* The body points into the line, at any size. */
static void long_lines_are_not_copied(void **state) {
  const size_t size = 1 << 20;
  uint8_t *line = malloc(size);
  char scratch[FL_COMMAND_SCRATCH];

  (void)state;
  assert_non_null(line);
  memset(line, 'y', size);
  line[0] = ' ';
  line[size - 1] = '\n';
  const struct fl_command_reply reply =
      fl_command_run((struct fl_slice){line, size}, 1, scratch);
  assert_ptr_equal(reply.body.bytes, line + 1);
  assert_int_equal(reply.body.size, size - 2);
  free(line);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ping),
      cmocka_unit_test(commands_are_exact),
      cmocka_unit_test(status_counts),
      cmocka_unit_test(trims_ascii_white_space_only),
      cmocka_unit_test(empty_lines),
      cmocka_unit_test(control_bytes_are_refused),
      cmocka_unit_test(control_bytes_at_any_place),
      cmocka_unit_test(refusal_is_the_framings_error),
      cmocka_unit_test(utf8_passes),
      cmocka_unit_test(long_lines_are_not_copied),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
