/* Configurations in effect: what follows from one, and who disposes of it. */
#include "core/generation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alloc.h"

static struct fl_upstream_config upstreams[] = {{.workers = 1}, {.workers = 1}};
static struct fl_listener_config listeners[] = {
    {.mode = FL_MODE_COMMAND}, {.mode = FL_MODE_REQUEST, .upstream = 1}};
static struct fl_config config = {.listeners = listeners,
                                  .listener_count = 2,
                                  .upstreams = upstreams,
                                  .upstream_count = 2};
static unsigned disposed;

static void dispose(struct fl_config *of) {
  assert_ptr_equal(of, &config);
  disposed++;
}

static void the_first_has_slots_and_places(void **state) {
  (void)state;
  struct fl_generation *first = fl_generation_first(&config, NULL, 4);
  assert_int_equal(first->number, 1);
  assert_int_equal(first->listeners[0].slot, 0);
  assert_int_equal(first->listeners[1].slot, 1);
  assert_int_equal(first->listeners[0].placement.count, 4);
  assert_int_equal(first->upstreams[0].placement.first, 0);
  assert_int_equal(first->upstreams[1].placement.first, 1);
  assert_int_equal(first->listeners[1].placement.first, 1);
  fl_generation_release(first);
}

static void the_last_holder_disposes(void **state) {
  (void)state;
  long before = fl_test_alloc_live();
  struct fl_generation *first = fl_generation_first(&config, dispose, 1);
  disposed = 0;
  assert_ptr_equal(fl_generation_hold(first), first);
  fl_generation_release(first);
  assert_int_equal(disposed, 0);
  fl_generation_release(first);
  assert_int_equal(disposed, 1);
  fl_generation_release(NULL);
  assert_int_equal(fl_test_alloc_live(), before);
}

static void without_memory_the_configuration_is_left_alone(void **state) {
  (void)state;
  struct fl_generation *first = NULL;
  disposed = 0;
  for (long allowed = 0; first == NULL; allowed++) {
    long before = fl_test_alloc_live();
    fl_test_alloc_fail_after(allowed);
    first = fl_generation_first(&config, dispose, 1);
    fl_test_alloc_fail_after(-1);
    if (first == NULL)
      assert_int_equal(fl_test_alloc_live(), before);
  }
  assert_int_equal(disposed, 0);
  fl_generation_release(first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_has_slots_and_places),
      cmocka_unit_test(the_last_holder_disposes),
      cmocka_unit_test(without_memory_the_configuration_is_left_alone)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
