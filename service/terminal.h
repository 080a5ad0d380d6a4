/* Lines typed at a terminal, with a prompt, editing and a history. A file per
   system. */
#ifndef FL_SERVICE_TERMINAL_H
#define FL_SERVICE_TERMINAL_H

#include <stdbool.h>
#include <uv.h>

/* Whether standard input and output are a terminal. */
bool fl_terminal_here(void);

/* Whether standard input is one. */
bool fl_terminal_types(void);

struct fl_terminal_calls {
  /* A whole line (UTF-8), or NULL after fl_terminal_end_key on an empty one;
     the prompt is away then. */
  void (*line)(const char *line);
  /* Nothing can be read any more: an error of libuv. */
  void (*broken)(int error);
};

/* Reads what is typed from now on. `calls` outlives the terminal. Returns 0 or
   an error of libuv. */
int fl_terminal_open(uv_loop_t *loop, const struct fl_terminal_calls *calls);

/* Shows the prompt (which outlives the terminal) and begins to take a line.
   Requires: it is open. */
void fl_terminal_ask(const char *prompt);

/* What is typed to end, for people. */
const char *fl_terminal_end_key(void);

/* Makes room for other output, and shows prompt and line again behind it.
   Do nothing where no line is asked for. */
void fl_terminal_hide(void);
void fl_terminal_show(void);

/* Drops what is being typed. Returns whether there was something; false where
   that is not known. */
bool fl_terminal_clear(void);

/* Takes the prompt away and gives the terminal its ways back. */
void fl_terminal_leave(void);

#endif
