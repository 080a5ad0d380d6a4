/* What differs between two configurations: every row of the table, changed
   alone. */
#include "core/config.h"
#include "core/config_diff.h"
#include "core/generation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"

/* ---- every row ---- */

/* What a reload does when a key has changed. A key that is not here has not
   been thought about: whether those who run may be given the new value in the
   midst of what they do. (Then it is VALUES, without a flag in the table.) */
static const struct {
  unsigned kind;
  const char *keys; /* a blank after each; sections as the table calls them */
} kinds[] = {
    {0, "$schema include listeners[].name listeners[].upstream "
        "upstreams[].name "},
    {FL_CHANGE_RESTART,
     "control admin workers socket.reuse_port socket.ipv6_only "
     "upstreams[].workers "},
    {FL_CHANGE_STREAM,
     "listeners[].mode listeners[].framing upstreams[].framing "
     "upstreams[].reply_framing upstreams[].pair upstreams[].profile "},
    {FL_CHANGE_REPLACE, "listeners[].workers "},
    {FL_CHANGE_RECONNECT, "upstreams[].in_flight upstreams[].on_connect "
                          "upstreams[].keepalive_request upstreams[].reset "},
    {FL_CHANGE_LISTEN, "listeners[].listen "},
    {FL_CHANGE_SERVERS, "upstreams[].servers "},
    {FL_CHANGE_VALUES,
     "states states.interval drain_delay shutdown_timeout restart_timeout "
     "max_buffered "
     "log log.level log.levels log.format log.target log.max_size "
     "log.keep "
     "log.levels.service log.levels.listener log.levels.client "
     "log.levels.upstream log.levels.reload log.levels.control "
     "log.levels.states log.levels.socket listeners[].access_log "
     "listeners[].access_log.target "
     "listeners[].access_log.events listeners[].access_log.format socket "
     "socket.bind socket.syn_retries "
     "socket.nodelay socket.keepalive socket.user_timeout "
     "socket.receive_buffer socket.send_buffer socket.dscp socket.free_bind "
     "socket.backlog socket.keepalive.enabled socket.keepalive.idle "
     "socket.keepalive.interval socket.keepalive.count listeners upstreams "
     "listeners[].max_frame listeners[].max_connections listeners[].access "
     "listeners[].access.allow listeners[].access.deny "
     "listeners[].max_connections_per_address "
     "listeners[].max_connection_rate listeners[].max_connection_burst "
     "listeners[].idle_timeout listeners[].half_close_timeout "
     "listeners[].frame_timeout listeners[].write_timeout listeners[].socket "
     "upstreams[].health upstreams[].health.interval "
     "upstreams[].health.timeout "
     "upstreams[].health.send upstreams[].health.expect "
     "upstreams[].health.rise "
     "upstreams[].health.fall upstreams[].balance upstreams[].max_frame "
     "upstreams[].pool "
     "upstreams[].pool.min_size upstreams[].pool.max_size "
     "upstreams[].pool.acquire_timeout upstreams[].pool.max_waiters "
     "upstreams[].pool.idle_timeout upstreams[].pool.max_lifetime "
     "upstreams[].pool.hold_timeout upstreams[].pool.validate_after "
     "upstreams[].on_close "
     "upstreams[].resolve upstreams[].resolve.ttl upstreams[].resolve.stale "
     "upstreams[].resolve.head_start "
     "upstreams[].connect_timeout upstreams[].connect_settle "
     "upstreams[].request_gap upstreams[].reconnect_delay "
     "upstreams[].drain_timeout "
     "upstreams[].request_timeout upstreams[].write_timeout "
     "upstreams[].backoff upstreams[].backoff.initial "
     "upstreams[].backoff.factor upstreams[].backoff.max "
     "upstreams[].backoff.jitter upstreams[].socket "
     "listeners[].read_only listeners[].on_upstream_down upstreams[].requests "
     "upstreams[].ignore "
     "upstreams[].unsolicited "
     "upstreams[].requests[].match upstreams[].requests[].reply "
     "upstreams[].requests[].idempotent "
     "upstreams[].requests[].request_timeout upstreams[].requests[].deny "
     "upstreams[].requests[].match.prefix upstreams[].requests[].match.suffix "
     "upstreams[].requests[].match.offset "
     "upstreams[].requests[].match.any_of "}};

/* Sections all of which is as the key that has them. */
static bool follows_its_key(const struct fl_config_section *section) {
  return strcmp(section->path, "listeners[].framing") == 0 ||
         strcmp(section->path, "upstreams[].framing") == 0 ||
         strcmp(section->path, "upstreams[].pair") == 0 ||
         strcmp(section->path, "upstreams[].on_connect[]") == 0 ||
         strcmp(section->path, "upstreams[].keepalive_request") == 0 ||
         strcmp(section->path, "upstreams[].reset") == 0 ||
         strcmp(section->path, "control") == 0 ||
         strcmp(section->path, "admin") == 0;
}

