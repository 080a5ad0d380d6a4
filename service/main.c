/* fairlead: reads the command line and does what it says. */
#include "service/check.h"
#include "service/log.h"
#include "service/options.h"
#include "service/ping.h"
#include "service/run.h"
#include "service/status.h"

#include <stdio.h>

#ifndef FL_VERSION
#error "the build defines FL_VERSION, such as \"0.1.0\""
#endif

static int run(const char *path) {
  char error[FL_LOG_ERROR_TEXT];
  int status;
  struct fl_config *config = fl_check_load(path, &status);
  if (config == NULL)
    return status;
  if (!fl_log_open(config, false, error)) {
    fprintf(stderr, "fairlead: %s: %s\n", fl_check_name(path), error);
    fl_config_free(config);
    return FL_STATUS_CONFIG;
  }
  fl_log_echo(true);
  return fl_run(config, fl_check_name(path));
}

/* What was printed must have arrived: a full disk is not a success. */
static int printed(int status) {
  if (fflush(stdout) == 0 && !ferror(stdout))
    return status;
  perror("fairlead: standard output");
  return FL_STATUS_SYSTEM;
}

int main(int argc, char *argv[]) {
  struct fl_options options;
  char error[FL_OPTIONS_ERROR];
  if (!fl_options_read(&options, argc, argv, error)) {
    fprintf(stderr, "fairlead: %s\n", error);
    return FL_STATUS_USAGE;
  }
  switch (options.action) {
  case FL_ACTION_RUN:
    return run(options.config);
  case FL_ACTION_CHECK:
    return printed(fl_check(options.config, options.print));
  case FL_ACTION_PING:
    return fl_ping(&options.ping);
  case FL_ACTION_HELP:
    fl_options_help(stdout, options.topic);
    return printed(FL_STATUS_OK);
  case FL_ACTION_VERSION:
    puts("fairlead " FL_VERSION);
    return printed(FL_STATUS_OK);
  }
  return FL_STATUS_USAGE;
}
