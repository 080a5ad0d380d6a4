/* Through libedit's callbacks (editline/readline.h): they read a key when
   there is one, so that the loop goes on while somebody types. */
#include "service/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <editline/readline.h>

static struct {
  const char *prompt;
  void (*line)(const char *line);
  bool asking;
} state;

bool fl_terminal_here(void) {
  return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static void on_line(char *line);

/* libedit leaves the size of the last line in rl_end until a key is read. */
static void install(void) {
  rl_callback_handler_install(state.prompt, on_line);
  rl_end = 0;
}

static void on_line(char *line) {
  rl_callback_handler_remove();
  state.asking = false;
  if (line == NULL)
    (void)putchar('\n');
  else if (line[0] != '\0')
    (void)add_history(line);
  state.line(line);
  free(line);
}

void fl_terminal_ask(const char *prompt, void (*line)(const char *line)) {
  static bool ready;
  if (!ready) {
    rl_readline_name = "fairlead";
    rl_initialize();
    stifle_history(1000);
    ready = true;
  }
  state.prompt = prompt;
  state.line = line;
  state.asking = true;
  install();
}

void fl_terminal_read(void) {
  if (state.asking)
    rl_callback_read_char();
}

void fl_terminal_hide(void) {
  if (state.asking)
    (void)fputs("\r\033[K", stdout);
}

void fl_terminal_show(void) {
  (void)fflush(stdout);
  if (state.asking)
    rl_forced_update_display();
}

bool fl_terminal_clear(void) {
  if (!state.asking || rl_end == 0)
    return false;
  (void)putchar('\n');
  rl_callback_handler_remove();
  install();
  return true;
}

void fl_terminal_leave(void) {
  if (!state.asking)
    return;
  rl_callback_handler_remove();
  state.asking = false;
}