static void check_section(const struct fl_config_section *section) {
  if (follows_its_key(section))
    return;
  for (uint32_t i = 0; i < section->count; i++) {
    const struct fl_config_row *row = &section->rows[i];
    char key[FL_CONFIG_DIFF_PATH];
    bool found = false;
    snprintf(key, sizeof key, "%s%s%s ", section->path,
             section->path[0] == '\0' ? "" : ".", row->key);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
      const char *at = strstr(kinds[k].keys, key);
      while (at != NULL && at != kinds[k].keys && at[-1] != ' ')
        at = strstr(at + 1, key);
      if (at == NULL)
        continue;
      found = true;
      if (fl_config_diff_kind(row) != kinds[k].kind)
        fail_msg("%sis of kind %u", key, fl_config_diff_kind(row));
    }
    if (!found)
      fail_msg("%sis new: what does a reload that changes it? See `kinds`",
               key);
    if (row->section != NULL)
      check_section(row->section);
  }
}

static void every_key_was_thought_about(void **state) {
  (void)state;
  check_section(&fl_config_root);
}

/* ---- a value of each row ---- */

struct told {
  unsigned count;
  char path[FL_CONFIG_DIFF_PATH];
  const struct fl_config_row *row;
};

static void tell(void *ctx, const struct fl_config_difference *difference) {
  struct told *told = ctx;
  told->count++;
  snprintf(told->path, sizeof told->path, "%s", difference->path);
  told->row = difference->row;
}

/* Changes the value of a row that is no object or list. Returns false when
   there is none to change. */
static bool spoil(const struct fl_config_row *row, unsigned char *base) {
  static char host[] = "h";
  static struct fl_endpoint endpoint = {.host = host};
  static struct fl_cidr block;
  static char *names[] = {host};
  void *element = row->type == FL_CONFIG_BLOCKS ? (void *)&block : &endpoint;
  unsigned char *field = base + row->offset;
  if (row->type == FL_CONFIG_NAMES)
    element = names;
  if (row->type == FL_CONFIG_NAME || row->type == FL_CONFIG_FILE ||
      row->type == FL_CONFIG_ENDPOINT) {
    char *text = host;
    if (strcmp(row->key, "name") == 0)
      return false;
    memcpy(field, &text, sizeof text); /* of an endpoint, its first member */
    return true;
  }
  switch (row->type) {
  case FL_CONFIG_IGNORED:
  case FL_CONFIG_PATTERNS:
  case FL_CONFIG_UPSTREAM:
  case FL_CONFIG_OBJECT:
  case FL_CONFIG_LIST:
    return false;
  case FL_CONFIG_LISTEN:
  case FL_CONFIG_SERVERS:
  case FL_CONFIG_BLOCKS:
  case FL_CONFIG_NAMES:
  case FL_CONFIG_STRINGS:
    memcpy(field, &element, sizeof element);
    *(uint32_t *)(void *)(base + row->count_offset) = 1;
    return true;
  default:
    if (row->offset == FL_CONFIG_NO_FIELD)
      return false;
    field[0] ^= 1; /* of a size too, then the first byte is compared */
    return true;
  }
}

/* A first key with which the row applies. */
static void choose(const struct fl_config_section *section,
                   const struct fl_config_row *row, unsigned char *base) {
  int choice = 0;
  while (row->types != 0 && (row->types & FL_CONFIG_TYPE(choice)) == 0)
    choice++;
  if (row->types != 0)
    memcpy(base + section->rows[0].offset, &choice, sizeof choice);
}

/* Compares a struct of `outer` with one in which a row was changed, for each
   row of the section at `offset` in it. `image`: what they are but for that. */
static void change_each(const struct fl_config_section *outer, size_t size,
                        const struct fl_config_section *section, size_t offset,
                        const unsigned char *image, unsigned *rows) {
  for (uint32_t i = 0; i < section->count; i++) {
    const struct fl_config_row *row = &section->rows[i];
    unsigned char *a = calloc(1, size);
    unsigned char *b = calloc(1, size);
    struct told told = {0};
    memcpy(a, image, size);
    choose(section, row, a + offset);
    memcpy(b, a, size);
    if (row->type == FL_CONFIG_OBJECT)
      change_each(outer, size, row->section, offset + row->offset, a, rows);
    if (spoil(row, b + offset)) {
      unsigned changes = fl_config_diff(outer, a, b, tell, &told);
      if (told.count == 0 || told.row != row)
        fail_msg("%s.%s: a change is not seen", section->path, row->key);
      assert_int_not_equal(changes, 0);
      assert_string_equal(told.path + strlen(told.path) - strlen(row->key),
                          row->key);
      assert_int_equal(fl_config_diff(outer, b, b, tell, &told), 0);
      (*rows)++;
    }
    free(a);
    free(b);
  }
}

