#include "tests/sim/own.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 8192 };

/* The id that config.json has in its frames. */
#define FILE_ID 7

static const struct {
  const char *line;
  const char *answer;
} questions[] = {
    {"sign on\n", "signed on\n"}, {"PING\n", "PONG\n"}, {"bye\n", ""}};

static struct fl_slice frame(struct sim *sim, const struct sim_wire *wire,
                             uint64_t id, const char *line) {
  return sim_wire_frame(sim, wire, id,
                        (struct fl_slice){(const uint8_t *)line, strlen(line)});
}

static void add_text(char *text, const char *more) {
  size_t size = strlen(text);
  assert(size + strlen(more) < TEXT_MAX);
  memcpy(text + size, more, strlen(more) + 1);
}

/* Adds "key": the frame of a line, whole or without what framing adds. */
static void add(struct sim *sim, char *text, const char *key,
                const struct sim_wire *wire, uint64_t id, const char *line) {
  struct fl_slice bytes = frame(sim, wire, id, line);
  char part[128];
  size_t start = wire->framing.type == FL_FRAMING_DELIMITED
                     ? wire->framing.delimited.start.size
                     : 0;
  if (wire->framing.type == FL_FRAMING_LINE) {
    snprintf(part, sizeof part, "\"%s\": \"%.*s\"", key, (int)strlen(line) - 1,
             line);
    add_text(text, part);
    return;
  }
  if (strcmp(key, "expect") != 0)
    start = 0;
  snprintf(part, sizeof part, "\"%s\": \"hex:", key);
  add_text(text, part);
  for (size_t i = start; i < bytes.size; i++) {
    snprintf(part, sizeof part, "%02x", bytes.bytes[i]);
    add_text(text, part);
  }
  add_text(text, "\"");
}

void sim_own_draw(struct sim *sim, struct sim_upstream_plan *plan) {
  plan->greets = !plan->built_in && sim_random_chance(&sim->random, 25);
  plan->signs_on = sim_random_chance(&sim->random, 25);
  plan->asked = sim_random_chance(&sim->random, 30);
  plan->watched = sim_random_chance(&sim->random, 40);
  plan->says_bye = !plan->built_in && sim_random_chance(&sim->random, 30);
}

static const char *sign_on(const struct sim_upstream_plan *plan) {
  return questions[plan->built_in ? 1 : 0].line;
}

static void add_question(struct sim *sim, char *text,
                         const struct sim_upstream_plan *plan,
                         const char *line) {
  add(sim, text, "send", &plan->wire, FILE_ID, line);
  add_text(text, ", ");
  add(sim, text, "expect", &plan->reply_wire, FILE_ID,
      sim_own_answer(line, strlen(line)));
}

static void add_keepalive(struct sim *sim, char *text,
                          const struct sim_upstream_plan *plan) {
  char interval[64];
  snprintf(interval, sizeof interval, ", \"interval\": \"%ums\"}, ",
           (unsigned)sim_random_between(&sim->random, 20, 2000));
  add_text(text, "\"keepalive_request\": {");
  add_question(sim, text, plan, "PING\n");
  add_text(text, interval);
}

static void add_health(struct sim *sim, char *text,
                       const struct sim_upstream_plan *plan) {
  char keys[160];
  snprintf(keys, sizeof keys,
           "\"health\": {\"interval\": \"%ums\", \"timeout\": \"%ums\", "
           "\"rise\": %u, \"fall\": %u",
           (unsigned)sim_random_between(&sim->random, 50, 3000),
           plan->clean ? 60000
                       : (unsigned)sim_random_between(&sim->random, 50, 2000),
           (unsigned)sim_random_between(&sim->random, 1, 3),
           (unsigned)sim_random_between(&sim->random, 1, 4));
  add_text(text, keys);
  if (sim_random_chance(&sim->random, 60)) {
    add_text(text, ", ");
    add_question(sim, text, plan, "PING\n");
  }
  add_text(text, "}, ");
}

static void add_on_close(struct sim *sim, char *text,
                         const struct sim_upstream_plan *plan) {
  add(sim, text, "on_close", &plan->wire, FILE_ID, "bye\n");
  add_text(text, ", ");
}

static void add_on_connect(struct sim *sim, char *text,
                           const struct sim_upstream_plan *plan) {
  add_text(text, "\"on_connect\": [{");
  if (plan->greets)
    add(sim, text, "expect", &plan->reply_wire, 0, "hello\n");
  if (plan->greets && plan->signs_on)
    add_text(text, "}, {");
  if (plan->signs_on)
    add_question(sim, text, plan, sign_on(plan));
  add_text(text, "}], ");
}

const char *sim_own_config(struct sim *sim,
                           const struct sim_upstream_plan *plan) {
  char *text = sim_alloc(sim, TEXT_MAX);
  if (plan->greets || plan->signs_on)
    add_on_connect(sim, text, plan);
  if (plan->asked)
    add_keepalive(sim, text, plan);
  if (plan->watched)
    add_health(sim, text, plan);
  if (plan->says_bye)
    add_on_close(sim, text, plan);
  return text;
}

struct fl_slice sim_own_greeting(struct sim *sim,
                                 const struct sim_upstream_plan *plan) {
  return frame(sim, &plan->reply_wire, 0, "hello\n");
}

const char *sim_own_answer(const char *line, size_t size) {
  for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
    if (strlen(questions[i].line) == size &&
        memcmp(questions[i].line, line, size) == 0)
      return questions[i].answer;
  return NULL;
}
