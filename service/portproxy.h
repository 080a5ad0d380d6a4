/* Forwardings of Windows' portproxy as a configuration: what "netsh interface
   portproxy show all" prints, in any language ("Netsh interface portproxy
   commands", Windows documentation). */
#ifndef FL_SERVICE_PORTPROXY_H
#define FL_SERVICE_PORTPROXY_H

#include "core/slice.h"

#include <stdbool.h>

enum { FL_PORTPROXY_ERROR = 320 };

/* A configuration (JSON, owned by the caller) with a relay listener for each
   forwarding and an upstream for each place that they lead to. Text may be
   UTF-8, another encoding that has ASCII in it, or UTF-16 with its mark, as
   PowerShell writes files. A row is a line of four words, the second and fourth
   of digits: address and port to listen at, and to connect to. The rows behind
   a line with two words such as "IPv4:" and "ipv6:" in it are of these
   families; before any, of IPv4. Other lines are passed over. Returns NULL with
   what is wrong, one line for people, in error; "out of memory" when it is. */
char *fl_portproxy_convert(struct fl_slice text,
                           char error[FL_PORTPROXY_ERROR]);

#endif
