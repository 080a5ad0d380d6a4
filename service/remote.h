/* The commands that speak to a running fairlead through its control
   socket. */
#ifndef FL_SERVICE_REMOTE_H
#define FL_SERVICE_REMOTE_H

#include "core/text.h"

#include <stdbool.h>

enum { FL_REMOTE_OPERANDS = 2, FL_REMOTE_OPERAND_MAX = 400 };

struct fl_remote_options {
  const char *config;  /* the configuration that it runs with; or */
  const char *control; /* the socket itself */
  bool json;           /* status: as it came */
  bool connections;    /* status: each of them */
  bool watch;          /* status: again and again */
  bool quiet;          /* of those that act: only what is wrong */
  const char *operands[FL_REMOTE_OPERANDS]; /* words; of those that act */
  unsigned operand_count;
};

/* fairlead status: prints it. Returns an exit status. */
int fl_remote_status(const struct fl_remote_options *options);

/* Adds the status as tables to a text. Returns an exit status, with what went
   wrong written to standard error. */
int fl_remote_look(const struct fl_remote_options *options,
                   struct fl_text *out);

/* fairlead stop: asks for the stop, waits until the process has ended, and
   prints how. Returns its exit status. */
int fl_remote_stop(const struct fl_remote_options *options);

/* fairlead reload: asks for it, waits, and prints what came of it: what changed
   to standard output, what is wrong to standard error. Returns its exit
   status. */
int fl_remote_reload(const struct fl_remote_options *options);

/* A command that acts and has done so when it is answered: `verb` of
   service/verbs.h, with its operands. Prints what is true then. Returns an exit
   status. */
int fl_remote_act(const struct fl_remote_options *options, const char *verb);

#endif
