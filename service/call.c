#include "service/call.h"

#include "core/config.h"
#include "core/text.h"
#include "platform/error.h"
#include "service/check.h"
#include "service/place.h"
#include "service/process.h"
#include "service/status.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No answer is longer: it lists 10,000 connections for each of 64 workers. */
enum { ANSWER_MAX = 256 * 1024 * 1024, CHUNK = 65536 };

struct call {
  uv_loop_t loop;
  uv_pipe_t pipe;
  uv_timer_t timer;
  struct fl_local_client client;
  uv_write_t write;
  const struct fl_call_setup *setup;
  struct fl_text answer;
  int error; /* of libuv; UV_ETIMEDOUT */
  bool over;
  char chunk[CHUNK];
};

static void finish(struct call *call, int error) {
  if (call->over)
    return;
  call->over = true;
  call->error = error;
  uv_close((uv_handle_t *)&call->pipe, NULL);
  uv_close((uv_handle_t *)&call->timer, NULL);
}

static void on_timeout(uv_timer_t *timer) { finish(timer->data, UV_ETIMEDOUT); }

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  struct call *call = handle->data;
  (void)suggested;
  *buffer = uv_buf_init(call->chunk, sizeof call->chunk);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
  struct call *call = stream->data;
  if (size < 0) {
    finish(call, size == UV_EOF || size == UV_ECONNRESET ? 0 : (int)size);
    return;
  }
  fl_text_add_bytes(&call->answer, buffer->base, (size_t)size);
  if (call->answer.failed || call->answer.size > ANSWER_MAX)
    finish(call, UV_ENOMEM);
}

static void on_written(uv_write_t *request, int status) {
  if (status != 0)
    finish(request->data, status);
}

static void on_connected(uv_connect_t *request, int status) {
  struct call *call = request->data;
  const char *line = call->setup->line;
  uv_buf_t buffer =
      uv_buf_init((char *)(uintptr_t)line, (unsigned)strlen(line));
  if (call->over)
    return;
  call->write.data = call;
  if (status == 0)
    status = uv_read_start((uv_stream_t *)&call->pipe, on_alloc, on_read);
  if (status == 0)
    status = uv_write(&call->write, (uv_stream_t *)&call->pipe, &buffer, 1,
                      on_written);
  if (status != 0)
    finish(call, status);
}

/* Asks at one place. Returns 0 or an error of libuv. */
static int ask(struct call *call, const char *path) {
  int error = uv_loop_init(&call->loop);
  if (error != 0)
    return error;
  (void)uv_pipe_init(&call->loop, &call->pipe, 0);
  (void)uv_timer_init(&call->loop, &call->timer);
  call->over = false;
  call->pipe.data = call->timer.data = call->client.request.data = call;
  call->client.path = path;
  call->client.timeout_ms = call->setup->timeout_ms;
  call->client.named = call->setup->config == NULL;
  if (call->setup->timeout_ms != 0)
    (void)uv_timer_start(&call->timer, on_timeout, call->setup->timeout_ms, 0);
  fl_local_connect(&call->client, &call->pipe, on_connected);
  (void)uv_run(&call->loop, UV_RUN_DEFAULT);
  (void)uv_loop_close(&call->loop);
  return call->error;
}

static bool nobody_there(int error) {
  return error == UV_ENOENT || error == UV_ECONNREFUSED;
}

/* The places of a configuration file in turn. */
static int ask_places(struct call *call, const char *file,
                      char path[FL_LOCAL_PATH]) {
  int error = UV_ENOENT;
  path[0] = '\0';
  for (unsigned n = 0; nobody_there(error) && fl_place_of(file, n, path); n++)
    error = ask(call, path);
  return error;
}

/* The places come first: with them a file that is being edited need not be
   right at this moment. */
static int ask_config(struct call *call, const char *file,
                      char path[FL_LOCAL_PATH], int *status) {
  int error = ask_places(call, file, path);
  if (!nobody_there(error))
    return error;
  struct fl_config *config = fl_check_load(file, status);
  if (config != NULL)
    *status = FL_STATUS_OK;
  if (config != NULL && config->control.path != NULL) {
    snprintf(path, FL_LOCAL_PATH, "%s", config->control.path);
    error = ask(call, path);
  }
  fl_config_free(config);
  return error;
}

static int explain(const struct call *call, const char *path, int error) {
  const char *config = call->setup->config;
  char text[FL_ERROR_TEXT];
  if (nobody_there(error)) {
    fprintf(stderr, "fairlead: no fairlead that runs%s%s is reached at %s\n",
            config != NULL ? " with " : "", config != NULL ? config : "",
            path[0] != '\0' ? path : "any place");
    return FL_STATUS_NOT_RUNNING;
  }
  if (call->client.error[0] != '\0')
    fprintf(stderr, "fairlead: %s\n", call->client.error);
  else if (error == UV_EACCES || error == UV_EPERM)
    fprintf(stderr, "fairlead: %s may not be used by this user; be %s\n", path,
            fl_local_users());
  else if (error == UV_ETIMEDOUT)
    fprintf(stderr, "fairlead: no answer at %s within %u s\n", path,
            call->setup->timeout_ms / 1000);
  else
    fprintf(stderr, "fairlead: %s: %s\n", path, fl_error_text(error, text));
  return FL_STATUS_SYSTEM;
}

char *fl_call_text(const struct fl_call_setup *setup, int *status) {
  char path[FL_LOCAL_PATH] = "";
  int error;
  struct call *call = calloc(1, sizeof *call);
  *status = FL_STATUS_SYSTEM;
  if (call == NULL) {
    fprintf(stderr, "fairlead: out of memory\n");
    return NULL;
  }
  fl_process_prepare_client();
  call->setup = setup;
  *status = FL_STATUS_OK;
  if (setup->config == NULL) {
    snprintf(path, sizeof path, "%s", setup->control);
    error = ask(call, path);
  } else {
    error = ask_config(call, setup->config, path, status);
  }
  char *text = fl_text_take(&call->answer);
  if (*status == FL_STATUS_OK && error != 0)
    *status = explain(call, path, error);
  free(call);
  if (*status == FL_STATUS_OK)
    return text;
  free(text);
  return NULL;
}

int fl_call_json(const char *text, cJSON **answer) {
  *answer = cJSON_Parse(text);
  if (*answer == NULL) {
    fprintf(stderr, "fairlead: it ended without an answer\n");
    return FL_STATUS_SYSTEM;
  }
  const cJSON *error = cJSON_GetObjectItemCaseSensitive(*answer, "error");
  const cJSON *status = cJSON_GetObjectItemCaseSensitive(*answer, "status");
  if (cJSON_IsString(error))
    fprintf(stderr, "fairlead: %s\n", error->valuestring);
  return cJSON_IsNumber(status) ? status->valueint : FL_STATUS_OK;
}
