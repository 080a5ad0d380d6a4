/* Deadlines: a lazy heap held against a plain search, and what callbacks may
   do. */
#include "core/deadline.h"

#include "tests/unit/alloc.h"
#include "tests/unit/random.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ENTRIES = 200, CALLS = 2048 };

struct fixture;

/* A deadline and what its callback does. */
struct entry {
  struct fl_deadline deadline;
  struct fixture *fixture;
  void (*then)(struct entry *entry, fl_time now);
  fl_time due; /* the model's: what the deadline must be at */
  int number;
  bool in;
};

struct fixture {
  struct fl_deadlines set;
  struct entry entries[ENTRIES];
  int called[CALLS]; /* numbers of the entries in order of their calls */
  fl_time call_due[CALLS];
  int calls;
  struct fl_test_random random;
  long live;
};

static void expired(struct fl_deadline *deadline, fl_time now) {
  struct entry *entry = (struct entry *)(void *)deadline;
  struct fixture *f = entry->fixture;

  assert_true(f->calls < CALLS);
  assert_int_equal(deadline->due, FL_NEVER);
  f->called[f->calls] = entry->number;
  f->call_due[f->calls++] = entry->due;
  entry->due = FL_NEVER;
  if (entry->then != NULL)
    entry->then(entry, now);
}

static int set_up(void **state) {
  struct fixture *f = calloc(1, sizeof *f);

  *state = f;
  if (f == NULL)
    return -1;
  f->live = fl_test_alloc_live();
  f->random.state = 1;
  for (int i = 0; i < ENTRIES; i++) {
    f->entries[i].fixture = f;
    f->entries[i].number = i;
    f->entries[i].due = FL_NEVER;
  }
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;

  fl_test_alloc_fail_after(-1);
  fl_deadlines_free(&f->set);
  const long lost = fl_test_alloc_live() - f->live;
  free(f);
  return lost == 0 ? 0 : -1;
}

static void add(struct entry *entry) {
  assert_true(fl_deadline_add(&entry->fixture->set, &entry->deadline, expired));
  entry->due = FL_NEVER;
  entry->in = true;
}

static void drop(struct entry *entry) {
  fl_deadline_remove(&entry->fixture->set, &entry->deadline);
  entry->in = false;
}

static void set_due(struct entry *entry, fl_time due) {
  fl_deadline_set(&entry->fixture->set, &entry->deadline, due);
  entry->due = entry->deadline.due;
}

static void add_all(struct fixture *f, int n) {
  for (int i = 0; i < n; i++)
    add(&f->entries[i]);
}

/* The heap is one, and every entry knows its place. */
static void assert_sound(const struct fl_deadlines *set) {
  for (uint32_t i = 0; i < set->count; i++) {
    const struct fl_deadline *deadline = set->heap[i];
    assert_int_equal(deadline->slot, i + 1);
    assert_true(deadline->filed <= deadline->due);
    if (i > 0)
      assert_true(set->heap[(i - 1) / 2]->filed <= deadline->filed);
  }
}

static void assert_called(const struct fixture *f, const int *numbers, int n) {
  assert_int_equal(f->calls, n);
  for (int i = 0; i < n; i++)
    assert_int_equal(f->called[i], numbers[i]);
}

static void an_empty_set_never_wakes(void **state) {
  struct fixture *f = *state;

  assert_true(fl_deadlines_run(&f->set, 5) == FL_NEVER);
  add_all(f, 3);
  assert_true(fl_deadlines_run(&f->set, 5) == FL_NEVER);
  assert_int_equal(f->calls, 0);
}

static void expires_in_order(void **state) {
  struct fixture *f = *state;

  add_all(f, 5);
  set_due(&f->entries[0], 50);
  set_due(&f->entries[1], 20);
  set_due(&f->entries[2], 40);
  set_due(&f->entries[3], 10);
  assert_int_equal(fl_deadlines_run(&f->set, 9), 10);
  assert_int_equal(f->calls, 0);
  assert_int_equal(fl_deadlines_run(&f->set, 40), 50);
  assert_called(f, (const int[]){3, 1, 2}, 3);
  assert_true(f->entries[3].deadline.due == FL_NEVER);
  assert_true(fl_deadlines_run(&f->set, 1000) == FL_NEVER);
  assert_called(f, (const int[]){3, 1, 2, 0}, 4);
}

/* Also where the heap files them in another order than they are due. */
static void expires_in_order_of_what_is_due(void **state) {
  struct fixture *f = *state;

  add_all(f, 3);
  for (int i = 0; i < 3; i++)
    set_due(&f->entries[i], 10 + (fl_time)i);
  set_due(&f->entries[0], 30);
  set_due(&f->entries[1], 20);
  fl_deadlines_run(&f->set, 40);
  assert_called(f, (const int[]){2, 1, 0}, 3);
}

