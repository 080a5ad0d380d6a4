/* The command line. */
#ifndef FL_SERVICE_OPTIONS_H
#define FL_SERVICE_OPTIONS_H

#include "service/commands.h"
#include "service/daemon.h"
#include "service/ping_options.h"
#include "service/remote.h"
#include "service/service_command.h"

#include <stdbool.h>

struct fl_options {
  enum fl_action action;
  const struct fl_command *topic; /* HELP: what it is about; NULL: all */
  const char *config; /* a file; RUN and CHECK: "-" for standard input */
  struct fl_daemon_options daemon; /* RUN */
  bool print; /* CHECK: print the effective configuration */
  struct fl_remote_options remote;   /* of STATUS to LOG_LEVEL; but for
                                        `config` */
  struct fl_ping_options ping;       /* PING and CONNECT */
  struct fl_service_options service; /* SERVICE */
  const char *import;                /* IMPORT: a file; NULL */
};

enum { FL_OPTIONS_ERROR = 320 };

/* Reads the command line. Nothing may be abbreviated. The strings of *options
   are those of argv. Returns false when it is wrong, with one line for people
   (no line end, no control bytes) in error: what is wrong, which word may
   have been meant, what to do. */
bool fl_options_read(struct fl_options *options, int argc, char *const argv[],
                     char error[FL_OPTIONS_ERROR]);

#endif
