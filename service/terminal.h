/* Lines typed at a terminal, with a prompt, editing and a history. A file per
   system. */
#ifndef FL_SERVICE_TERMINAL_H
#define FL_SERVICE_TERMINAL_H

#include <stdbool.h>

/* Whether standard input and output are a terminal. */
bool fl_terminal_here(void);

/* Shows the prompt (which outlives the terminal) and begins to take a line.
   line: called by fl_terminal_read with a whole line, or NULL after Ctrl-D on
   an empty one; the prompt is away then. */
void fl_terminal_ask(const char *prompt, void (*line)(const char *line));

/* Standard input can be read. */
void fl_terminal_read(void);

/* Makes room for other output, and shows prompt and line again behind it.
   Do nothing where no line is asked for. */
void fl_terminal_hide(void);
void fl_terminal_show(void);

/* Drops what is being typed. Returns whether there was something. */
bool fl_terminal_clear(void);

/* Takes the prompt away and gives the terminal its ways back. */
void fl_terminal_leave(void);

#endif