static void each_change_is_seen(void **state) {
  (void)state;
  static const struct fl_config config;
  static const struct fl_listener_config listener;
  static const struct fl_upstream_config upstream;
  unsigned rows = 0;
  change_each(&fl_config_root, sizeof config, &fl_config_root, 0,
              (const unsigned char *)&config, &rows);
  change_each(&fl_config_listener, sizeof listener, &fl_config_listener, 0,
              (const unsigned char *)&listener, &rows);
  change_each(&fl_config_upstream, sizeof upstream, &fl_config_upstream, 0,
              (const unsigned char *)&upstream, &rows);
  assert_true(rows > 80);
}

static void what_is_in_a_section_counts_as_the_section(void **state) {
  (void)state;
  struct fl_upstream_config a = {.in_flight = 1};
  struct fl_upstream_config b = a;
  b.framing.type = FL_FRAMING_FIXED;
  assert_int_equal(fl_config_diff(&fl_config_upstream, &a, &b, NULL, NULL),
                   FL_CHANGE_STREAM);
  b = a;
  b.pair.by = FL_PAIR_ID;
  b.in_flight = 2;
  b.pool.max_size = 3;
  assert_int_equal(fl_config_diff(&fl_config_upstream, &a, &b, NULL, NULL),
                   FL_CHANGE_STREAM | FL_CHANGE_RECONNECT | FL_CHANGE_VALUES);
}

/* ---- the next generation ---- */

static struct fl_config *read_config(const char *text) {
  struct fl_config_errors errors;
  struct fl_config *config = fl_config_read(
      (struct fl_slice){(const uint8_t *)text, strlen(text)}, &errors);
  if (config == NULL)
    fail_msg("%s: %s", errors.list[0].path, errors.list[0].allowed);
  fl_config_errors_free(&errors);
  return config;
}

#define LISTENER(name, port, rest)                                             \
  "{\"name\":\"" name "\",\"listen\":[\"127.0.0.1:" port "\"]," rest "}"
#define COMMAND(name, port) LISTENER(name, port, "\"mode\":\"command\"")
#define REQUEST(name, port, upstream)                                          \
  LISTENER(name, port, "\"mode\":\"request\",\"upstream\":\"" upstream "\"")
#define UPSTREAM(name, rest)                                                   \
  "{\"name\":\"" name "\",\"servers\":[\"127.0.0.1:9\"]" rest "}"
#define CONFIG(listeners, upstreams)                                           \
  "{\"listeners\":[" listeners "],\"upstreams\":[" upstreams "]}"

static const char first_text[] = CONFIG(
    COMMAND("c", "1") "," REQUEST("a", "2", "u") "," REQUEST("b", "3", "v"),
    UPSTREAM("u", "") "," UPSTREAM("v", ""));

static struct fl_generation *first_generation(void) {
  return fl_generation_first(read_config(first_text), fl_config_free, 4);
}

static struct fl_generation *next_of(const struct fl_generation *first,
                                     const char *text,
                                     struct fl_generation_error *error) {
  static bool taken[FL_LISTENER_SLOTS] = {true, true, true};
  struct fl_config *config = read_config(text);
  struct fl_generation *next =
      fl_generation_next(first, config, fl_config_free, taken, error);
  if (next == NULL)
    fl_config_free(config);
  return next;
}

static void the_same_is_no_change(void **state) {
  (void)state;
  struct fl_generation_error error;
  struct fl_generation *first = first_generation();
  struct fl_generation *next = next_of(first, first_text, &error);
  assert_false(fl_generation_changed(next, first));
  assert_int_equal(next->number, 2);
  fl_generation_release(next);
  fl_generation_release(first);
}

static void names_keep_their_slots_and_places(void **state) {
  (void)state;
  struct fl_generation_error error;
  struct fl_generation *first = first_generation();
  struct fl_generation *next = next_of(
      first,
      CONFIG(REQUEST("b", "3", "v") "," COMMAND("d", "4") "," COMMAND("c", "1"),
             UPSTREAM("w", "") "," UPSTREAM("v", "")),
      &error);
  assert_true(fl_generation_changed(next, first));
  assert_int_equal(next->listeners[0].slot, 2);
  assert_int_equal(next->listeners[0].before, 2);
  assert_int_equal(next->listeners[0].changes, 0);
  assert_int_equal(next->listeners[1].slot, 3);
  assert_int_equal(next->listeners[1].before, FL_NONE);
  assert_int_equal(next->listeners[2].slot, 0);
  assert_int_equal(next->upstreams[1].placement.first,
                   first->upstreams[1].placement.first);
  assert_int_equal(next->upstreams[0].before, FL_NONE);
  assert_int_equal(next->upstreams[0].placement.first, first->turn);
  fl_generation_release(next);
  fl_generation_release(first);
}

