#include "service/connect.h"

#include "core/config_bytes.h"
#include "platform/address.h"
#include "platform/error.h"
#include "platform/format.h"
#include "service/duration.h"
#include "service/lines.h"
#include "service/log_line.h"
#include "service/ping_link.h"
#include "service/process.h"
#include "service/status.h"
#include "service/terminal.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ADDRESSES_MAX = 16, PROMPT_MAX = FL_PING_HOST + 16 };

enum state {
  LOOKUP,
  CONNECTING,
  IDLE,    /* a line is asked for */
  SENDING, /* what is to be sent waits for the loop, or the system */
  WAITING, /* for a reply */
  LEAVING  /* for the server's end, after ours */
};

/* One for each process, as the terminal is. */
static struct {
  const struct fl_ping_options *options;
  uv_loop_t loop;
  uv_signal_t interrupt;
  uv_timer_t timer;
  uv_getaddrinfo_t lookup;
  struct fl_lines lines; /* of what is no terminal */
  uv_check_t polled;     /* a frame is sent once the loop has polled */
  uv_idle_t idle;        /* keeps that poll from waiting */
  size_t frame_size;
  int turns;
  bool terminal;
  struct fl_addr addrs[ADDRESSES_MAX];
  uint32_t addr_count;
  uint32_t current;
  struct fl_ping_link *link;
  enum state state;
  char prompt[PROMPT_MAX];
  uint8_t typed[FL_FRAME_MAX];
  uint8_t frame[FL_FRAME_MAX];
} session;

/* ---- output ---- */

_Noreturn static void leave(int status) {
  fl_terminal_leave();
  if (fflush(stdout) != 0 || ferror(stdout)) {
    perror("fairlead: standard output");
    status = FL_STATUS_SYSTEM;
  }
  /* A lookup or a read of standard input may be under way for ever. */
  fl_process_exit(status);
}

/* What is neither a reply nor asked for goes to standard error. */
FL_FORMAT(1, 2)
static void inform(const char *format, ...) {
  va_list arguments;
  fl_terminal_hide();
  (void)fflush(stdout);
  va_start(arguments, format);
  (void)vfprintf(stderr, format, arguments);
  va_end(arguments);
  (void)fputc('\n', stderr);
  fl_terminal_show();
}

static bool is_text(struct fl_slice bytes) {
  const struct fl_frame_options *frames = &session.options->frames;
  if (!frames->raw && (frames->framing.type == FL_FRAMING_LENGTH ||
                       frames->framing.type == FL_FRAMING_FIXED))
    return false;
  return bytes.size == 0 || memchr(bytes.bytes, 0, bytes.size) == NULL;
}

static void put_hex(FILE *out, struct fl_slice bytes) {
  (void)fputs("hex:", out);
  for (size_t i = 0; i < bytes.size; i++)
    (void)fprintf(out, "%02x", bytes.bytes[i]);
}

/* As a terminal may show it: text, its control bytes as \xNN; else
   hexadecimal. */
static void put_shown(FILE *out, struct fl_slice bytes) {
  static char text[FL_FRAME_MAX + 1];
  static char shown[4 * FL_FRAME_MAX + 8];
  if (!is_text(bytes) || bytes.size > FL_FRAME_MAX) {
    put_hex(out, bytes);
    return;
  }
  memcpy(text, bytes.bytes, bytes.size);
  text[bytes.size] = '\0';
  (void)fwrite(shown, 1, fl_log_escape(shown, sizeof shown, text, false), out);
}

/* To a terminal for people; to a file or pipe byte for byte. */
static void show_reply(struct fl_slice frame) {
  if (!session.terminal) {
    (void)fwrite(frame.bytes, 1, frame.size, stdout);
    (void)fflush(stdout);
    return;
  }
  put_shown(stdout, fl_frame_content(&session.options->frames, frame));
  (void)putchar('\n');
  (void)fflush(stdout);
}

/* Bytes that answer nothing. Without frames that is all there is. */
static void show_unasked(struct fl_slice bytes) {
  if (session.options->frames.raw && !session.terminal) {
    show_reply(bytes);
    return;
  }
  while (bytes.size > 0 && (bytes.bytes[bytes.size - 1] == '\n' ||
                            bytes.bytes[bytes.size - 1] == '\r'))
    bytes.size--;
  fl_terminal_hide();
  (void)fflush(stdout);
  FILE *out = session.terminal ? stdout : stderr;
  (void)fputs(session.options->frames.raw ? "" : "unasked: ", out);
  put_shown(out, bytes);
  (void)fputc('\n', out);
  fl_terminal_show();
}

/* ---- lines ---- */

static void on_timer(uv_timer_t *timer);