static void earlier_and_later(void **state) {
  struct fixture *f = *state;

  add_all(f, 3);
  set_due(&f->entries[0], 100);
  set_due(&f->entries[1], 100);
  set_due(&f->entries[2], 100);
  set_due(&f->entries[0], 30);
  set_due(&f->entries[1], 200);
  assert_int_equal(fl_deadlines_run(&f->set, 30), 100);
  assert_called(f, (const int[]){0}, 1);
  set_due(&f->entries[1], 50); /* earlier than it was ever filed under */
  assert_int_equal(fl_deadlines_run(&f->set, 50), 100);
  assert_called(f, (const int[]){0, 1}, 2);
  fl_deadlines_run(&f->set, 100);
  assert_called(f, (const int[]){0, 1, 2}, 3);
}

static void never_switches_off(void **state) {
  struct fixture *f = *state;

  add_all(f, 2);
  set_due(&f->entries[0], 10);
  set_due(&f->entries[1], 20);
  set_due(&f->entries[0], FL_NEVER);
  fl_deadlines_run(&f->set, 15);
  assert_int_equal(f->calls, 0);
  assert_int_equal(fl_deadlines_run(&f->set, 16), 20);
  set_due(&f->entries[0], 18);
  fl_deadlines_run(&f->set, 18);
  assert_called(f, (const int[]){0}, 1);
}

/* The reason for the lazy heap: what every request does costs no order. */
static void postponing_leaves_the_heap_alone(void **state) {
  struct fixture *f = *state;
  struct fl_deadline *before[ENTRIES];

  add_all(f, ENTRIES);
  for (int i = 0; i < ENTRIES; i++)
    set_due(&f->entries[i], 1000 + fl_test_below(&f->random, 1000));
  memcpy(before, f->set.heap, sizeof before);
  for (int round = 1; round < 50; round++)
    for (int i = 0; i < ENTRIES; i++) {
      const fl_time filed = f->entries[i].deadline.filed;
      set_due(&f->entries[i], 2000 + 100 * (fl_time)round);
      assert_true(f->entries[i].deadline.filed == filed);
    }
  assert_memory_equal(before, f->set.heap, sizeof before);
  /* Back to a moment after the one it is filed under is as cheap. */
  for (int i = 0; i < ENTRIES; i++)
    set_due(&f->entries[i], 2000);
  assert_memory_equal(before, f->set.heap, sizeof before);
  /* Nothing is due before, and all is then. */
  assert_int_equal(fl_deadlines_run(&f->set, 1999), 2000);
  assert_int_equal(f->calls, 0);
  fl_deadlines_run(&f->set, 2000);
  assert_int_equal(f->calls, ENTRIES);
}

static void zeroed_ones_may_be_removed(void **state) {
  struct fixture *f = *state;

  fl_deadline_remove(&f->set, &f->entries[0].deadline);
  add_all(f, 3);
  drop(&f->entries[1]);
  drop(&f->entries[1]);
  assert_int_equal(f->set.count, 2);
  assert_sound(&f->set);
  add(&f->entries[1]); /* and put in again */
  set_due(&f->entries[1], 5);
  fl_deadlines_run(&f->set, 5);
  assert_called(f, (const int[]){1}, 1);
}

/* A callback frees its own deadline: nobody touches it after that. */
static void remove_self_and_overwrite(struct entry *entry, fl_time now) {
  (void)now;
  drop(entry);
  memset(&entry->deadline, 0xee, sizeof entry->deadline);
}

static void callback_removes_itself(void **state) {
  struct fixture *f = *state;

  add_all(f, 3);
  for (int i = 0; i < 3; i++)
    set_due(&f->entries[i], 10 + (fl_time)i);
  f->entries[0].then = remove_self_and_overwrite;
  f->entries[1].then = remove_self_and_overwrite;
  fl_deadlines_run(&f->set, 20);
  assert_called(f, (const int[]){0, 1, 2}, 3);
  assert_int_equal(f->set.count, 1);
  assert_sound(&f->set);
}

/* Removes the next, postpones the one after it, and lets a third be. */
static void disturb_others(struct entry *entry, fl_time now) {
  drop(&entry[1]);
  set_due(&entry[2], now + 5);
  set_due(&entry[4], FL_NEVER);
}

static void callback_disturbs_others_due_in_the_same_run(void **state) {
  struct fixture *f = *state;

  add_all(f, 5);
  for (int i = 0; i < 5; i++)
    set_due(&f->entries[i], 10 + (fl_time)i);
  f->entries[0].then = disturb_others;
  assert_int_equal(fl_deadlines_run(&f->set, 20), 25);
  assert_called(f, (const int[]){0, 3}, 2);
  fl_deadlines_run(&f->set, 25);
  assert_called(f, (const int[]){0, 3, 2}, 3);
}

static void add_another(struct entry *entry, fl_time now) {
  add(&entry[1]);
  set_due(&entry[1], now);
  set_due(entry, 0);
}

