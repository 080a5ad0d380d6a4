/* Where the control socket of a configuration is, if control.path is
   "auto". */
#ifndef FL_SERVICE_PLACE_H
#define FL_SERVICE_PLACE_H

#include "platform/local.h"

/* Writes the nth place in which the socket of the configuration `file` may
   be: named NAME-HASH, with the file's own name and a hash of its full one. A
   running program takes the first. Returns false when there is no nth, or no
   such file ("-" is none). */
bool fl_place_of(const char *file, unsigned n, char path[FL_LOCAL_PATH]);

#endif