static void enter(enum state state, fl_time duration) {
  session.state = state;
  uv_update_time(&session.loop);
  if (duration == FL_NEVER)
    (void)uv_timer_stop(&session.timer);
  else
    (void)uv_timer_start(&session.timer, on_timer,
                         (duration + FL_MILLISECOND - 1) / FL_MILLISECOND, 0);
}

static void ask(void) {
  enter(IDLE, FL_NEVER);
  if (session.terminal)
    fl_terminal_ask(session.prompt);
  else
    fl_lines_next(&session.lines);
}

/* No further line. Without frames the server may have more to say. */
static void finish(void) {
  if (!session.options->frames.raw || session.terminal)
    leave(FL_STATUS_OK);
  fl_ping_link_shut(session.link);
  enter(LEAVING, session.options->timeout);
}

/* In a pipe a line that cannot be sent ends it: what follows may build on
   it. */
static void refuse(const char *error) {
  inform("fairlead: %s", error);
  if (!session.terminal)
    leave(FL_STATUS_UNANSWERED);
  ask();
}

static void on_idle(uv_idle_t *idle) { (void)idle; }

/* The first call ends the turn in which the line came; what was readable then
   has been read at the second. */
static void on_polled(uv_check_t *check) {
  if (session.turns-- > 0)
    return;
  (void)uv_check_stop(check);
  (void)uv_idle_stop(&session.idle);
  fl_ping_link_send(session.link,
                    (struct fl_slice){session.frame, session.frame_size});
  if (session.options->frames.raw)
    fl_ping_link_give_up(session.link);
  else
    enter(WAITING, session.options->timeout);
}

static void send_line(const char *line) {
  const struct fl_frame_options *frames = &session.options->frames;
  char error[FL_FRAME_ERROR];
  size_t size = 0;
  if (!fl_config_octets_parse(line, session.typed, sizeof session.typed - 1,
                              &size)) {
    refuse("this is not sent; allowed: text, or hex: and two digits for each "
           "byte; less than 64KiB");
    return;
  }
  if (frames->raw && strncmp(line, "hex:", 4) != 0)
    session.typed[size++] = '\n';
  size = fl_frame_wrap(frames, (struct fl_slice){session.typed, size},
                       session.frame, error);
  if (size == 0) {
    refuse(error);
    return;
  }
  /* What has arrived by now is no reply: it is read and shown first. */
  session.frame_size = size;
  session.turns = 1;
  enter(SENDING, FL_NEVER);
  (void)uv_check_start(&session.polled, on_polled);
  (void)uv_idle_start(&session.idle, on_idle);
}

static void on_typed(const char *line) {
  if (line == NULL)
    finish();
  else if (line[0] == '\0')
    ask();
  else
    send_line(line);
}

static void on_piped(void *context) {
  (void)context;
  if (session.lines.end)
    finish();
  else if (session.lines.too_long)
    refuse("a line of standard input is longer than 64KiB");
  else if (memchr(session.lines.text, 0, session.lines.size) != NULL)
    refuse("a line of standard input has a byte 0 in it; write such lines as "
           "hex: and two digits for each byte");
  else
    send_line(session.lines.text);
}

static void refused_by_system(const char *what, int error) {
  char text[FL_ERROR_TEXT];
  inform("fairlead: %s: %s", what, fl_error_text(error, text));
  leave(FL_STATUS_SYSTEM);
}

static void on_broken(int error) { refused_by_system("standard input", error); }

static void open_input(void) {
  static const struct fl_terminal_calls calls = {on_typed, on_broken};
  int error = session.terminal ? fl_terminal_open(&session.loop, &calls)
                               : fl_lines_open(&session.lines, &session.loop,
                                               on_piped, NULL);
  if (error != 0)
    refused_by_system("standard input", error);
}

/* ---- the connection ---- */

static void try_address(void);

static void connected(void) {
  char text[FL_ADDR_TEXT];
  if (session.terminal)
    inform("connected to %s; %s ends",
           fl_addr_format(&session.addrs[session.current], text),
           fl_terminal_end_key());
  open_input();
  ask();
}

static void not_connected(const char *failure) {
  char text[FL_ADDR_TEXT];
  inform("fairlead: %s: %s",
         fl_addr_format(&session.addrs[session.current], text), failure);
  fl_ping_link_close(session.link);
  session.link = NULL;
  if (++session.current == session.addr_count)
    leave(FL_STATUS_UNANSWERED);
  try_address();
}

static void broken(const char *failure) {
  if (session.state == LEAVING)
    leave(FL_STATUS_OK);
  inform("fairlead: %s: %s", session.options->target, failure);
  leave(session.state == IDLE && session.terminal ? FL_STATUS_OK
                                                  : FL_STATUS_UNANSWERED);
}