static void a_listener_follows_its_upstream(void **state) {
  (void)state;
  struct fl_generation_error error;
  struct fl_generation *first = first_generation();
  struct fl_generation *next = next_of(
      first,
      CONFIG(COMMAND("c", "1") "," REQUEST("a", "2", "v") "," REQUEST("b", "3",
                                                                      "v"),
             UPSTREAM("u", "") "," UPSTREAM("v",
                                            ",\"framing\":{\"type\":"
                                            "\"delimited\",\"end\":\";\"}")),
      &error);
  assert_int_equal(next->listeners[1].changes & FL_CHANGE_REPLACE,
                   FL_CHANGE_REPLACE);
  assert_int_equal(next->listeners[2].changes & FL_CHANGE_STREAM,
                   FL_CHANGE_STREAM);
  assert_int_equal(next->upstreams[1].changes, FL_CHANGE_STREAM);
  assert_int_equal(next->listeners[1].placement.first,
                   first->upstreams[1].placement.first);
  fl_generation_release(next);
  fl_generation_release(first);
}

static void what_needs_a_restart_is_named(void **state) {
  (void)state;
  struct fl_generation_error error;
  struct fl_generation *first = first_generation();
  assert_null(next_of(
      first,
      CONFIG(COMMAND("c", "1"), UPSTREAM("v", ",\n\"workers\":2") "," UPSTREAM(
                                    "u", ",\n\"workers\":2")),
      &error));
  assert_int_equal(error.count, 2);
  assert_string_equal(
      error.faults[1].text,
      "upstream \"u\": workers: a change of it needs a restart");
  assert_int_equal(error.faults[0].place.line, 2);
  assert_int_equal(error.faults[1].place.line, 3);
  assert_int_equal(error.faults[1].place.column, 1);
  fl_generation_release(first);
}

/* No key of these is of that kind by itself. */
static void so_is_a_key_of_an_object_that_needs_one(void **state) {
  (void)state;
  struct fl_generation_error error;
  struct fl_generation *first = first_generation();
  assert_null(next_of(first,
                      "{\"control\":{\n\"path\":\"/x\"},\n"
                      "\"admin\":{\"health_listen\":\"127.0.0.1:1\"},"
                      "\"listeners\":[" COMMAND("c", "1") "]}",
                      &error));
  assert_int_equal(error.count, 2);
  assert_string_equal(error.faults[0].text,
                      "control.path: a change of it needs a restart");
  assert_int_equal(error.faults[0].place.line, 2);
  assert_int_equal(error.faults[1].place.line, 3);
  fl_generation_release(first);
}

static void there_may_be_no_free_slot(void **state) {
  (void)state;
  static bool taken[FL_LISTENER_SLOTS];
  struct fl_generation_error error;
  struct fl_generation *first = first_generation();
  struct fl_config *config =
      read_config(CONFIG(COMMAND("c", "1") "," COMMAND("x", "5"), ""));
  memset(taken, true, sizeof taken);
  assert_null(fl_generation_next(first, config, fl_config_free, taken, &error));
  assert_non_null(strstr(error.faults[0].text, "too many listeners"));
  fl_config_free(config);
  fl_generation_release(first);
}

static void without_memory_there_is_no_next(void **state) {
  (void)state;
  static bool taken[FL_LISTENER_SLOTS];
  struct fl_generation_error error;
  struct fl_generation *first = first_generation();
  struct fl_generation *next = NULL;
  struct fl_config *config = read_config(first_text);
  for (long allowed = 0; next == NULL; allowed++) {
    fl_test_alloc_fail_after(allowed);
    next = fl_generation_next(first, config, fl_config_free, taken, &error);
    fl_test_alloc_fail_after(-1);
    assert_true(next != NULL || error.out_of_memory);
  }
  fl_generation_release(next);
  fl_generation_release(first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_key_was_thought_about),
      cmocka_unit_test(each_change_is_seen),
      cmocka_unit_test(what_is_in_a_section_counts_as_the_section),
      cmocka_unit_test(the_same_is_no_change),
      cmocka_unit_test(names_keep_their_slots_and_places),
      cmocka_unit_test(a_listener_follows_its_upstream),
      cmocka_unit_test(what_needs_a_restart_is_named),
      cmocka_unit_test(so_is_a_key_of_an_object_that_needs_one),
      cmocka_unit_test(there_may_be_no_free_slot),
      cmocka_unit_test(without_memory_there_is_no_next)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
