/* The help texts, laid out for a terminal of 80 columns. */
#ifndef FL_SERVICE_HELP_H
#define FL_SERVICE_HELP_H

#include "service/commands.h"

#include <stdio.h>

enum { FL_HELP_SYNOPSIS = 80 };

/* How the command is given: "fairlead ping HOST:PORT [OPTION...]". Without
   `options` only what it needs. */
void fl_help_synopsis(char synopsis[FL_HELP_SYNOPSIS],
                      const struct fl_command *command, bool options);

/* The help on a command, or on all of them for NULL. */
void fl_help_write(FILE *out, const struct fl_command *command);

#endif
