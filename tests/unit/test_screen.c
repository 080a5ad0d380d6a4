/* Frames for terminals of any size. */
#include "service/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"

enum { WIDE = 200, HIGH = 60 };

/* What a terminal shows after a frame; it begins full of dots. */
static struct {
  unsigned columns, rows;
  char cells[HIGH][WIDE + 1];
  unsigned x, y;
} shown;

static void clear(unsigned x) {
  for (; x < shown.columns; x++)
    shown.cells[shown.y][x] = ' ';
}

static const char *control(const char *at) {
  if (strncmp(at, "\033[H", 3) == 0) {
    shown.x = shown.y = 0;
  } else if (strncmp(at, "\033[K", 3) == 0) {
    clear(shown.x < shown.columns ? shown.x : shown.columns - 1);
  } else {
    assert_memory_equal(at, "\033[J", 3);
    unsigned y = shown.y;
    for (clear(shown.x); ++shown.y < shown.rows;)
      clear(0);
    shown.y = y;
  }
  return at + 3;
}

static void draw(const char *text, unsigned columns, unsigned rows) {
  struct fl_text out = {0};
  shown.columns = columns == 0 ? 80 : columns;
  shown.rows = rows == 0 ? 24 : rows;
  shown.x = shown.y = 0;
  memset(shown.cells, '.', sizeof shown.cells);
  fl_screen_draw(&out, text, columns, rows);
  char *frame = fl_text_take(&out);
  assert_non_null(frame);
  for (const char *at = frame; *at != '\0';) {
    if (*at == '\033') {
      at = control(at);
      continue;
    }
    if (*at == '\r')
      shown.x = 0;
    else if (*at == '\n')
      assert_true(++shown.y < shown.rows); /* it never scrolls */
    else
      shown.cells[shown.y][shown.x++] = *at;
    assert_true(shown.x <= shown.columns); /* it never wraps */
    at++;
  }
  assert_int_equal(shown.x, 0);
  free(frame);
}

static void row_is(unsigned y, const char *text) {
  char row[WIDE + 1];
  (void)snprintf(row, sizeof row, "%-*s", (int)shown.columns, text);
  assert_memory_equal(shown.cells[y], row, shown.columns);
}

static void what_fits_is_shown_whole(void **state) {
  (void)state;
  draw("one\n\nthree\n", 20, 5);
  row_is(0, "one");
  row_is(1, "");
  row_is(2, "three");
  row_is(3, "q ends");
  row_is(4, "");
}

static void long_lines_are_cut(void **state) {
  (void)state;
  draw("1234567890\n12345678901\n", 10, 9);
  row_is(0, "1234567890");
  row_is(1, "123456789>");
  row_is(2, "q ends; >>"); /* "> is cut", of which the first is left */
  draw("1234567890\n123456789012345678901\n", 20, 9);
  row_is(1, "1234567890123456789>");
  row_is(2, "q ends; > is cut");
}

static void more_lines_than_rows(void **state) {
  (void)state;
  draw("a\nb\nc\nd\n", 40, 5);
  row_is(2, "c");
  row_is(3, "q ends; 1 line is not shown");
  row_is(4, "");
  draw("a\nb\nc\nd\n", 40, 4);
  row_is(1, "b");
  row_is(2, "q ends; 2 lines are not shown");
}

static void any_size(void **state) {
  (void)state;
  char text[1000];
  memset(text, 'x', sizeof text);
  for (size_t i = 7; i < sizeof text; i += 7 + i / 9)
    text[i] = '\n';
  text[sizeof text - 1] = '\0';
  for (unsigned columns = 0; columns <= 120; columns++)
    for (unsigned rows = 2; rows <= 40; rows++) /* it asserts by itself */
      draw(text, columns, rows);
  draw(text, 0, 0);
  draw("", 1, 2);
}

static void memory_may_run_out(void **state) {
  (void)state;
  for (long allowed = 0;; allowed++) {
    struct fl_text out = {0};
    fl_test_alloc_fail_after(allowed);
    fl_screen_draw(&out, "one\ntwo three four\n", 8, 3);
    fl_test_alloc_fail_after(-1);
    char *frame = fl_text_take(&out);
    bool done = frame != NULL;
    free(frame);
    if (done)
      return;
    assert_true(allowed < 50);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_fits_is_shown_whole),
      cmocka_unit_test(long_lines_are_cut),
      cmocka_unit_test(more_lines_than_rows),
      cmocka_unit_test(any_size),
      cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
