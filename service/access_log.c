#include "service/access_log.h"

#include "service/access_line.h"
#include "service/log_file.h"
#include "service/log_sink.h"

#include <string.h>
#include <uv.h>

static bool is_off(const struct fl_access_config *config) {
  return strcmp(config->target.text, "off") == 0;
}

bool fl_access_log_open(const struct fl_config *config, bool detached,
                        uint32_t *listener, int *error) {
  for (uint32_t i = 0; i < config->listener_count; i++) {
    const struct fl_access_config *log = &config->listeners[i].access_log;
    *listener = i;
    *error = 0;
    if (detached && strcmp(log->target.text, "stderr") == 0)
      return false;
    *error = UV_ENOTSUP;
    if (!fl_log_file_takes_all(log->target.text))
      return false;
    if (!is_off(log) && fl_log_sink_open(log->target.text, true, error) == NULL)
      return false;
  }
  return true;
}

void fl_access_log_event(const struct fl_event *event) {
  const struct fl_access_config *log = event->access;
  char line[FL_ACCESS_LINE];
  uv_timeval64_t now = {0};
  if (log == NULL || is_off(log) ||
      (log->events == FL_ACCESS_REQUESTS) !=
          (event->kind == FL_EVENT_REQUEST_DONE))
    return;
  struct fl_log_sink *sink = fl_log_sink_find(log->target.text);
  if (sink == NULL)
    return; /* the configuration of an event was opened before */
  (void)uv_gettimeofday(&now);
  uint64_t time = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
  size_t size = fl_access_line(line, log->format, fl_log_sink_prefixed(sink),
                               time, event);
  fl_log_sink_put(sink, line, size);
}
