/* The console edits a line by itself and keeps its history (line input,
   Windows console documentation), so that whole lines come. What is being
   typed stays with it and cannot be drawn anew: after other output only the
   prompt is shown again. */
#include "service/terminal.h"

#include <io.h>
#include <stdio.h>
#include <string.h>

enum { STDIN = 0, STDOUT = 1, CTRL_Z = 0x1a, LINE_MAX = 3 * 65536 };

static struct {
  const struct fl_terminal_calls *calls;
  uv_tty_t console;
  const char *prompt;
  bool asking;
  bool too_long;
  size_t size;
  char line[LINE_MAX + 1];
  char piece[8192];
} state;

bool fl_terminal_here(void) {
  return uv_guess_handle(STDIN) == UV_TTY && uv_guess_handle(STDOUT) == UV_TTY;
}

bool fl_terminal_types(void) { return uv_guess_handle(STDIN) == UV_TTY; }

static void show_prompt(void) {
  (void)fputs(state.prompt, stdout);
  (void)fflush(stdout);
}

/* A line is at its end: without CR and LF. */
static void finish(void) {
  while (state.size > 0 && (state.line[state.size - 1] == '\n' ||
                            state.line[state.size - 1] == '\r'))
    state.size--;
  state.line[state.size] = '\0';
  state.size = 0;
  state.asking = false;
  (void)uv_read_stop((uv_stream_t *)&state.console);
  state.calls->line(state.line[0] == CTRL_Z ? NULL : state.line);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)handle;
  (void)suggested;
  *buffer = uv_buf_init(state.piece, sizeof state.piece);
}

/* More than fits is cut off; whoever gets the line refuses that length. */
static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
  (void)stream;
  if (size == UV_EOF) {
    state.asking = false;
    state.calls->line(NULL);
    return;
  }
  if (size < 0) {
    state.calls->broken((int)size);
    return;
  }
  size_t count = (size_t)size;
  bool ends = count > 0 && buffer->base[count - 1] == '\n';
  if (count > LINE_MAX - state.size)
    count = LINE_MAX - state.size;
  memcpy(state.line + state.size, buffer->base, count);
  state.size += count;
  if (ends)
    finish();
}

int fl_terminal_open(uv_loop_t *loop, const struct fl_terminal_calls *calls) {
  state.calls = calls;
  return uv_tty_init(loop, &state.console, STDIN, 1);
}

void fl_terminal_ask(const char *prompt) {
  state.prompt = prompt;
  state.asking = true;
  show_prompt();
  int error = uv_read_start((uv_stream_t *)&state.console, on_alloc, on_read);
  if (error != 0)
    state.calls->broken(error);
}

const char *fl_terminal_end_key(void) { return "Ctrl-Z and Enter"; }

void fl_terminal_hide(void) {
  if (state.asking)
    (void)putchar('\n');
}

void fl_terminal_show(void) {
  if (state.asking)
    show_prompt();
  else
    (void)fflush(stdout);
}

bool fl_terminal_clear(void) { return false; }

void fl_terminal_leave(void) { state.asking = false; }
