#include "service/watch.h"

#include "platform/error.h"
#include "service/process.h"
#include "service/screen.h"
#include "service/status.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { STDIN, STDOUT, CTRL_C = 3, SIGNALS = 4 };

/* A process watches one thing. Whoever is asked may take long to answer, which
   is a thread's to wait for: keys are heeded meanwhile. */
static struct {
  const struct fl_remote_options *options;
  uv_loop_t loop;
  uv_tty_t screen;
  uv_tty_t keys;
  bool types; /* somebody can: standard input is a terminal, too */
  uv_timer_t timer;
  uv_signal_t signals[SIGNALS];
  uv_work_t work;
  int status;          /* of the last answer, */
  struct fl_text next; /* which is this */
  char *shown;         /* the answer on the screen; NULL: none came yet */
  uv_write_t write;
  char *frame; /* that is being written; NULL: none */
  bool stale;  /* it is drawn again behind that */
  char piece[64];
} watch;

_Noreturn static void leave(int status) {
  if (watch.types)
    (void)uv_tty_set_mode(&watch.keys, UV_TTY_MODE_NORMAL);
  (void)uv_tty_reset_mode();
  fl_process_exit(status);
}

_Noreturn static void fail(const char *what, int error) {
  char text[FL_ERROR_TEXT];
  (void)fprintf(stderr, "fairlead: %s: %s\n", what, fl_error_text(error, text));
  leave(FL_STATUS_SYSTEM);
}

/* ---- the screen ---- */

static void draw(void);

static void on_written(uv_write_t *request, int status) {
  (void)request;
  free(watch.frame);
  watch.frame = NULL;
  if (status != 0)
    fail("standard output", status);
  if (watch.stale)
    draw();
}

/* A terminal that takes nothing (Ctrl-S) gets one frame, not all. */
static void draw(void) {
  struct fl_text out = {0};
  int columns = 0;
  int rows = 0;
  watch.stale = watch.frame != NULL;
  if (watch.shown == NULL || watch.stale)
    return;
  (void)uv_tty_get_winsize(&watch.screen, &columns, &rows);
  fl_screen_draw(&out, watch.shown, columns > 0 ? (unsigned)columns : 0,
                 rows > 0 ? (unsigned)rows : 0);
  size_t size = out.size;
  watch.frame = fl_text_take(&out);
  if (watch.frame == NULL)
    fail("tables", UV_ENOMEM);
  uv_buf_t buffer = uv_buf_init(watch.frame, (unsigned)size);
  int error = uv_write(&watch.write, (uv_stream_t *)&watch.screen, &buffer, 1,
                       on_written);
  if (error != 0)
    fail("standard output", error);
}

/* ---- asking ---- */

static void look(uv_work_t *work) {
  (void)work;
  watch.status = fl_remote_look(watch.options, &watch.next);
}

static void ask(uv_timer_t *timer);

static void on_answer(uv_work_t *work, int status) {
  (void)work;
  (void)status; /* nobody cancels it */
  if (watch.status != FL_STATUS_OK)
    leave(watch.status);
  free(watch.shown);
  watch.shown = fl_text_take(&watch.next);
  draw();
  (void)uv_timer_start(&watch.timer, ask, FL_WATCH_MS, 0);
}

static void ask(uv_timer_t *timer) {
  int error = uv_queue_work(timer->loop, &watch.work, look, on_answer);
  if (error != 0)
    fail("threads", error);
}

/* ---- keys and signals ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)handle;
  (void)suggested;
  *buffer = uv_buf_init(watch.piece, sizeof watch.piece);
}

static void on_keys(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
  if (size < 0)
    (void)uv_read_stop(stream); /* nobody types any more */
  for (ssize_t i = 0; i < size; i++)
    if (buffer->base[i] == 'q' || buffer->base[i] == 'Q' ||
        buffer->base[i] == CTRL_C)
      leave(FL_STATUS_OK);
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)handle;
  if (number == SIGWINCH)
    draw();
  else
    leave(number == SIGINT ? FL_STATUS_OK : 128 + number);
}

static int open_keys(void) {
  if (uv_guess_handle(STDIN) != UV_TTY)
    return 0;
  int error = uv_tty_init(&watch.loop, &watch.keys, STDIN, 1);
  if (error != 0)
    return error;
  watch.types = true;
  error = uv_tty_set_mode(&watch.keys, UV_TTY_MODE_RAW);
  return error != 0
             ? error
             : uv_read_start((uv_stream_t *)&watch.keys, on_alloc, on_keys);
}

static int open_signals(void) {
  static const int numbers[SIGNALS] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP};
  int error = 0;
  for (int i = 0; error == 0 && i < SIGNALS; i++) {
    (void)uv_signal_init(&watch.loop, &watch.signals[i]);
    error = uv_signal_start(&watch.signals[i], on_signal, numbers[i]);
  }
  return error;
}

bool fl_watch_can(void) { return uv_guess_handle(STDOUT) == UV_TTY; }

int fl_watch(const struct fl_remote_options *options) {
  watch.options = options;
  fl_process_prepare_client();
  int error = uv_loop_init(&watch.loop);
  if (error == 0)
    error = uv_tty_init(&watch.loop, &watch.screen, STDOUT, 0);
  if (error == 0)
    error = open_signals();
  if (error == 0)
    error = open_keys();
  if (error != 0)
    fail("terminal", error);
  (void)uv_timer_init(&watch.loop, &watch.timer);
  ask(&watch.timer);
  (void)uv_run(&watch.loop, UV_RUN_DEFAULT);
  leave(FL_STATUS_SYSTEM);
}
