/* The shells' completion: what the table of commands says, as data or calls of
   the shell, and the script beside this file that uses them. */
#ifndef FL_SERVICE_MANUAL_COMPLETION_H
#define FL_SERVICE_MANUAL_COMPLETION_H

#include <stdio.h>

void fl_completion_bash(FILE *out, const char *script);
void fl_completion_zsh(FILE *out, const char *script);
void fl_completion_fish(FILE *out, const char *script);

#endif
