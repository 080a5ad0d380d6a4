#include "service/lines.h"

#include <stdio.h>

static void read_line(struct fl_lines *lines) {
  int byte;
  lines->size = 0;
  lines->too_long = false;
  while ((byte = getc(stdin)) != EOF && byte != '\n') {
    if (lines->size == FL_LINES_MAX)
      lines->too_long = true;
    else
      lines->text[lines->size++] = (char)byte;
  }
  lines->end = byte == EOF && lines->size == 0;
  if (lines->size > 0 && lines->text[lines->size - 1] == '\r')
    lines->size--;
  lines->text[lines->size] = '\0';
}

static void on_thread(void *arg) {
  struct fl_lines *lines = arg;
  do {
    uv_sem_wait(&lines->wanted);
    read_line(lines);
    (void)uv_async_send(&lines->async);
  } while (!lines->end);
}

static void on_async(uv_async_t *async) {
  struct fl_lines *lines = async->data;
  lines->line(lines->context);
}

int fl_lines_open(struct fl_lines *lines, uv_loop_t *loop,
                  void (*line)(void *context), void *context) {
  lines->line = line;
  lines->context = context;
  int error = uv_sem_init(&lines->wanted, 0);
  if (error != 0)
    return error;
  error = uv_async_init(loop, &lines->async, on_async);
  if (error != 0)
    return error;
  lines->async.data = lines;
  return uv_thread_create(&lines->thread, on_thread, lines);
}

void fl_lines_next(struct fl_lines *lines) { uv_sem_post(&lines->wanted); }
