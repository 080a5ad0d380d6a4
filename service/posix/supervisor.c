#include "service/supervisor.h"

int fl_supervisor_run(int (*program)(void *context), void *context,
                      const char *config) {
  (void)config;
  return program(context);
}

bool fl_supervised(void) { return false; }

void fl_supervisor_progress(void) {}

int fl_supervisor_watch(uv_loop_t *loop,
                        const struct fl_supervisor_calls *calls, void *owner) {
  (void)loop;
  (void)calls;
  (void)owner;
  return 0;
}

void fl_supervisor_unwatch(void) {}

bool fl_supervisor_tell(enum fl_notice kind, int level, const char *text) {
  (void)kind;
  (void)level;
  (void)text;
  return false;
}
