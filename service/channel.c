#include "service/channel.h"

#include "core/json_write.h"
#include "platform/error.h"
#include "service/log.h"
#include "service/place.h"
#include "service/status.h"
#include "service/verbs.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  REQUEST_MS = 5000, /* for a request to arrive */
  REPLY_MS = 10000,  /* for a peer to take some of its reply */
  BACKLOG = 64,
  SAID_MAX = 800 /* of a line for people: two addresses and more */
};

struct fl_channel {
  uv_pipe_t pipe;
  struct fl_local local;
  const struct fl_instance *instance;
  struct fl_list peers;
  unsigned count; /* of them */
  bool waiting;   /* somebody was not accepted for want of a place */
  bool closed;
};

struct fl_channel_peer {
  uv_pipe_t pipe; /* first */
  uv_timer_t timer;
  uv_write_t request;
  struct fl_channel *channel;
  struct fl_list link;
  char line[FL_CHANNEL_LINE];
  size_t size;
  char *reply;
  bool begun;     /* its request is being worked at */
  bool owed;      /* whoever works at it has not answered yet */
  bool awaits;    /* the end of the stop */
  unsigned alive; /* handles not closed yet */
};

/* ---- the end of a peer ---- */

static void accept_one(struct fl_channel *channel);

static void release(struct fl_channel_peer *peer) {
  if (peer->alive > 0 || peer->owed)
    return;
  free(peer->reply);
  free(peer);
}

static void on_closed(uv_handle_t *handle) {
  struct fl_channel_peer *peer = handle->data;
  peer->alive--;
  release(peer);
}

static void close_peer(struct fl_channel_peer *peer) {
  struct fl_channel *channel = peer->channel;
  if (uv_is_closing((uv_handle_t *)&peer->pipe))
    return;
  uv_close((uv_handle_t *)&peer->pipe, on_closed);
  uv_close((uv_handle_t *)&peer->timer, on_closed);
  fl_list_remove(&peer->link);
  channel->count--;
  if (channel->waiting && !channel->closed)
    accept_one(channel);
}

/* ---- answering ---- */

const struct fl_instance *
fl_channel_instance(const struct fl_channel_peer *peer) {
  return peer->channel->instance;
}

static void on_timeout(uv_timer_t *timer) { close_peer(timer->data); }

static void on_written(uv_write_t *request, int status) {
  (void)status;
  close_peer(request->data);
}

void fl_channel_reply(struct fl_channel_peer *peer, char *json) {
  static const char no_memory[] =
      "{\"error\": \"out of memory, or the program is at its end\", "
      "\"status\": 3}\n";
  assert(peer->owed);
  peer->owed = false;
  peer->reply = json;
  if (uv_is_closing((uv_handle_t *)&peer->pipe)) {
    release(peer);
    return;
  }
  const char *text = json != NULL ? json : no_memory;
  uv_buf_t buffer =
      uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
  peer->request.data = peer;
  (void)uv_timer_start(&peer->timer, on_timeout, REPLY_MS, 0);
  if (uv_write(&peer->request, (uv_stream_t *)&peer->pipe, &buffer, 1,
               on_written) != 0)
    close_peer(peer);
}

/* What comes from a peer must not move a terminal's cursor. */
static void write_line(struct fl_json_writer *writer, const char *key,
                       char text[SAID_MAX]) {
  for (char *at = text; *at != '\0'; at++)
    if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7e)
      *at = '?';
  fl_json_write_key(writer, key);
  fl_json_write_string(writer, text);
}

