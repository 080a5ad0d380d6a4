/* The intrusive ring. */
#include "core/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
  int value;
  struct fl_list node;
};

/* The values of a list as the digits of a number, read forwards; the links
   backwards must tell the same. */
static long digits(struct fl_list *list) {
  long forwards = 0;
  long backwards = 0;
  long place = 1;

  for (struct fl_list *at = list->next; at != list; at = at->next)
    forwards = forwards * 10 + FL_CONTAINER(at, struct item, node)->value;
  for (struct fl_list *at = list->prev; at != list; at = at->prev) {
    backwards += place * FL_CONTAINER(at, struct item, node)->value;
    place *= 10;
  }
  assert_int_equal(forwards, backwards);
  return forwards;
}

struct fixture {
  struct fl_list list;
  struct item items[4]; /* values 1 to 4 */
};

static void set_up(struct fixture *fixture) {
  fl_list_init(&fixture->list);
  for (int i = 0; i < 4; i++) {
    fixture->items[i].value = i + 1;
    fl_list_init(&fixture->items[i].node);
  }
}

static void empty(void **state) {
  struct fixture f;

  (void)state;
  set_up(&f);
  assert_true(fl_list_empty(&f.list));
  assert_null(fl_list_first(&f.list));
  assert_null(fl_list_pop(&f.list));
  assert_true(fl_list_empty(&f.items[0].node));
}

static void pushes_at_both_ends(void **state) {
  struct fixture f;

  (void)state;
  set_up(&f);
  fl_list_push_back(&f.list, &f.items[1].node);
  fl_list_push_back(&f.list, &f.items[2].node);
  fl_list_push_front(&f.list, &f.items[0].node);
  assert_int_equal(digits(&f.list), 123);
  assert_false(fl_list_empty(&f.list));
  assert_ptr_equal(fl_list_first(&f.list), &f.items[0].node);
}

static void inserts_before(void **state) {
  struct fixture f;

  (void)state;
  set_up(&f);
  fl_list_push_back(&f.list, &f.items[0].node);
  fl_list_push_back(&f.list, &f.items[3].node);
  fl_list_insert(&f.items[3].node, &f.items[2].node);
  assert_int_equal(digits(&f.list), 134);
}

static void removes_anywhere_and_twice(void **state) {
  struct fixture f;

  (void)state;
  set_up(&f);
  for (int i = 0; i < 4; i++)
    fl_list_push_back(&f.list, &f.items[i].node);
  fl_list_remove(&f.items[1].node);
  assert_int_equal(digits(&f.list), 134);
  assert_true(fl_list_empty(&f.items[1].node));
  fl_list_remove(&f.items[1].node);
  assert_int_equal(digits(&f.list), 134);
  fl_list_remove(&f.items[3].node);
  fl_list_remove(&f.items[0].node);
  assert_int_equal(digits(&f.list), 3);
  fl_list_remove(&f.items[2].node);
  assert_true(fl_list_empty(&f.list));
}

static void pops_in_order(void **state) {
  struct fixture f;

  (void)state;
  set_up(&f);
  for (int i = 0; i < 3; i++)
    fl_list_push_back(&f.list, &f.items[i].node);
  for (int i = 0; i < 3; i++) {
    struct fl_list *node = fl_list_pop(&f.list);
    assert_non_null(node);
    assert_int_equal(FL_CONTAINER(node, struct item, node)->value, i + 1);
    assert_true(fl_list_empty(node));
  }
  assert_null(fl_list_pop(&f.list));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(empty),
      cmocka_unit_test(pushes_at_both_ends),
      cmocka_unit_test(inserts_before),
      cmocka_unit_test(removes_anywhere_and_twice),
      cmocka_unit_test(pops_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
