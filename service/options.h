/* The command line. */
#ifndef FL_SERVICE_OPTIONS_H
#define FL_SERVICE_OPTIONS_H

#include "service/daemon.h"
#include "service/ping_options.h"
#include "service/remote.h"

#include <stdbool.h>
#include <stdio.h>

enum fl_action {
  FL_ACTION_RUN,
  FL_ACTION_CHECK,
  FL_ACTION_STATUS,
  FL_ACTION_RELOAD,
  FL_ACTION_STOP,
  FL_ACTION_DRAIN,
  FL_ACTION_EJECT,
  FL_ACTION_RESTORE,
  FL_ACTION_CLOSE,
  FL_ACTION_LOG_LEVEL,
  FL_ACTION_PING,
  FL_ACTION_CONNECT,
  FL_ACTION_HELP,
  FL_ACTION_VERSION
};

struct fl_options {
  enum fl_action action;
  enum fl_action topic; /* HELP: the command it is about; HELP for all */
  const char *config;   /* a file; RUN and CHECK: "-" for standard input */
  struct fl_daemon_options daemon; /* RUN */
  bool print; /* CHECK: print the effective configuration */
  struct fl_remote_options remote; /* of STATUS to LOG_LEVEL; but for
                                      `config` */
  struct fl_ping_options ping;     /* PING and CONNECT */
};

enum { FL_OPTIONS_ERROR = 320 };

/* Reads the command line. Nothing may be abbreviated. The strings of *options
   are those of argv. Returns false when it is wrong, with one line for people
   (no line end, no control bytes) in error: what is wrong, which word may
   have been meant, what to do. */
bool fl_options_read(struct fl_options *options, int argc, char *const argv[],
                     char error[FL_OPTIONS_ERROR]);

/* The command's name, as on the command line. */
const char *fl_options_name(enum fl_action action);

/* Writes the help text on a command, or on all for FL_ACTION_HELP. */
void fl_options_help(FILE *out, enum fl_action topic);

#endif