void fl_channel_done(struct fl_channel_peer *peer, const char *format, ...) {
  struct fl_json_writer writer = {0};
  char text[SAID_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fl_json_write_open(&writer, '{');
  fl_json_write_key(&writer, "ok");
  fl_json_write_boolean(&writer, true);
  write_line(&writer, "text", text);
  fl_json_write_close(&writer, '}');
  fl_channel_reply(peer, fl_text_take(&writer.text));
}

void fl_channel_fail(struct fl_channel_peer *peer, int status,
                     const char *format, ...) {
  struct fl_json_writer writer = {0};
  char text[SAID_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fl_json_write_open(&writer, '{');
  write_line(&writer, "error", text);
  fl_json_write_key(&writer, "status");
  fl_json_write_number(&writer, (uint64_t)status);
  fl_json_write_close(&writer, '}');
  fl_channel_reply(peer, fl_text_take(&writer.text));
}

void fl_channel_await_end(struct fl_channel_peer *peer) { peer->awaits = true; }

/* ---- requests ---- */

/* Cuts a line at its spaces. Returns how many words there are; more than
   there is room for count, too. */
static unsigned split(char *line, const char *words[FL_CHANNEL_WORDS]) {
  unsigned count = 0;
  for (char *at = line; *at != '\0';) {
    at += strspn(at, " ");
    if (*at == '\0')
      break;
    if (count < FL_CHANNEL_WORDS)
      words[count] = at;
    count++;
    at += strcspn(at, " ");
    if (*at != '\0')
      *at++ = '\0';
  }
  return count;
}

static void begin(struct fl_channel_peer *peer) {
  const char *words[FL_CHANNEL_WORDS] = {NULL};
  unsigned count = split(peer->line, words);
  (void)uv_timer_stop(&peer->timer);
  peer->begun = true;
  peer->owed = true;
  if (count == 0 || count > FL_CHANNEL_WORDS)
    fl_channel_fail(peer, FL_STATUS_USAGE,
                    "a request is one line: VERB ARGUMENT...");
  else
    fl_verb_run(peer, words, count);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  struct fl_channel_peer *peer = handle->data;
  (void)suggested;
  /* What comes behind the request is read, to see the end, and dropped. */
  if (peer->begun || peer->size == sizeof peer->line)
    peer->size = 0;
  *buffer = uv_buf_init(peer->line + peer->size,
                        (unsigned)(sizeof peer->line - peer->size));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
  struct fl_channel_peer *peer = stream->data;
  (void)buffer;
  if (size < 0) {
    /* It may be a half-close: one that has asked still gets its answer. */
    (void)uv_read_stop(stream);
    if (!peer->begun)
      close_peer(peer);
    return;
  }
  if (peer->begun || size == 0)
    return;
  peer->size += (size_t)size;
  char *end = memchr(peer->line, '\n', peer->size);
  if (end != NULL) {
    *end = '\0';
    if (end > peer->line && end[-1] == '\r')
      end[-1] = '\0';
    begin(peer);
  } else if (peer->size == sizeof peer->line) {
    peer->begun = true;
    peer->owed = true;
    fl_channel_fail(peer, FL_STATUS_USAGE, "the request is too long");
  }
}

/* ---- accepting ---- */

static void accept_one(struct fl_channel *channel) {
  channel->waiting = channel->count >= FL_CHANNEL_PEERS;
  struct fl_channel_peer *peer =
      channel->waiting ? NULL : calloc(1, sizeof *peer);
  if (peer == NULL)
    return; /* libuv calls no more until one is accepted */
  uv_loop_t *loop = &channel->instance->control->loop;
  (void)uv_pipe_init(loop, &peer->pipe, 0);
  (void)uv_timer_init(loop, &peer->timer);
  peer->alive = 2;
  peer->pipe.data = peer->timer.data = peer;
  peer->channel = channel;
  fl_list_init(&peer->link);
  fl_list_push_back(&channel->peers, &peer->link);
  channel->count++;
  if (uv_accept((uv_stream_t *)&channel->pipe, (uv_stream_t *)&peer->pipe) !=
          0 ||
      uv_read_start((uv_stream_t *)&peer->pipe, on_alloc, on_read) != 0) {
    channel->waiting = false;
    close_peer(peer);
    return;
  }
  (void)uv_timer_start(&peer->timer, on_timeout, REQUEST_MS, 0);
}

static void on_connection(uv_stream_t *stream, int status) {
  struct fl_channel *channel = stream->data;
  if (status == 0)
    accept_one(channel);
}

/* ---- opening and closing ---- */

/* Without a name of the file that all its users get alike. */
static bool no_place(const struct fl_instance *instance,
                     char error[FL_LOCAL_ERROR]) {
  if (instance->control->reload->path == NULL)
    snprintf(error, FL_LOCAL_ERROR,
             "no place for a control socket follows from standard input; set "
             "control.path");
  else
    snprintf(error, FL_LOCAL_ERROR,
             "no place for a control socket follows from %s, for the user that "
             "serves may not look it up (nor read it again); let them enter "
             "its directory and read it",
             instance->path);
  return false;
}

static bool bind_socket(struct fl_channel *channel,
                        char error[FL_LOCAL_ERROR]) {
  const struct fl_control_config *config = &channel->instance->config->control;
  char path[FL_LOCAL_PATH];
  char text[FL_ERROR_TEXT];
  struct fl_local_setup setup = {.path = config->path,
                                 .group = config->group,
                                 .make_directory = config->path == NULL};
  if (config->path == NULL) {
    if (!fl_place_of(channel->instance->path, 0, path))
      return no_place(channel->instance, error);
    setup.path = path;
  }
  if (!fl_local_bind(&channel->local, &channel->pipe, &setup, error))
    return false;
  int failed = uv_listen((uv_stream_t *)&channel->pipe, BACKLOG, on_connection);
  if (failed == 0)
    return true;
  snprintf(error, FL_LOCAL_ERROR, "%s: %s", setup.path,
           fl_error_text(failed, text));
  fl_local_close(&channel->local);
  return false;
}

static void on_channel_closed(uv_handle_t *handle) {
  struct fl_channel *channel = handle->data;
  channel->closed = true;
}

int fl_channel_open(struct fl_channel **result,
                    const struct fl_instance *instance) {
  char error[FL_LOCAL_ERROR];
  struct fl_channel *channel = calloc(1, sizeof *channel);
  *result = channel;
  if (channel == NULL) {
    fl_log(FL_LOG_ERROR, FL_LOG_SERVICE, "out of memory");
    return FL_STATUS_SYSTEM;
  }
  channel->instance = instance;
  channel->local.lock = -1;
  fl_list_init(&channel->peers);
  (void)uv_pipe_init(&instance->control->loop, &channel->pipe, 0);
  channel->pipe.data = channel;
  if (bind_socket(channel, error)) {
    fl_log(FL_LOG_INFO, FL_LOG_SERVICE, "control: listening on %s",
           channel->local.path);
    return FL_STATUS_OK;
  }
  if (instance->config->control.path == NULL &&
      !fl_local_refused(&channel->local)) {
    fl_log(FL_LOG_WARNING, FL_LOG_SERVICE,
           "control: status, stop and the other commands will not reach this "
           "program: %s",
           error);
    return FL_STATUS_OK;
  }
  fprintf(stderr, "%s: control%s: %s\n", instance->path,
          instance->config->control.path == NULL ? "" : ".path", error);
  return FL_STATUS_CONFIG;
}

static void tell_end(struct fl_channel_peer *peer, int status) {
  char text[128];
  int size =
      snprintf(text, sizeof text,
               "{\"ok\": true, \"status\": %d, \"text\": \"process %d has "
               "ended with status %d\"}\n",
               status, (int)uv_os_getpid(), status);
  fl_local_last(&peer->pipe, text, (size_t)size);
  peer->owed = false;
}

void fl_channel_close(struct fl_channel *channel, int status) {
  if (channel == NULL)
    return;
  channel->waiting = false;
  struct fl_list *node;
  while ((node = fl_list_first(&channel->peers)) != NULL) {
    struct fl_channel_peer *peer =
        FL_CONTAINER(node, struct fl_channel_peer, link);
    if (peer->awaits)
      tell_end(peer, status);
    close_peer(peer);
  }
  uv_close((uv_handle_t *)&channel->pipe, on_channel_closed);
}

void fl_channel_free(struct fl_channel *channel) {
  if (channel == NULL)
    return;
  assert(channel->closed);
  fl_local_close(&channel->local);
  free(channel);
}
