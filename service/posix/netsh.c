#include "service/netsh.h"

#include <stdio.h>

bool fl_netsh_portproxy(struct fl_text *text, char error[FL_NETSH_ERROR]) {
  (void)text;
  (void)snprintf(error, FL_NETSH_ERROR,
                 "netsh is there on Windows only: give a FILE with the output "
                 "of netsh interface portproxy show all, or pipe it in");
  return false;
}
