#include "service/program.h"

#include "platform/paths.h"
#include "service/check.h"
#include "service/complain.h"
#include "service/connect.h"
#include "service/daemon.h"
#include "service/help.h"
#include "service/import.h"
#include "service/log.h"
#include "service/options.h"
#include "service/ping.h"
#include "service/run.h"
#include "service/status.h"
#include "service/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef FL_VERSION
#error "the build defines FL_VERSION, such as \"0.1.0\""
#endif

/* Opens the log as the user that serves, who will have to open it again. */
static bool open_log(const struct fl_config *config, const char *path) {
  char error[FL_LOG_ERROR_TEXT];
  if (!fl_daemon_act_as_user())
    return false;
  bool opened = fl_log_open(config, error);
  if (!opened)
    (void)fl_complain(FL_NOTICE_CONFIG, "%s: %s", path, error);
  return fl_daemon_act_back() && opened;
}

/* Serves, in whatever process is to. Owns config. */
static int serve(struct fl_config *config, const struct fl_options *options) {
  const char *name = fl_check_name(options->config);
  char *absolute = fl_path_absolute(name);
  int status = FL_STATUS_CONFIG;
  if (options->daemon.detach)
    fl_log_detach("after --daemon");
  else if (fl_supervised())
    fl_log_detach("in a service");
  if (absolute == NULL || !open_log(config, name)) {
    fl_config_free(config);
    free(absolute);
    return status;
  }
  fl_log_echo(true);
  fl_daemon_leave_directory();
  bool again = strcmp(options->config, "-") != 0;
  status = fl_run(config, options->daemon.detach ? absolute : name,
                  again ? absolute : NULL);
  free(absolute);
  return status;
}

static int run(void *context) {
  const struct fl_options *options = context;
  int status;
  struct fl_config *config = fl_check_load(options->config, &status);
  if (config == NULL)
    return status;
  if (fl_daemon_begin(&options->daemon, &status))
    status = serve(config, options);
  else
    fl_config_free(config);
  fl_daemon_end(status);
  return status;
}

static int misused(void *error) {
  (void)fl_complain(FL_NOTICE_USAGE, "%s", (const char *)error);
  return FL_STATUS_USAGE;
}

/* What was printed must have arrived: a full disk is not a success. */
static int printed(int status) {
  if (fflush(stdout) == 0 && !ferror(stdout))
    return status;
  perror("fairlead: standard output");
  return FL_STATUS_SYSTEM;
}

int fl_program(int argc, char *const argv[]) {
  struct fl_options options;
  char error[FL_OPTIONS_ERROR];
  if (!fl_options_read(&options, argc, argv, error))
    return fl_supervisor_run(misused, error, NULL);
  switch (options.action) {
  case FL_ACTION_RUN:
    return fl_supervisor_run(run, &options, options.config);
  case FL_ACTION_CHECK:
    return printed(fl_check(options.config, options.print));
  case FL_ACTION_CONNECT:
    return fl_connect(&options.ping);
  case FL_ACTION_STATUS:
    options.remote.config = options.config;
    return printed(fl_remote_status(&options.remote));
  case FL_ACTION_RELOAD:
    options.remote.config = options.config;
    return printed(fl_remote_reload(&options.remote));
  case FL_ACTION_STOP:
    options.remote.config = options.config;
    return printed(fl_remote_stop(&options.remote));
  case FL_ACTION_DRAIN:
  case FL_ACTION_EJECT:
  case FL_ACTION_RESTORE:
  case FL_ACTION_CLOSE:
  case FL_ACTION_LOG_LEVEL:
    options.remote.config = options.config;
    return printed(
        fl_remote_act(&options.remote, fl_command_of(options.action)->name));
  case FL_ACTION_IMPORT:
    return printed(fl_import_portproxy(options.import));
  case FL_ACTION_PING:
    return fl_ping(&options.ping);
  case FL_ACTION_SERVICE:
    return printed(fl_service_command(&options.service));
  case FL_ACTION_HELP:
    fl_help_write(stdout, options.topic);
    return printed(FL_STATUS_OK);
  case FL_ACTION_VERSION:
    puts("fairlead " FL_VERSION);
    return printed(FL_STATUS_OK);
  }
  return FL_STATUS_USAGE;
}
