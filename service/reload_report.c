#include "service/reload_report.h"

#include "core/config_table.h"
#include "service/format.h"
#include "service/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  LINE = 1024,
  NAMED_MAX = 100 /* listeners and upstreams that have a line of their own */
};

/* ---- lines ---- */

static void keep(struct fl_reload_report *report, int level, const char *text) {
  size_t size = (report->count + (size_t)1) * sizeof *report->lines;
  struct fl_reload_line *lines = realloc(report->lines, size);
  char *copy = fl_text_copy(text, strlen(text));
  if (lines != NULL)
    report->lines = lines;
  if (lines == NULL || copy == NULL) {
    report->incomplete = true;
    free(copy);
    return;
  }
  lines[report->count++] = (struct fl_reload_line){level, copy};
}

static void say(struct fl_reload_report *report, enum fl_notice notice,
                int level, const char *text) {
  if (notice == FL_NOTICE_NONE)
    fl_log(level, FL_LOG_RELOAD, "%s", text);
  else
    fl_log_notice(notice, level, FL_LOG_RELOAD, "%s", text);
  keep(report, level, text);
}

void fl_reload_say(struct fl_reload_report *report, enum fl_notice notice,
                   int level, const char *format, ...) {
  char text[LINE];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  say(report, notice, level, text);
}

void fl_reload_say_all(struct fl_reload_report *report, enum fl_notice notice,
                       int level, struct fl_text *text) {
  bool failed = text->failed;
  char *bytes = fl_text_take(text);
  for (char *line = bytes; line != NULL && *line != '\0';) {
    char *end = strchr(line, '\n');
    if (end != NULL)
      *end++ = '\0';
    say(report, notice, level, line);
    line = end;
  }
  free(bytes);
  if (failed)
    say(report, FL_NOTICE_NONE, FL_LOG_ERROR, "out of memory");
}

void fl_reload_report_clear(struct fl_reload_report *report) {
  for (uint32_t i = 0; i < report->count; i++)
    free(report->lines[i].text);
  free(report->lines);
  *report = (struct fl_reload_report){0};
}

/* ---- changes ---- */

/* Of one of the two lists. */
struct counts {
  uint32_t added, changed, removed;
};

struct saying {
  struct fl_reload_report *report;
  uint32_t named;
};

static void add_key(void *ctx, const struct fl_config_difference *difference) {
  struct fl_text *keys = ctx;
  FL_TEXT(keys, keys->size == 0 ? "" : ", ", difference->path);
}

/* `what` and `name`, unless there were many before. */
static void say_one(struct saying *saying, const char *what, const char *name,
                    const char *verb) {
  if (saying->named++ < NAMED_MAX)
    fl_reload_say(saying->report, FL_NOTICE_NONE, FL_LOG_INFO, "%s \"%s\" %s",
                  what, name, verb);
}

/* Its keys are those in which a and b differ; `besides` is what follows from
   another part of the file. */
static void say_changed(struct saying *saying, const char *what,
                        const char *name,
                        const struct fl_config_section *section, const void *a,
                        const void *b, const char *besides) {
  struct fl_text keys = {0};
  (void)fl_config_diff(section, a, b, add_key, &keys);
  if (keys.size == 0)
    fl_text_add(&keys, besides);
  fl_text_add(&keys, " changed");
  char *text = fl_text_take(&keys);
  say_one(saying, what, name, text == NULL ? "changed" : text);
  free(text);
}

static void say_root(struct saying *saying, const struct fl_generation *next,
                     const struct fl_generation *now) {
  struct fl_text keys = {0};
  (void)fl_config_diff(&fl_config_root, now->config, next->config, add_key,
                       &keys);
  if (keys.size > 0)
    fl_text_add(&keys, " changed");
  fl_reload_say_all(saying->report, FL_NOTICE_NONE, FL_LOG_INFO, &keys);
}

static struct counts say_listeners(struct saying *saying,
                                   const struct fl_generation *next,
                                   const struct fl_generation *now) {
  const struct fl_listener_config *old = now->config->listeners;
  const struct fl_listener_config *new = next->config->listeners;
  struct counts counts = {.removed = now->config->listener_count};
  bool *stays = calloc(now->config->listener_count + (size_t)1, sizeof *stays);
  for (uint32_t i = 0; i < next->config->listener_count; i++) {
    const struct fl_listener_plan *plan = &next->listeners[i];
    if (plan->before == FL_NONE) {
      counts.added++;
      say_one(saying, "listener", new[i].name, "is new");
      continue;
    }
    counts.removed--;
    if (stays != NULL)
      stays[plan->before] = true;
    if (plan->changes == 0)
      continue;
    counts.changed++;
    say_changed(saying, "listener", new[i].name, &fl_config_listener,
                &old[plan->before], &new[i], "its upstream");
  }
  for (uint32_t i = 0; stays != NULL && i < now->config->listener_count; i++)
    if (!stays[i])
      say_one(saying, "listener", old[i].name, "is gone");
  free(stays);
  return counts;
}

static struct counts say_upstreams(struct saying *saying,
                                   const struct fl_generation *next,
                                   const struct fl_generation *now) {
  const struct fl_upstream_config *old = now->config->upstreams;
  const struct fl_upstream_config *new = next->config->upstreams;
  struct counts counts = {.removed = now->config->upstream_count};
  bool *stays = calloc(now->config->upstream_count + (size_t)1, sizeof *stays);
  for (uint32_t i = 0; i < next->config->upstream_count; i++) {
    const struct fl_upstream_plan *plan = &next->upstreams[i];
    if (plan->before == FL_NONE) {
      counts.added++;
      say_one(saying, "upstream", new[i].name, "is new");
      continue;
    }
    counts.removed--;
    if (stays != NULL)
      stays[plan->before] = true;
    if (plan->changes == 0)
      continue;
    counts.changed++;
    say_changed(saying, "upstream", new[i].name, &fl_config_upstream,
                &old[plan->before], &new[i], "the mode of its listeners");
  }
  for (uint32_t i = 0; stays != NULL && i < now->config->upstream_count; i++)
    if (!stays[i])
      say_one(saying, "upstream", old[i].name, "is gone");
  free(stays);
  return counts;
}

void fl_reload_say_changes(struct fl_reload_report *report,
                           const struct fl_generation *next,
                           const struct fl_generation *now) {
  struct saying saying = {.report = report};
  say_root(&saying, next, now);
  struct counts listeners = say_listeners(&saying, next, now);
  struct counts upstreams = say_upstreams(&saying, next, now);
  if (saying.named > NAMED_MAX)
    fl_reload_say(report, FL_NOTICE_NONE, FL_LOG_INFO, "and %u more",
                  saying.named - NAMED_MAX);
  fl_reload_say(report, FL_NOTICE_RELOADED, FL_LOG_INFO,
                "generation %u is in effect: listeners: %u added, %u changed, "
                "%u removed; upstreams: %u added, %u changed, %u removed; "
                "SHA-256 %s",
                next->number, listeners.added, listeners.changed,
                listeners.removed, upstreams.added, upstreams.changed,
                upstreams.removed, next->config->sha256);
}
