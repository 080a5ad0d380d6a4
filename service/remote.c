#include "service/remote.h"

#include "core/text.h"
#include "service/call.h"
#include "service/log_line.h"
#include "service/status.h"
#include "service/status_text.h"
#include "service/watch.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { TIMEOUT_MS = 30000 };

static char *call(const struct fl_remote_options *options, const char *line,
                  unsigned timeout_ms, int *status) {
  const struct fl_call_setup setup = {.config = options->config,
                                      .control = options->control,
                                      .line = line,
                                      .timeout_ms = timeout_ms};
  return fl_call_text(&setup, status);
}

static char *ask(const struct fl_remote_options *options, int *status) {
  return call(options, options->connections ? "connections\n" : "status\n",
              TIMEOUT_MS, status);
}

int fl_remote_look(const struct fl_remote_options *options,
                   struct fl_text *out) {
  cJSON *state;
  int status;
  char *answer = ask(options, &status);
  if (answer == NULL)
    return status;
  status = fl_call_json(answer, &state);
  if (status == FL_STATUS_OK)
    fl_status_text(out, state);
  cJSON_Delete(state);
  free(answer);
  if (out->failed) {
    fputs("fairlead: out of memory\n", stderr);
    return FL_STATUS_SYSTEM;
  }
  return status;
}

static int print_json(const struct fl_remote_options *options) {
  cJSON *state;
  int status;
  char *answer = ask(options, &status);
  if (answer == NULL)
    return status;
  status = fl_call_json(answer, &state);
  if (status == FL_STATUS_OK)
    fputs(answer, stdout);
  cJSON_Delete(state);
  free(answer);
  return status;
}

/* The time before each, where there will be several. */
static int print_tables(const struct fl_remote_options *options) {
  char stamp[FL_LOG_STAMP];
  uv_timeval64_t now = {0};
  struct fl_text text = {0};
  int status = fl_remote_look(options, &text);
  char *tables = fl_text_take(&text);
  (void)uv_gettimeofday(&now);
  if (status == FL_STATUS_OK && options->watch)
    printf("%s\n", fl_log_stamp((uint64_t)now.tv_sec * 1000 +
                                    (uint64_t)now.tv_usec / 1000,
                                stamp));
  if (status == FL_STATUS_OK && tables != NULL)
    fputs(tables, stdout);
  free(tables);
  return status;
}

int fl_remote_status(const struct fl_remote_options *options) {
  int (*print)(const struct fl_remote_options *) =
      options->json ? print_json : print_tables;
  if (options->watch && !options->json && fl_watch_can())
    return fl_watch(options);
  int status = print(options);
  while (options->watch && status == FL_STATUS_OK && fflush(stdout) == 0) {
    uv_sleep(FL_WATCH_MS);
    if (!options->json)
      fputs("\n", stdout);
    status = print(options);
  }
  return status;
}

/* A line of the other's for people; it must not move a terminal's cursor. */
static void print_line(char *text, FILE *out) {
  for (char *at = text; *at != '\0'; at++)
    if ((unsigned char)*at < 0x20 || *at == 0x7f)
      *at = '?';
  fprintf(out, "%s\n", text);
}

/* Where the answer is a status, and a line for people that says what is true
   now. */
static int order(const struct fl_remote_options *options, const char *line,
                 unsigned timeout_ms) {
  cJSON *answer;
  int status;
  char *text = call(options, line, timeout_ms, &status);
  if (text == NULL)
    return status;
  status = fl_call_json(text, &answer);
  char *said =
      cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "text"));
  if (said != NULL && !options->quiet)
    print_line(said, stdout);
  cJSON_Delete(answer);
  free(text);
  return status;
}

/* The lines of a reload, as its log has them. */
static void print_lines(const cJSON *lines, bool quiet) {
  const cJSON *line;
  cJSON_ArrayForEach(line, lines) {
    const char *level =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, "level"));
    char *text =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, "text"));
    if (level == NULL || text == NULL)
      continue;
    bool ordinary = strcmp(level, "info") == 0;
    if (!quiet || !ordinary)
      print_line(text, ordinary ? stdout : stderr);
  }
}

int fl_remote_reload(const struct fl_remote_options *options) {
  cJSON *answer;
  int status;
  char *text = call(options, "reload\n", 0, &status);
  if (text == NULL)
    return status;
  status = fl_call_json(text, &answer);
  print_lines(cJSON_GetObjectItemCaseSensitive(answer, "lines"),
              options->quiet);
  cJSON_Delete(answer);
  free(text);
  return status;
}

int fl_remote_stop(const struct fl_remote_options *options) {
  return order(options, "stop\n", 0);
}

int fl_remote_act(const struct fl_remote_options *options, const char *verb) {
  struct fl_text text = {0};
  fl_text_add(&text, verb);
  for (unsigned i = 0; i < options->operand_count; i++)
    FL_TEXT(&text, " ", options->operands[i]);
  fl_text_add(&text, "\n");
  char *line = fl_text_take(&text);
  if (line == NULL) {
    fputs("fairlead: out of memory\n", stderr);
    return FL_STATUS_SYSTEM;
  }
  int status = order(options, line, TIMEOUT_MS);
  free(line);
  return status;
}
