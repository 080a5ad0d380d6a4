/* What netsh, a program of Windows, says. A file per system. */
#ifndef FL_SERVICE_NETSH_H
#define FL_SERVICE_NETSH_H

#include "core/text.h"

enum { FL_NETSH_ERROR = 200 };

/* Adds the output of "netsh interface portproxy show all". Returns false, with
   one line for people in error, where that cannot be had. */
bool fl_netsh_portproxy(struct fl_text *text, char error[FL_NETSH_ERROR]);

#endif