/* A run ends, whatever callbacks set: that is for the next run. */
static void callback_adds_and_sets_what_is_due_at_once(void **state) {
  struct fixture *f = *state;

  add_all(f, 1);
  set_due(&f->entries[0], 10);
  f->entries[0].then = add_another;
  assert_int_equal(fl_deadlines_run(&f->set, 10), 11);
  assert_called(f, (const int[]){0}, 1);
  f->entries[0].then = NULL;
  fl_deadlines_run(&f->set, 11);
  assert_int_equal(f->calls, 3);
  /* Outside a run, the past is due at the next one. */
  set_due(&f->entries[0], 3);
  assert_int_equal(f->entries[0].deadline.due, 3);
  fl_deadlines_run(&f->set, 11);
  assert_int_equal(f->calls, 4);
}

static void without_memory_add_refuses(void **state) {
  struct fixture *f = *state;
  int added = 0;

  fl_test_alloc_fail_after(0);
  const bool first = fl_deadline_add(&f->set, &f->entries[0].deadline, expired);
  fl_test_alloc_fail_after(1);
  while (added < ENTRIES &&
         fl_deadline_add(&f->set, &f->entries[added].deadline, expired))
    added++;
  /* What is in can be set and expires without any memory. */
  for (int i = 0; i < added; i++)
    fl_deadline_set(&f->set, &f->entries[i].deadline, 7);
  fl_deadlines_run(&f->set, 7);
  const long asked = fl_test_alloc_count();
  fl_test_alloc_fail_after(-1);
  assert_false(first);
  assert_true(added > 0 && added < ENTRIES);
  assert_int_equal(asked, 2);
  assert_int_equal(f->entries[added].deadline.slot, 0);
  assert_int_equal(f->calls, added);
  assert_int_equal(f->set.count, added);
  assert_sound(&f->set);
  assert_true(fl_deadline_add(&f->set, &f->entries[added].deadline, expired));
}

/* One random operation on a random entry. */
static void disturb(struct fixture *f, fl_time now) {
  struct entry *entry = &f->entries[fl_test_below(&f->random, ENTRIES)];
  const fl_time later = now + fl_test_below(&f->random, 300);

  if (!entry->in) {
    add(entry);
    set_due(entry, later);
    return;
  }
  switch (fl_test_below(&f->random, 8)) {
  case 0:
    drop(entry);
    break;
  case 1:
    set_due(entry, FL_NEVER);
    break;
  case 2:
    set_due(entry, now > 50 ? now - fl_test_below(&f->random, 50) : now);
    break;
  default:
    set_due(entry, later);
  }
}

static void disturb_some(struct entry *entry, fl_time now) {
  for (size_t i = fl_test_below(&entry->fixture->random, 4); i > 0; i--)
    disturb(entry->fixture, now);
}

/* The earliest moment any entry is due, by looking at all of them. */
static fl_time earliest(const struct fixture *f) {
  fl_time due = FL_NEVER;

  for (int i = 0; i < ENTRIES; i++)
    if (f->entries[i].in)
      due = fl_time_min(due, f->entries[i].due);
  return due;
}

/* A run calls each entry that is due when its turn comes, the earliest
   first; what is left afterwards is due later than now. */
static void random_operations(void **state) {
  struct fixture *f = *state;
  fl_time now = 0;
  int total = 0;

  for (int i = 0; i < ENTRIES; i++)
    f->entries[i].then = i % 2 == 0 ? disturb_some : NULL;
  for (int round = 0; round < 5000; round++) {
    now += fl_test_below(&f->random, 40);
    for (int i = 0; i < 5; i++)
      disturb(f, now);
    f->calls = 0;
    const fl_time wake = fl_deadlines_run(&f->set, now);
    for (int i = 0; i < f->calls; i++) {
      assert_true(f->call_due[i] <= now);
      assert_true(i == 0 || f->call_due[i - 1] <= f->call_due[i]);
    }
    assert_true(wake > now && wake <= earliest(f));
    assert_true(earliest(f) > now);
    assert_sound(&f->set);
    total += f->calls;
  }
  assert_true(total > 5000);
}

/* Many connections, each postponed by every request: the heap is looked at
   once a timeout, not once a request. */
static void waking_is_rare(void **state) {
  struct fixture *f = *state;
  fl_time wake = 0;
  int wakes = 0;

  add_all(f, 1);
  for (fl_time now = 0; now < 10000; now++) {
    set_due(&f->entries[0], now + 1000);
    if (wake <= now) {
      wake = fl_deadlines_run(&f->set, now);
      wakes++;
    }
  }
  assert_int_equal(f->calls, 0);
  assert_in_range(wakes, 1, 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fl_test_alloc_settle),
      TEST(an_empty_set_never_wakes),
      TEST(expires_in_order),
      TEST(expires_in_order_of_what_is_due),
      TEST(earlier_and_later),
      TEST(never_switches_off),
      TEST(postponing_leaves_the_heap_alone),
      TEST(zeroed_ones_may_be_removed),
      TEST(callback_removes_itself),
      TEST(callback_disturbs_others_due_in_the_same_run),
      TEST(callback_adds_and_sets_what_is_due_at_once),
      TEST(without_memory_add_refuses),
      TEST(random_operations),
      TEST(waking_is_rare),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
