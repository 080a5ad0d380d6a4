/* Through libedit's callbacks (editline/readline.h): they read a key when
   there is one, so that the loop goes on while somebody types. */
#include "service/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <editline/readline.h>

static struct {
  const struct fl_terminal_calls *calls;
  uv_poll_t keys;
  const char *prompt;
  bool asking;
} state;

bool fl_terminal_here(void) {
  return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

bool fl_terminal_types(void) { return isatty(STDIN_FILENO); }

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
  state.calls->line(line);
  free(line);
}

/* Keys typed while no line is asked for stay with the terminal until then. */
static void on_keys(uv_poll_t *poll, int status, int events) {
  (void)poll;
  (void)events;
  if (status < 0)
    state.calls->broken(status);
  else if (state.asking)
    rl_callback_read_char();
}

int fl_terminal_open(uv_loop_t *loop, const struct fl_terminal_calls *calls) {
  state.calls = calls;
  rl_readline_name = "fairlead";
  rl_initialize();
  stifle_history(1000);
  int error = uv_poll_init(loop, &state.keys, STDIN_FILENO);
  return error != 0 ? error : uv_poll_start(&state.keys, UV_READABLE, on_keys);
}

void fl_terminal_ask(const char *prompt) {
  state.prompt = prompt;
  state.asking = true;
  install();
}

const char *fl_terminal_end_key(void) { return "Ctrl-D"; }

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
