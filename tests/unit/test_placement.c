/* Which worker serves what. */
#include "core/placement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct fl_upstream_config upstreams[] = {
    {.workers = 1}, {.workers = 3}, {.workers = 1}, {.workers = 64}};

static struct fl_listener_config listeners[] = {
    {.mode = FL_MODE_COMMAND, .workers = 0},
    {.mode = FL_MODE_REQUEST, .upstream = 1},
    {.mode = FL_MODE_COMMAND, .workers = 2},
    {.mode = FL_MODE_COMMAND, .workers = 64},
    {.mode = FL_MODE_COMMAND, .workers = 1},
    {.mode = FL_MODE_REQUEST, .upstream = 2}};

static const struct fl_config config = {.listeners = listeners,
                                        .listener_count = 6,
                                        .upstreams = upstreams,
                                        .upstream_count = 4};

static void assert_placed(struct fl_placement placement, uint32_t first,
                          uint32_t count) {
  assert_int_equal(placement.first, first);
  assert_int_equal(placement.count, count);
}

static void homes_are_given_in_turn(void **state) {
  (void)state;
  assert_placed(fl_placement_upstream(&config, 0, 4), 0, 1);
  assert_placed(fl_placement_upstream(&config, 1, 4), 1, 3);
  assert_placed(fl_placement_upstream(&config, 2, 4), 0, 1);
  assert_placed(fl_placement_upstream(&config, 3, 4), 1, 4);
}

static void request_listeners_are_where_their_upstream_is(void **state) {
  (void)state;
  assert_placed(fl_placement_listener(&config, 1, 4), 1, 3);
  assert_placed(fl_placement_listener(&config, 5, 4), 0, 1);
}

/* They move the turn by one, so that accepting is spread. */
static void relays_without_a_limit_are_everywhere(void **state) {
  (void)state;
  struct fl_upstream_config relayed[] = {
      {.workers = 0}, {.workers = 0}, {.workers = 1}};
  struct fl_listener_config relays[] = {{.mode = FL_MODE_RELAY, .upstream = 0},
                                        {.mode = FL_MODE_RELAY, .upstream = 1},
                                        {.mode = FL_MODE_RELAY, .upstream = 2}};
  const struct fl_config relaying = {.listeners = relays,
                                     .listener_count = 3,
                                     .upstreams = relayed,
                                     .upstream_count = 3};
  assert_placed(fl_placement_listener(&relaying, 0, 4), 0, 4);
  assert_placed(fl_placement_listener(&relaying, 1, 4), 1, 4);
  assert_placed(fl_placement_listener(&relaying, 2, 4), 2, 1);
}

static void command_listeners_follow_the_upstreams(void **state) {
  (void)state;
  assert_placed(fl_placement_listener(&config, 0, 4), 1, 4);
  assert_placed(fl_placement_listener(&config, 2, 4), 2, 2);
  assert_placed(fl_placement_listener(&config, 3, 4), 0, 4);
  assert_placed(fl_placement_listener(&config, 4, 4), 1, 1);
}

static void one_worker_does_everything(void **state) {
  (void)state;
  for (uint32_t i = 0; i < config.upstream_count; i++)
    assert_placed(fl_placement_upstream(&config, i, 1), 0, 1);
  for (uint32_t i = 0; i < config.listener_count; i++)
    assert_placed(fl_placement_listener(&config, i, 1), 0, 1);
}

static void shards_wrap_round(void **state) {
  (void)state;
  const struct fl_placement placement = {3, 3};
  uint32_t shard = 99;
  assert_true(fl_placement_has(placement, 3, 4, &shard));
  assert_int_equal(shard, 0);
  assert_true(fl_placement_has(placement, 0, 4, &shard));
  assert_int_equal(shard, 1);
  assert_true(fl_placement_has(placement, 1, 4, &shard));
  assert_int_equal(shard, 2);
  assert_false(fl_placement_has(placement, 2, 4, &shard));
  assert_int_equal(shard, 2);
  assert_true(fl_placement_has(placement, 1, 4, NULL));
}

/* Every placement has as many workers as it says, each shard once. */
static void shards_are_exact(void **state) {
  (void)state;
  for (uint32_t workers = 1; workers <= 9; workers++)
    for (uint32_t i = 0; i < config.listener_count; i++) {
      struct fl_placement placement =
          fl_placement_listener(&config, i, workers);
      uint32_t seen = 0;
      uint32_t shard = 0;
      for (uint32_t worker = 0; worker < workers; worker++)
        if (fl_placement_has(placement, worker, workers, &shard))
          seen |= UINT32_C(1) << shard;
      assert_int_equal(seen, (UINT32_C(1) << placement.count) - 1);
    }
}

/* Parts add up, and a smaller total never has a larger part (min_size stays
   within max_size on every shard). */
static void parts_add_up(void **state) {
  (void)state;
  for (uint32_t count = 1; count <= 8; count++)
    for (uint32_t total = 0; total <= 40; total++) {
      uint32_t sum = 0;
      for (uint32_t shard = 0; shard < count; shard++) {
        uint32_t part = fl_placement_part(total, shard, count);
        sum += part;
        assert_true(part >= total / count);
        assert_true(part <= fl_placement_part(total + 1, shard, count));
      }
      assert_int_equal(sum, total);
    }
  assert_int_equal(fl_placement_part(UINT32_MAX, 0, 2), 0x80000000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(homes_are_given_in_turn),
      cmocka_unit_test(request_listeners_are_where_their_upstream_is),
      cmocka_unit_test(relays_without_a_limit_are_everywhere),
      cmocka_unit_test(command_listeners_follow_the_upstreams),
      cmocka_unit_test(one_worker_does_everything),
      cmocka_unit_test(shards_wrap_round),
      cmocka_unit_test(shards_are_exact),
      cmocka_unit_test(parts_add_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
