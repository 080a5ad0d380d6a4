#include "core/command.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The C locale's isspace, whatever locale the process is in. */
static bool is_space(uint8_t byte) {
  return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct fl_slice trim(struct fl_slice line) {
  while (line.size > 0 && is_space(line.bytes[line.size - 1]))
    line.size--;
  while (line.size > 0 && is_space(line.bytes[0])) {
    line.bytes++;
    line.size--;
  }
  return line;
}

/* No early way out: lines are text but for the odd one, and a loop without a
   branch runs over many bytes at a time. */
static bool is_text(struct fl_slice line) {
  unsigned control = 0;

  for (size_t i = 0; i < line.size; i++) {
    const uint8_t byte = line.bytes[i];
    control |= (unsigned)(byte < 0x20) & (unsigned)(byte != '\t');
    control |= (unsigned)(byte == 0x7f);
  }
  return control == 0;
}

static struct fl_slice slice(const char *text, size_t size) {
  return (struct fl_slice){(const uint8_t *)text, size};
}

#define LITERAL(text) slice(text, sizeof(text) - 1)

static bool equals(struct fl_slice line, struct fl_slice word) {
  return line.size == word.size &&
         memcmp(line.bytes, word.bytes, word.size) == 0;
}

static struct fl_slice status(uint32_t clients,
                              char scratch[FL_COMMAND_SCRATCH]) {
  const int size = snprintf(scratch, FL_COMMAND_SCRATCH,
                            "Connected clients: %lu\n", (unsigned long)clients);

  assert(size > 0 && size < FL_COMMAND_SCRATCH);
  return slice(scratch, (size_t)size);
}

struct fl_command_reply fl_command_run(struct fl_slice line, uint32_t clients,
                                       char scratch[FL_COMMAND_SCRATCH]) {
  struct fl_command_reply reply = {.reason = FL_OK};

  line = trim(line);
  if (equals(line, LITERAL("PING"))) {
    reply.head = LITERAL("PONG\n");
  } else if (equals(line, LITERAL("STATUS"))) {
    reply.head = status(clients, scratch);
  } else if (!is_text(line)) {
    reply.head = LITERAL("ERROR not_text\n");
    reply.reason = FL_NOT_TEXT;
  } else {
    reply.head = LITERAL("Echo: ");
    reply.body = line;
    reply.tail = LITERAL("\n");
  }
  return reply;
}