static void on_link(void *context, enum fl_ping_event event,
                    struct fl_slice bytes, const char *failure) {
  (void)context;
  switch (event) {
  case FL_PING_CONNECTED:
    connected();
    break;
  case FL_PING_REPLY:
    show_reply(bytes);
    ask();
    break;
  case FL_PING_UNASKED:
    show_unasked(bytes);
    if (session.state == LEAVING)
      enter(LEAVING, session.options->timeout);
    break;
  case FL_PING_SENT:
    if (session.state == SENDING)
      ask();
    break;
  case FL_PING_FAILED:
    if (session.state == CONNECTING)
      not_connected(failure);
    else
      broken(failure);
    break;
  }
}

static void try_address(void) {
  session.link =
      fl_ping_link_open(&session.loop, &session.addrs[session.current],
                        &session.options->frames, on_link, NULL);
  if (session.link == NULL)
    refused_by_system(session.options->target, UV_ENOMEM);
  enter(CONNECTING, session.options->timeout);
}

static void no_reply(void) {
  char text[FL_DURATION_TEXT];
  fl_duration_format(session.options->timeout, text);
  if (!session.terminal) {
    inform("fairlead: %s: no reply within %s", session.options->target, text);
    leave(FL_STATUS_UNANSWERED);
  }
  fl_ping_link_give_up(session.link);
  inform("no reply within %s; what comes before the next line is sent is shown",
         text);
  ask();
}

static void on_timer(uv_timer_t *timer) {
  (void)timer;
  switch (session.state) {
  case LOOKUP:
    inform("fairlead: %s: no answer about this name in time",
           session.options->host);
    leave(FL_STATUS_UNANSWERED);
  case CONNECTING:
    not_connected("timed out");
    break;
  case WAITING:
    no_reply();
    break;
  case LEAVING:
    leave(FL_STATUS_OK);
  case IDLE:
  case SENDING:
    break;
  }
}

/* ---- begin ---- */

static void add_address(const struct sockaddr *from) {
  struct fl_addr addr;
  if (session.addr_count == ADDRESSES_MAX ||
      !fl_address_from_system(from, &addr))
    return;
  addr.port = session.options->port;
  for (uint32_t i = 0; i < session.addr_count; i++)
    if (fl_addr_equal(&session.addrs[i], &addr))
      return;
  session.addrs[session.addr_count++] = addr;
}

static void on_resolved(uv_getaddrinfo_t *request, int status,
                        struct addrinfo *info) {
  char text[FL_ERROR_TEXT];
  (void)request;
  for (struct addrinfo *at = info; at != NULL; at = at->ai_next)
    add_address(at->ai_addr);
  uv_freeaddrinfo(info);
  if (session.addr_count == 0) {
    inform("fairlead: %s has no address (%s)", session.options->host,
           status == 0 ? "neither IPv4 nor IPv6" : fl_error_text(status, text));
    leave(FL_STATUS_UNANSWERED);
  }
  try_address();
}

static void resolve(void) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  const struct fl_ping_options *options = session.options;
  if (fl_addr_parse(options->host, options->port, &session.addrs[0])) {
    session.addr_count = 1;
    try_address();
    return;
  }
  enter(LOOKUP, options->timeout);
  int error = uv_getaddrinfo(&session.loop, &session.lookup, on_resolved,
                             options->host, NULL, &hints);
  if (error != 0)
    refused_by_system(options->host, error);
}

/* Ctrl-C drops what is being typed, gives up a reply, or ends. */
static void on_interrupt(uv_signal_t *handle, int number) {
  (void)handle;
  if (session.terminal && session.state == IDLE && fl_terminal_clear())
    return;
  if (session.terminal && session.state == WAITING) {
    fl_ping_link_give_up(session.link);
    inform("not waited for any more");
    ask();
    return;
  }
  if (session.terminal)
    (void)putchar('\n');
  leave(128 + number);
}

int fl_connect(const struct fl_ping_options *options) {
  session.options = options;
  session.terminal = fl_terminal_here();
  (void)snprintf(session.prompt, sizeof session.prompt, "%s> ",
                 options->target);
  fl_process_prepare_client();
  int error = uv_loop_init(&session.loop);
  if (error != 0)
    refused_by_system("event loop", error);
  (void)uv_timer_init(&session.loop, &session.timer);
  (void)uv_check_init(&session.loop, &session.polled);
  (void)uv_idle_init(&session.loop, &session.idle);
  (void)uv_signal_init(&session.loop, &session.interrupt);
  error = uv_signal_start(&session.interrupt, on_interrupt, SIGINT);
  if (error != 0)
    refused_by_system("SIGINT", error);
  resolve();
  (void)uv_run(&session.loop, UV_RUN_DEFAULT);
  leave(FL_STATUS_OK);
}
