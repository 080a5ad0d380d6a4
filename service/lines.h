/* Lines of standard input that is no terminal, read by a thread, for not
   everything that can be standard input can be polled. */
#ifndef FL_SERVICE_LINES_H
#define FL_SERVICE_LINES_H

#include "core/slice.h"

#include <stdbool.h>
#include <uv.h>

enum { FL_LINES_MAX = 2 * 65536 + 16 }; /* "hex:" and 64 KiB of bytes */

struct fl_lines {
  uv_async_t async;
  uv_thread_t thread;
  uv_sem_t wanted;
  void (*line)(void *context);
  void *context;
  /* What the last line is, once `line` is called: */
  char text[FL_LINES_MAX + 1];
  size_t size; /* without its end */
  bool end;    /* there is no further line */
  bool too_long;
};

/* Begins; `line` is called from the loop after each fl_lines_next. The thread
   may be in a read at any time: the process is ended by fl_process_exit.
   Returns 0 or an error of libuv. */
int fl_lines_open(struct fl_lines *lines, uv_loop_t *loop,
                  void (*line)(void *context), void *context);

/* Asks for the next line. Requires: the last was taken. */
void fl_lines_next(struct fl_lines *lines);

#endif
